-- Events whose runs have not all begun. `after` is the last automation that a portion looked at, `failures` the number of portions that
-- failed at this event; after five it waits for an operator. `recipients` are the apps whose automations may run, null for all.
CREATE TABLE automation_events (
    tenant_id text NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text NOT NULL,
    event jsonb NOT NULL,
    cause text[] NOT NULL,
    recipients text[],
    traceparent text,
    after text COLLATE "C" NOT NULL DEFAULT '',
    failures smallint NOT NULL DEFAULT 0,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX automation_events_next ON automation_events (tenant_id, event_id) WHERE failures < 5;
CREATE INDEX automation_events_stored ON automation_events (stored_at);
SELECT tenant_table('automation_events'), worker_writes_all('automation_events');
REVOKE SELECT, INSERT, UPDATE, DELETE ON automation_events FROM {{app}};

-- A row for each tenant: since when its events wait for their next portion (none waits where it is null), and its runs of the current minute.
CREATE TABLE automation_turns (
    tenant_id text PRIMARY KEY,
    turn_at timestamptz,
    window_began timestamptz NOT NULL DEFAULT now(),
    window_runs integer NOT NULL DEFAULT 0
);
CREATE INDEX automation_turns_due ON automation_turns (turn_at) WHERE turn_at IS NOT NULL;
SELECT tenant_table('automation_turns'), worker_writes_all('automation_turns');
REVOKE SELECT, INSERT, UPDATE, DELETE ON automation_turns FROM {{app}};

-- A suppressed run counts in `suppressed` the events of one minute that were suppressed for the same reason.
ALTER TABLE automation_runs
    ADD COLUMN suppressed integer,
    ADD COLUMN suppressed_minute timestamptz;
