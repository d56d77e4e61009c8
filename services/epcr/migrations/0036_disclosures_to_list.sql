-- A correction of an identity writes one row for each patient whose list of disclosures grows, however many the encounter has had. The relay
-- lists them in portions after `place`; until then the list finds them by this row.
CREATE TABLE disclosures_to_list (
    tenant_id text NOT NULL,
    patient_basis bytea NOT NULL,
    encounter_id text NOT NULL,
    place text NOT NULL DEFAULT '',
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, patient_basis, encounter_id)
);
CREATE INDEX disclosures_to_list_turn ON disclosures_to_list (tenant_id, turn_at);
CREATE INDEX disclosures_to_list_marked ON disclosures_to_list (marked_at);
SELECT tenant_table('disclosures_to_list'), worker_writes_all('disclosures_to_list');
REVOKE UPDATE, DELETE ON disclosures_to_list FROM {{app}};

CREATE OR REPLACE FUNCTION list_for_the_other_patient() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.disclosures_to_list (tenant_id, patient_basis, encounter_id)
    SELECT NEW.tenant_id, NEW.patient_basis, NEW.encounter_id
    WHERE EXISTS (SELECT FROM public.disclosures WHERE encounter_id = NEW.encounter_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- The encounter up to which 0037 counted the bytes of readings from before.
CREATE TABLE readings_counting (encounter_id text NOT NULL);
INSERT INTO readings_counting VALUES ('');
