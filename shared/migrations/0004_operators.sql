-- Operators of the platform ask a service to act: the web process writes the act down, and the relay carries it out under the worker's role. The web
-- process has no right to do any of it, so that a bug in an endpoint does not either.

-- All rows are of the platform's own tenant.
CREATE TABLE operator_acts (
    id text PRIMARY KEY,
    tenant_id text NOT NULL CHECK (tenant_id = 'org_00000000000000000000000000'),
    action text NOT NULL,
    subject_id text NOT NULL,
    reason text NOT NULL,
    client_id text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'begun', 'done', 'refused', 'failed', 'interrupted')),
    begun_at timestamptz,
    ended_at timestamptz,
    outcome text
);
CREATE INDEX operator_acts_open ON operator_acts (asked_at) WHERE state IN ('waiting', 'begun');
CREATE INDEX operator_acts_ended ON operator_acts (ended_at);
SELECT tenant_table('operator_acts'), worker_writes_all('operator_acts');
REVOKE UPDATE, DELETE ON operator_acts FROM {{app}};

-- The figures of the backlog, which the relay measures: one row, which only the platform's own tenant reads.
CREATE TABLE operator_figures (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    measured_at timestamptz NOT NULL,
    figures jsonb NOT NULL
);
ALTER TABLE operator_figures ENABLE ROW LEVEL SECURITY;
ALTER TABLE operator_figures FORCE ROW LEVEL SECURITY;
CREATE POLICY operators_read ON operator_figures FOR SELECT TO {{app}}
    USING ((SELECT current_tenant()) = 'org_00000000000000000000000000');
CREATE POLICY worker_writes ON operator_figures TO {{worker}} USING (true) WITH CHECK (true);
GRANT SELECT ON operator_figures TO {{app}};
GRANT SELECT, INSERT, UPDATE ON operator_figures TO {{worker}};
