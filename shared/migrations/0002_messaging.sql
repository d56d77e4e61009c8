-- Messages out, messages in, and stored answers.

-- When a message was written, and how often it was sent, is not the writer's to say. Nothing that a role of a process writes here stops the relay.
-- The body is not compressed, so that its size in the table is about its size in Redis. `length`, that of the body as text, limits the claims of a
-- relay: a number of ten bytes in the table may have 131,072 digits.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    consumer text NOT NULL,
    name text NOT NULL,
    body jsonb STORAGE EXTERNAL NOT NULL,
    traceparent text,
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    send_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    length integer GENERATED ALWAYS AS (octet_length(body::text)) STORED CONSTRAINT body_is_short CHECK (length <= 4194304),
    CONSTRAINT texts_are_short CHECK (octet_length(tenant_id) <= 1024 AND octet_length(consumer) <= 256 AND octet_length(name) <= 256
        AND octet_length(traceparent) <= 1024)
);
-- Each consumer's rows apart, and of those the ones never sent apart: a million rows that wait for one consumer cost the others nothing.
CREATE INDEX outbox_first ON outbox (consumer, send_at) WHERE acknowledged_at IS NULL AND attempts = 0;
CREATE INDEX outbox_again ON outbox (consumer, send_at) WHERE acknowledged_at IS NULL AND attempts > 0;
CREATE INDEX outbox_unacknowledged ON outbox (consumer, created_at) WHERE acknowledged_at IS NULL;
-- From one tenant with new messages for a consumer to the next, and to its oldest: a claim gives each its part, however many one has.
CREATE INDEX outbox_turns ON outbox (consumer, tenant_id, send_at) WHERE acknowledged_at IS NULL AND attempts = 0;
CREATE INDEX outbox_acknowledged ON outbox (acknowledged_at) WHERE acknowledged_at IS NOT NULL;
SELECT tenant_table('outbox'), worker_writes_all('outbox');
REVOKE INSERT, UPDATE ON outbox FROM {{app}}, {{worker}};
REVOKE DELETE ON outbox FROM {{app}};
GRANT INSERT (id, tenant_id, consumer, name, body, traceparent) ON outbox TO {{app}}, {{worker}};
GRANT UPDATE (send_at, attempts, acknowledged_at) ON outbox TO {{worker}};

-- Messages from other services are the worker's alone. A dead letter is applied, when an operator sends it again, without a look at the
-- signature that it came with; a message whose id is in `inbox`, or whose worker died of it, is not applied.

-- Ids of messages whose effect is committed. Kept longer than any outbox row, so that a message sent again is known.
CREATE TABLE inbox (
    message_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX inbox_received ON inbox (received_at);
SELECT tenant_table('inbox'), worker_writes_all('inbox');
REVOKE ALL ON inbox FROM {{app}};

-- The batches that workers apply now. A row that no transaction locks any more is one of a worker that ended while it applied the batch.
-- Not logged: a server that crashed ended its workers' transactions too, and none of them is a message's fault.
CREATE UNLOGGED TABLE begun (
    id uuid PRIMARY KEY,
    message_ids uuid[] NOT NULL,
    tenant_ids text[] NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX begun_oldest ON begun (begun_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON begun TO {{worker}};

-- `deaths` are the workers that ended while they applied the message alone; NULL if none ended with it, 0 if one ended with a batch that held it.
CREATE TABLE failures (
    message_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    deaths integer,
    last_error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Whether a worker ended with any message is asked every few seconds.
CREATE INDEX failures_deaths ON failures (message_id) WHERE deaths IS NOT NULL;
CREATE INDEX failures_oldest ON failures (failed_at);
SELECT tenant_table('failures'), worker_writes_all('failures');
REVOKE ALL ON failures FROM {{app}};

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
CREATE INDEX dead_letters_newest ON dead_letters (died_at);
SELECT tenant_table('dead_letters'), worker_writes_all('dead_letters');
REVOKE ALL ON dead_letters FROM {{app}};

-- Dead letters of all tenants without their bodies, for the platform's own tenant alone.
CREATE FUNCTION public.dead_letters_of_all(whose text, before uuid, most integer)
RETURNS TABLE (message_id uuid, tenant_id text, producer text, name text, error text, died_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT d.message_id, left(d.tenant_id, 64), left(d.producer, 64), left(d.name, 100), left(d.error, 2000), d.died_at
    FROM public.dead_letters d
    WHERE public.current_tenant() = 'org_00000000000000000000000000'
        AND (whose IS NULL OR d.tenant_id = whose) AND (before IS NULL OR d.message_id < before)
    ORDER BY d.message_id DESC LIMIT least(most, 101)
$$;
GRANT EXECUTE ON FUNCTION public.dead_letters_of_all(text, uuid, integer) TO {{app}};

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
