"""Copies rows into a running stack in portions, checks that the stack may be loaded, and shows the progress."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.load import history, people, rows
from deploy.load.rows import Sizes, Step, World
from deploy.local.ports import LOOPBACK
from deploy.local.state import State, read_json
from shared.primitives.crypto import Keyring

PORTION = 20_000
# Only a server that the local stack started has this name.
OURS: LiteralString = "SELECT current_setting('cluster_name') = 'knogin'"
LOADED: LiteralString = "SELECT EXISTS (SELECT FROM tenants WHERE key LIKE 'load-%')"
NEXT: LiteralString = "SELECT next_changes(%s)"
# A portion takes long on a busy machine, one database waits while another one writes, and nobody waits for their locks.
WITHOUT_TIMEOUTS: LiteralString = """
    SELECT set_config(name, '0', false)
    FROM unnest('{statement_timeout,transaction_timeout,idle_in_transaction_session_timeout}'::text[]) AS name
"""
Report = Callable[[str, int, int, float], None]


class NotLoadable(Exception):
    """The stack does not run, is not on this machine, or was loaded before; the text gives the reason."""


def load(state: State, sizes: Sizes, receiver: str, report: Report) -> int:
    """Fills the running stack, step by step. Returns the number of rows. Raises NotLoadable before the first row is written."""
    with ExitStack() as stack:
        connections = {
            name: stack.enter_context(psycopg.connect(url, autocommit=True)) for name, url in _databases(state).items()
        }
        auth = connections["auth"]
        if auth.execute(OURS).fetchone() != (True,):
            raise NotLoadable("this PostgreSQL was not started by `make up`: only a local stack is loaded")
        if auth.execute(LOADED).fetchone() == (True,):
            raise NotLoadable("this stack was loaded before, wholly or in part: `make reset` and `make up` begin anew")
        settings = read_json(state.settings)
        (sequence,) = auth.execute(NEXT, (sizes.revocations,)).fetchone() or (0,)
        world = World(
            sizes=sizes,
            until=datetime.now(UTC).replace(minute=0, second=0, microsecond=0),
            epcr_keys=Keyring.from_text(settings["epcr"]["ENCRYPTION_KEYS"]),
            webhook_keys=Keyring.from_text(settings["webhook-dispatcher"]["ENCRYPTION_KEYS"]),
            receiver=receiver.rstrip("/"),
            large=read_json(state.stack)["tenant"]["id"],
            sequence=sequence,
        )
        for conn in connections.values():
            conn.execute(WITHOUT_TIMEOUTS)
        written = sum(_copy(step, world, connections, report) for step in steps(sizes))
        for name, conn in connections.items():
            report(f"statistics of {name}", 0, 0, 0)
            conn.execute("SET maintenance_work_mem = '256MB'")
            conn.execute("VACUUM (ANALYZE)")
    return written


def steps(sizes: Sizes) -> list[Step]:
    return [*rows.steps(sizes), *people.steps(sizes), *history.steps(sizes)]


def _databases(state: State) -> dict[str, str]:
    described = read_json(state.stack)
    if not described.get("ready"):
        raise NotLoadable("no stack is running: start one with `make up`")
    urls = {name: service["migration_database_url"] for name, service in described["services"].items()}
    if missing := {table.service for step in steps(Sizes()) for table in step.tables} - urls.keys():
        raise NotLoadable(f"this stack runs without {', '.join(sorted(missing))}: start it whole")
    for name, url in urls.items():
        if conninfo_to_dict(url).get("host") != LOOPBACK:
            raise NotLoadable(f"the database of {name} is not on this machine: only a local stack is loaded")
    return urls


def _copy(step: Step, world: World, connections: dict[str, psycopg.Connection[Any]], report: Report) -> int:
    """Writes each portion in one transaction for each database."""
    began, done, written = time.monotonic(), 0, 0
    source = step.rows(world)
    while portion := list(islice(source, PORTION)):
        with ExitStack() as stack:
            for name in dict.fromkeys(table.service for table in step.tables):
                stack.enter_context(connections[name].transaction())
            for table, column in zip(step.tables, zip(*portion, strict=True), strict=True):
                kept = [row for row in column if row is not None]
                written += len(kept)
                columns = sql.SQL(", ").join(map(sql.Identifier, table.columns.split(", ")))
                statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
                with connections[table.service].cursor().copy(statement) as copy:
                    for row in kept:
                        copy.write_row(row)
            for name, statement in step.after:
                connections[name].execute(cast(LiteralString, statement))
        done += len(portion)
        report(step.title, done, step.number, time.monotonic() - began)
    return written


class Progress:
    """On a terminal one line that is redrawn; elsewhere a new line every ten seconds and at the end of each step."""

    def __init__(self) -> None:
        self.on_terminal = sys.stderr.isatty()
        self.shown = 0.0

    def __call__(self, title: str, done: int, number: int, seconds: float) -> None:
        ended = done >= number
        now = time.monotonic()
        if not ended and now - self.shown < (0.2 if self.on_terminal else 10):
            return
        self.shown = now
        line = f"{title:<44}"
        if number:
            rate = done / max(seconds, 0.001)
            left = f"{(number - done) / rate:,.0f} s left" if not ended else f"{seconds:,.0f} s"
            bar = "█" * (20 * done // number)
            line += f"{bar:░<20} {100 * done // number:>3} % {done:>12,} {rate:>10,.0f} rows/s, {left}"
        start, end = ("\r\x1b[K", "\n" if ended else "") if self.on_terminal else ("", "\n")
        sys.stderr.write(f"{start}{line}{end}")
        sys.stderr.flush()
