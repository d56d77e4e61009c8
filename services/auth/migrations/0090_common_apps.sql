-- Apps of the platform that people of every organisation sign in to, such as the console. Each organisation gets an app of its own from
-- the row here when the first of its people signs in, so that rights, audit trail and revocation stay within the organisation.
CREATE TABLE common_apps (
    name text PRIMARY KEY CHECK (name ~ '^[a-z]{3,20}$'),
    title text NOT NULL,
    redirect_uris text[] NOT NULL,
    jwks jsonb NOT NULL,
    scopes text[] NOT NULL,
    graphql_bundles text[] NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Exempt from row-level security: it holds nothing of any organisation.
GRANT SELECT ON common_apps TO {{app}}, {{worker}};
GRANT INSERT, UPDATE ON common_apps TO {{worker}};

ALTER TABLE apps ADD COLUMN common_app text REFERENCES common_apps;
CREATE UNIQUE INDEX apps_common ON apps (tenant_id, common_app) WHERE common_app IS NOT NULL AND status <> 'deleted';
