"""Facts in, aggregates kept: what an encounter counted before is taken out and what it counts now put in, in one transaction."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Any

import msgspec
import psycopg

from services.graphql_api.acqi import queries, tally
from services.graphql_api.acqi.definitions import contributions
from services.graphql_api.acqi.outcome import Outcome
from services.graphql_api.acqi.tally import Tallies
from shared.database import set_tenant
from shared.messages import EncounterFacts
from shared.worker import Received

decode_outcomes = msgspec.json.Decoder(dict[str, Outcome]).decode
decode_facts = msgspec.json.Decoder(EncounterFacts).decode


def store(conn: psycopg.Connection[Any], received: Iterable[Received[EncounterFacts]]) -> None:
    """Counts a batch of facts, of any tenants. An older version of an encounter changes nothing."""
    by_tenant = sorted(received, key=lambda message: message.tenant_id)
    for tenant_id, messages in groupby(by_tenant, key=lambda message: message.tenant_id):
        set_tenant(conn, tenant_id)
        count(conn, tenant_id, [message.body for message in messages])


def count(conn: psycopg.Connection[Any], tenant_id: str, batch: list[EncounterFacts]) -> None:
    """The same for one tenant, which is already set. Locks are taken in one order: months, encounters, aggregates, tenant."""
    for month in sorted({facts.day.replace(day=1) for facts in batch}):
        conn.execute(queries.LOCK_MONTH, (tenant_id, str(month)))
    changes: Tallies = {}
    for facts in sorted(batch, key=lambda facts: (facts.encounter_id, facts.version)):
        _replace(conn, tenant_id, facts, changes)
    if changes:
        add_tallies(conn, tenant_id, changes)
        conn.execute(queries.BUMP_VERSION, (tenant_id,))


def _replace(conn: psycopg.Connection[Any], tenant_id: str, facts: EncounterFacts, changes: Tallies) -> None:
    outcomes = contributions(facts)
    row = {
        "tenant_id": tenant_id,
        "encounter_id": facts.encounter_id,
        "version": facts.version,
        "day": facts.day,
        "facts": msgspec.json.encode(facts).decode(),
        "outcomes": msgspec.json.encode(outcomes).decode(),
    }
    stored = conn.execute(queries.STORE_FACTS, row).fetchone()
    if stored is None:
        return
    day, before = stored
    if before is not None:
        tally.add(changes, day, decode_outcomes(before), -1)
    tally.add(changes, facts.day, outcomes, 1)


def add_tallies(conn: psycopg.Connection[Any], tenant_id: str, changes: Tallies) -> None:
    """Adds differences to the rows of their days and months."""
    rows = [_row(tenant_id, "day", key, change) for key, change in changes.items() if not change.is_zero()]
    months = tally.by_month(changes)
    rows += [_row(tenant_id, "month", key, change) for key, change in months.items() if not change.is_zero()]
    with conn.cursor() as cursor:
        cursor.executemany(queries.ADD_TALLY, sorted(rows, key=lambda row: row[:4]))


def _row(tenant_id: str, grain: str, key: tuple[str, date], change: tally.Tally) -> tuple[Any, ...]:
    name, start = key
    return tenant_id, grain, start, name, change.met, change.not_met, change.excluded, change.unknown, change.bins()
