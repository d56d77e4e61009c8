-- How many of a thing one tenant may have, where an operator said another number than the deployment's setting.
CREATE TABLE tenant_limits (
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL,
    most integer NOT NULL CHECK (most >= 0),
    PRIMARY KEY (tenant_id, name)
);
SELECT tenant_table('tenant_limits'), worker_writes_all('tenant_limits');
REVOKE INSERT, UPDATE, DELETE ON tenant_limits FROM {{app}};

-- What is counted before one more is made.
CREATE INDEX apps_live ON apps (tenant_id) WHERE status <> 'deleted' AND NOT first_party;
CREATE INDEX apps_made ON apps (tenant_id, created_at);
CREATE INDEX service_tokens_tenant ON service_tokens (tenant_id, expires_at) WHERE revoked_at IS NULL;
