-- Deliveries, their attempts, those that wait, and the senders.

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
    PRIMARY KEY (id, at),
    CONSTRAINT texts_are_short CHECK (octet_length(id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(subscription_id) <= 256
        AND octet_length(event_id) <= 256 AND octet_length(event_type) <= 256)
) PARTITION BY RANGE (at);
CREATE INDEX deliveries_of_subscription ON deliveries (subscription_id, id);
CREATE INDEX deliveries_troubled ON deliveries (subscription_id, id) WHERE troubled;
-- Administrators list the failed deliveries of all webhooks.
CREATE INDEX deliveries_troubled_of_tenant ON deliveries (tenant_id, status, id) WHERE troubled;
-- The deliveries of one event, over all webhooks of an organisation.
CREATE INDEX deliveries_of_event ON deliveries (event_id);
SELECT tenant_table('deliveries'), worker_writes_all('deliveries');

-- One row per request sent, with the delivery's number of it. `timings` are the milliseconds of its phases.
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
    timings jsonb,
    trace_id text,
    CONSTRAINT texts_are_short CHECK (octet_length(delivery_id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(url) <= 8192
        AND octet_length(address) <= 1024 AND octet_length(response_body) <= 262144 AND octet_length(error) <= 32768
        AND octet_length(trace_id) <= 256)
) PARTITION BY RANGE (at);
CREATE INDEX attempts_of_delivery ON attempts (delivery_id, at);
SELECT tenant_table('attempts'), worker_writes_all('attempts');

SELECT ensure_partitions_around_today('deliveries'), ensure_partitions_around_today('attempts');

-- All that is not finished, and nothing else: claims never see history. A claim moves `due_at` past the deadline of the attempt, so that deliveries
-- that a dead sender held (`leased`) come due again by themselves. No due time: given up and taken back. `rung` is the place on the retry ladder.
-- A decision about a webhook (stopped, recovering, deleted, less approved) is a row that every claim reads; waiting deliveries are not touched.
-- `stage` says where a waiting delivery is, so that a claim reads those it may send and passes all others by:
-- 0 a test, 1 asked for by a person, 2 released by a recovery, 3 never attempted, 4 attempted or taken back from those given up, 5 being sent.
-- `replayed`: released by a replay, and so sent after every other delivery of its webhook.
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
    rung integer NOT NULL DEFAULT 0,
    asked boolean NOT NULL DEFAULT false,
    released boolean NOT NULL DEFAULT false,
    replayed boolean NOT NULL DEFAULT false,
    stage smallint NOT NULL GENERATED ALWAYS AS (CASE
        WHEN leased THEN 5
        WHEN sequence IS NULL THEN 0
        WHEN asked THEN 1
        WHEN due_at IS NULL THEN 4
        WHEN released THEN 2
        WHEN rung > 0 THEN 4
        ELSE 3 END) STORED,
    CONSTRAINT counts_are_small CHECK (attempt BETWEEN 0 AND 1000000000 AND rung BETWEEN 0 AND 1000000000),
    CONSTRAINT texts_are_short CHECK (octet_length(delivery_id) <= 256 AND octet_length(tenant_id) <= 1024
        AND octet_length(subscription_id) <= 256 AND octet_length(event_id) <= 256 AND octet_length(event_type) <= 256)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX queue_stages ON queue (subscription_id, stage, due_at, sequence);
-- A recovery takes the oldest first, whenever they would be due. A delivery that succeeds at once never enters this index.
CREATE INDEX queue_later ON queue (subscription_id, sequence) WHERE stage = 4;
SELECT tenant_table('queue'), worker_writes_all('queue');

-- The senders that run, by their own word of the last seconds: each takes its share of the deliveries that a receiver may be sent at a time.
CREATE TABLE senders (
    id uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON senders TO {{worker}};

-- Of webhooks with a rate: `next_at` is when the next delivery is free, after those that were claimed. Only claims write it, one at a time over
-- all senders.
CREATE TABLE paces (
    subscription_id text COLLATE "C" PRIMARY KEY,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON paces TO {{worker}};

-- The first attempts of a webhook's deliveries, counted in buckets of 5 minutes and of an hour (`minutes`). `durations` counts them by class of
-- duration (sending/statistics.py). A sender adds its counts every ten seconds; one that is killed loses them.
CREATE TABLE first_attempts (
    subscription_id text COLLATE "C" NOT NULL,
    minutes smallint NOT NULL,
    at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    delivered bigint NOT NULL,
    failed bigint NOT NULL,
    durations bigint[] NOT NULL,
    PRIMARY KEY (subscription_id, minutes, at),
    CONSTRAINT counts_are_small CHECK (delivered BETWEEN 0 AND 1000000000000 AND failed BETWEEN 0 AND 1000000000000
        AND array_length(durations, 1) = 12)
) WITH (fillfactor = 50);
CREATE INDEX first_attempts_by_age ON first_attempts (at);
SELECT tenant_table('first_attempts'), worker_writes_all('first_attempts');
REVOKE INSERT, UPDATE, DELETE ON first_attempts FROM {{app}};
