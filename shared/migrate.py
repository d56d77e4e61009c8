"""Numbered .sql files, forward only, each in its own transaction and once, under an advisory lock."""

import hashlib
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

SHARED = Path(__file__).parent / "migrations"
LOCK = 7_402_001
HISTORY: LiteralString = """
    CREATE TABLE IF NOT EXISTS migrations (
        name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
# The first line of a file whose statements make or drop indexes while the table is written to.
CONCURRENTLY = "-- concurrently\n"
APPLIED: LiteralString = "SELECT name, digest FROM migrations"
RECORD: LiteralString = "INSERT INTO migrations (name, digest) VALUES (%s, %s)"


class ChangedMigration(Exception):
    """A migration that has run was edited afterwards; write a new one instead."""


def migrate(migration_dsn: str, app_role: str, worker_role: str, directories: list[Path]) -> list[str]:
    """Brings a database up to date and returns the names of what it ran. `{{app}}` and `{{worker}}` stand for the two roles.

    Old processes go on serving meanwhile: no statement waits longer than 5 s for a lock.
    """
    ran: list[str] = []
    with psycopg.connect(migration_dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        conn.execute("SET lock_timeout = '5s'")
        with conn.transaction():
            conn.execute(HISTORY)
            _grant(conn, app_role, worker_role)
        applied: dict[str, str] = dict(conn.execute(APPLIED).fetchall())
        for name, file in _files(directories):
            if _run(conn, name, file, applied, {"app": app_role, "worker": worker_role}):
                ran.append(name)
    return ran


def pending(migration_dsn: str, directories: list[Path]) -> list[str]:
    """Names of the migrations this database still lacks."""
    with psycopg.connect(migration_dsn, autocommit=True) as conn:
        if conn.execute("SELECT to_regclass('migrations')").fetchone() == (None,):
            return [name for name, _ in _files(directories)]
        applied = dict(conn.execute(APPLIED).fetchall())
    return [name for name, _ in _files(directories) if name not in applied]


def role_of(dsn: str) -> str:
    """The user name in a connection string: the roles that grants are made to are the ones the processes log in as."""
    return str(conninfo_to_dict(dsn)["user"])


def _files(directories: list[Path]) -> list[tuple[str, Path]]:
    return [
        (f"{directory.parent.name}/{file.name}", file)
        for directory in directories
        for file in sorted(directory.glob("[0-9]*.sql"))
    ]


def _run(conn: psycopg.Connection[Any], name: str, file: Path, applied: dict[str, str], roles: dict[str, str]) -> bool:
    text = file.read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    if name in applied:
        if applied[name] != digest:
            raise ChangedMigration(name)
        return False
    for placeholder, role in roles.items():
        text = text.replace("{{" + placeholder + "}}", sql.Identifier(role).as_string(conn))
    if text.startswith(CONCURRENTLY):
        _run_concurrently(conn, text)
        conn.execute(RECORD, (name, digest))
        return True
    with conn.transaction():
        conn.execute(cast(LiteralString, text))
        conn.execute(RECORD, (name, digest))
    return True


def _run_concurrently(conn: psycopg.Connection[Any], text: str) -> None:
    """Statement by statement, each of which may be repeated: PostgreSQL takes none of these in a transaction. They block nobody."""
    conn.execute("SET lock_timeout = 0")
    for statement in text.split(";\n"):
        if statement.strip():
            conn.execute(cast(LiteralString, statement))
    conn.execute("SET lock_timeout = '5s'")


def _grant(conn: psycopg.Connection[Any], *roles: str) -> None:
    """Nobody may connect or see the schema but the two roles of this service."""
    database = sql.Identifier(conn.info.dbname)
    conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for role in map(sql.Identifier, roles):
        conn.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role))
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
