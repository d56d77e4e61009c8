-- Providers of telephony, and the routes from a number or a subaccount to the subsystem that answers.

CREATE TABLE telephony_providers (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    name text NOT NULL,
    carrier text NOT NULL,
    settings jsonb NOT NULL,
    credentials_enc bytea NOT NULL,
    is_default boolean NOT NULL,
    is_active boolean NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (tenant_id, id),
    CONSTRAINT telephony_providers_name UNIQUE (tenant_id, name),
    CONSTRAINT telephony_providers_default_is_active CHECK (is_active OR NOT is_default)
);
CREATE UNIQUE INDEX telephony_providers_one_default ON telephony_providers (tenant_id) WHERE is_default;
SELECT tenant_table('telephony_providers');

-- `prefix` is an E.164 number (`exact`) or the beginning of one; a route has it or a subaccount of its provider.
CREATE TABLE telephony_routes (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    provider_id text NOT NULL,
    prefix text,
    exact boolean NOT NULL,
    subaccount text,
    target text NOT NULL,
    is_active boolean NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, provider_id) REFERENCES telephony_providers (tenant_id, id),
    CONSTRAINT telephony_routes_prefix UNIQUE (tenant_id, prefix, exact),
    CONSTRAINT telephony_routes_subaccount UNIQUE (tenant_id, provider_id, subaccount),
    CHECK ((prefix IS NULL) <> (subaccount IS NULL))
);
CREATE INDEX telephony_routes_provider ON telephony_routes (tenant_id, provider_id, id);
SELECT tenant_table('telephony_routes');
