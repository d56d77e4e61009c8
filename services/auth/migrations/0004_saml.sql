-- SAML 2.0: whose identity provider signs in whom, the requests under way, and what was answered already.

ALTER TABLE users
    ADD COLUMN roles text[] NOT NULL DEFAULT '{}',
    -- Scopes an app may get in this user's name; null where roles limit nothing.
    ADD COLUMN scope_limit text[];
-- Someone who signs in through a connection for the first time is made a user, who never has a password by that.
GRANT INSERT (user_id, tenant_id, email, name, roles, scope_limit) ON users TO {{app}};

CREATE TABLE saml_connections (
    connection_id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    entity_id text NOT NULL,
    sso_url text NOT NULL,
    slo_url text NOT NULL DEFAULT '',
    name_id_format text NOT NULL DEFAULT 'any' CHECK (name_id_format IN ('any', 'persistent', 'email')),
    allow_idp_initiated boolean NOT NULL DEFAULT false,
    attribute_mapping jsonb NOT NULL DEFAULT '{}',
    role_mapping jsonb NOT NULL DEFAULT '{}',
    -- What we sign requests with; the private half is encrypted.
    own_key bytea NOT NULL,
    own_certificate text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_sign_in_at timestamptz
);
CREATE INDEX saml_connections_tenant ON saml_connections (tenant_id, connection_id);
SELECT tenant_table('saml_connections'), worker_writes_all('saml_connections');

-- One or, during a roll-over, two.
CREATE TABLE saml_certificates (
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    fingerprint text NOT NULL,
    tenant_id text NOT NULL,
    pem text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,
    PRIMARY KEY (connection_id, fingerprint)
);
SELECT tenant_table('saml_certificates'), worker_writes_all('saml_certificates');

-- E-mail domains. Anyone may claim one; it counts once proven, and only one organisation can have proven it.
CREATE TABLE saml_domains (
    tenant_id text NOT NULL,
    domain text NOT NULL,
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    token text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    verified_at timestamptz,
    PRIMARY KEY (tenant_id, domain)
);
CREATE UNIQUE INDEX saml_domains_proven ON saml_domains (domain) WHERE verified_at IS NOT NULL;
CREATE INDEX saml_domains_connection ON saml_domains (connection_id);
SELECT tenant_table('saml_domains'), worker_writes_all('saml_domains');

-- Whether passwords are refused, and whose is not.
CREATE TABLE saml_policies (
    tenant_id text PRIMARY KEY REFERENCES tenants,
    enforced boolean NOT NULL,
    break_glass_user_id text REFERENCES users,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (NOT enforced OR break_glass_user_id IS NOT NULL)
);
SELECT tenant_table('saml_policies'), worker_writes_all('saml_policies');

-- Who a connection's NameID is here. An e-mail address is only ever how someone is found the first time.
CREATE TABLE saml_identities (
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    name_id text NOT NULL,
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, name_id),
    UNIQUE (connection_id, user_id)
);
SELECT tenant_table('saml_identities'), worker_writes_all('saml_identities');

-- Requests we sent and await the answer to: a sign-in, in which browser and where it leads; or a logout.
CREATE TABLE saml_requests (
    request_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('sign_in', 'logout')),
    browser_mac bytea,
    relay_state text NOT NULL,
    continue_to text NOT NULL,
    fresh boolean NOT NULL DEFAULT false,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX saml_requests_expires ON saml_requests (expires_at);
CREATE INDEX saml_requests_connection ON saml_requests (connection_id);
SELECT tenant_table('saml_requests'), worker_writes_all('saml_requests');

-- Assertions and logout requests taken, by MAC of their id, for as long as they would be valid.
CREATE TABLE saml_replays (
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    message_mac bytea NOT NULL,
    tenant_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (connection_id, message_mac)
);
CREATE INDEX saml_replays_expires ON saml_replays (expires_at);
SELECT tenant_table('saml_replays'), worker_writes_all('saml_replays');

-- Between the answer, which is another site's POST and carries no cookie, and the browser it was for: good once, for two minutes.
CREATE TABLE saml_tickets (
    ticket_mac bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES users,
    -- Null where the identity provider began: then the person is asked.
    browser_mac bytea,
    continue_to text NOT NULL,
    name_id text NOT NULL,
    name_id_format text NOT NULL,
    session_index text NOT NULL,
    session_ends_at timestamptz,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX saml_tickets_expires ON saml_tickets (expires_at);
CREATE INDEX saml_tickets_connection ON saml_tickets (connection_id);
SELECT tenant_table('saml_tickets'), worker_writes_all('saml_tickets');

-- Which sessions a connection started, so that its logout can end them.
CREATE TABLE saml_sessions (
    session_id text PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    tenant_id text NOT NULL,
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    name_id text NOT NULL,
    name_id_format text NOT NULL,
    session_index text NOT NULL
);
CREATE INDEX saml_sessions_person ON saml_sessions (connection_id, name_id);
SELECT tenant_table('saml_sessions'), worker_writes_all('saml_sessions');

-- Before a tenant is known: the connection an address of ours names, and the one an e-mail domain is proven for.
CREATE FUNCTION find_saml_connection(wanted text) RETURNS TABLE (
    connection_id text, tenant_id text, tenant_name text, name text, is_open boolean, entity_id text, sso_url text, slo_url text,
    name_id_format text, allow_idp_initiated boolean, attribute_mapping jsonb, role_mapping jsonb, own_key bytea,
    own_certificate text, certificates text[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, c.name, c.status = 'active' AND t.status = 'active' AND t.federation,
        c.entity_id, c.sso_url, c.slo_url, c.name_id_format, c.allow_idp_initiated, c.attribute_mapping, c.role_mapping,
        c.own_key, c.own_certificate,
        ARRAY(SELECT k.pem FROM saml_certificates k WHERE k.connection_id = c.connection_id ORDER BY k.added_at, k.fingerprint)
    FROM saml_connections c JOIN tenants t USING (tenant_id) WHERE c.connection_id = wanted
$$;

CREATE FUNCTION find_saml_domain(wanted text) RETURNS TABLE (connection_id text, tenant_id text, organisation text, enforced boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, coalesce(p.enforced, false)
    FROM saml_domains d JOIN saml_connections c USING (connection_id) JOIN tenants t ON t.tenant_id = c.tenant_id
    LEFT JOIN saml_policies p ON p.tenant_id = c.tenant_id
    WHERE d.domain = wanted AND d.verified_at IS NOT NULL
        AND c.status = 'active' AND t.status = 'active' AND t.federation
$$;

REVOKE EXECUTE ON FUNCTION find_saml_connection(text), find_saml_domain(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_saml_connection(text), find_saml_domain(text) TO {{app}};
