-- Sessions of people at the console, and how each of them likes to see it.

CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    user_id text NOT NULL,
    -- A MAC of the cookie's random id, never the id.
    token_mac bytea NOT NULL UNIQUE,
    -- The person's tokens, name and address, encrypted with a key that is not in the database, and bound to the MAC of the cookie.
    sealed bytea NOT NULL,
    signed_in_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    idle_seconds double precision NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (tenant_id, user_id, session_id);
CREATE INDEX sessions_expires ON sessions (expires_at);
SELECT tenant_table('sessions'), worker_writes_all('sessions');

CREATE TABLE preferences (
    tenant_id text NOT NULL,
    user_id text NOT NULL,
    language text CHECK (language IN ('en', 'it')),
    theme text CHECK (theme IN ('light', 'dark')),
    paused boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX preferences_changed ON preferences (changed_at);
SELECT tenant_table('preferences'), worker_writes_all('preferences');

-- Before the tenant is known: whose cookie this is.
CREATE FUNCTION public.find_session(macs bytea[]) RETURNS TABLE (
    session_id text, tenant_id text, user_id text, token_mac bytea, sealed bytea, signed_in_at timestamptz, last_seen_at timestamptz,
    expires_at timestamptz, language text, theme text, paused boolean
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.session_id, s.tenant_id, s.user_id, s.token_mac, s.sealed, s.signed_in_at, s.last_seen_at, s.expires_at,
        p.language, p.theme, coalesce(p.paused, false)
    FROM public.sessions s LEFT JOIN public.preferences p USING (tenant_id, user_id)
    WHERE s.token_mac = ANY (macs) AND s.expires_at > clock_timestamp()
        AND s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds)
$$;
GRANT EXECUTE ON FUNCTION public.find_session(bytea[]) TO {{app}};
