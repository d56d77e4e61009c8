-- Who the patients are: the numbers that tell it, the corrections, and the apps that fetched an encounter under each identity.

-- Keyed digests of the numbers of one person each of every disclosed encounter's patient, each with a keyed digest of its system: numbers of one system
-- tell two people apart. `position` is the number's place by system, below 0 for one that is too short to connect two encounters.
CREATE TABLE patient_numbers (
    encounter_id text NOT NULL REFERENCES encounters,
    number bytea NOT NULL,
    tenant_id text NOT NULL,
    space bytea NOT NULL,
    position smallint NOT NULL,
    PRIMARY KEY (encounter_id, number)
);
CREATE INDEX patient_numbers_number ON patient_numbers (tenant_id, number, encounter_id);
SELECT tenant_table('patient_numbers');

-- All identities of an encounter whose identity was corrected, the first included. A correction may be corrected: the patient that an encounter had
-- before is its patient again. `patient` is the first identity under which the encounter had the patient of this one. `marks` are keyed digests of the
-- numbers of the patient whom the encounter left, and of a full name with the date of birth. Outcomes of all identities of the present patient are its own.
CREATE TABLE encounter_identities (
    encounter_id text NOT NULL REFERENCES encounters,
    identity integer NOT NULL,
    tenant_id text NOT NULL,
    patient integer NOT NULL,
    patient_basis bytea NOT NULL,
    marks bytea[] NOT NULL,
    began_at timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, identity)
);
SELECT tenant_table('encounter_identities');
REVOKE UPDATE, DELETE ON encounter_identities FROM {{app}}, {{worker}};
GRANT UPDATE (marks) ON encounter_identities TO {{app}};

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
    forms text[] NOT NULL,
    PRIMARY KEY (encounter_id, identity, client_id, domain, mode)
);
SELECT tenant_table('recipients');
REVOKE DELETE ON recipients FROM {{app}}, {{worker}};
