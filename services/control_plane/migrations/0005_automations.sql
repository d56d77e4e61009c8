-- Automations, the events that wait for their runs, and the runs.

-- Apps, as auth's messages describe them: an automation does no more than its app may.
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

-- Ids sort by time only byte by byte: COLLATE "C".
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
    -- The token that last wrote the automation: its grant, the person behind it if there is one, and when; and whether that authority has ended,
    -- so that only a caller with authority starts it again.
    grant_id text,
    made_for text,
    authorised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    authority_ended boolean NOT NULL DEFAULT false,
    -- Why an operator stopped it, when, and with which act. Its organisation reads the reason; operators read all.
    stop_act text CHECK (octet_length(stop_act) <= 64),
    stop_reason text CHECK (char_length(stop_reason) <= 500),
    stopped_at timestamptz,
    -- The runs of the minute at hand, for the ceiling.
    window_began timestamptz NOT NULL DEFAULT now(),
    window_runs integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Of one that was deleted: nobody sees it, and it never runs. The relay deletes its runs in portions, and then the row. One statement
    -- would keep all its runs locked until the last one is gone.
    deleted_at timestamptz,
    UNIQUE (tenant_id, id),
    CONSTRAINT deleted_is_disabled CHECK (deleted_at IS NULL OR NOT enabled)
);
CREATE INDEX automations_of_app ON automations (tenant_id, client_id, id);
-- The automations of one event type in portions, in the order of their ids.
CREATE INDEX automations_live_by_id ON automations (tenant_id, event_type, id) WHERE enabled;
CREATE INDEX automations_of_grant ON automations (tenant_id, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX automations_made_for ON automations (tenant_id, made_for) WHERE made_for IS NOT NULL;
-- From one tenant with deleted automations to the next, and to its oldest deletion.
CREATE INDEX automations_deleted ON automations (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;
-- Automations that operators stopped, for the list of all of them.
CREATE INDEX stopped_automations ON automations (id) WHERE disabled_reason = 'stopped_by_operator' AND deleted_at IS NULL;
SELECT tenant_table('automations'), worker_reads_all('automations');

-- For the platform's own tenant alone.
CREATE FUNCTION public.automation_of_all(one text)
RETURNS TABLE (automation_id text, tenant_id text, client_id text, name text, enabled boolean, disabled_reason text,
    stopped_at timestamptz, act_id text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.id, a.tenant_id, a.client_id, left(a.name, 200), a.enabled, a.disabled_reason, a.stopped_at, a.stop_act, a.stop_reason
    FROM public.automations a
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND a.id = one AND a.deleted_at IS NULL
$$;
CREATE FUNCTION public.stopped_automations_of_all(before text, most integer)
RETURNS TABLE (automation_id text, tenant_id text, client_id text, name text, enabled boolean, disabled_reason text,
    stopped_at timestamptz, act_id text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.id, a.tenant_id, a.client_id, left(a.name, 200), a.enabled, a.disabled_reason, a.stopped_at, a.stop_act, a.stop_reason
    FROM public.automations a
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND a.disabled_reason = 'stopped_by_operator'
        AND a.deleted_at IS NULL AND (before IS NULL OR a.id < before)
    ORDER BY a.id DESC LIMIT least(most, 101)
$$;
GRANT EXECUTE ON FUNCTION public.automation_of_all(text), public.stopped_automations_of_all(text, integer) TO {{app}};

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
-- The oldest event whose runs may still begin. Those that failed for good stay for a month.
CREATE INDEX automation_events_unbegun ON automation_events (stored_at) WHERE failures < 5;
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

-- One run for each automation and event that meet, also where a message comes twice: the UNIQUE is the one effect per event.
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
    -- The service that the last attempt went to: while its outcome there is unknown, the run goes to no other.
    sent_to text,
    -- A suppressed run counts the events of one minute that were suppressed for the same reason.
    suppressed integer,
    suppressed_minute timestamptz,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (tenant_id, automation_id, event_id),
    FOREIGN KEY (tenant_id, automation_id) REFERENCES automations (tenant_id, id) ON DELETE CASCADE
);
-- The newest runs of a tenant. Without it the list reads the newest runs of all tenants.
CREATE INDEX automation_runs_of_tenant ON automation_runs (tenant_id, id);
CREATE INDEX automation_runs_of_automation ON automation_runs (tenant_id, automation_id, id);
CREATE INDEX automation_runs_of_app ON automation_runs (tenant_id, client_id, id);
CREATE INDEX automation_runs_unsettled ON automation_runs (tenant_id, status, id)
    WHERE status IN ('queued', 'running', 'failed', 'dead');
-- One suppressed run for each automation, reason and minute.
CREATE UNIQUE INDEX automation_runs_suppressed ON automation_runs (tenant_id, automation_id, error, suppressed_minute)
    WHERE suppressed_minute IS NOT NULL;
CREATE INDEX automation_runs_due ON automation_runs (next_attempt_at) WHERE status IN ('queued', 'failed');
-- From one tenant with waiting runs to the next, and to its due runs by the service that performs them: where one service does not answer, the runs
-- of the other go on.
CREATE INDEX automation_runs_due_at_service
    ON automation_runs (tenant_id, (CASE WHEN sent_to IS NULL THEN '' ELSE sent_to END), next_attempt_at)
    WHERE status IN ('queued', 'failed');
CREATE INDEX automation_runs_running ON automation_runs (started_at) WHERE status = 'running';
-- The runs of a tenant that a service has not answered yet, which are limited.
CREATE INDEX automation_runs_unanswered ON automation_runs (tenant_id, sent_to) WHERE status = 'running';
-- The gauge of runs that were given up counts these every few seconds, up to a limit.
CREATE INDEX automation_runs_dead ON automation_runs (id) WHERE status = 'dead';
CREATE INDEX automation_runs_created ON automation_runs (created_at);
SELECT tenant_table('automation_runs'), worker_writes_all('automation_runs');

-- The event types with live automations, as in the last message to webhook-dispatcher.
CREATE TABLE automation_interest (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    event_types text[] NOT NULL DEFAULT '{}'
);
SELECT tenant_table('automation_interest');
