-- Ambulance clinical quality indicators: the facts of encounters, and the counts made from them.

-- De-identified facts, the newest version of each encounter, and its counted outcomes. Facts that a later release of epcr sends again have
-- the same version and a higher extent. `reasons` say why the encounter is excluded from indicators, by indicator.
-- Of the crews at an incident, the one with the smallest `arrival` counts for it: seconds of the epoch, 1e12 where no arrival is known;
-- NULL where the encounter does not count.
CREATE TABLE acqi_facts (
    tenant_id text NOT NULL,
    encounter_id text NOT NULL,
    version bigint NOT NULL,
    extent integer NOT NULL DEFAULT 1,
    day date NOT NULL,
    incident text,
    arrival double precision,
    facts jsonb NOT NULL,
    outcomes jsonb NOT NULL,
    reasons jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, encounter_id)
);
-- A page of the encounters behind a count begins at a day and an id.
CREATE INDEX acqi_facts_page ON acqi_facts (tenant_id, day, encounter_id);
CREATE INDEX acqi_facts_incident ON acqi_facts (tenant_id, incident);
-- How far retention is behind, without reading the facts that are kept.
CREATE INDEX acqi_facts_oldest ON acqi_facts (day);
SELECT tenant_table('acqi_facts'), worker_writes_all('acqi_facts');
-- The encounters behind a count are listed. The facts themselves stay closed to the web process.
REVOKE ALL ON acqi_facts FROM {{app}};
GRANT SELECT (tenant_id, encounter_id, day, outcomes, reasons) ON acqi_facts TO {{app}};

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

CREATE FUNCTION add_bins(a integer[], b integer[]) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY place), '{}')
            FROM unnest(a, b) WITH ORDINALITY AS t (x, y, place));
GRANT EXECUTE ON FUNCTION add_bins(integer[], integer[]) TO {{worker}};

-- `version` grows with every change of a tenant's aggregates: answers made from an older one are stale.
CREATE TABLE acqi_tenants (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    suppress_small_cells boolean NOT NULL DEFAULT false
);
SELECT tenant_table('acqi_tenants'), worker_writes_all('acqi_tenants');
REVOKE INSERT, UPDATE, DELETE ON acqi_tenants FROM {{app}};
