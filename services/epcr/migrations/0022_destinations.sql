-- Where patients are brought, which app reads there who they are, and each time that it did.

CREATE TABLE destinations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    code text NOT NULL,
    code_system text NOT NULL,
    type text NOT NULL,
    client_id text NOT NULL,
    legal_basis text NOT NULL,
    agreement text,
    readable_days integer NOT NULL CHECK (readable_days BETWEEN 1 AND 365),
    allows_break_glass boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    UNIQUE (tenant_id, code_system, code)
);
CREATE INDEX destinations_newest ON destinations (tenant_id, id DESC);
CREATE INDEX destinations_app ON destinations (tenant_id, client_id);
SELECT tenant_table('destinations');

-- Each destination that an encounter had, in their order; the present one has no end.
CREATE TABLE encounter_destinations (
    encounter_id text NOT NULL REFERENCES encounters,
    position integer NOT NULL,
    tenant_id text NOT NULL,
    destination_id text NOT NULL REFERENCES destinations,
    named_by text NOT NULL,
    actor text,
    trace_id text NOT NULL,
    named_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (encounter_id, position)
);
CREATE UNIQUE INDEX encounter_destinations_present ON encounter_destinations (encounter_id) WHERE ended_at IS NULL;
CREATE INDEX encounter_destinations_of ON encounter_destinations (destination_id, named_at);
SELECT tenant_table('encounter_destinations');
REVOKE UPDATE, DELETE ON encounter_destinations FROM {{app}}, {{worker}};
GRANT UPDATE (ended_at) ON encounter_destinations TO {{app}};

-- Emergency access to an encounter that is bound for another destination, or for none. `explanation` is ciphertext.
CREATE TABLE emergency_accesses (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    encounter_id text NOT NULL REFERENCES encounters,
    destination_id text NOT NULL REFERENCES destinations,
    client_id text NOT NULL,
    actor text,
    reason text NOT NULL,
    explanation bytea NOT NULL,
    trace_id text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL
);
CREATE INDEX emergency_accesses_encounter ON emergency_accesses (encounter_id, client_id, until);
CREATE INDEX emergency_accesses_destination ON emergency_accesses (destination_id);
CREATE INDEX emergency_accesses_newest ON emergency_accesses (tenant_id, id DESC);
CREATE INDEX emergency_accesses_app ON emergency_accesses (tenant_id, client_id, opened_at);
SELECT tenant_table('emergency_accesses');
REVOKE UPDATE, DELETE ON emergency_accesses FROM {{app}}, {{worker}};

-- Each time that an app got identified data: `digest` is SHA-256 of the bytes. `identity`, `version` and `revision` are the encounter's.
CREATE TABLE disclosures (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    encounter_id text NOT NULL REFERENCES encounters,
    identity integer NOT NULL,
    version integer NOT NULL,
    revision bigint NOT NULL,
    destination_id text NOT NULL REFERENCES destinations,
    client_id text NOT NULL,
    actor text,
    purpose text NOT NULL CHECK (purpose IN ('TREAT', 'BTG')),
    legal_basis text NOT NULL,
    emergency_id text REFERENCES emergency_accesses,
    content text NOT NULL,
    sections text[] NOT NULL,
    language text NOT NULL,
    digest bytea NOT NULL,
    trace_id text NOT NULL,
    disclosed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((purpose = 'BTG') = (emergency_id IS NOT NULL))
);
CREATE INDEX disclosures_encounter ON disclosures (encounter_id, id DESC);
SELECT tenant_table('disclosures');
REVOKE UPDATE, DELETE ON disclosures FROM {{app}}, {{worker}};

-- How documents name the service that sends them.
CREATE TABLE senders (
    tenant_id text PRIMARY KEY,
    name text NOT NULL,
    code text,
    code_system text,
    phone text
);
SELECT tenant_table('senders');

-- A patient's disclosures include those under an identity that was corrected.
CREATE INDEX encounter_identities_patient ON encounter_identities (tenant_id, patient_basis);
