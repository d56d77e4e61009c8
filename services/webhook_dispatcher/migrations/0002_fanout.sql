-- Events, the interest in them, and the log that apps read.

-- The first to write on a day makes its partitions, should no relay have.
GRANT EXECUTE ON FUNCTION ensure_partitions_around_today(regclass) TO {{app}}, {{worker}};

-- `at` is the time inside the event's id: the same id always falls into the same partition. `body` is signed and sent byte by byte.
-- Who may read an event outside its deliveries: `audiences` are the apps that alone may, or '' for every app; NULL for tests of one webhook.
-- `kind` is the type, and of `automation.fired` also the type of the event that triggered it, after a slash.
-- `key` is the id of the event's subject: events of one key have an order.
CREATE TABLE events (
    id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    traceparent text,
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    audiences text[],
    kind text,
    key text,
    PRIMARY KEY (id, at),
    CONSTRAINT texts_are_short CHECK (octet_length(id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(type) <= 256
        AND octet_length(body) <= 8388608 AND octet_length(traceparent) <= 1024),
    CONSTRAINT places_are_short CHECK (octet_length(kind) <= 513 AND octet_length(key) <= 1024)
) PARTITION BY RANGE (at);
SELECT tenant_table('events'), worker_writes_all('events');

-- Whether an app may be sent an `automation.fired`: approved for the type of event that set it off. A function, so that a claim without any opens
-- no partition.
CREATE FUNCTION firing_approved(event_id text, event_at timestamptz, patterns text[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN EXISTS (SELECT 1 FROM events e WHERE e.id = event_id AND e.at = event_at
        AND event_approved(substring(e.kind FROM '^automation[.]fired/(.+)$'), patterns));
GRANT EXECUTE ON FUNCTION firing_approved(text, timestamptz, text[]) TO {{app}}, {{worker}};

-- Events with more deliveries than one transaction makes: the relay makes them in portions. `after` is the last webhook that it looked at.
CREATE TABLE waiting_events (
    event_id text COLLATE "C" PRIMARY KEY,
    event_at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    event_type text NOT NULL,
    about text,
    recipients text[],
    after text COLLATE "C" NOT NULL DEFAULT '',
    failures integer NOT NULL DEFAULT 0,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX waiting_events_turns ON waiting_events (tenant_id, due_at, event_id);
CREATE INDEX waiting_events_oldest ON waiting_events (added_at);
SELECT tenant_table('waiting_events'), worker_writes_all('waiting_events');
REVOKE INSERT, UPDATE, DELETE ON waiting_events FROM {{app}};

-- The event types that a tenant has live automations for, as control-plane sent them last: events of these are passed on to it.
CREATE TABLE automation_interest (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL,
    event_types text[] NOT NULL
);
SELECT tenant_table('automation_interest'), worker_writes_all('automation_interest');
REVOKE INSERT, UPDATE, DELETE ON automation_interest FROM {{app}};

-- How far an advance of a sandbox's clock has come: its number, the next portion, and the place of the last delivery that was looked at.
CREATE TABLE sandbox_clocks (
    tenant_id text PRIMARY KEY,
    number bigint NOT NULL,
    portion integer NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    is_done boolean NOT NULL
);
SELECT tenant_table('sandbox_clocks'), worker_writes_all('sandbox_clocks');
REVOKE INSERT, UPDATE, DELETE ON sandbox_clocks FROM {{app}};

-- The newest place in the log of each tenant. A transaction that adds events locks it until it ends, so that places become visible in their
-- order: a reader who sees one sees all before it. `at` never goes back, even if the clock does.
CREATE TABLE event_log_heads (
    tenant_id text PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
SELECT tenant_table('event_log_heads'), worker_writes_all('event_log_heads');
REVOKE INSERT, UPDATE, DELETE ON event_log_heads FROM {{app}};

-- The events of a tenant in the order of their commits. Positions have no gap; an event for three apps has three rows with one position.
CREATE TABLE event_log (
    tenant_id text NOT NULL,
    at timestamptz NOT NULL,
    position bigint NOT NULL,
    audience text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C",
    event_id text COLLATE "C" NOT NULL,
    event_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, at, position, audience)
) PARTITION BY RANGE (at);
CREATE INDEX event_log_of_kind ON event_log (tenant_id, audience, kind, at, position);
CREATE INDEX event_log_of_key ON event_log (tenant_id, key, audience, kind, at, position) WHERE key IS NOT NULL;
SELECT tenant_table('event_log'), worker_writes_all('event_log');
REVOKE INSERT, UPDATE, DELETE ON event_log FROM {{app}};

SELECT ensure_partitions_around_today('events'), ensure_partitions_around_today('event_log');
