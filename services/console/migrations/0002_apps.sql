-- For the pages of apps: secrets until they are shown, and links of portals.

-- Answers with a secret, until their page was shown: once. The sealed answer opens with the server's key and the form's own id together.
CREATE TABLE shown_once (
    once_hash bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    sealed bytea,
    shown_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 day'
);
CREATE INDEX shown_once_expires ON shown_once (expires_at);
SELECT tenant_table('shown_once'), worker_writes_all('shown_once');

-- Links with which an administrator lets the developer of one app see that app's webhooks. `sealed` is a service token of the app; it
-- opens with the server's key and the link's secret together, and only a MAC of the secret is here.
CREATE TABLE portal_links (
    link_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    token_id text NOT NULL,
    secret_mac bytea NOT NULL,
    sealed bytea,
    may_write boolean NOT NULL,
    note text NOT NULL,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    opened integer NOT NULL DEFAULT 0,
    last_opened_at timestamptz
);
CREATE INDEX portal_links_app ON portal_links (tenant_id, client_id, link_id);
-- The newest links that a person made, for the page that ends this person's access.
CREATE INDEX portal_links_maker ON portal_links (tenant_id, made_by, link_id);
CREATE INDEX portal_links_expires ON portal_links (expires_at);
SELECT tenant_table('portal_links'), worker_writes_all('portal_links');

-- Before the tenant is known: the link that a browser presents, while it is good.
CREATE FUNCTION public.find_portal_link(wanted text) RETURNS TABLE (
    link_id text, tenant_id text, client_id text, token_id text, secret_mac bytea, sealed bytea, expires_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.link_id, p.tenant_id, p.client_id, p.token_id, p.secret_mac, p.sealed, p.expires_at
    FROM public.portal_links p
    WHERE p.link_id = wanted AND p.revoked_at IS NULL AND p.sealed IS NOT NULL AND p.expires_at > clock_timestamp()
$$;
GRANT EXECUTE ON FUNCTION public.find_portal_link(text) TO {{app}};
