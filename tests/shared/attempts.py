"""Statements that an attacker with a service's database role may try, to get more rights or to leave no trace."""

from typing import LiteralString, NamedTuple

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
TRAIL = [
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
    one("seal of mine", "INSERT INTO audit_batches VALUES (1, 1, '', 0, '', now(), '')"),
    one("leaves removed", "DELETE FROM audit_leaves"),
    one("leaf of mine", "INSERT INTO audit_leaves VALUES (1, 1, gen_random_uuid(), '')"),
    one("old seals removed", "DELETE FROM audit_seals"),
    one("old seals changed", "UPDATE audit_seals SET hash = ''"),
    one("old seal of mine", "INSERT INTO audit_seals VALUES (99, gen_random_uuid(), 'org_1', '')"),
    one("seals emptied", "TRUNCATE audit_batches, audit_leaves, audit_seals"),
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
        "VALUES (gen_random_uuid(), 'org_1', 'x', 'read', repeat('x', 270000000), 't')",
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
        "message received at no time", MINE,
        "INSERT INTO inbox (message_id, tenant_id, received_at) VALUES (gen_random_uuid(), 'org_1', 'infinity')",
        code=TOO_LONG,
    ),
    one("limit of the trail", "ALTER TABLE audit DROP CONSTRAINT texts_are_short"),
    one("limit of messages", "ALTER TABLE outbox DISABLE TRIGGER refuse_long_message"),
]  # fmt: skip

ATTEMPTS = [*SHADOWS, *FUNCTIONS, *ROLES, *TRAIL, *SERVER, *LOOPS]
