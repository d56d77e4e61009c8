-- The keys that sign tokens. Exempt from row-level security: they belong to no tenant. The private half is encrypted. The relay and operators rotate
-- keys and remove them; a web process makes the first one of an installation.

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    private_key bytea NOT NULL,
    public_jwk jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL,
    removed_at timestamptz
);
GRANT SELECT, INSERT ON signing_keys TO {{app}};
GRANT SELECT, INSERT, UPDATE, DELETE ON signing_keys TO {{worker}};
