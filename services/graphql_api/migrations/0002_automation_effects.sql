-- Runs of control-plane's automations that have had their effect here, with the ids they made: sent again, they have no second one.
CREATE TABLE automation_effects (
    run_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX automation_effects_at ON automation_effects (at);
SELECT tenant_table('automation_effects'), worker_writes_all('automation_effects');
