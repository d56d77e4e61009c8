-- Users, their sessions and consents, authorization codes and the grants that refresh tokens belong to.

CREATE TABLE users (
    user_id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    email text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    password_hash text,
    totp_secret bytea,
    -- The last time step accepted, so that a code is good once (RFC 6238 §5.2).
    totp_last_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_tenant ON users (tenant_id);
SELECT tenant_table('users'), worker_writes_all('users');
REVOKE INSERT, DELETE ON users FROM {{app}};

CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    token_mac bytea NOT NULL UNIQUE,
    signed_in_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    user_agent text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id, session_id);
CREATE INDEX sessions_expires ON sessions (expires_at);
SELECT tenant_table('sessions'), worker_writes_all('sessions');

-- One-use links an operator hands out: to set a password.
CREATE TABLE password_links (
    token_mac bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
SELECT tenant_table('password_links'), worker_writes_all('password_links');

-- Exempt from row-level security: failures are counted before anyone knows whose they are. Keys are MACs of e-mail or address.
CREATE TABLE sign_in_failures (
    key bytea PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    wait_until timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_failures TO {{app}}, {{worker}};

CREATE TABLE consents (
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    client_id text NOT NULL REFERENCES apps,
    scopes text[] NOT NULL,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, client_id)
);
SELECT tenant_table('consents'), worker_writes_all('consents');

-- What a user let an app do. A refresh token is (grant, generation, MAC): the table does not grow with each refresh.
CREATE TABLE grants (
    grant_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    user_id text NOT NULL REFERENCES users,
    scopes text[] NOT NULL,
    audience text[] NOT NULL,
    offline boolean NOT NULL,
    seed bytea NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    rotated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_because text
);
CREATE INDEX grants_user ON grants (user_id, client_id);
CREATE INDEX grants_client ON grants (client_id);
CREATE INDEX grants_expires ON grants (expires_at);
SELECT tenant_table('grants'), worker_writes_all('grants');

CREATE TABLE codes (
    code_mac bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    grant_id text NOT NULL REFERENCES grants ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    redirect_uri_named boolean NOT NULL,
    code_challenge text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX codes_expires ON codes (expires_at);
CREATE INDEX codes_grant ON codes (grant_id);
SELECT tenant_table('codes'), worker_writes_all('codes');

-- Before a tenant is known: whose e-mail, session cookie or password link this is.
CREATE FUNCTION find_user(wanted text) RETURNS TABLE (
    user_id text, tenant_id text, email text, name text, password_hash text, totp_secret bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.user_id, u.tenant_id, u.email, u.name, u.password_hash, u.totp_secret
    FROM users u JOIN tenants t USING (tenant_id)
    WHERE lower(u.email) = lower(wanted) AND u.status = 'active' AND t.status = 'active'
$$;

CREATE FUNCTION find_session(mac bytea) RETURNS TABLE (
    session_id text, tenant_id text, user_id text, email text, name text, tenant_name text, signed_in_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.session_id, s.tenant_id, s.user_id, u.email, u.name, t.name, s.signed_in_at
    FROM sessions s JOIN users u USING (user_id) JOIN tenants t ON t.tenant_id = s.tenant_id
    WHERE s.token_mac = mac AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
        AND s.last_seen_at > clock_timestamp() - interval '8 hours' AND u.status = 'active' AND t.status = 'active'
$$;

CREATE FUNCTION find_password_link(mac bytea) RETURNS TABLE (tenant_id text, user_id text, email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT l.tenant_id, l.user_id, u.email FROM password_links l JOIN users u USING (user_id)
    WHERE l.token_mac = mac AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
$$;

REVOKE EXECUTE ON FUNCTION find_user(text), find_session(bytea), find_password_link(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_user(text), find_session(bytea), find_password_link(bytea) TO {{app}};
