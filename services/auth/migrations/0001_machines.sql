-- Tenants, their apps and secrets, service tokens, signing keys and the watermarks that revoke tokens.

CREATE TABLE tenants (
    tenant_id text PRIMARY KEY,
    key text UNIQUE,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    environment text NOT NULL DEFAULT 'production' CHECK (environment IN ('production', 'sandbox')),
    granted_scopes text[] NOT NULL DEFAULT '{}',
    graphql_bundles text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Operators' commands, which make tenants and their first apps, log in as the worker.
SELECT tenant_table('tenants'), worker_writes_all('tenants');
REVOKE INSERT, UPDATE, DELETE ON tenants FROM {{app}};

CREATE TABLE apps (
    client_id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled', 'deleted')),
    first_party boolean NOT NULL DEFAULT false,
    grant_types text[] NOT NULL,
    redirect_uris text[] NOT NULL,
    requested_scopes text[] NOT NULL,
    token_endpoint_auth_method text NOT NULL
        CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
    jwks jsonb,
    allow_service_tokens boolean NOT NULL DEFAULT true,
    enforce_pkce boolean NOT NULL DEFAULT true,
    approved_events text[] NOT NULL DEFAULT '{incident.*}',
    access_token_ttl integer NOT NULL DEFAULT 3600,
    graphql_bundles text[] NOT NULL DEFAULT '{}',
    pseudonym_domain text NOT NULL,
    deidentification text NOT NULL DEFAULT 'exact' CHECK (deidentification IN ('exact', 'shifted', 'safe_harbor')),
    version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX apps_tenant ON apps (tenant_id, client_id);
SELECT tenant_table('apps'), worker_writes_all('apps');
REVOKE DELETE ON apps FROM {{app}}, {{worker}};

-- A MAC of each secret, never the secret. At most two live at a time.
CREATE TABLE app_secrets (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    mac bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX app_secrets_client ON app_secrets (client_id);
SELECT tenant_table('app_secrets'), worker_writes_all('app_secrets');

CREATE TABLE service_tokens (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    jti uuid NOT NULL UNIQUE,
    grant_id text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX service_tokens_client ON service_tokens (client_id, id);
CREATE INDEX service_tokens_expires ON service_tokens (expires_at);
SELECT tenant_table('service_tokens'), worker_writes_all('service_tokens');

-- What apps did and were refused, counted per day; what the governance dry run reads.
CREATE TABLE daily_counts (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    detail text NOT NULL DEFAULT '',
    count bigint NOT NULL,
    PRIMARY KEY (tenant_id, client_id, day, kind, detail)
);
CREATE INDEX daily_counts_day ON daily_counts (day);
SELECT tenant_table('daily_counts'), worker_writes_all('daily_counts');

-- Refused token calls, for the integrator: what was wrong, never what was sent.
CREATE TABLE app_events (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    trace_id text NOT NULL
);
CREATE INDEX app_events_client ON app_events (client_id, id);
CREATE INDEX app_events_at ON app_events (at);
SELECT tenant_table('app_events'), worker_writes_all('app_events');

-- Ids of client assertions (RFC 7523) seen, until they expire by themselves.
CREATE TABLE client_assertions (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    assertion_mac bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, assertion_mac)
);
CREATE INDEX client_assertions_expires ON client_assertions (expires_at);
SELECT tenant_table('client_assertions'), worker_writes_all('client_assertions');

-- Exempt from row-level security: keys belong to no tenant. The private half is encrypted.
CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    private_key bytea NOT NULL,
    public_jwk jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL,
    removed_at timestamptz
);
GRANT SELECT, INSERT, UPDATE ON signing_keys TO {{app}}, {{worker}};
GRANT DELETE ON signing_keys TO {{worker}};

-- Tokens whose id is older than `not_before_ms` are refused: of one client, grant or tenant, or one token by its id.
CREATE TABLE watermarks (
    kind text NOT NULL CHECK (kind IN ('client', 'grant', 'tenant', 'token')),
    id text NOT NULL,
    tenant_id text NOT NULL,
    not_before_ms bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX watermarks_expires ON watermarks (expires_at);
SELECT tenant_table('watermarks'), worker_writes_all('watermarks');

-- One row, exempt from row-level security. Its lock puts revocations in one order, so that a version once seen is complete.
CREATE TABLE revocation_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL
);
INSERT INTO revocation_state (version) VALUES (0);
GRANT SELECT, UPDATE ON revocation_state TO {{app}}, {{worker}};

-- Refuses every token of `revoked` made up to now. Tokens live at most `lives`, after which the watermark may be forgotten.
-- Issuing reads the client under the shared lock and stamps the token with the clock it saw there: a token is either
-- stamped before this moment and refused, or made from what this transaction has written.
CREATE FUNCTION add_watermark(of_kind text, revoked text, lives interval) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    moment bigint;
BEGIN
    IF of_kind IN ('client', 'tenant') THEN
        PERFORM pg_advisory_xact_lock(7402, hashtext(client_id))
        FROM (SELECT client_id FROM apps WHERE (of_kind = 'client' AND client_id = revoked) OR (of_kind = 'tenant' AND tenant_id = revoked)
              ORDER BY hashtext(client_id)) AS affected;
    END IF;
    UPDATE revocation_state SET version = version + 1;
    moment := floor(extract(epoch FROM clock_timestamp()) * 1000) + 1;
    INSERT INTO watermarks (kind, id, tenant_id, not_before_ms, expires_at)
    VALUES (of_kind, revoked, current_tenant(), moment, clock_timestamp() + lives)
    ON CONFLICT (kind, id) DO UPDATE SET not_before_ms = excluded.not_before_ms,
        expires_at = greatest(watermarks.expires_at, excluded.expires_at);
    -- The next token must not carry this very millisecond.
    PERFORM pg_sleep(0.002);
    RETURN moment;
END $$;
REVOKE EXECUTE ON FUNCTION add_watermark(text, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_watermark(text, text, interval) TO {{app}}, {{worker}};

-- Before a tenant is known: clients by the ids a token request names, as they are now, and the clock at which they were read.
CREATE FUNCTION find_clients(wanted text[]) RETURNS TABLE (
    client_id text, tenant_id text, name text, status text, tenant_status text, tenant_name text, environment text, first_party boolean,
    grant_types text[], redirect_uris text[], requested_scopes text[], token_endpoint_auth_method text, jwks jsonb,
    enforce_pkce boolean, access_token_ttl integer, secret_ids text[], secret_macs bytea[], read_at_ms bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7402, lock) FROM (SELECT hashtext(unnest(wanted)) AS lock ORDER BY lock) AS locks;
    RETURN QUERY
        SELECT a.client_id, a.tenant_id, a.name, a.status, t.status, t.name, t.environment, a.first_party,
            a.grant_types, a.redirect_uris, a.requested_scopes, a.token_endpoint_auth_method, a.jwks,
            a.enforce_pkce, a.access_token_ttl, s.ids, s.macs,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM apps a JOIN tenants t USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT array_agg(live.id) AS ids, array_agg(live.mac) AS macs FROM app_secrets live
            WHERE live.client_id = a.client_id AND (live.expires_at IS NULL OR live.expires_at > clock_timestamp())
        ) s
        WHERE a.client_id = ANY (wanted) AND a.status <> 'deleted';
END $$;

-- For the gateways, which hold every tenant's tokens.
CREATE FUNCTION live_watermarks() RETURNS TABLE (kind text, id text, not_before_ms bigint, expires_at bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT kind, id, not_before_ms, extract(epoch FROM expires_at)::bigint FROM watermarks WHERE expires_at > now() ORDER BY kind, id
$$;

REVOKE EXECUTE ON FUNCTION find_clients(text[]), live_watermarks() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_clients(text[]), live_watermarks() TO {{app}};
