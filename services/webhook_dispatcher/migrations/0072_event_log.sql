-- Who may read an event outside its deliveries: `audiences` are the apps that alone may, or '' for every app; NULL for tests of one webhook and for
-- events from before this file. `kind` is the type, and of `automation.fired` also the type of the event that triggered it, after a slash.
-- `key` is the id of the event's subject: events of one key have an order.
ALTER TABLE events
    ADD COLUMN audiences text[],
    ADD COLUMN kind text,
    ADD COLUMN key text,
    ADD CONSTRAINT places_are_short CHECK (octet_length(kind) <= 513 AND octet_length(key) <= 1024) NOT VALID;

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

SELECT ensure_partition('event_log', day::date)
FROM generate_series((now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date + 8, interval '1 day') day;
