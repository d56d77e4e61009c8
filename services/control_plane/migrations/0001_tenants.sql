-- Tenants, as auth's messages describe them: which were granted the control plane, and their names, which others see.

CREATE TABLE tenants (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended')),
    environment text NOT NULL CHECK (environment IN ('production', 'sandbox')),
    granted_scopes text[] NOT NULL
);
SELECT tenant_table('tenants'), worker_reads_all('tenants');
