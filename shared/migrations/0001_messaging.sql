-- What every service's database has: messages out, messages in, stored answers, the audit trail. {{app}} and {{worker}} are this service's roles.

CREATE FUNCTION current_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.tenant_id', true), '');

-- Puts a table under forced row-level security: both roles see and write the tenant set in their transaction, nothing else.
CREATE FUNCTION tenant_table(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_isolation ON %s TO {{app}}, {{worker}} USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {{app}}, {{worker}}', name);
END $$;

-- The few statements of workers that run across tenants: only in a transaction that has set no tenant. One that has is held to it.
CREATE FUNCTION worker_reads_all(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY worker_reads_all ON %s FOR SELECT TO {{worker}} USING ((SELECT current_tenant()) IS NULL)', name);
END $$;

CREATE FUNCTION worker_writes_all(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY worker_writes_all ON %s TO {{worker}} USING ((SELECT current_tenant()) IS NULL) WITH CHECK ((SELECT current_tenant()) IS NULL)', name);
END $$;

REVOKE EXECUTE ON FUNCTION tenant_table(regclass), worker_reads_all(regclass), worker_writes_all(regclass) FROM PUBLIC;

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    consumer text NOT NULL,
    name text NOT NULL,
    body jsonb NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    send_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    acknowledged_at timestamptz
);
CREATE INDEX outbox_due ON outbox (send_at) WHERE acknowledged_at IS NULL;
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE acknowledged_at IS NULL;
CREATE INDEX outbox_acknowledged ON outbox (acknowledged_at) WHERE acknowledged_at IS NOT NULL;
SELECT tenant_table('outbox'), worker_writes_all('outbox');

-- Ids of messages whose effect is committed. Kept longer than any outbox row, so that a message sent again is known.
CREATE TABLE inbox (
    message_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX inbox_received ON inbox (received_at);
SELECT tenant_table('inbox'), worker_writes_all('inbox');

CREATE TABLE failures (
    message_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    last_error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('failures'), worker_writes_all('failures');

CREATE TABLE dead_letters (
    message_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    producer text NOT NULL,
    name text NOT NULL,
    body jsonb NOT NULL,
    traceparent text,
    occurred_at timestamptz NOT NULL,
    error text NOT NULL,
    died_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('dead_letters'), worker_writes_all('dead_letters');

CREATE TABLE idempotency_keys (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    key_digest bytea NOT NULL,
    request_digest bytea NOT NULL,
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, client_id, key_digest)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
SELECT tenant_table('idempotency_keys'), worker_writes_all('idempotency_keys');

-- Append-only. Rows are written unsealed, so that readers do not queue behind one another; a sealer chains them by hash.
CREATE TABLE audit (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    client_id text NOT NULL,
    actor text,
    action text NOT NULL,
    subject_id text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    trace_id text NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant_id, id);
SELECT tenant_table('audit');
REVOKE UPDATE, DELETE ON audit FROM {{app}}, {{worker}};
SELECT worker_reads_all('audit');

CREATE TABLE audit_seals (
    position bigint PRIMARY KEY,
    audit_id uuid NOT NULL UNIQUE,
    tenant_id text NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('audit_seals'), worker_writes_all('audit_seals');
REVOKE UPDATE, DELETE ON audit_seals FROM {{app}}, {{worker}};

-- Daily partitions are made ahead and dropped behind by the worker role, which owns no table: these two functions do it for it.
CREATE FUNCTION ensure_partition(parent regclass, day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    child text := format('%s_%s', parent::text, to_char(day, 'YYYYMMDD'));
BEGIN
    IF to_regclass(child) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', child, parent, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', child);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
    END IF;
END $$;

CREATE FUNCTION drop_partitions_before(parent regclass, day date) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    child regclass;
    dropped integer := 0;
BEGIN
    FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = parent AND right(inhrelid::regclass::text, 8) ~ '^\d{8}$'
            AND to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') < day LOOP
        EXECUTE format('DROP TABLE %s', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION ensure_partition(regclass, date), drop_partitions_before(regclass, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partition(regclass, date), drop_partitions_before(regclass, date) TO {{worker}};
