-- concurrently
-- The indexes of 0030, and its columns and rows for earlier encounters, in portions that commit by themselves.
DO $$
DECLARE
    encounter text := '';
    number integer := 0;
BEGIN
    LOOP
        WITH portion AS (
            SELECT encounter_id, position FROM encounter_destinations WHERE (encounter_id, position) > (encounter, number)
            ORDER BY encounter_id, position LIMIT 5000
        ), counted AS (
            SELECT p.encounter_id, p.position, greatest(n.named_at, (
                SELECT min(written_at) FROM encounter_versions v
                WHERE v.encounter_id = n.encounter_id AND v.status IN ('completed', 'handed_over'))) AS beginning
            FROM portion p JOIN encounter_destinations n USING (encounter_id, position) WHERE n.counted_from IS NULL
        ), written AS (
            UPDATE encounter_destinations n SET counted_from = c.beginning,
                listed_until = CASE WHEN n.ended_at IS NULL AND e.status <> 'cancelled' THEN c.beginning + make_interval(days => d.readable_days) END
            FROM counted c, destinations d, encounters e
            WHERE n.encounter_id = c.encounter_id AND n.position = c.position AND d.id = n.destination_id AND e.id = n.encounter_id
        )
        SELECT encounter_id, position INTO encounter, number FROM portion ORDER BY encounter_id DESC, position DESC LIMIT 1;
        COMMIT;
        EXIT WHEN encounter IS NULL;
    END LOOP;
END $$;
DO $$
DECLARE
    place text := '';
BEGIN
    LOOP
        WITH portion AS (
            SELECT id, tenant_id, encounter_id FROM disclosures WHERE id > place ORDER BY id LIMIT 5000
        ), written AS (
            INSERT INTO patient_disclosures (tenant_id, patient_basis, disclosure_id)
            SELECT p.tenant_id, e.patient_basis, p.id FROM portion p JOIN encounters e ON e.id = p.encounter_id WHERE e.patient_basis IS NOT NULL
            UNION SELECT p.tenant_id, i.patient_basis, p.id FROM portion p JOIN encounter_identities i ON i.encounter_id = p.encounter_id
            ON CONFLICT DO NOTHING
        )
        SELECT max(id) INTO place FROM portion;
        COMMIT;
        EXIT WHEN place IS NULL;
    END LOOP;
END $$;
DROP INDEX CONCURRENTLY IF EXISTS encounter_destinations_listed;
CREATE INDEX CONCURRENTLY encounter_destinations_listed ON encounter_destinations (destination_id, encounter_id COLLATE "C" DESC) INCLUDE (counted_from)
    WHERE ended_at IS NULL AND listed_until IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS encounter_destinations_over;
CREATE INDEX CONCURRENTLY encounter_destinations_over ON encounter_destinations (listed_until)
    WHERE ended_at IS NULL AND listed_until IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS encounter_destinations_bound;
CREATE INDEX CONCURRENTLY encounter_destinations_bound ON encounter_destinations (destination_id, encounter_id) WHERE ended_at IS NULL;
