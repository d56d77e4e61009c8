"""Migrated databases for tests. Each is a copy of its service's template, and is reused if only its rows changed.

A new copy makes six hundred files, and few tests write to ten tables.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.sql import Identifier

from deploy.local import databases
from deploy.local.databases import Database
from deploy.local.plan import new_secret
from deploy.local.postgres import Cluster
from deploy.local.table import SERVICES, by_name

Table = tuple[str, str]

CATALOGUES: list[LiteralString] = [
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_inherits",
    "pg_index",
    "pg_namespace",
    "pg_policy",
    "pg_proc",
    "pg_trigger",
    "pg_type",
    "pg_default_acl",
]
# A copied row of the catalogue has the transaction of the template's row; a row that was changed later has another one.
SHAPE: LiteralString = " UNION ALL ".join(
    f"SELECT count(*), sum(xmin::text::bigint), sum(hashtext(xmin::text)::bigint) FROM {catalogue}"
    for catalogue in CATALOGUES
)
TABLES: LiteralString = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1, 2
"""
SEQUENCES: LiteralString = """
    SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL
"""
END_OTHERS: LiteralString = """
    SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
STILL_THERE: LiteralString = "SELECT FROM pg_stat_activity WHERE pid = ANY(%s)"
END_SECONDS = 10
WITHOUT_TRIGGERS: LiteralString = "SET session_replication_role = replica"


class TestDatabases:
    """Gives out databases of one cluster and takes them back. A service's template is migrated at its first use."""

    __test__ = False

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.passwords = {
            databases.role(service, kind): new_secret() for service in SERVICES for kind in databases.KINDS
        }
        self.templates: dict[str, Template] = {}
        self.spare: dict[str, list[Database]] = {}
        # Kept open: a new connection costs the server several times more than the statements of a restoration.
        self.connections: dict[str, psycopg.Connection] = {}
        self.numbers = itertools.count(1)

    def fresh(self, service_name: str) -> Database:
        """A database of that service (public or database name) with every migration applied and no rows."""
        service = by_name(service_name)
        if spare := self.spare.get(service.name):
            return spare.pop()
        name = f"{service.database}_{next(self.numbers)}"
        databases.create(self.cluster.url, service, name, template=self._template(service.name).name)
        return databases.described(service, self.cluster.url, self.passwords, name)

    def take_back(self, database: Database) -> None:
        """Restores the database for the next test, or drops it if its tables changed."""
        if self.templates[database.service].restore(self._connection(database)):
            self.spare.setdefault(database.service, []).append(database)
        else:
            self.connections.pop(database.name).close()
            databases.drop(self.cluster.url, database.name)

    @contextlib.contextmanager
    def lent(self, service_name: str) -> Iterator[Database]:
        """A fresh database while the block runs."""
        database = self.fresh(service_name)
        yield database
        self.take_back(database)

    def _connection(self, database: Database) -> psycopg.Connection:
        """A working connection; a new one if a test ended the last."""
        conn = self.connections.get(database.name)
        with contextlib.suppress(psycopg.OperationalError):
            if conn is not None:
                conn.execute("SELECT 1")
                return conn
        conn = self.connections[database.name] = psycopg.connect(database.admin, autocommit=True)
        return conn

    def close(self) -> None:
        for conn in self.connections.values():
            conn.close()

    def _template(self, service_name: str) -> "Template":
        if service_name not in self.templates:
            service = by_name(service_name)
            name = f"{service.database}_template"
            databases.prepare_roles(self.cluster.url, service, self.passwords)
            databases.create(self.cluster.url, service, name)
            described = databases.described(service, self.cluster.url, self.passwords, name)
            databases.migrate(described.migrator, service)
            self.templates[service_name] = Template(name, described.admin)
        return self.templates[service_name]


def end_others(conn: psycopg.Connection) -> None:
    """Ends every other session of the database of `conn`, which is in autocommit.

    The server could wait for their ends itself, but looks for each only ten times a second.
    """
    ended = [pid for pid, _ in conn.execute(END_OTHERS).fetchall()]
    deadline = time.monotonic() + END_SECONDS
    while ended and conn.execute(STILL_THERE, (ended,)).rowcount and time.monotonic() < deadline:
        time.sleep(0.002)


def start_cluster(folder: Path, within: Path | None = None) -> Cluster:
    """A cluster that does not flush, because the test session deletes it. Its data is below `within`, if that is given."""
    cluster = Cluster(folder, new_secret(), durable=False, within=within)
    cluster.start()
    cluster.wait()
    return cluster


@dataclass
class Template:
    """A migrated database: its name, and its superuser's address."""

    name: str
    admin: str
    tables: list[Table] = field(init=False)
    seeds: dict[Table, bytes] = field(init=False)
    shape: list[tuple[object, ...]] = field(init=False)

    def __post_init__(self) -> None:
        with psycopg.connect(self.admin, autocommit=True) as conn:
            self.tables = conn.execute(TABLES).fetchall()
            self.shape = conn.execute(SHAPE).fetchall()
            self.seeds = {table: _rows(conn, table) for table in self._filled(conn)}

    def restore(self, conn: psycopg.Connection) -> bool:
        """Ends every other connection to the copy and restores its rows. False if more than rows differs."""
        end_others(conn)
        if conn.execute(SHAPE).fetchall() != self.shape:
            return False
        conn.execute(WITHOUT_TRIGGERS)
        conn.execute(SEQUENCES)
        for table in self._filled(conn):
            if table not in self.seeds:
                conn.execute(sql.SQL("DELETE FROM {}").format(Identifier(*table)))
        for table, rows in self.seeds.items():
            if _rows(conn, table) != rows:
                conn.execute(sql.SQL("DELETE FROM {}").format(Identifier(*table)))
                _write(conn, table, rows)
        return True

    def _filled(self, conn: psycopg.Connection) -> list[Table]:
        asked = sql.SQL("SELECT {}, {} WHERE EXISTS (SELECT FROM {})")
        each = [asked.format(schema, name, Identifier(schema, name)) for schema, name in self.tables]
        return conn.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()


def _rows(conn: psycopg.Connection, table: Table) -> bytes:
    with conn.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(Identifier(*table))) as copy:
        return b"".join(bytes(part) for part in copy)


def _write(conn: psycopg.Connection, table: Table, rows: bytes) -> None:
    with conn.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(Identifier(*table))) as copy:
        copy.write(rows)
