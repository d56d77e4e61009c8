-- concurrently
-- The rows of 0125 for earlier transactions, in portions that commit by themselves.
DO $$
DECLARE
    after text := '';
BEGIN
    LOOP
        WITH portion AS (
            SELECT id, tenant_id, encounter_id, destination_id, identity, version, revision, patient, readings FROM disclosures
            WHERE id > after ORDER BY id LIMIT 5000
        ), patients AS (
            INSERT INTO patients_taken AS t (encounter_id, destination_id, identity, patient, tenant_id, first_revision, last_revision, version)
            SELECT encounter_id, destination_id, identity, patient, tenant_id, min(revision), max(revision), max(version)
            FROM portion WHERE patient IS NOT NULL GROUP BY encounter_id, destination_id, identity, patient, tenant_id ORDER BY 1, 2, 3, 4
            ON CONFLICT (encounter_id, destination_id, identity, patient) DO UPDATE
            SET first_revision = least(t.first_revision, excluded.first_revision),
                last_revision = greatest(t.last_revision, excluded.last_revision), version = greatest(t.version, excluded.version)
        ), places AS (
            INSERT INTO places_taken AS t (encounter_id, destination_id, identity, place, tenant_id, first_revision)
            SELECT encounter_id, destination_id, identity, place, tenant_id, min(revision)
            FROM portion CROSS JOIN unnest(readings) AS place WHERE patient IS NOT NULL
            GROUP BY encounter_id, destination_id, identity, place, tenant_id ORDER BY 1, 2, 3, 4
            ON CONFLICT (encounter_id, destination_id, identity, place) DO UPDATE
            SET first_revision = least(t.first_revision, excluded.first_revision)
        )
        SELECT max(id) INTO after FROM portion;
        COMMIT;
        EXIT WHEN after IS NULL;
    END LOOP;
END $$;
