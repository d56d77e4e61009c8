-- A decision about a webhook (stopped, recovering, deleted, less approved) is a row that every claim reads; what waits is not touched.
-- `stage` says where a waiting delivery is, so that a claim reads those it may send and passes all others by:
-- 0 a test, 1 asked for by a person, 2 released by a recovery, 3 never attempted, 4 attempted or taken back from those given up, 5 being sent.
-- Rewrites the queue: about five seconds for each million that waits.
ALTER TABLE queue
    ADD COLUMN asked boolean NOT NULL DEFAULT false,
    ADD COLUMN released boolean NOT NULL DEFAULT false,
    ADD COLUMN stage smallint NOT NULL GENERATED ALWAYS AS (CASE
        WHEN leased THEN 5
        WHEN sequence IS NULL THEN 0
        WHEN asked THEN 1
        WHEN due_at IS NULL THEN 4
        WHEN released THEN 2
        WHEN rung > 0 THEN 4
        ELSE 3 END) STORED;
CREATE INDEX queue_stages ON queue (subscription_id, stage, due_at, sequence);
DROP INDEX queue_due;
-- A recovery takes the oldest first, whenever they would be due. What succeeds at once never enters this index.
CREATE INDEX queue_later ON queue (subscription_id, sequence) WHERE stage = 4;

-- A receiver nobody knows yet gets one delivery at a time; each success adds one.
ALTER TABLE subscriptions ALTER COLUMN concurrency SET DEFAULT 1;
-- `stepped_at` is when a recovery last released deliveries; with `restarts_ladder` they climb the retry ladder from its foot.
ALTER TABLE subscriptions
    ADD COLUMN stepped_at timestamptz,
    ADD COLUMN restarts_ladder boolean NOT NULL DEFAULT false;

-- What a decision leaves to be done to the rows of the past, in portions: `cursor` is how far it has come, `done` how many it has changed.
-- `deleted`: forget what waits for a webhook that is gone. `unapproved`: give up what its app may no longer be sent. `gather`: take back
-- what was given up, of deliveries made after `created_since` or that failed after `failed_since`.
CREATE TABLE chores (
    subscription_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deleted', 'unapproved', 'gather')),
    tenant_id text NOT NULL,
    created_since timestamptz,
    failed_since timestamptz,
    cursor jsonb NOT NULL DEFAULT '{}',
    done bigint NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription_id, kind)
);
CREATE INDEX chores_due ON chores (due_at);
SELECT tenant_table('chores'), worker_writes_all('chores');

-- The senders that run, by their own word of the last seconds: each takes its share of what a receiver may be sent at a time.
CREATE TABLE senders (
    id uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON senders TO {{worker}};

-- As event_types.is_approved.
CREATE FUNCTION event_approved(name text, patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN EXISTS (SELECT 1 FROM unnest(patterns) AS pattern
        WHERE pattern = name OR pattern = '*' OR right(pattern, 2) = '.*' AND starts_with(name, left(pattern, -1)));
