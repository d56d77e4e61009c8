"""Counts facts into aggregates: an encounter's former outcomes are subtracted and its new ones added, in one transaction."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby
from typing import Any

import msgspec
import psycopg

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.definitions import Outcome
from services.graphql_api.acqi.indicators import judgements, outcomes_of, reasons_of
from shared.messaging.messages import EncounterFacts, Received
from shared.storage.database import set_tenant

FIELDS = ("met", "not_met", "excluded", "unknown")
decode_outcomes = msgspec.json.Decoder(dict[str, Outcome]).decode
decode_facts = msgspec.json.Decoder(EncounterFacts).decode


class Tally(msgspec.Struct):
    """Cases of one indicator in one period, or the difference between two such counts. `times` is keyed by tenths of a minute."""

    met: int = 0
    not_met: int = 0
    excluded: int = 0
    unknown: int = 0
    times: dict[int, int] = {}

    def count(self, outcome: Outcome, weight: int) -> None:
        if isinstance(outcome, int):
            self.times[outcome] = self.times.get(outcome, 0) + weight
        else:
            setattr(self, outcome, getattr(self, outcome) + weight)

    def is_zero(self) -> bool:
        return not (self.met or self.not_met or self.excluded or self.unknown or any(self.times.values()))

    def bins(self) -> list[int]:
        """`times` as a list, by index; empty for an indicator that is no time."""
        used = [tenths for tenths, count in self.times.items() if count]
        return [self.times.get(tenths, 0) for tenths in range(max(used) + 1)] if used else []


Tallies = dict[tuple[str, date], Tally]
"""By indicator and UTC day."""


def add(tallies: Tallies, day: date, outcomes: Mapping[str, Outcome], weight: int) -> None:
    """Adds one encounter's outcomes; with weight -1 subtracts them."""
    for name, outcome in outcomes.items():
        tallies.setdefault((name, day), Tally()).count(outcome, weight)


def by_month(tallies: Tallies) -> Tallies:
    """The same counts by calendar month, keyed by its first day."""
    months: Tallies = {}
    for (name, day), tally in tallies.items():
        month = months.setdefault((name, day.replace(day=1)), Tally())
        for field in FIELDS:
            setattr(month, field, getattr(month, field) + getattr(tally, field))
        for tenths, count in tally.times.items():
            month.times[tenths] = month.times.get(tenths, 0) + count
    return months


def store(conn: psycopg.Connection[Any], received: Iterable[Received[EncounterFacts]]) -> None:
    """Counts a batch of facts, of any tenants. An older version of an encounter, or a lesser extent, changes nothing."""
    by_tenant = sorted(received, key=lambda message: message.tenant_id)
    for tenant_id, messages in groupby(by_tenant, key=lambda message: message.tenant_id):
        set_tenant(conn, tenant_id)
        count(conn, tenant_id, [message.body for message in messages])


def count(conn: psycopg.Connection[Any], tenant_id: str, batch: list[EncounterFacts]) -> None:
    """Counts facts of the transaction's tenant. Locks are taken in one order: months, encounters, aggregates, tenant."""
    for month in sorted({facts.day.replace(day=1) for facts in batch}):
        conn.execute(queries.LOCK_MONTH, (tenant_id, str(month)))
    changes: Tallies = {}
    for facts in sorted(batch, key=lambda facts: (facts.encounter_id, facts.version, facts.extent)):
        found = judgements(facts)
        outcomes = outcomes_of(found)
        row = {
            "tenant_id": tenant_id,
            "encounter_id": facts.encounter_id,
            "version": facts.version,
            "extent": facts.extent,
            "day": facts.day,
            "facts": msgspec.json.encode(facts).decode(),
            "outcomes": msgspec.json.encode(outcomes).decode(),
            "reasons": msgspec.json.encode(reasons_of(found)).decode(),
        }
        stored = conn.execute(queries.STORE_FACTS, row).fetchone()
        if stored is None:
            continue
        day, before = stored
        if before is not None:
            add(changes, day, decode_outcomes(before), -1)
        add(changes, facts.day, outcomes, 1)
    if changes:
        add_tallies(conn, tenant_id, changes)
        conn.execute(queries.BUMP_VERSION, (tenant_id,))


def erase_tests(conn: psycopg.Connection[Any], tenant_id: str, portion: int) -> bool:
    """Deletes facts of a sandbox and subtracts their outcomes. Returns whether there may be more."""
    found = conn.execute(queries.TESTS, (tenant_id, portion)).fetchall()
    months = sorted({month for _, month in found})
    for month in months:
        conn.execute(queries.LOCK_MONTH, (tenant_id, str(month)))
    changes: Tallies = {}
    for day, outcomes in conn.execute(queries.ERASE_TESTS, (tenant_id, [encounter for encounter, _ in found], months)):
        add(changes, day, decode_outcomes(outcomes), -1)
    if changes:
        add_tallies(conn, tenant_id, changes)
        conn.execute(queries.BUMP_VERSION, (tenant_id,))
    return len(found) == portion


def add_tallies(conn: psycopg.Connection[Any], tenant_id: str, changes: Tallies) -> None:
    """Adds differences to the rows of their days and months."""
    rows = [
        (tenant_id, grain, start, name, change.met, change.not_met, change.excluded, change.unknown, change.bins())
        for grain, tallies in (("day", changes), ("month", by_month(changes)))
        for (name, start), change in tallies.items()
        if not change.is_zero()
    ]
    with conn.cursor() as cursor:
        cursor.executemany(queries.ADD_TALLY, sorted(rows, key=lambda row: row[:4]))
