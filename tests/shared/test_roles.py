"""An attacker with one of a service's two database roles cannot get more rights or change the schema."""

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, LiteralString, cast

import psycopg
import pytest
from psycopg import sql

from deploy.local import binaries
from deploy.local.databases import Database
from deploy.local.table import SERVICES, by_name
from shared.storage import audit
from shared.storage.database import SET_TENANT
from shared.web.identity import Caller
from tests.shared.attempts import ATTEMPTS, Attempt
from tests.support.cluster import TestDatabases

NAMES = [service.name for service in SERVICES]
KINDS = ("app", "worker")
CATALOGUES: LiteralString = " UNION ALL ".join(
    f"SELECT '{catalogue}', count(*), sum(hashtext(c::text)::bigint) FROM {catalogue} c"
    for catalogue in (
        "pg_attrdef", "pg_authid", "pg_auth_members", "pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_conversion",
        "pg_database", "pg_db_role_setting", "pg_default_acl", "pg_description", "pg_event_trigger", "pg_extension",
        "pg_foreign_data_wrapper", "pg_index",
        "pg_inherits", "pg_language", "pg_largeobject_metadata", "pg_namespace", "pg_opclass", "pg_operator", "pg_policy", "pg_proc",
        "pg_publication", "pg_replication_slots", "pg_rewrite", "pg_statistic_ext", "pg_subscription", "pg_tablespace", "pg_trigger",
        "pg_ts_config", "pg_type",
    )
)  # fmt: skip
TRAIL: LiteralString = """
    SELECT (SELECT json_agg(a ORDER BY id)::text FROM audit a), (SELECT json_agg(w ORDER BY audit_id)::text FROM audit_waiting w),
        (SELECT json_agg(b ORDER BY position)::text FROM audit_batches b), (SELECT json_agg(l ORDER BY audit_id)::text FROM audit_leaves l),
        (SELECT json_agg(s ORDER BY position)::text FROM audit_seals s), (SELECT count(*) FROM migrations)
"""
# Functions that run as the owner, with settings that a role could use to make them run other code.
DEFINERS: LiteralString = """
    SELECT oid::regprocedure::text, proconfig, pg_get_userbyid(proowner), has_function_privilege('public', oid, 'EXECUTE')
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1
"""


@pytest.fixture(scope="module")
def attacked(databases: TestDatabases) -> Iterator[Callable[[str], Database]]:
    """One database per service for all attempts, with one sealed and one unsealed entry; no attempt affects the next."""

    @cache
    def of(service: str) -> Database:
        database = databases.fresh(service)
        for _ in range(2):
            with psycopg.connect(database.app) as conn:
                conn.execute(SET_TENANT, ("org_1",))
                conn.execute(audit.RECORD, audit.entry(Caller(tenant_id="org_1", client_id="app_1"), "read", "enc_1"))
        with psycopg.connect(database.worker) as conn:
            conn.execute("SELECT seal_audit(1)")
        made.append(database)
        return database

    made: list[Database] = []
    yield of
    for database in made:
        databases.take_back(database)


def state(conn: psycopg.Connection[Any]) -> list[Any]:
    """The present catalogues, roles and rights, and the whole trail."""
    return [*conn.execute(CATALOGUES).fetchall(), *conn.execute(TRAIL).fetchall()]


def names(database: Database, kind: str) -> dict[str, sql.Composable]:
    service = by_name(database.service)
    other = next(each for each in SERVICES if each.name != database.service)
    roles = {"me": kind, "owner": "owner", "migrator": "migrator"}
    found = {name: sql.SQL(cast(LiteralString, f"{service.database}_{role}")) for name, role in roles.items()}
    return {
        **found,
        "other": sql.SQL(cast(LiteralString, f"{other.database}_owner")),
        "database": sql.SQL(cast(LiteralString, database.name)),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", NAMES)
def test_no_attempt_to_be_more_than_the_role_has_an_effect(
    attacked: Callable[[str], Database], service: str, kind: str
) -> None:
    database = attacked(service)
    attacked(next(each for each in NAMES if each != service))
    succeeded: dict[str, object] = {}
    with psycopg.connect(database.admin, autocommit=True) as admin:
        before = state(admin)
        for attempt in ATTEMPTS:
            outcome = tried(database, kind, attempt)
            if outcome != attempt.code:
                succeeded[attempt.name] = outcome
            if outcome is None:
                assert state(admin) == before, attempt.name
        assert state(admin) == before
    assert succeeded == {}


def tried(database: Database, kind: str, attempt: Attempt) -> str | None:
    """The SQLSTATE that refused the last statement; None if it ran."""
    with psycopg.connect(getattr(database, kind), autocommit=True) as conn:
        *first, last = (sql.SQL(each).format(**names(database, kind)) for each in attempt.statements)
        for statement in first:
            conn.execute(statement)
        try:
            conn.execute(last)
        except psycopg.Error as error:
            return error.sqlstate
    return None


@pytest.mark.parametrize("service", NAMES)
def test_what_runs_as_the_owner_finds_no_name_in_a_schema_a_role_could_fill(
    attacked: Callable[[str], Database], service: str
) -> None:
    owner = f"{by_name(service).database}_owner"
    with psycopg.connect(attacked(service).admin) as conn:
        found = conn.execute(DEFINERS).fetchall()
        logins = conn.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (owner,)).fetchone()
    assert len(found) >= 5
    for name, config, owned_by, by_anybody in found:
        assert (name, config, owned_by, by_anybody) == (name, ["search_path=pg_catalog, public, pg_temp"], owner, False)
    assert logins == (False,)


@pytest.mark.parametrize("service", NAMES)
def test_nobody_is_given_what_nobody_asked_for(attacked: Callable[[str], Database], service: str) -> None:
    """No right of PUBLIC on functions, tables, the schema or the database, and no table owned by a login role."""
    database = attacked(service)
    with psycopg.connect(database.admin) as conn:
        functions = conn.execute(
            """SELECT oid::regprocedure::text FROM pg_proc
               WHERE pronamespace = 'public'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')"""
        ).fetchall()
        tables = conn.execute(
            """SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
               AND (pg_get_userbyid(relowner) <> %s OR relacl::text LIKE '%%{=%%' OR relacl::text LIKE '%%,=%%')""",
            (f"{by_name(service).database}_owner",),
        ).fetchall()
        rights = conn.execute(
            """SELECT has_schema_privilege('public', 'public', 'CREATE'), has_database_privilege('public', current_database(), 'TEMPORARY'),
                has_database_privilege('public', current_database(), 'CONNECT')"""
        ).fetchone()
    assert (functions, tables, rights) == ([], [], (False, False, False))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", NAMES)
def test_a_partition_asked_for_by_its_own_name_shows_and_takes_nothing(
    attacked: Callable[[str], Database], service: str, kind: str
) -> None:
    database = attacked(service)
    with psycopg.connect(database.admin) as conn:
        children = conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhparent WHERE relkind = 'p'"
        ).fetchall()
    with psycopg.connect(getattr(database, kind), autocommit=True) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'org_1', false)")
        for (child,) in children:
            for verb in ("TABLE {}", "DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES", "TRUNCATE {}", "DROP TABLE {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(sql.SQL(cast(LiteralString, verb)).format(sql.Identifier(child)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", NAMES)
def test_a_dump_as_a_role_of_a_process_fails(attacked: Callable[[str], Database], service: str, kind: str) -> None:
    program = binaries.postgres_home() / "bin" / "pg_dump"
    done = subprocess.run(
        [program, getattr(attacked(service), kind), "--data-only"], capture_output=True, text=True, env={"LC_ALL": "C"}
    )
    assert done.returncode != 0
    assert "org_1" not in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_reaches_no_other_services_database(attacked: Callable[[str], Database], kind: str) -> None:
    for service in NAMES:
        for other in NAMES:
            if other != service:
                with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                    psycopg.connect(getattr(attacked(service), kind), dbname=attacked(other).name)


@pytest.mark.parametrize("service", ["device-ingest", "webhook-dispatcher"])
def test_a_worker_neither_drops_todays_partitions_nor_fills_the_catalogue(
    fresh_database: Callable[[str], Database], service: str
) -> None:
    database = fresh_database(service)
    table = {"device-ingest": "observations", "webhook-dispatcher": "events"}[service]
    with psycopg.connect(database.worker, autocommit=True) as conn:
        conn.execute("SELECT drop_partitions_before(%s::regclass, 'infinity')", (table,))
        left = conn.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", (table,)).fetchone()
        assert left == (9,)  # today and 8 days ahead
        for day in ("current_date + 32", "current_date - 32"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"SELECT ensure_partition('{table}', ({day})::date)".encode())


READABLE: LiteralString = """
    SELECT c.relname || '.' || a.attname, k.convalidated IS NOT NULL AND k.conenforced
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.conname = a.attname || '_is_finite' AND a.attnum = ANY (k.conkey)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND a.atttypid::regtype::text ~ '^(timestamp|date|time|numeric|real|double|interval)'
    ORDER BY 1
"""


@pytest.mark.parametrize("service", NAMES)
def test_every_time_and_every_number_of_a_table_can_be_read_by_a_process(
    attacked: Callable[[str], Database], service: str
) -> None:
    """PostgreSQL has infinite times and years after 9999, at which a process that reads a batch of rows would fail as a whole."""
    with psycopg.connect(attacked(service).admin) as conn:
        columns = dict(conn.execute(READABLE).fetchall())
    assert len(columns) > 10
    assert [name for name, bounded in columns.items() if not bounded] == []


VALUES = {
    "outbox.send_at": ["infinity", "-infinity", "0044-03-15 BC", "12000-01-01"],
    "failures.failed_at": ["infinity"],
}


@pytest.mark.parametrize("column", VALUES)
def test_no_worker_writes_a_time_that_no_process_can_read(attacked: Callable[[str], Database], column: str) -> None:
    table, name = column.split(".")
    with psycopg.connect(attacked("epcr").admin) as admin, psycopg.connect(attacked("epcr").worker) as conn:
        admin.execute(
            "INSERT INTO failures (message_id, tenant_id, last_error) VALUES (gen_random_uuid(), 'org_9', 'e')"
        )
        admin.execute(
            "INSERT INTO outbox (id, tenant_id, consumer, name, body) VALUES (gen_random_uuid(), 'org_9', 'x', 'n', '{}')"
        )
        admin.commit()
        for value in VALUES[column]:
            with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
                conn.execute(
                    sql.SQL("UPDATE {} SET {} = {}").format(sql.Identifier(table), sql.Identifier(name), value)
                )
        admin.execute("DELETE FROM failures; DELETE FROM outbox")
