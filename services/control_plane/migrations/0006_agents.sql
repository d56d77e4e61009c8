-- Agents at the edge, which enrol with a code and report with a credential.

-- Codes and credentials are kept as keyed MACs; a code is forgotten once it is used. `packages` are those assigned to it.
CREATE TABLE agents (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    name text NOT NULL,
    vehicle_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
    packages text[] NOT NULL,
    code_mac bytea,
    code_expires_at timestamptz,
    code_failures integer NOT NULL DEFAULT 0,
    credential_mac bytea,
    -- The credential that it has until it first uses the one of its new enrolment.
    previous_credential_mac bytea,
    enrolled_at timestamptz,
    revoked_at timestamptz,
    last_seen_at timestamptz,
    reported jsonb,
    reported_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agents_of_tenant ON agents (tenant_id, id);
SELECT tenant_table('agents');
REVOKE DELETE ON agents FROM {{app}}, {{worker}};

-- Whose an agent is, which is asked before any tenant is known: exempt from row-level security, and nothing but two ids.
CREATE TABLE agent_tenants (
    agent_id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL
);
GRANT SELECT, INSERT ON agent_tenants TO {{app}};
