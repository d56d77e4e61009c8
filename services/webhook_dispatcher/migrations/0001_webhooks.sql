-- Subscriptions, the events they hear of, what was delivered and what is still due. Ids sort by time only byte by byte: COLLATE "C".
-- The worker role fans events out and sends them for every tenant in one statement, so it reads and writes all rows of these tables.

-- What auth has told of an app: its state and the event types it may hear of.
CREATE TABLE apps (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    approved_events text[] NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);
SELECT tenant_table('apps'), worker_writes_all('apps');

-- `live_events` are those of `events` that are approved now. `last_sequence` numbers a subscription's deliveries without gaps.
-- Held (not enabled, paused or recovering), its deliveries wait in `queue` with no due time, oldest first.
CREATE TABLE subscriptions (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    url text NOT NULL,
    description text,
    events text[] NOT NULL,
    live_events text[] NOT NULL,
    secret bytea NOT NULL,
    secret_fingerprint text NOT NULL,
    previous_secret bytea,
    previous_secret_fingerprint text,
    previous_secret_expires_at timestamptz,
    headers bytea,
    header_names text[] NOT NULL DEFAULT '{}',
    enabled boolean NOT NULL DEFAULT true,
    disabled_reason text,
    disabled_at timestamptz,
    paused boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_sequence bigint NOT NULL DEFAULT 0,
    concurrency integer NOT NULL DEFAULT 16,
    slowed_until timestamptz,
    failing_since timestamptz,
    last_failure_at timestamptz,
    recovering boolean NOT NULL DEFAULT false,
    recovery_rate integer NOT NULL DEFAULT 1,
    held boolean NOT NULL GENERATED ALWAYS AS (NOT enabled OR paused OR recovering) STORED
) WITH (fillfactor = 70);
CREATE INDEX subscriptions_of_app ON subscriptions (tenant_id, client_id, id);
CREATE INDEX subscriptions_recovering ON subscriptions (id) WHERE recovering;
CREATE INDEX subscriptions_failing ON subscriptions (failing_since) WHERE failing_since IS NOT NULL;
SELECT tenant_table('subscriptions'), worker_writes_all('subscriptions');

-- `at` is the time inside the event's id: the same id always falls into the same partition. `body` is what is signed and sent, byte by byte.
CREATE TABLE events (
    id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    traceparent text,
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
SELECT tenant_table('events'), worker_writes_all('events');

-- `at` is the time inside the delivery's id. Test deliveries have no sequence: they count in no reconciliation.
-- `troubled` once an attempt has failed: it alone is indexed, so that a delivery that succeeds at once is a HOT update.
CREATE TABLE deliveries (
    id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_at timestamptz NOT NULL,
    event_type text NOT NULL,
    sequence bigint,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'succeeded', 'retrying', 'failed')),
    troubled boolean,
    attempt integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX deliveries_of_subscription ON deliveries (subscription_id, id);
CREATE INDEX deliveries_troubled ON deliveries (subscription_id, id) WHERE troubled;
SELECT tenant_table('deliveries'), worker_writes_all('deliveries');

-- One row per request sent, with the delivery's number of it.
CREATE TABLE attempts (
    delivery_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    number integer NOT NULL,
    url text NOT NULL,
    request_headers jsonb NOT NULL,
    address text,
    response_status integer,
    response_headers jsonb,
    response_body text,
    response_truncated boolean NOT NULL DEFAULT false,
    error text,
    duration_ms real NOT NULL,
    trace_id text
) PARTITION BY RANGE (at);
CREATE INDEX attempts_of_delivery ON attempts (delivery_id, at);
SELECT tenant_table('attempts'), worker_writes_all('attempts');

-- What is not finished, and nothing else: claims never see history. A claim moves `due_at` past the deadline of the attempt, so that
-- what a dead sender held (`leased`) comes due again by itself. No due time: held. `rung` is the place on the retry ladder.
CREATE TABLE queue (
    delivery_id text COLLATE "C" PRIMARY KEY,
    delivery_at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_at timestamptz NOT NULL,
    event_type text NOT NULL,
    sequence bigint,
    due_at timestamptz,
    leased boolean NOT NULL DEFAULT false,
    attempt integer NOT NULL DEFAULT 0,
    rung integer NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX queue_due ON queue (subscription_id, due_at, sequence);
SELECT tenant_table('queue'), worker_writes_all('queue');

SELECT ensure_partition(parent, day::date)
FROM unnest(ARRAY['events', 'deliveries', 'attempts']::regclass[]) parent,
    generate_series((now() AT TIME ZONE 'UTC')::date - 8, (now() AT TIME ZONE 'UTC')::date + 8, interval '1 day') day;
