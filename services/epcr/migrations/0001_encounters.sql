-- Encounters, every version of them, and how each app is to see it all.

-- `record` is encrypted for this tenant and encounter: all that the crew wrote, the patient's identity included, is in it alone. `brief` is a small
-- ciphertext beside it, with the values that decisions about identities need, so that a list opens no record.
-- The key of an encounter's pseudonyms, `pseudonym_version`, is fixed when it is begun, since its entries have pseudonyms before the patient is shown;
-- that of a sandbox, and `patient_basis`, from which the patient's are made, when the patient is first shown. Pseudonyms never move.
-- Apps that are shown moved times read each encounter as it stood at an earlier day, in an order that says nothing of when it was made: `shuffled`.
-- `anchor` is the record's: moved times are counted from it.
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
    record bytea NOT NULL,
    brief bytea NOT NULL,
    anchor timestamptz NOT NULL,
    shuffled uuid NOT NULL DEFAULT gen_random_uuid(),
    pseudonym_version smallint,
    patient_basis bytea,
    -- The patient's identity can be corrected: the number of its identities, and the first one of the present patient. An encounter may have had other
    -- pseudonyms of the same person, when a number was learned or a wrong number of another encounter went.
    identity integer NOT NULL DEFAULT 1,
    patient_since integer NOT NULL DEFAULT 1,
    -- The basis that moves the times where a correction changed `patient_basis`: an encounter's times are moved once.
    moved_by bytea,
    -- The devices' readings that are linked to it; a bound holds for them.
    readings integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (tenant_id, cad_incident_id, vehicle_id, patient_number),
    CHECK (patient_basis IS NULL OR pseudonym_version IS NOT NULL)
);
CREATE INDEX encounters_newest ON encounters (tenant_id, id DESC);
CREATE INDEX encounters_of_status ON encounters (tenant_id, status, id DESC);
CREATE INDEX encounters_of_vehicle ON encounters (tenant_id, vehicle_id, id DESC);
CREATE UNIQUE INDEX encounters_shuffled ON encounters (tenant_id, shuffled);
CREATE INDEX encounters_patient ON encounters (tenant_id, patient_basis) WHERE patient_basis IS NOT NULL;
SELECT tenant_table('encounters'), worker_writes_all('encounters');
REVOKE DELETE ON encounters FROM {{app}}, {{worker}};

CREATE TABLE encounter_versions (
    encounter_id text NOT NULL REFERENCES encounters,
    version integer NOT NULL,
    tenant_id text NOT NULL,
    care_model text NOT NULL,
    status text NOT NULL,
    -- The encounter's with that version.
    amended boolean NOT NULL,
    record bytea NOT NULL,
    client_id text NOT NULL,
    actor text,
    trace_id text NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, version)
);
-- When an encounter was closed, also of one that was written again and again afterwards.
CREATE INDEX encounter_versions_closed ON encounter_versions (encounter_id, written_at) WHERE status IN ('completed', 'handed_over');
SELECT tenant_table('encounter_versions');
REVOKE UPDATE, DELETE ON encounter_versions FROM {{app}}, {{worker}};

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
