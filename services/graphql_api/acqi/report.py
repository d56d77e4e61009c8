"""A tenant's metrics of one range, read from its aggregates."""

from collections.abc import Sequence
from datetime import date
from itertools import zip_longest
from typing import Any, NamedTuple

import psycopg

from services.graphql_api.acqi import queries, ranges
from services.graphql_api.acqi.definitions import BY_NAME
from services.graphql_api.acqi.metrics import NO_COUNTS, Counts, Metric, Point, metric, point
from services.graphql_api.acqi.ranges import Days


class Standing(NamedTuple):
    """How far a tenant's aggregates have come, and whether small cells are withheld."""

    version: int
    suppress: bool


async def standing(conn: psycopg.AsyncConnection[Any], tenant_id: str) -> Standing:
    row = await (await conn.execute(queries.TENANT, (tenant_id,))).fetchone()
    return Standing(*row) if row else Standing(0, False)


async def metrics(
    conn: psycopg.AsyncConnection[Any], tenant_id: str, days: Days, names: Sequence[str], *, with_sparkline: bool
) -> list[Metric]:
    """One metric per name, in that order. Reads as many rows as the range has days at its ends and months inside."""
    suppress = (await standing(conn, tenant_id)).suppress
    counts = await _counts(conn, tenant_id, days)
    points = await _points(conn, tenant_id, ranges.sparkline(days)) if with_sparkline else {}
    months = ranges.sparkline(days) if with_sparkline else []
    result: list[Metric] = []
    for name in names:
        indicator = BY_NAME[name]
        line: list[Point] = [
            point(indicator, month, points.get((name, month), NO_COUNTS), suppress=suppress) for month in months
        ]
        result.append(metric(indicator, counts.get(name, NO_COUNTS), line, suppress=suppress))
    return result


async def _counts(conn: psycopg.AsyncConnection[Any], tenant_id: str, days: Days) -> dict[str, Counts]:
    single, months = ranges.cut(days)
    where = {"tenant_id": tenant_id, "days": single, "months": months}
    bins: dict[str, list[int]] = {}
    async for name, more in await conn.execute(queries.BINS, where):
        bins[name] = [a + b for a, b in zip_longest(bins.get(name, ()), more, fillvalue=0)]
    rows = await (await conn.execute(queries.AGGREGATES, where)).fetchall()
    return {
        name: Counts(met, not_met, excluded, unknown, bins.get(name, ()))
        for name, met, not_met, excluded, unknown in rows
    }


async def _points(
    conn: psycopg.AsyncConnection[Any], tenant_id: str, months: list[date]
) -> dict[tuple[str, date], Counts]:
    rows = await (await conn.execute(queries.MONTHS, (tenant_id, months))).fetchall()
    return {(name, month): Counts(met, not_met, 0, 0, bins) for name, month, met, not_met, bins in rows}
