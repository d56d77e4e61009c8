-- The organisations and the platform's own tenant, and how many of a thing each may have.

-- `federation` and the two lists are the tenant's rights. `version` is the moment of its last change, by which others know old news from new.
CREATE TABLE tenants (
    tenant_id text PRIMARY KEY,
    key text UNIQUE,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    environment text NOT NULL DEFAULT 'production' CHECK (environment IN ('production', 'sandbox')),
    granted_scopes text[] NOT NULL DEFAULT '{}',
    graphql_bundles text[] NOT NULL DEFAULT '{}',
    federation boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT tenants_environment UNIQUE (tenant_id, environment)
);
-- Operators' commands, which make tenants and their first apps, log in as the worker.
SELECT tenant_table('tenants'), worker_writes_all('tenants');
REVOKE INSERT, UPDATE, DELETE ON tenants FROM {{app}};

-- Where an operator chose another number than the deployment's setting.
CREATE TABLE tenant_limits (
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL,
    most integer NOT NULL CHECK (most >= 0),
    PRIMARY KEY (tenant_id, name)
);
SELECT tenant_table('tenant_limits'), worker_writes_all('tenant_limits');
REVOKE INSERT, UPDATE, DELETE ON tenant_limits FROM {{app}};
