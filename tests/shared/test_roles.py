"""An attacker with one of a service's two database roles cannot get more rights or change the schema."""

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, LiteralString, NamedTuple, cast

import psycopg
import pytest
from psycopg import sql

from deploy.local import binaries
from deploy.local.databases import Database, address
from deploy.local.table import ROOT, SERVICES, by_name
from shared.storage import audit
from shared.storage.database import SET_TENANT
from shared.web.identity import Caller
from tests.support.cluster import TestDatabases

ROLES_OF_A_CONTAINER = ROOT / "deploy" / "compose" / "roles.sh"
REFUSED = "42501"  # insufficient_privilege
ENTRY: LiteralString = "INSERT INTO audit (id, tenant_id) VALUES (gen_random_uuid(), 'org_1')"


class Attempt(NamedTuple):
    """Statements in one session. The last one is refused with `code`, or with None it runs and must change nothing.

    `{me}`, `{owner}`, `{migrator}`, `{other}` (another service's role) and `{database}` are replaced.
    """

    name: str
    statements: tuple[LiteralString, ...]
    code: str | None = REFUSED


def one(name: str, *statements: LiteralString, code: str | None = REFUSED) -> Attempt:
    return Attempt(name, statements, code)


# A name that the owner's functions look up, placed where they might find it first.
SHADOWS = [
    one("temporary table", "CREATE TEMP TABLE pg_inherits (inhrelid oid, inhparent oid)"),
    one("temporary table by SELECT INTO", "SELECT 1 AS x INTO TEMP audit"),
    one("temporary view", "CREATE TEMP VIEW audit_waiting AS SELECT gen_random_uuid() AS audit_id"),
    one("temporary recursive view", "CREATE TEMP RECURSIVE VIEW audit (id) AS SELECT 1"),
    one("temporary sequence", "CREATE TEMP SEQUENCE ids"),
    one("temporary domain", "CREATE DOMAIN pg_temp.date AS text CHECK (current_user <> '')"),
    one("temporary type", "CREATE TYPE pg_temp.regclass AS (x int)"),
    one("temporary enum", "CREATE TYPE pg_temp.text AS ENUM ('x')"),
    one("temporary range", "CREATE TYPE pg_temp.r AS RANGE (subtype = int)"),
    one(
        "temporary function", "CREATE FUNCTION pg_temp.to_char(date, text) RETURNS text LANGUAGE sql AS 'SELECT ''x'''"
    ),
    one(
        "another tenant through a temporary current_tenant",
        "CREATE FUNCTION pg_temp.current_tenant() RETURNS text LANGUAGE sql AS 'SELECT ''org_1'''",
    ),
    one(
        "temporary operator", "CREATE OPERATOR pg_temp.+ (FUNCTION = pg_catalog.int4pl, LEFTARG = int, RIGHTARG = int)"
    ),
    one("temporary operator class", "CREATE OPERATOR CLASS pg_temp.c FOR TYPE int USING btree AS STORAGE int"),
    one("temporary aggregate", "CREATE AGGREGATE pg_temp.count (int) (SFUNC = int4pl, STYPE = int)"),
    one("temporary collation", "CREATE COLLATION pg_temp.c (LOCALE = 'C')"),
    one("temporary conversion", "CREATE CONVERSION pg_temp.c FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1"),
    one("temporary search configuration", "CREATE TEXT SEARCH CONFIGURATION pg_temp.c (COPY = pg_catalog.simple)"),
    one("cast between types that are not mine", "CREATE CAST (text AS date) WITH INOUT AS IMPLICIT", code="42501"),
    one("table in public", "CREATE TABLE public.mine ()"),
    one("table in pg_catalog", "CREATE TABLE pg_catalog.mine ()"),
    one("function in public", "CREATE FUNCTION public.format(text, name) RETURNS text LANGUAGE sql AS 'SELECT ''x'''"),
    one(
        "operator in public", "CREATE OPERATOR public.= (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text)"
    ),
    one("domain in public", "CREATE DOMAIN public.bytea AS text"),
    one("view in public", "CREATE VIEW public.mine AS SELECT 1"),
    one("schema of my own", "CREATE SCHEMA mine"),
    one("schema called as I am", "CREATE SCHEMA AUTHORIZATION {me}"),
    one("extension", "CREATE EXTENSION dblink"),
    one("trusted extension", "CREATE EXTENSION hstore"),
]

# The owner's functions, with arguments that they must refuse.
FUNCTIONS = [
    one("search path of an owner's function", "ALTER FUNCTION ensure_partition(regclass, date) SET search_path = pg_temp, public"),
    one("security of an owner's function", "ALTER FUNCTION seal_audit(integer) SECURITY INVOKER"),
    one("owner of an owner's function", "ALTER FUNCTION seal_audit(integer) OWNER TO {me}"),
    one(
        "body of an owner's function",
        "CREATE OR REPLACE FUNCTION public.await_seal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ),
    one("owner's function removed", "DROP FUNCTION await_seal() CASCADE"),
    one("trigger's function called", "SELECT await_seal()"),
    one("partition of the audit trail", "SELECT ensure_partition('audit', current_date)"),
    one("partitions of the audit trail", "SELECT ensure_partitions_around_today('audit')"),
    one("partition of a catalogue", "SELECT ensure_partition('pg_catalog.pg_class', current_date)"),
    one("audit trail dropped as if it were partitions", "SELECT drop_partitions_before('audit', 'infinity')"),
    one("seals dropped as if they were partitions", "SELECT drop_partitions_before('audit_batches', 'infinity')"),
    one("table put under a policy anew", "SELECT tenant_table('audit')"),
    one("policy that shows all", "SELECT worker_reads_all('idempotency_keys')"),
    one("policy that writes all", "SELECT worker_writes_all('audit')"),
    one("helper of the owner's functions", "SELECT daily_table('audit')"),
]  # fmt: skip

# To become another role, or to get more rights.
ROLES = [
    one("owner by SET ROLE", "SET ROLE {owner}"),
    one("migrator by SET ROLE", "SET ROLE {migrator}"),
    one("another service by SET ROLE", "SET ROLE {other}"),
    one("superuser by SET ROLE", "SET ROLE knogin"),
    one("owner by SET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION {owner}"),
    one("owner by set_config", "SELECT set_config('role', '{owner}', false)"),
    one("owner's rights by GRANT", "GRANT {owner} TO {me}"),
    one("reader of all by GRANT", "GRANT pg_read_all_data TO {me}"),
    one("program runner by GRANT", "GRANT pg_execute_server_program TO {me}"),
    one("superuser", "ALTER ROLE {me} SUPERUSER"),
    one("past row-level security", "ALTER ROLE {me} BYPASSRLS"),
    one("maker of roles", "ALTER ROLE {me} CREATEROLE"),
    one("replication", "ALTER ROLE {me} REPLICATION"),
    one("login of the owner", "ALTER ROLE {owner} LOGIN PASSWORD 'mine'"),
    one("password of the migrator", "ALTER ROLE {migrator} PASSWORD 'mine'"),
    one("settings of the owner", "ALTER ROLE {owner} SET search_path = pg_temp"),
    one("role of my own", "CREATE ROLE mine SUPERUSER"),
    one("owner removed", "DROP ROLE {owner}"),
    one("what the owner has", "REASSIGN OWNED BY {owner} TO {me}"),
    one("what the owner has dropped", "DROP OWNED BY {owner}"),
    one("database of my own", 'ALTER DATABASE "{database}" OWNER TO {me}'),
    one("settings of the database", "ALTER DATABASE \"{database}\" SET session_replication_role = 'replica'"),
    one("rights on the database", 'GRANT TEMPORARY ON DATABASE "{database}" TO {me}', code=None),
    one("rights on the schema", "GRANT CREATE ON SCHEMA public TO {me}", code=None),
    one("rights on the trail", "GRANT UPDATE ON audit TO {me}", code=None),
    one("rights on what is made later", "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO PUBLIC"),
    one("settings of the server", "ALTER SYSTEM SET archive_command = 'true'"),
    one("server's configuration read again", "SELECT pg_reload_conf()"),
    one("another database", "CREATE DATABASE mine"),
    one("tablespace", "CREATE TABLESPACE mine LOCATION '/tmp'"),
    one("event trigger", "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION await_seal()"),
    one("foreign data wrapper", "CREATE FOREIGN DATA WRAPPER mine"),
    one("subscription", "CREATE SUBSCRIPTION mine CONNECTION 'host=127.0.0.1' PUBLICATION p"),
    one("publication", "CREATE PUBLICATION mine FOR TABLE audit"),
    one("replication slot", "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')"),
    one("passwords of roles", "SELECT rolpassword FROM pg_authid"),
    one("password hashes", "SELECT passwd FROM pg_shadow"),
]

# To change entries, or to keep them from being seen.
AGAINST_TRAIL = [
    one("triggers off", "SET session_replication_role = replica"),
    one("triggers off for a transaction", "SET LOCAL session_replication_role = replica"),
    one("entry changed", "UPDATE audit SET client_id = 'nobody'"),
    one("entry changed by a conflict", ENTRY + " ON CONFLICT (id) DO UPDATE SET client_id = 'nobody'"),
    one("entry changed by a merge", "MERGE INTO audit a USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET client_id = 'nobody'"),
    one("entries deleted by a merge", "MERGE INTO audit a USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE"),
    one("entry removed", "DELETE FROM audit"),
    one("trail emptied", "TRUNCATE audit"),
    one("trail dropped", "DROP TABLE audit CASCADE"),
    one("entry dated back", "INSERT INTO audit (id, tenant_id, at) VALUES (gen_random_uuid(), 'org_1', 'epoch')"),
    one("trail locked", "BEGIN", "LOCK TABLE audit IN ACCESS EXCLUSIVE MODE"),
    one("entry locked", "SELECT FROM audit FOR UPDATE"),
    one("sealing trigger off", "ALTER TABLE audit DISABLE TRIGGER await_seal"),
    one("all triggers off", "ALTER TABLE audit DISABLE TRIGGER ALL"),
    one("sealing trigger dropped", "DROP TRIGGER await_seal ON audit"),
    one("trigger of mine on the trail", "CREATE TRIGGER mine BEFORE INSERT ON audit EXECUTE FUNCTION suppress_redundant_updates_trigger()"),
    one("rule on the trail", "CREATE RULE mine AS ON INSERT TO audit DO INSTEAD NOTHING"),
    one("trail without row-level security", "ALTER TABLE audit DISABLE ROW LEVEL SECURITY"),
    one("trail without forced row-level security", "ALTER TABLE audit NO FORCE ROW LEVEL SECURITY"),
    one("policy on the trail dropped", "DROP POLICY tenant_isolation ON audit"),
    one("policy on the trail", "CREATE POLICY mine ON audit USING (true)"),
    one("policy on the trail widened", "ALTER POLICY tenant_isolation ON audit USING (true)"),
    one("trail of my own", "ALTER TABLE audit OWNER TO {me}"),
    one("trail renamed", "ALTER TABLE audit RENAME TO old_audit"),
    one("index on the trail", "CREATE INDEX ON audit (at)"),
    one("column of the trail dropped", "ALTER TABLE audit DROP COLUMN client_id"),
    one("child of the trail", "CREATE TABLE public.mine () INHERITS (audit)"),
    one("entries without a seal slipped by", "DELETE FROM audit_waiting"),
    one("seal of nothing", "INSERT INTO audit_waiting VALUES (gen_random_uuid())"),
    one("seals removed", "DELETE FROM audit_batches"),
    one("seal changed", "UPDATE audit_batches SET hash = ''"),
    one("seal of mine", "INSERT INTO audit_batches VALUES (1, 1, '', now(), '')"),
    one("leaves removed", "DELETE FROM audit_leaves"),
    one("leaf of mine", "INSERT INTO audit_leaves VALUES (1, 1, gen_random_uuid(), '')"),
    one("seals emptied", "TRUNCATE audit_batches, audit_leaves"),
    one("history of migrations", "DELETE FROM migrations"),
    one("row-level security off in the session", "SET row_security = off", "SELECT count(*) FROM idempotency_keys"),
    one("trail rebuilt", "VACUUM FULL audit", code=None),
    one("trail's statistics", "ALTER TABLE audit ALTER COLUMN id SET STATISTICS 0"),
    one("comment on the trail", "COMMENT ON TABLE audit IS 'empty'"),
]  # fmt: skip

# The server's files, programs and other sessions.
SERVER = [
    one("program by COPY FROM", "COPY failures FROM PROGRAM 'id'"),
    one("program by COPY TO", "COPY (SELECT 1) TO PROGRAM 'cat'"),
    one("file by COPY FROM", "COPY failures FROM '/etc/passwd'"),
    one("file by COPY TO", "COPY (SELECT 1) TO '/tmp/mine'"),
    one("file by pg_read_file", "SELECT pg_read_file('/etc/passwd')"),
    one("file by pg_read_binary_file", "SELECT pg_read_binary_file('PG_VERSION')"),
    one("folder by pg_ls_dir", "SELECT pg_ls_dir('.')"),
    one("file by pg_stat_file", "SELECT pg_stat_file('PG_VERSION')"),
    one("log of the server", "SELECT pg_ls_logdir()"),
    one("file by lo_import", "SELECT lo_import('/etc/passwd')"),
    one("file by lo_export", "SELECT lo_export(1, '/tmp/mine')"),
    one("large object", "SELECT lo_create(0)"),
    one("large object by its old name", "SELECT lo_creat(-1)"),
    one("large object with content", "SELECT lo_from_bytea(0, 'x')"),
    one("library", "LOAD '/tmp/mine.so'"),
    one("function of a library", "CREATE FUNCTION public.mine() RETURNS int LANGUAGE c AS '/tmp/mine.so', 'mine'"),
    one("function of the server", "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE internal AS 'now'"),
    one("checkpoint", "CHECKPOINT"),
    one("log position", "SELECT pg_switch_wal()"),
    one("statistics of others", "SELECT pg_stat_reset()"),
    one("sessions of the superuser", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'knogin'"),
    one("queries", "SELECT 1 / count(*) FROM pg_stat_activity WHERE usename = 'knogin' AND query NOT LIKE '<in%'", code="22012"),
]  # fmt: skip

# To stop those who read a row in a loop, by its content.
TOO_LONG = "23514"  # check_violation
MINE: LiteralString = "SELECT set_config('app.tenant_id', 'org_1', false)"
LOOPS = [
    one(
        "entry too long to be sealed", MINE,
        "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, trace_id) "
        "VALUES (gen_random_uuid(), 'org_1', 'x', 'read', repeat('x', 27000000), 't')",
        code=TOO_LONG,
    ),
    one(
        "entry with a detail too long to be sealed", MINE,
        "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, detail, trace_id) "
        "VALUES (gen_random_uuid(), 'org_1', 'x', 'read', 'x', ('[' || repeat('1e100000,', 9) || '1]')::jsonb, 't')",
        code=TOO_LONG,
    ),
    one(
        "message of no time", MINE,
        "INSERT INTO outbox (id, tenant_id, consumer, name, body, created_at, send_at) "
        "VALUES (gen_random_uuid(), 'org_1', 'x', 'n', '{{}}', 'infinity', '-infinity')",
    ),
    one(
        "message too long to be sent", MINE,
        "INSERT INTO outbox (id, tenant_id, consumer, name, body) "
        "VALUES (gen_random_uuid(), 'org_1', 'x', 'n', jsonb_build_object('x', repeat('x', 17000000)))",
        code=TOO_LONG,
    ),
    one("message written at no time", "UPDATE outbox SET created_at = 'infinity'"),
    one(
        "answer stored at no time", MINE,
        "INSERT INTO idempotency_keys (tenant_id, client_id, key_digest, request_digest, answer, created_at) "
        "VALUES ('org_1', 'x', 'x', 'x', 'x', 'infinity')",
        code=TOO_LONG,
    ),
    one("limit of the trail", "ALTER TABLE audit DROP CONSTRAINT texts_are_short"),
    one("limit of messages", "ALTER TABLE outbox DROP CONSTRAINT body_is_short"),
]  # fmt: skip

# To act as an operator, or to keep operators from acting.
ACT: LiteralString = "INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by) "
AGAINST_ACTS = [
    one("act of another tenant", MINE, ACT + "VALUES ('act_1', 'org_1', 'x', 'x', 'x', 'x', 'x')", code=TOO_LONG),
    one("acts emptied", "TRUNCATE operator_acts"),
    one("acts without row-level security", "ALTER TABLE operator_acts DISABLE ROW LEVEL SECURITY"),
    one("policy on acts", "CREATE POLICY mine ON operator_acts USING (true)"),
    one("figures for everybody", "ALTER POLICY operators_read ON operator_figures USING (true)"),
    one(
        "dead letters by another function",
        "CREATE OR REPLACE FUNCTION public.dead_letters_of_all(text, uuid, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ),
]  # fmt: skip

ATTEMPTS = [*SHADOWS, *FUNCTIONS, *ROLES, *AGAINST_TRAIL, *SERVER, *LOOPS, *AGAINST_ACTS]


NAMES = [service.name for service in SERVICES]
KINDS = ("app", "worker")
# Autovacuum, which may begin beside a long test, changes these columns.
STATISTICS: LiteralString = (
    "'{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,datfrozenxid,datminmxid}'::text[]"
)
CATALOGUES: LiteralString = " UNION ALL ".join(
    f"SELECT '{catalogue}', count(*), sum(hashtext("
    + (f"(to_jsonb(c) - {STATISTICS})::text" if catalogue in ("pg_class", "pg_database") else "c::text")
    + f")::bigint) FROM {catalogue} c"
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
        (SELECT count(*) FROM migrations)
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


@pytest.mark.full
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
        for attempt, outcome in outcomes(database, kind):
            if outcome != attempt.code:
                succeeded[attempt.name] = outcome
            if outcome is None:
                assert state(admin) == before, attempt.name
        assert state(admin) == before
    assert succeeded == {}


def outcomes(database: Database, kind: str) -> Iterator[tuple[Attempt, str | None]]:
    """Each attempt with the SQLSTATE that refused its last statement; None if it ran.

    A single statement that is refused leaves nothing in its session. Only then does the next attempt use the same one.
    """
    address, named = getattr(database, kind), names(database, kind)
    conn = psycopg.connect(address, autocommit=True)
    try:
        for attempt in ATTEMPTS:
            outcome = tried(conn, [sql.SQL(each).format(**named) for each in attempt.statements])
            yield attempt, outcome
            if outcome is None or len(attempt.statements) > 1:
                conn.close()
                conn = psycopg.connect(address, autocommit=True)
    finally:
        conn.close()


def tried(conn: psycopg.Connection[Any], statements: list[sql.Composed]) -> str | None:
    *first, last = statements
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


# --- The role of the exporter -----------------------------------------------------------------------------------------

EVERYTHING: LiteralString = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1
"""
CALLABLE: LiteralString = """
    SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public' AND has_function_privilege(current_user, p.oid, 'EXECUTE')
"""
COLUMNS_SEEN: LiteralString = "SELECT count(*) FROM pg_stats WHERE schemaname = 'public'"
BY_THE_EXPORTER = [
    "SELECT query_to_xml('SELECT * FROM public.audit', true, true, '')",
    "COPY public.audit TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT lo_create(0)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{app}'",
    "SET ROLE {app}",
    "CREATE TABLE public.mine ()",
    "CREATE TEMP TABLE mine ()",
]


@pytest.fixture
def exporter(databases: TestDatabases, service: str) -> Iterator[tuple[Database, str]]:
    """A service's database, and the address of the role that deploy/compose/roles.sh makes there for the exporter."""
    database = databases.fresh(service)
    name = f"monitor_of_{database.name}"
    [line] = [one for one in ROLES_OF_A_CONTAINER.read_text().splitlines() if one.startswith("CREATE ROLE monitor ")]
    with psycopg.connect(database.admin, autocommit=True) as admin:
        admin.execute(line.replace("ROLE monitor", f"ROLE {name}", 1).replace(":'monitor_password'", "'x'").encode())
        admin.execute(f"GRANT CONNECT ON DATABASE {database.name} TO {name}".encode())
    yield database, address(database.admin, database.name, name, "x")
    with psycopg.connect(database.admin, autocommit=True) as admin:
        admin.execute(f"DROP OWNED BY {name}".encode())
        admin.execute(f"DROP ROLE {name}".encode())
    databases.take_back(database)


@pytest.mark.parametrize("service", [one.database for one in SERVICES])
def test_the_exporters_role_reads_no_row_and_no_value_of_a_statement(exporter: tuple[Database, str]) -> None:
    database, url = exporter
    with psycopg.connect(database.app) as app, psycopg.connect(url, autocommit=True) as role:
        relations = role.execute(EVERYTHING).fetchall()
        assert len(relations) > 10
        for (relation,) in relations:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(f"SELECT * FROM {relation}".encode())
        assert role.execute(CALLABLE).fetchall() == []
        for statement in BY_THE_EXPORTER:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(statement.format(app=app.info.user).encode())
        with psycopg.connect(database.admin, autocommit=True) as admin:
            admin.execute("ANALYZE")
        assert role.execute(COLUMNS_SEEN).fetchall() == [(0,)]
        app.execute(SET_TENANT, ("org_secret",))
        app.execute("SELECT 1 FROM audit WHERE subject_id = %s", ("Ada Lovelace",))
        seen = "SELECT query FROM pg_stat_activity WHERE pid = %s"
        [(text,)] = role.execute(seen, (app.info.backend_pid,)).fetchall()
        assert text == "SELECT 1 FROM audit WHERE subject_id = $1"
