-- concurrently
-- The rows of 0125 for earlier transactions, in portions that commit by themselves. Patients before places, as the trigger does. A portion whose
-- encounter was deleted meanwhile is done again.
DO $$
DECLARE
    after text := '';
    last text;
BEGIN
    LOOP
        BEGIN
            SELECT max(id) INTO last FROM (SELECT id FROM disclosures WHERE id > after ORDER BY id LIMIT 5000) AS portion;
            INSERT INTO patients_taken AS t (encounter_id, destination_id, identity, patient, tenant_id, first_revision, last_revision, version)
            SELECT encounter_id, destination_id, identity, patient, tenant_id, min(revision), max(revision), max(version)
            FROM disclosures WHERE id > after AND id <= last AND patient IS NOT NULL
            GROUP BY encounter_id, destination_id, identity, patient, tenant_id ORDER BY 1, 2, 3, 4, 5
            ON CONFLICT (encounter_id, destination_id, identity, patient, tenant_id) DO UPDATE
            SET first_revision = least(t.first_revision, excluded.first_revision),
                last_revision = greatest(t.last_revision, excluded.last_revision), version = greatest(t.version, excluded.version);
            INSERT INTO places_taken AS t (encounter_id, destination_id, identity, place, tenant_id, first_revision)
            SELECT encounter_id, destination_id, identity, place, tenant_id, min(revision)
            FROM disclosures CROSS JOIN unnest(readings) AS place WHERE id > after AND id <= last AND patient IS NOT NULL
            GROUP BY encounter_id, destination_id, identity, place, tenant_id ORDER BY 1, 2, 3, 4, 5
            ON CONFLICT (encounter_id, destination_id, identity, place, tenant_id) DO UPDATE
            SET first_revision = least(t.first_revision, excluded.first_revision);
        EXCEPTION WHEN foreign_key_violation OR deadlock_detected THEN
            CONTINUE;
        END;
        COMMIT;
        EXIT WHEN last IS NULL;
        after := last;
    END LOOP;
END $$;
