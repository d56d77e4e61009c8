-- The bundles that apps were granted, and the runs of automations that have had their effect.

-- The state of each app, from auth, with the bundles of approved documents that it was granted.
CREATE TABLE graphql_apps (
    client_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    bundles text[] NOT NULL
);
SELECT tenant_table('graphql_apps');
REVOKE INSERT, UPDATE, DELETE ON graphql_apps FROM {{app}};

-- Runs of control-plane's automations that have had their effect here, with the ids they made: sent again, they have no second one.
CREATE TABLE automation_effects (
    run_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX automation_effects_at ON automation_effects (at);
SELECT tenant_table('automation_effects'), worker_writes_all('automation_effects');
