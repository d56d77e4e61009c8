-- Apps, their secrets, tokens and rights, who decided on these, and counts of their calls.

-- Apps of the platform that people of every organisation sign in to, such as the console. Each organisation gets an app of its own from
-- the row here when the first of its people signs in, so that rights, audit trail and revocation stay within the organisation.
CREATE TABLE common_apps (
    name text PRIMARY KEY CHECK (name ~ '^[a-z]{3,20}$'),
    title text NOT NULL,
    redirect_uris text[] NOT NULL,
    jwks jsonb NOT NULL,
    scopes text[] NOT NULL,
    graphql_bundles text[] NOT NULL
);
-- Exempt from row-level security: it holds nothing of any organisation.
GRANT SELECT ON common_apps TO {{app}}, {{worker}};
GRANT INSERT, UPDATE ON common_apps TO {{worker}};

-- `installation_id` is the control plane's id, of an app that is an installation; `created_by` a person or the app that called, absent for apps that
-- operators made. The scopes of operators are in no app but the platform's own console.
CREATE TABLE apps (
    client_id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled', 'deleted')),
    first_party boolean NOT NULL DEFAULT false,
    common_app text REFERENCES common_apps,
    installation_id text,
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
    created_by text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT operators_use_the_console CHECK (
        NOT requested_scopes && '{platform:operate:read,platform:operate:write}'::text[]
        OR (tenant_id = 'org_00000000000000000000000000' AND common_app IS NOT DISTINCT FROM 'console'))
);
CREATE INDEX apps_tenant ON apps (tenant_id, client_id);
-- Apps are counted before one more is made.
CREATE INDEX apps_live ON apps (tenant_id) WHERE status <> 'deleted' AND NOT first_party;
CREATE INDEX apps_made ON apps (tenant_id, created_at);
CREATE UNIQUE INDEX apps_common ON apps (tenant_id, common_app) WHERE common_app IS NOT NULL AND status <> 'deleted';
-- New keys of a common app reach the apps of all organisations at once.
CREATE INDEX apps_of_common ON apps (common_app) WHERE common_app IS NOT NULL;
SELECT tenant_table('apps'), worker_writes_all('apps');
REVOKE DELETE ON apps FROM {{app}}, {{worker}};

-- A MAC of each secret, never the secret.
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
-- Which secrets of an organisation end soon.
CREATE INDEX app_secrets_ending ON app_secrets (tenant_id, expires_at) WHERE expires_at IS NOT NULL;
SELECT tenant_table('app_secrets'), worker_writes_all('app_secrets');

-- Ids of client assertions (RFC 7523) seen, until they expire by themselves. A web process forgets none: the same one would be good again.
CREATE TABLE client_assertions (
    client_id text NOT NULL,
    assertion_mac bytea NOT NULL,
    tenant_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, assertion_mac)
);
CREATE INDEX client_assertions_expires ON client_assertions (expires_at);
SELECT tenant_table('client_assertions'), worker_writes_all('client_assertions');
REVOKE UPDATE, DELETE ON client_assertions FROM {{app}};

-- Each is the only token of its grant. `minted_by` is the person in whose name it was minted: it ends when they leave.
CREATE TABLE service_tokens (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    jti uuid NOT NULL UNIQUE,
    grant_id text NOT NULL,
    scopes text[] NOT NULL,
    minted_by text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT operators_are_people CHECK (NOT scopes && '{platform:operate:read,platform:operate:write}'::text[])
);
CREATE INDEX service_tokens_client ON service_tokens (client_id, id);
CREATE INDEX service_tokens_grant ON service_tokens (grant_id);
CREATE INDEX service_tokens_minted_by ON service_tokens (minted_by) WHERE minted_by IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX service_tokens_tenant ON service_tokens (tenant_id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX service_tokens_expires ON service_tokens (expires_at);
SELECT tenant_table('service_tokens'), worker_writes_all('service_tokens');

-- Who decided that an app has a scope, an event type, a bundle, or one of its rules as it is now; `reason` is in that person's words.
-- A withdrawn scope, event type or bundle has no row: the audit trail keeps it.
CREATE TABLE app_decisions (
    client_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('scope', 'event', 'bundle', 'rule')),
    item text NOT NULL,
    tenant_id text NOT NULL,
    decided_by text NOT NULL,
    decided_through text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text,
    trace_id text NOT NULL,
    PRIMARY KEY (client_id, kind, item)
);
SELECT tenant_table('app_decisions'), worker_writes_all('app_decisions');

-- Tokens and refusals of apps, counted per day, for the governance dry run.
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

-- Refused token calls and SAML messages, for the integrator: the endpoint of a token call and the reason, never the call itself. An app keeps its newest
-- ones of each kind.
CREATE TABLE app_events (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    endpoint text NOT NULL,
    reason text NOT NULL,
    trace_id text NOT NULL
);
CREATE INDEX app_events_client ON app_events (client_id, id);
CREATE INDEX app_events_kind ON app_events (client_id, kind, id);
CREATE INDEX app_events_at ON app_events (at);
SELECT tenant_table('app_events'), worker_writes_all('app_events');

-- Calls of apps that the API refused with 401, 403 or 429, as gateways report them: folded by day and reason. `endpoint` is a method and a
-- route's template; it and `scope` are empty where an app has too many kinds of refusals.
CREATE TABLE refused_calls (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    day date NOT NULL,
    status smallint NOT NULL,
    reason text NOT NULL,
    endpoint text NOT NULL,
    scope text NOT NULL,
    count bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    trace_id text NOT NULL,
    PRIMARY KEY (tenant_id, client_id, day, status, reason, endpoint, scope)
);
CREATE INDEX refused_calls_day ON refused_calls (day);
SELECT tenant_table('refused_calls'), worker_writes_all('refused_calls');

-- Before a tenant is known: clients by the ids that a token request names, as they are now, and the clock at which they were read.
CREATE FUNCTION public.find_clients(wanted text[]) RETURNS TABLE (
    client_id text, tenant_id text, name text, status text, tenant_status text, tenant_name text, environment text, first_party boolean,
    grant_types text[], redirect_uris text[], requested_scopes text[], token_endpoint_auth_method text, jwks jsonb,
    enforce_pkce boolean, access_token_ttl integer, deidentification text, secret_ids text[], secret_macs bytea[], read_at_ms bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7402, lock) FROM (SELECT hashtext(unnest(wanted)) AS lock ORDER BY lock) AS locks;
    RETURN QUERY
        SELECT a.client_id, a.tenant_id, a.name, a.status, t.status, t.name, t.environment, a.first_party,
            a.grant_types, a.redirect_uris, a.requested_scopes, a.token_endpoint_auth_method, a.jwks,
            a.enforce_pkce, a.access_token_ttl, a.deidentification, s.ids, s.macs,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM public.apps a JOIN public.tenants t USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT array_agg(live.id) AS ids, array_agg(live.mac) AS macs FROM public.app_secrets live
            WHERE live.client_id = a.client_id AND (live.expires_at IS NULL OR live.expires_at > clock_timestamp())
        ) s
        WHERE a.client_id = ANY (wanted) AND a.status <> 'deleted';
END $$;
GRANT EXECUTE ON FUNCTION public.find_clients(text[]) TO {{app}};
