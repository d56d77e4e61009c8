"""Whether a service's database is there, and has every migration that this code was written for."""

import logging
import time
from pathlib import Path
from typing import LiteralString

import psycopg
from starlette.requests import Request

from shared import database, health, migrate

APPLIED: LiteralString = "SELECT name FROM migrations"
POLL_SECONDS = 0.5
log = logging.getLogger(__name__)


class SchemaBehind(Exception):
    """The database lacks migrations."""


def checks(package: Path) -> dict[str, health.Check]:
    """The checks of a web process of the service in that folder, which has its pool in `request.state.pool`.

    Once the schema has what is expected it is not asked again: no migration is ever taken back.
    """
    missing = set(_expected(package))

    async def schema(request: Request) -> None:
        if not missing:
            return
        async with request.state.pool.connection(timeout=2) as conn:
            rows = await (await conn.execute(APPLIED)).fetchall()
        missing.difference_update(name for (name,) in rows)
        if missing:
            log.warning("the database lacks %s", ", ".join(sorted(missing)))
            raise SchemaBehind

    async def reachable(request: Request) -> None:
        await database.ping(request.state.pool)

    return {"database": reachable, "schema": schema}


def wait_until_applied(dsn: str, package: Path) -> None:
    """Returns once the database has what the service in that folder expects; workers and relays do nothing before."""
    expected, told = _expected(package), False
    while missing := _missing(dsn, expected):
        if not told:
            log.warning("waiting for migrations: %s", missing)
            told = True
        time.sleep(POLL_SECONDS)


def _missing(dsn: str, expected: frozenset[str]) -> str:
    """Names of what the database lacks, or the error that kept it from telling; empty when there is nothing to wait for."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as conn:
            return ", ".join(sorted(expected - {name for (name,) in conn.execute(APPLIED)}))
    except psycopg.Error as error:  # away, or empty, or nothing is granted to this role yet
        return type(error).__name__


def _expected(package: Path) -> frozenset[str]:
    return migrate.expected([migrate.SHARED, package / "migrations"])
