-- What tenants ask to have opened for them, and what operators decided.

CREATE TABLE integration_requests (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    capability text NOT NULL CHECK (capability IN ('graphql_bundles', 'platform_api', 'federation', 'telephony', 'sandbox')),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'declined', 'withdrawn')),
    details jsonb NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at timestamptz,
    decision_reason text,
    -- Of an approved request for a sandbox: what was made, and when its credentials and demo data were.
    sandbox_tenant_id text REFERENCES tenants,
    sandbox_client_id text REFERENCES apps,
    sandbox_user_id text REFERENCES users,
    demo_client_id text REFERENCES apps,
    credentials_at timestamptz,
    demo_data_at timestamptz,
    CHECK ((status = 'pending') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX integration_requests_one_pending ON integration_requests (tenant_id, capability) WHERE status = 'pending';
CREATE INDEX integration_requests_tenant ON integration_requests (tenant_id, id);
CREATE INDEX integration_requests_status ON integration_requests (status, id);
SELECT tenant_table('integration_requests'), worker_writes_all('integration_requests');
-- Deciding is the operators' alone: the app may ask, withdraw, and note that credentials were fetched.
REVOKE INSERT, UPDATE, DELETE ON integration_requests FROM {{app}};
GRANT INSERT (id, tenant_id, capability, details, reason, requested_by) ON integration_requests TO {{app}};
GRANT UPDATE (status, decided_at, credentials_at) ON integration_requests TO {{app}};
CREATE POLICY asked_and_withdrawn ON integration_requests AS RESTRICTIVE FOR UPDATE TO {{app}}
    USING (true) WITH CHECK (status = 'withdrawn' OR sandbox_tenant_id IS NOT NULL);
