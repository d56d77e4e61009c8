"""Counts facts into aggregates: an encounter's former outcomes are subtracted and its new ones added, in one transaction."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import psycopg

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.definitions import Outcome, Reason
from services.graphql_api.acqi.indicators import OF_INCIDENT, arrival, judgements, outcomes_of, reasons_of
from shared.messaging.messages import EncounterFacts, Received
from shared.storage.database import set_tenant

DAY = timedelta(days=1)
# Encounters of one incident begin on days that are at most two apart (FACTS_OF_MONTH says the same).
NEAR = range(-2, 3)
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


class Arrival(NamedTuple):
    """An encounter among those of its incident; `at` is the `arrival` of its facts."""

    encounter_id: str
    version: int
    extent: int
    day: date
    incident: str
    at: float | None


def arrivals(conn: psycopg.Connection[Any], tenant_id: str, batch: Iterable[EncounterFacts]) -> dict[str, Arrival]:
    """All encounters of the incidents of a batch, by id, as they are after it. No other transaction changes them before this one ends."""
    incidents = sorted({facts.incident for facts in batch if facts.incident is not None})
    conn.execute(queries.LOCK_INCIDENTS, (tenant_id, incidents))
    kept = map(Arrival._make, conn.execute(queries.OF_INCIDENTS, (tenant_id, incidents)))
    new = (
        Arrival(facts.encounter_id, facts.version, facts.extent, facts.day, facts.incident, arrival(facts))
        for facts in batch
        if facts.incident is not None
    )
    return {one.encounter_id: one for one in sorted([*kept, *new], key=lambda one: (one.version, one.extent))}


def first_on_scene(found: Iterable[Arrival]) -> set[str]:
    """The encounters that count for their incidents: no other one of the incident, of a day near its own, has an earlier arrival.

    A dispatch system counts from one again, so that encounters of one number whose days are further apart are of two incidents.
    """
    keys = {(one.incident, one.day, one.at, one.encounter_id) for one in found if one.at is not None}
    first: dict[tuple[str, date], tuple[float, str]] = {}
    for incident, day, at, id in sorted(keys, reverse=True):
        first[incident, day] = at, id
    return {
        id
        for incident, day, at, id in keys
        if (at, id) == min(first[near] for near in ((incident, day + DAY * n) for n in NEAR) if near in first)
    }


def count(conn: psycopg.Connection[Any], tenant_id: str, batch: list[EncounterFacts]) -> None:
    """Counts facts of the transaction's tenant. Locks are taken in one order: incidents, months, encounters, aggregates, tenant."""
    crews = arrivals(conn, tenant_id, batch)
    firsts = first_on_scene(crews.values())
    days = {facts.day for facts in batch} | {one.day for one in crews.values()}
    for month in sorted({day.replace(day=1) for day in days}):
        conn.execute(queries.LOCK_MONTH, (tenant_id, str(month)))
    changes: Tallies = {}
    for facts in sorted(batch, key=lambda facts: (facts.encounter_id, facts.version, facts.extent)):
        is_first = facts.incident is None or facts.encounter_id in firsts
        found = judgements(facts, is_first=is_first)
        outcomes = outcomes_of(found)
        outcomes_text, reasons_text = as_texts(outcomes, reasons_of(found))
        row = {
            "tenant_id": tenant_id,
            "encounter_id": facts.encounter_id,
            "version": facts.version,
            "extent": facts.extent,
            "day": facts.day,
            "incident": facts.incident,
            "arrival": arrival(facts),
            "facts": msgspec.json.encode(facts).decode(),
            "outcomes": outcomes_text,
            "reasons": reasons_text,
        }
        former = conn.execute(queries.STORE_FACTS, row).fetchone()
        if former is None:
            continue
        day, before = former
        if before is not None:
            add(changes, day, decode_outcomes(before), -1)
        add(changes, facts.day, outcomes, 1)
    incidents = {one.incident for one in crews.values()}
    if len(crews) > len(incidents):
        change_firsts(conn, tenant_id, incidents, firsts, changes)
    if changes:
        add_tallies(conn, tenant_id, changes)
        conn.execute(queries.BUMP_VERSION, (tenant_id,))


def change_firsts(
    conn: psycopg.Connection[Any], tenant_id: str, incidents: Iterable[str], firsts: Iterable[str], changes: Tallies
) -> None:
    """Judges again the encounters that are now the first of their incident, or no longer are, and adds the differences to `changes`."""
    asked = {"tenant_id": tenant_id, "incidents": list(incidents), "firsts": list(firsts), "names": OF_INCIDENT}
    for encounter_id, text, before, is_first in conn.execute(queries.FACTS_TO_CHANGE, asked).fetchall():
        facts = decode_facts(text)
        found = judgements(facts, is_first=is_first)
        outcomes = outcomes_of(found)
        add(changes, facts.day, decode_outcomes(before), -1)
        add(changes, facts.day, outcomes, 1)
        conn.execute(queries.SET_OUTCOMES, (*as_texts(outcomes, reasons_of(found)), tenant_id, encounter_id))


def as_texts(outcomes: Mapping[str, Outcome], reasons: Mapping[str, Reason]) -> tuple[str, str]:
    """Outcomes and reasons as they are stored."""
    return msgspec.json.encode(outcomes).decode(), msgspec.json.encode(reasons).decode()


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
