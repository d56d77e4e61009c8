-- Packages that their publishers show to everybody, and the installations of tenants.

-- A copy of all that a package's publisher shows to everybody, so that others read this table and nothing else of the publisher's.
CREATE TABLE listings (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    publisher text NOT NULL,
    package_id text NOT NULL REFERENCES packages,
    release_id text NOT NULL REFERENCES releases,
    version_id text NOT NULL REFERENCES versions,
    name text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    scopes text[] NOT NULL,
    event_types text[] NOT NULL,
    automations jsonb NOT NULL,
    content_sha256 text NOT NULL,
    status text NOT NULL DEFAULT 'published' CHECK (status IN ('published', 'withdrawn')),
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX listings_once ON listings (package_id) WHERE status = 'published';
CREATE INDEX listings_browsed ON listings (id DESC) WHERE status = 'published';
CREATE INDEX listings_own ON listings (tenant_id, id DESC);
CREATE INDEX listings_of_release ON listings (release_id);
CREATE INDEX listings_of_version ON listings (version_id);
SELECT tenant_table('listings');
REVOKE DELETE ON listings FROM {{app}}, {{worker}};
-- Written by its owner alone, read by every tenant; a transaction that has set no tenant sees nothing.
CREATE POLICY published_to_all ON listings FOR SELECT TO {{app}}, {{worker}}
    USING (status = 'published' AND (SELECT current_tenant()) IS NOT NULL);

-- The listing to which a tenant consented, as it was then; a listing that changes or goes changes nothing here.
CREATE TABLE installations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    listing_id text NOT NULL,
    package_id text NOT NULL,
    version_id text NOT NULL,
    publisher text NOT NULL,
    title text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL,
    scopes text[] NOT NULL,
    event_types text[] NOT NULL,
    automations jsonb NOT NULL,
    -- The bundles whose documents its automations run.
    graphql_bundles text[] NOT NULL,
    content_sha256 text NOT NULL,
    client_id text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'failed', 'uninstalling', 'uninstalled')),
    reason text,
    consented_by text NOT NULL,
    consented_by_user text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    active_at timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX installations_once ON installations (tenant_id, package_id)
    WHERE status IN ('pending', 'active', 'uninstalling');
CREATE INDEX installations_listed ON installations (tenant_id, id DESC);
CREATE INDEX installations_of_app ON installations (tenant_id, client_id);
SELECT tenant_table('installations');
REVOKE DELETE ON installations FROM {{app}}, {{worker}};

-- The content of a package that the tenant of this transaction has installed: the one road to another tenant's bytes.
CREATE FUNCTION installed_content(installation text) RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    RETURN (
        SELECT c.body FROM installations i JOIN contents c ON c.version_id = i.version_id
        WHERE i.id = installation AND i.tenant_id = current_tenant() AND i.status = 'active'
    );
GRANT EXECUTE ON FUNCTION installed_content(text) TO {{app}};
