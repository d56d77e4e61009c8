-- What auth says of apps: an automation does no more than its app may.
CREATE TABLE apps (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    approved_events text[] NOT NULL,
    graphql_bundles text[] NOT NULL,
    requested_scopes text[] NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);
SELECT tenant_table('apps'), worker_reads_all('apps');
REVOKE INSERT, UPDATE, DELETE ON apps FROM {{app}};
SELECT worker_reads_all('tenants');

-- Ids sort by time only byte by byte: COLLATE "C". `window_*` count the runs of the minute at hand, for the ceiling.
CREATE TABLE automations (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    name text NOT NULL,
    event_type text NOT NULL,
    filter jsonb,
    action jsonb NOT NULL,
    scopes text[] NOT NULL,
    enabled boolean NOT NULL,
    disabled_reason text,
    window_began timestamptz NOT NULL DEFAULT now(),
    window_runs integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id)
);
CREATE INDEX automations_of_app ON automations (tenant_id, client_id, id);
CREATE INDEX automations_live ON automations (tenant_id, event_type) WHERE enabled;
SELECT tenant_table('automations'), worker_reads_all('automations');

-- One run for each automation and event that meet, whatever is told twice: the UNIQUE is the one effect per event.
CREATE TABLE automation_runs (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    automation_id text NOT NULL,
    client_id text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    event jsonb NOT NULL,
    cause text[] NOT NULL,
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'running', 'failed', 'succeeded', 'dead', 'suppressed')),
    error text,
    detail text,
    result jsonb,
    attempt integer NOT NULL DEFAULT 0,
    rung integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (tenant_id, automation_id, event_id),
    FOREIGN KEY (tenant_id, automation_id) REFERENCES automations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX automation_runs_of_automation ON automation_runs (tenant_id, automation_id, id);
CREATE INDEX automation_runs_of_app ON automation_runs (tenant_id, client_id, id);
CREATE INDEX automation_runs_unsettled ON automation_runs (tenant_id, status, id)
    WHERE status IN ('queued', 'running', 'failed', 'dead');
CREATE INDEX automation_runs_due ON automation_runs (next_attempt_at) WHERE status IN ('queued', 'failed');
CREATE INDEX automation_runs_running ON automation_runs (started_at) WHERE status = 'running';
CREATE INDEX automation_runs_created ON automation_runs (created_at);
SELECT tenant_table('automation_runs'), worker_writes_all('automation_runs');

-- The event types with live automations, as webhook-dispatcher was told last.
CREATE TABLE automation_interest (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    event_types text[] NOT NULL DEFAULT '{}'
);
SELECT tenant_table('automation_interest');
