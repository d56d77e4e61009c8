-- What auth says of tenants: which were granted the control plane, and what they are called where others see them.
CREATE TABLE tenants (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    environment text NOT NULL,
    granted_scopes text[] NOT NULL,
    CHECK (status IN ('active', 'suspended')),
    CHECK (environment IN ('production', 'sandbox'))
);
SELECT tenant_table('tenants');
