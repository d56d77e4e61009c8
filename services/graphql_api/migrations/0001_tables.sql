-- What auth has said of each app: which bundles of approved documents it was granted.
CREATE TABLE graphql_apps (
    client_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    bundles text[] NOT NULL
);
SELECT tenant_table('graphql_apps');
REVOKE INSERT, UPDATE, DELETE ON graphql_apps FROM {{app}};

CREATE TABLE incidents (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    number text NOT NULL,
    type text NOT NULL,
    priority text NOT NULL,
    status text NOT NULL,
    latitude numeric(5, 2),
    longitude numeric(5, 2),
    units text[] NOT NULL,
    cad_incident_id text,
    closed_reason text,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    closed_at timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, number),
    CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CHECK ((status = 'closed') = (closed_reason IS NOT NULL)),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX incidents_cad ON incidents (tenant_id, cad_incident_id) WHERE cad_incident_id IS NOT NULL;
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;
SELECT tenant_table('incidents'), worker_writes_all('incidents');

CREATE TABLE incident_timeline (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    incident_id text NOT NULL,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    was text,
    became text,
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX incident_timeline_incident ON incident_timeline (tenant_id, incident_id, id);
SELECT tenant_table('incident_timeline');

-- The last number given out in a year; numbers are what people call incidents by.
CREATE TABLE incident_numbers (
    tenant_id text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (tenant_id, year)
);
SELECT tenant_table('incident_numbers');

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

-- De-identified facts, the newest version of each encounter, and what was counted for it.
CREATE TABLE acqi_facts (
    tenant_id text NOT NULL,
    encounter_id text NOT NULL,
    version bigint NOT NULL,
    day date NOT NULL,
    facts jsonb NOT NULL,
    outcomes jsonb NOT NULL,
    PRIMARY KEY (tenant_id, encounter_id)
);
CREATE INDEX acqi_facts_day ON acqi_facts (tenant_id, day);
SELECT tenant_table('acqi_facts'), worker_writes_all('acqi_facts');
REVOKE ALL ON acqi_facts FROM {{app}};

-- One row per indicator and UTC day, and one per calendar month, so that a long range costs no more than a short one.
-- `bins` counts times by tenths of a minute.
CREATE TABLE acqi_aggregates (
    tenant_id text NOT NULL,
    grain text NOT NULL CHECK (grain IN ('day', 'month')),
    period_start date NOT NULL,
    indicator text NOT NULL,
    met integer NOT NULL,
    not_met integer NOT NULL,
    excluded integer NOT NULL,
    unknown integer NOT NULL,
    bins integer[] NOT NULL,
    PRIMARY KEY (tenant_id, grain, period_start, indicator)
);
SELECT tenant_table('acqi_aggregates'), worker_writes_all('acqi_aggregates');
REVOKE INSERT, UPDATE, DELETE ON acqi_aggregates FROM {{app}};

-- `version` grows with every change of a tenant's aggregates: answers made from an older one are stale.
CREATE TABLE acqi_tenants (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    suppress_small_cells boolean NOT NULL DEFAULT false
);
SELECT tenant_table('acqi_tenants'), worker_writes_all('acqi_tenants');
REVOKE INSERT, UPDATE, DELETE ON acqi_tenants FROM {{app}};

CREATE FUNCTION add_bins(a integer[], b integer[]) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY place), '{}')
            FROM unnest(a, b) WITH ORDINALITY AS t (x, y, place));
