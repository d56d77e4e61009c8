-- The patient's identity in an encounter can be corrected. `identity` counts the identities; each but the first is a correction.
-- `identity_rule` is the rule by which `patient_basis` was made: 1, from the first number by system; 2, from any number that another
-- encounter of the tenant has as well. Rows of rule 1 have no `patient_numbers` yet and get them when they are next read.
-- `moved_by` is the basis that moves the times where a correction changed `patient_basis`: an encounter's times are moved once.
ALTER TABLE encounters
    ADD COLUMN identity integer NOT NULL DEFAULT 1,
    ADD COLUMN identity_rule smallint NOT NULL DEFAULT 1,
    ADD COLUMN moved_by bytea;
CREATE INDEX encounters_patient ON encounters (tenant_id, patient_basis) WHERE patient_basis IS NOT NULL;

-- Keyed digests of the numbers of each disclosed encounter's patient. `position` is the number's place by system.
CREATE TABLE patient_numbers (
    encounter_id text NOT NULL REFERENCES encounters,
    number bytea NOT NULL,
    tenant_id text NOT NULL,
    position smallint NOT NULL,
    PRIMARY KEY (encounter_id, number)
);
CREATE INDEX patient_numbers_number ON patient_numbers (tenant_id, number, encounter_id);
SELECT tenant_table('patient_numbers');

-- All identities of an encounter whose identity was corrected, the first included.
CREATE TABLE encounter_identities (
    encounter_id text NOT NULL REFERENCES encounters,
    identity integer NOT NULL,
    tenant_id text NOT NULL,
    patient_basis bytea NOT NULL,
    began_at timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, identity)
);
SELECT tenant_table('encounter_identities');
REVOKE UPDATE, DELETE ON encounter_identities FROM {{app}}, {{worker}};

-- The apps that fetched an encounter under each identity. `version`, `revision` and `until` are those of the newest bundle, absent
-- where the app fetched JSON only; `until` is the end of the edition of an app with moved times. `forms` are those of the devices'
-- readings in its bundles.
CREATE TABLE recipients (
    encounter_id text NOT NULL REFERENCES encounters,
    identity integer NOT NULL,
    client_id text NOT NULL,
    domain text NOT NULL,
    mode text NOT NULL,
    tenant_id text NOT NULL,
    version integer,
    revision bigint,
    until timestamptz,
    forms text[] NOT NULL DEFAULT '{}',
    fetched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (encounter_id, identity, client_id, domain, mode)
);
SELECT tenant_table('recipients');
REVOKE DELETE ON recipients FROM {{app}}, {{worker}};
