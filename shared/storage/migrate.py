"""Numbered .sql files, forward only, each in its own transaction and once, as the owner of the database.

A process is ready when its database is available and has every migration that its code expects.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from starlette.requests import Request

from shared.storage import database
from shared.web import routing

SHARED = Path(__file__).parents[1] / "migrations"
HISTORY: LiteralString = """
    CREATE TABLE IF NOT EXISTS migrations (
        name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
# A mode that SELECT, the one right that roles of processes have here, does not allow, and that their reading does not conflict with.
LOCK: LiteralString = "LOCK TABLE migrations IN SHARE ROW EXCLUSIVE MODE"
OTHERS_SECONDS = 600
# Sessions with a lock on a table of this database.
HOLDERS: LiteralString = """
    SELECT l.pid, coalesce(a.usename, 'unknown'), string_agg(DISTINCT format('%%s of %%s', l.mode, c.relname), ', ')
    FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
        JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.pid <> pg_backend_pid() AND (%(table)s::text IS NULL OR c.relname = %(table)s AND l.mode <> 'AccessShareLock')
    GROUP BY 1, 2 ORDER BY 1 LIMIT 5
"""
# Columns of times and of numbers that may be infinite or NaN, without the constraint that `_bound` gives them.
BOUNDLESS: LiteralString = """
    SELECT c.relname, a.attname, t.typname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND a.attnum > 0 AND NOT a.attisdropped AND t.typname IN ('timestamptz', 'timestamp', 'date', 'float4', 'float8', 'numeric')
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conname = a.attname || '_is_finite')
    ORDER BY 1, 2
"""
TIMES: LiteralString = "CHECK ({column} >= '0001-01-01 00:00Z' AND {column} < '9999-12-31 00:00Z')"
NUMBERS: LiteralString = "CHECK ({column} > '-Infinity' AND {column} < 'Infinity')"
# The first line of a file whose statements run one by one, while the tables are written to: they make or drop indexes, or move rows.
CONCURRENTLY = "-- concurrently\n"
APPLIED: LiteralString = "SELECT name, digest FROM migrations"
START_SECONDS = 60
POLL_SECONDS = 0.5
RECORD: LiteralString = "INSERT INTO migrations (name, digest) VALUES (%s, %s)"
# The role that owns the database, where this session logged in as another that may become it.
OWNER: LiteralString = """
    SELECT o.rolname, NOT s.rolsuper FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba JOIN pg_roles s ON s.rolname = session_user
    WHERE d.datname = current_database() AND o.rolname <> session_user AND pg_has_role(session_user, o.oid, 'SET')
"""
# Of every session in the database, a pooler's too: a statement that waits this long for a lock, or a plan gone wrong, gives its connection
# back. Start-up options would do the same for direct connections alone.
SESSIONS: dict[str, str] = {
    "timezone": "UTC",
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
}


class ChangedMigration(Exception):
    """A migration that has run was edited afterwards; write a new one instead."""


class Blocked(Exception):
    """A lock was not had in time. The text names the sessions that hold locks, by process id and role."""


def migrate(migration_dsn: str, app_role: str, worker_role: str, directories: list[Path]) -> list[str]:
    """Brings a database up to date and returns the names of what it ran. `{{app}}` and `{{worker}}` stand for the two roles.

    Old processes go on serving meanwhile: no statement waits longer than 5 s for a lock. A server that does not answer yet is waited
    for, 60 s at most, and another `migrate` at most 10 minutes. Raises Blocked and ChangedMigration.
    """
    ran: list[str] = []
    # Asks without logging in: a wrong password is not something to wait for.
    deadline = time.monotonic() + START_SECONDS
    not_yet = (psycopg.pq.Ping.REJECT, psycopg.pq.Ping.NO_RESPONSE)
    while psycopg.pq.PGconn.ping(migration_dsn.encode()) in not_yet and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    with psycopg.connect(migration_dsn, autocommit=True) as conn:
        if conn.execute("SELECT to_regclass('migrations') IS NULL").fetchone() == (True,):
            # Another may make it in this moment: either error says that it has.
            with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable), conn.transaction():
                _become_owner(conn, adopt=True)
                conn.execute(HISTORY)
        with _as_owner(conn, adopt=True):
            protect(conn, app_role, worker_role)
            # A process is ready once it finds here all that its code expects.
            for role in map(sql.Identifier, (app_role, worker_role)):
                conn.execute(sql.SQL("GRANT SELECT ON migrations TO {}").format(role))
        for name, file in _files(directories):
            with _as_owner(conn):
                if _run(conn, name, file, {"app": app_role, "worker": worker_role}):
                    ran.append(name)
        _bound(conn)
    return ran


def _bound(conn: psycopg.Connection[Any]) -> None:
    """Gives each time and each number that may be infinite a constraint that Python can read it, so that no row ends a loop that reads it.

    Rows from before are not looked at, so that a table is locked for a moment alone.
    """
    for table in sorted({table for table, _, _ in conn.execute(BOUNDLESS)}):
        with _as_owner(conn):
            # Asked again, since another `migrate` may have done it.
            constraints: list[sql.Composed] = []
            for of, column, kind in conn.execute(BOUNDLESS):
                rule = sql.SQL(NUMBERS if kind in ("float4", "float8", "numeric") else TIMES)
                named = sql.Identifier(f"{column}_is_finite"), rule.format(column=sql.Identifier(column))
                constraints += [sql.SQL("ADD CONSTRAINT {} {} NOT VALID").format(*named)] if of == table else []
            if constraints:
                conn.execute(
                    sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), sql.SQL(", ").join(constraints))
                )


def pending(migration_dsn: str, directories: list[Path]) -> list[str]:
    """Names of the migrations this database still lacks."""
    with psycopg.connect(migration_dsn, autocommit=True) as conn:
        if conn.execute("SELECT to_regclass('migrations')").fetchone() == (None,):
            return [name for name, _ in _files(directories)]
        applied = dict(conn.execute(APPLIED).fetchall())
    return [name for name, _ in _files(directories) if name not in applied]


def expected(directories: list[Path]) -> frozenset[str]:
    """Names of all migrations that this code was written for."""
    return frozenset(name for name, _ in _files(directories))


def role_of(dsn: str) -> str:
    """The user name in a connection string: the roles that grants are made to are the ones the processes log in as."""
    return str(conninfo_to_dict(dsn)["user"])


def protect(conn: psycopg.Connection[Any], app_role: str, worker_role: str) -> None:
    """Lets the two roles of this service connect and see the schema, and nobody else; neither makes anything in it, temporary or not.

    Functions made from now on are executable by nobody who was not granted them.
    """
    database = sql.Identifier(conn.info.dbname)
    conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    conn.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    for role in map(sql.Identifier, (app_role, worker_role)):
        conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(database, role))
        conn.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM {}").format(role))
        conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, role))
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
    set_sessions(conn, conn.info.dbname)


def set_sessions(conn: psycopg.Connection[Any], name: str) -> None:
    """Gives every new session in that database the time zone and time-outs that processes rely on."""
    for setting, value in SESSIONS.items():
        statement = sql.SQL("ALTER DATABASE {} SET {} = {}")
        conn.execute(statement.format(sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)))


@contextmanager
def _as_owner(conn: psycopg.Connection[Any], adopt: bool = False) -> Iterator[None]:
    """A transaction as the role that owns the database, alone among migrations. With `adopt`, hands it what the login owns first.

    Nothing outlives the transaction, so that this works through a pooler too. Raises Blocked.
    """
    table: str | None = "migrations"
    try:
        with conn.transaction():
            conn.execute("SET LOCAL statement_timeout = 0")
            conn.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{OTHERS_SECONDS}s")))
            conn.execute(LOCK)
            table = None
            conn.execute("SET LOCAL lock_timeout = '5s'")
            _become_owner(conn, adopt)
            yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        holders = conn.execute(HOLDERS, {"table": table}).fetchall()
        named = "; ".join(f"process {pid} of {role}, {locks}" for pid, role, locks in holders)
        raise Blocked(f"a lock was not had in time. These hold some now: {named or 'nobody any more'}") from error


def _become_owner(conn: psycopg.Connection[Any], adopt: bool) -> None:
    """For the transaction that is open."""
    owner, may_adopt = conn.execute(OWNER).fetchone() or (None, False)
    if owner is not None:
        if adopt and may_adopt:
            conn.execute(sql.SQL("REASSIGN OWNED BY SESSION_USER TO {}").format(sql.Identifier(owner)))
        conn.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))


def _files(directories: list[Path]) -> list[tuple[str, Path]]:
    return [
        (f"{directory.parent.name}/{file.name}", file)
        for directory in directories
        for file in sorted(directory.glob("[0-9]*.sql"))
    ]


def _run(conn: psycopg.Connection[Any], name: str, file: Path, roles: dict[str, str]) -> bool:
    text = file.read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    applied: dict[str, str] = dict(conn.execute(APPLIED).fetchall())
    if name in applied:
        if applied[name] != digest:
            raise ChangedMigration(name)
        return False
    for placeholder, role in roles.items():
        text = text.replace("{{" + placeholder + "}}", sql.Identifier(role).as_string(conn))
    if text.startswith(CONCURRENTLY):
        _run_concurrently(conn, text)
    else:
        conn.execute(cast(LiteralString, text))
    conn.execute(RECORD, (name, digest))
    return True


def _run_concurrently(conn: psycopg.Connection[Any], text: str) -> None:
    """Statement by statement, each of which may be repeated: PostgreSQL takes none of these in a transaction. They block nobody.

    Over a connection of its own, which no pooler may share; the transaction of `conn` keeps other migrations away meanwhile.
    """
    (role,) = conn.execute("SELECT current_user").fetchone() or ("",)
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    with psycopg.connect(conn.info.dsn, password=conn.info.password, autocommit=True) as own:
        own.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        own.execute("SET statement_timeout = 0")
        own.execute("SET lock_timeout = 0")
        for statement in _statements(text):
            own.execute(cast(LiteralString, statement))


def _statements(text: str) -> Iterator[str]:
    """The statements of a file, each of which ends with a line. A block in `$$` is one; it may commit by itself."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if line.endswith(";\n") and statement.count("$$") % 2 == 0:
            yield statement
            statement = ""


APPLIED_NAMES: LiteralString = "SELECT name FROM migrations"
POLL_SECONDS = 0.5
log = logging.getLogger(__name__)


class SchemaBehind(Exception):
    """The database lacks migrations."""


def readiness_checks(package: Path) -> dict[str, routing.Check]:
    """The checks of the web process of the service in the folder `package`; its pool is `request.state.pool`.

    After the schema was complete once, it is not checked again: migrations are never reversed.
    """
    missing = set(_expected_of(package))

    async def schema(request: Request) -> None:
        if not missing:
            return
        async with request.state.pool.probe.connection(timeout=2) as conn:
            rows = await (await conn.execute(APPLIED_NAMES)).fetchall()
        missing.difference_update(name for (name,) in rows)
        if missing:
            log.warning("the database lacks %s", ", ".join(sorted(missing)))
            raise SchemaBehind

    async def reachable(request: Request) -> None:
        await database.ping(request.state.pool)

    return {"database": reachable, "schema": schema}


def wait_until_applied(dsn: str, package: Path) -> None:
    """Returns when the database has the migrations that the service in the folder `package` expects."""
    wanted, has_logged = _expected_of(package), False
    while True:
        try:
            with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as conn:
                missing = ", ".join(sorted(wanted - {name for (name,) in conn.execute(APPLIED_NAMES)}))
        except psycopg.Error as error:  # the server is away, or the database is empty, or this role has no grants yet
            missing = type(error).__name__
        if not missing:
            return
        if not has_logged:
            log.warning("waiting for migrations: %s", missing)
            has_logged = True
        time.sleep(POLL_SECONDS)


def _expected_of(package: Path) -> frozenset[str]:
    return expected([SHARED, package / "migrations"])
