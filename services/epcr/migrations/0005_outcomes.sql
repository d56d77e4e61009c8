-- The outcome of a patient, as the hospital reports it: every version. `content` is ciphertext. `identity` is that of the patient in the
-- encounter when the outcome was reported: one of a former identity is another patient's.

CREATE TABLE outcomes (
    encounter_id text NOT NULL REFERENCES encounters,
    version integer NOT NULL,
    tenant_id text NOT NULL,
    identity integer NOT NULL,
    destination_id text NOT NULL REFERENCES destinations,
    content bytea NOT NULL,
    client_id text NOT NULL,
    actor text,
    trace_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (encounter_id, version)
);
-- The relay computes the facts of encounters of all tenants.
SELECT tenant_table('outcomes'), worker_reads_all('outcomes');
REVOKE UPDATE, DELETE ON outcomes FROM {{app}}, {{worker}};
