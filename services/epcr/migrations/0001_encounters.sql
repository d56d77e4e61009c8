-- Encounters, every version of them, what devices observed, and how each app is to see it all.

-- `record` is encrypted for this tenant and encounter: whatever the crew wrote, the patient's identity included, is in it alone.
-- `patient_basis` and `pseudonym_version` are fixed when the patient is first shown to a partner, so that pseudonyms never move.
CREATE TABLE encounters (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    care_model text NOT NULL,
    status text NOT NULL CHECK (status IN ('in_progress', 'completed', 'handed_over', 'cancelled')),
    vehicle_id text NOT NULL,
    cad_incident_id text NOT NULL,
    patient_number integer NOT NULL,
    test boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 1,
    revision bigint NOT NULL DEFAULT 1,
    amended boolean NOT NULL DEFAULT false,
    patient_basis bytea,
    pseudonym_version smallint,
    record bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (tenant_id, cad_incident_id, vehicle_id, patient_number),
    CHECK ((patient_basis IS NULL) = (pseudonym_version IS NULL))
);
CREATE INDEX encounters_newest ON encounters (tenant_id, id DESC);
SELECT tenant_table('encounters'), worker_writes_all('encounters');
REVOKE DELETE ON encounters FROM {{app}}, {{worker}};

CREATE TABLE encounter_versions (
    encounter_id text NOT NULL REFERENCES encounters,
    version integer NOT NULL,
    tenant_id text NOT NULL,
    care_model text NOT NULL,
    status text NOT NULL,
    record bytea NOT NULL,
    client_id text NOT NULL,
    actor text,
    trace_id text NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, version)
);
SELECT tenant_table('encounter_versions');
REVOKE UPDATE, DELETE ON encounter_versions FROM {{app}}, {{worker}};

-- What devices observed. `revision` is the encounter's when it came in, so that a reader who saw that revision sees no later one.
-- It is null while the encounter is not known here: device-ingest is told `unknown` after a while, `linked` if it appears after all.
CREATE TABLE observations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    encounter_id text NOT NULL,
    device_id text NOT NULL,
    device_class text NOT NULL,
    mdc_code text NOT NULL,
    mdc_code10 bigint NOT NULL,
    value numeric,
    unit_code text,
    data_absent_reason text,
    observed_at timestamptz NOT NULL,
    flags text[] NOT NULL DEFAULT '{}',
    test boolean NOT NULL DEFAULT false,
    revision bigint,
    reported_unknown boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX observations_encounter ON observations (encounter_id, observed_at, id) WHERE revision IS NOT NULL;
CREATE INDEX observations_waiting ON observations (received_at) WHERE revision IS NULL;
SELECT tenant_table('observations'), worker_writes_all('observations');
REVOKE INSERT, UPDATE, DELETE ON observations FROM {{app}};

CREATE TABLE apps (
    client_id text NOT NULL,
    tenant_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    pseudonym_domain text NOT NULL,
    deidentification text NOT NULL CHECK (deidentification IN ('exact', 'shifted', 'safe_harbor')),
    PRIMARY KEY (tenant_id, client_id)
);
SELECT tenant_table('apps');
REVOKE INSERT, UPDATE, DELETE ON apps FROM {{app}};
