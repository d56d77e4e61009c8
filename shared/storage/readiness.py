"""Checks that a service's database is available and has every migration that this code expects."""

import logging
import time
from pathlib import Path
from typing import LiteralString

import psycopg
from starlette.requests import Request

from shared.storage import database, migrate
from shared.web import health

APPLIED: LiteralString = "SELECT name FROM migrations"
POLL_SECONDS = 0.5
log = logging.getLogger(__name__)


class SchemaBehind(Exception):
    """The database lacks migrations."""


def checks(package: Path) -> dict[str, health.Check]:
    """The checks of the web process of the service in the folder `package`; its pool is `request.state.pool`.

    After the schema was complete once, it is not checked again: migrations are never reversed.
    """
    missing = set(_expected(package))

    async def schema(request: Request) -> None:
        if not missing:
            return
        async with request.state.pool.probe.connection(timeout=2) as conn:
            rows = await (await conn.execute(APPLIED)).fetchall()
        missing.difference_update(name for (name,) in rows)
        if missing:
            log.warning("the database lacks %s", ", ".join(sorted(missing)))
            raise SchemaBehind

    async def reachable(request: Request) -> None:
        await database.ping(request.state.pool)

    return {"database": reachable, "schema": schema}


def wait_until_applied(dsn: str, package: Path) -> None:
    """Returns when the database has the migrations that the service in the folder `package` expects."""
    expected, has_logged = _expected(package), False
    while missing := _missing(dsn, expected):
        if not has_logged:
            log.warning("waiting for migrations: %s", missing)
            has_logged = True
        time.sleep(POLL_SECONDS)


def _missing(dsn: str, expected: frozenset[str]) -> str:
    """The names of the missing migrations, or of the database error; empty when none is missing."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as conn:
            return ", ".join(sorted(expected - {name for (name,) in conn.execute(APPLIED)}))
    except psycopg.Error as error:  # the server is away, or the database is empty, or this role has no grants yet
        return type(error).__name__


def _expected(package: Path) -> frozenset[str]:
    return migrate.expected([migrate.SHARED, package / "migrations"])
