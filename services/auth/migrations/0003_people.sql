-- People and their rights, how they sign in to auth itself, and the invitations by which they come.

-- `role` is one of the roles of people/roles.py; absent where the roles of an organisation's identity provider, `roles`, decide. `scope_limit` are the
-- scopes that an app may get in the person's name; absent where nothing limits them. `totp_last_step` is the last time step accepted, so that a code is
-- good once (RFC 6238 §5.2); `wrong_codes` are those typed in devices that are not known, since the last right one.
CREATE TABLE users (
    user_id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    email text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    role text CHECK (role IN ('administrator', 'quality_officer', 'integrator', 'auditor', 'operator')),
    roles text[] NOT NULL DEFAULT '{}',
    scope_limit text[],
    password_hash text,
    totp_secret bytea,
    totp_last_step bigint NOT NULL DEFAULT 0,
    wrong_codes integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Operators are people of the platform's own tenant, whose id is no other's (shared/primitives/ids.py).
    CONSTRAINT operators_are_the_platforms CHECK (role IS DISTINCT FROM 'operator' OR tenant_id = 'org_00000000000000000000000000')
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_page ON users (tenant_id, user_id);
SELECT tenant_table('users'), worker_writes_all('users');
REVOKE DELETE ON users FROM {{app}}, {{worker}};

-- When a person signed in last; sessions are forgotten after days.
CREATE TABLE last_sign_ins (
    user_id text PRIMARY KEY REFERENCES users,
    tenant_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('last_sign_ins'), worker_writes_all('last_sign_ins');

-- `second_factor`: the person has shown auth a second factor in this session.
CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    token_mac bytea NOT NULL UNIQUE,
    second_factor boolean NOT NULL DEFAULT false,
    user_agent text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    signed_in_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id, session_id);
CREATE INDEX sessions_live ON sessions (tenant_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_expires ON sessions (expires_at);
SELECT tenant_table('sessions'), worker_writes_all('sessions');

-- One-use links that an operator hands out: to set a password.
CREATE TABLE password_links (
    token_mac bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX password_links_user ON password_links (user_id) WHERE used_at IS NULL;
CREATE INDEX password_links_expires ON password_links (expires_at);
SELECT tenant_table('password_links'), worker_writes_all('password_links');
-- The relay forgets links.
REVOKE DELETE ON password_links FROM {{app}};

-- For someone whose authenticator is lost: codes good once each, of which only a MAC is kept.
CREATE TABLE recovery_codes (
    user_id text NOT NULL REFERENCES users,
    code_mac bytea NOT NULL,
    tenant_id text NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (user_id, code_mac)
);
SELECT tenant_table('recovery_codes'), worker_writes_all('recovery_codes');

-- Guessing is counted in buckets that leak. Exempt from row-level security: attempts are counted before anyone knows whose they are. Keys are MACs.
CREATE TABLE sign_in_counts (
    key bytea PRIMARY KEY,
    level double precision NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX sign_in_counts_at ON sign_in_counts (at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_counts TO {{app}}, {{worker}};

-- A MAC of the cookie of a browser in which a person has fully signed in. `wrong_codes` since its last right one.
CREATE TABLE known_devices (
    user_id text NOT NULL REFERENCES users,
    device_mac bytea NOT NULL,
    tenant_id text NOT NULL,
    wrong_codes integer NOT NULL DEFAULT 0,
    last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, device_mac)
);
CREATE INDEX known_devices_last ON known_devices (last_at);
SELECT tenant_table('known_devices'), worker_writes_all('known_devices');

-- Invitations by mail. The link's token is made when the mail is sent; only its MAC is kept. A new mail has a new `number` and token.
CREATE TABLE invitations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('administrator', 'quality_officer', 'integrator', 'auditor', 'operator')),
    number integer NOT NULL DEFAULT 1,
    token_mac bytea UNIQUE,
    invited_by text NOT NULL,
    user_id text REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    CONSTRAINT operators_are_the_platforms CHECK (role <> 'operator' OR tenant_id = 'org_00000000000000000000000000')
);
CREATE INDEX invitations_page ON invitations (tenant_id, id);
CREATE INDEX invitations_email ON invitations (lower(email));
CREATE INDEX invitations_invited_by ON invitations (invited_by) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_expires ON invitations (expires_at);
SELECT tenant_table('invitations'), worker_writes_all('invitations');
REVOKE DELETE ON invitations FROM {{app}};

-- The mails to send, and those of the last days, by which the limits count.
CREATE TABLE invitation_mails (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    invitation_id text NOT NULL REFERENCES invitations ON DELETE CASCADE,
    number integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    done_at timestamptz
);
CREATE INDEX invitation_mails_due ON invitation_mails (due_at) WHERE done_at IS NULL;
CREATE INDEX invitation_mails_queued ON invitation_mails (queued_at);
CREATE INDEX invitation_mails_tenant ON invitation_mails (tenant_id, queued_at);
CREATE INDEX invitation_mails_invitation ON invitation_mails (invitation_id);
SELECT tenant_table('invitation_mails'), worker_writes_all('invitation_mails');
REVOKE UPDATE, DELETE ON invitation_mails FROM {{app}};

-- Before a tenant is known: whose e-mail, session cookie, password link or invitation this is.
CREATE FUNCTION public.find_user(wanted text) RETURNS TABLE (
    user_id text, tenant_id text, email text, name text, password_hash text, totp_secret bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.user_id, u.tenant_id, u.email, u.name, u.password_hash, u.totp_secret
    FROM public.users u JOIN public.tenants t USING (tenant_id)
    WHERE lower(u.email) = lower(wanted) AND u.status = 'active' AND t.status = 'active'
$$;

CREATE FUNCTION public.find_session(mac bytea) RETURNS TABLE (
    session_id text, tenant_id text, user_id text, email text, name text, tenant_name text, signed_in_at timestamptz, second_factor boolean
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.session_id, s.tenant_id, s.user_id, u.email, u.name, t.name, s.signed_in_at, s.second_factor
    FROM public.sessions s JOIN public.users u USING (user_id) JOIN public.tenants t ON t.tenant_id = s.tenant_id
    WHERE s.token_mac = mac AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
        AND s.last_seen_at > clock_timestamp() - interval '8 hours' AND u.status = 'active' AND t.status = 'active'
$$;

CREATE FUNCTION public.find_password_link(mac bytea) RETURNS TABLE (tenant_id text, user_id text, email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT l.tenant_id, l.user_id, u.email FROM public.password_links l JOIN public.users u USING (user_id)
    WHERE l.token_mac = mac AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
$$;

CREATE FUNCTION public.find_invitation(macs bytea[]) RETURNS TABLE (id text, tenant_id text, email text, role text, organisation text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.id, i.tenant_id, i.email, i.role, t.name FROM public.invitations i JOIN public.tenants t USING (tenant_id)
    WHERE i.token_mac = ANY (macs) AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > clock_timestamp()
        AND t.status = 'active'
$$;
GRANT EXECUTE ON FUNCTION public.find_user(text), public.find_session(bytea), public.find_password_link(bytea), public.find_invitation(bytea[]) TO {{app}};
