-- Packages with their signed versions, and the keys that sign them.

-- Keys that an app signs its packages with. A revoked one stays, since versions tell which key signed them.
CREATE TABLE signing_keys (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    name text NOT NULL,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz,
    UNIQUE (tenant_id, client_id, public_key)
);
CREATE INDEX signing_keys_listed ON signing_keys (tenant_id, id DESC);
SELECT tenant_table('signing_keys');

CREATE TABLE packages (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('connector', 'edge', 'automations')),
    description text NOT NULL,
    -- Whether a release of the package is approved by somebody else than who asked for it. Decided with the package, for good.
    four_eyes boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (tenant_id, name)
);
CREATE INDEX packages_listed ON packages (tenant_id, id DESC);
SELECT tenant_table('packages');

-- The signed columns never change; content comes once, and is the one that was signed. Builds of one version are one version.
CREATE TABLE versions (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    package_id text NOT NULL REFERENCES packages,
    client_id text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL,
    scopes text[] NOT NULL,
    event_types text[] NOT NULL,
    entry text NOT NULL,
    automations jsonb NOT NULL,
    content_sha256 text NOT NULL,
    key_id text NOT NULL REFERENCES signing_keys,
    signature text NOT NULL,
    statement text NOT NULL,
    size integer,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    CHECK ((size IS NULL) = (published_at IS NULL))
);
CREATE UNIQUE INDEX versions_once ON versions (package_id, split_part(version, '+', 1));
CREATE INDEX versions_listed ON versions (tenant_id, package_id, id DESC);
CREATE INDEX versions_awaiting ON versions (created_at) WHERE published_at IS NULL;
SELECT tenant_table('versions'), worker_writes_all('versions');

CREATE FUNCTION refuse_change_of_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL
        OR (to_jsonb(NEW) - '{size,published_at}'::text[]) IS DISTINCT FROM (to_jsonb(OLD) - '{size,published_at}'::text[]) THEN
        RAISE EXCEPTION 'a version is immutable';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER versions_immutable BEFORE UPDATE ON versions FOR EACH ROW EXECUTE FUNCTION refuse_change_of_version();

-- Apart, so that no list of versions drags along what may be ten MiB.
CREATE TABLE contents (
    version_id text PRIMARY KEY REFERENCES versions,
    tenant_id text NOT NULL,
    body bytea NOT NULL CHECK (length(body) BETWEEN 1 AND 10485760)
);
SELECT tenant_table('contents');
REVOKE UPDATE, DELETE ON contents FROM {{app}}, {{worker}};
