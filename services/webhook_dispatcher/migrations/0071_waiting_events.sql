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
