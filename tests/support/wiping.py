"""Restores the rows of a used copy of a template. A new copy makes six hundred files, and few tests write to ten tables."""

from dataclasses import dataclass, field
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.sql import Identifier

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
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
WITHOUT_TRIGGERS: LiteralString = "SET session_replication_role = replica"


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
        conn.execute(END_OTHERS)
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
