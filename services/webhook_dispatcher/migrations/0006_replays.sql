-- Replays, which send past deliveries again.

-- A replay sends past deliveries of a webhook again: those made from `since` to `until` that fit the filter, oldest first. The row is the
-- decision, and the place of the work that follows it in portions: `place` is the last delivery that was looked at, `room` how many more may be sent
-- in this second. `due_at` is the time of the next portion; NULL: nothing is left to do. `matching` was counted at the beginning, to a limit (`more`).
CREATE TABLE replays (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    filter jsonb NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    per_second integer NOT NULL,
    matching integer NOT NULL,
    more boolean NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'finished')),
    sent bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    place text COLLATE "C" NOT NULL,
    place_at timestamptz NOT NULL,
    looked_through boolean NOT NULL DEFAULT false,
    room integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    resumed_at timestamptz NOT NULL DEFAULT now(),
    resumed_done bigint NOT NULL DEFAULT 0,
    progressed_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    finished_at timestamptz,
    due_at timestamptz DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    CONSTRAINT counts_are_small CHECK (per_second BETWEEN 1 AND 1000 AND matching BETWEEN 0 AND 1000000),
    CONSTRAINT texts_are_short CHECK (octet_length(id) <= 64 AND octet_length(filter::text) <= 8192),
    CONSTRAINT places_are_short CHECK (octet_length(place) <= 256 AND octet_length(subscription_id) <= 256
        AND octet_length(tenant_id) <= 1024)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX replays_running ON replays (subscription_id) WHERE state = 'running';
CREATE INDEX replays_of_webhook ON replays (subscription_id, id);
CREATE INDEX replays_running_of_tenant ON replays (tenant_id) WHERE state = 'running';
CREATE INDEX replays_due ON replays (due_at) WHERE due_at IS NOT NULL;
SELECT tenant_table('replays'), worker_writes_all('replays');

-- Deliveries that a replay has sent and that were not attempted since: `attempt` is the number of attempts before. A second's at most for each
-- webhook.
CREATE TABLE replayed (
    subscription_id text COLLATE "C" NOT NULL,
    delivery_id text COLLATE "C" NOT NULL,
    delivery_at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    replay_id text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    PRIMARY KEY (subscription_id, delivery_id)
);
SELECT tenant_table('replayed'), worker_writes_all('replayed');
REVOKE INSERT, UPDATE, DELETE ON replayed FROM {{app}};
