"""Facts of encounters in numbers, as graphql-api keeps them."""

from datetime import date, timedelta
from typing import Any

import msgspec
import psycopg

from services.graphql_api.acqi.indicators import judgements, outcomes_of, reasons_of
from tests.graphql_api import population

DAYS = 365
KINDS = 1_000
COPY = "COPY acqi_facts (tenant_id, encounter_id, version, day, facts, outcomes, reasons) FROM STDIN"


def store(conn: psycopg.Connection[Any], tenant: str, count: int, first: date) -> None:
    """Stores that many encounters over the year from `first`. `rebuild-acqi` makes their aggregates."""
    kinds = [kind for one in population.encounters(count=KINDS) if (kind := _prepared(one))]
    # One statement of a million rows outlasts the time limit of every session.
    conn.execute("SET LOCAL statement_timeout = 0")
    with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        for number in range(count):
            facts, outcomes, reasons = kinds[number % len(kinds)]
            day, id = first + timedelta(days=number * 7 % DAYS), f"enc_{number:026d}"
            copy.write_row((tenant, id, 1, day, facts % {"id": id, "day": day}, outcomes, reasons))
    conn.commit()


def _prepared(encounter: dict[str, Any]) -> tuple[str, str, str] | None:
    """Facts as text with placeholders for id and day, their outcomes, and the reasons; None for an encounter that does not count."""
    facts = population.facts(encounter)
    found = judgements(facts)
    outcomes = outcomes_of(found)
    text = msgspec.json.encode(facts).decode().replace("%", "%%")
    text = text.replace(facts.encounter_id, "%(id)s").replace(f'"day":"{facts.day}"', '"day":"%(day)s"')
    encode = msgspec.json.Encoder().encode
    return (text, encode(outcomes).decode(), encode(reasons_of(found)).decode()) if outcomes else None
