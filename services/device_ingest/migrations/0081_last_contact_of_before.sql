-- concurrently
-- The last contact of devices from before 0080: their newest observation, 500 devices in each transaction; after a kill it begins again. A device that
-- sends only to a relay of the release before meanwhile has its contact with its next observation.
DO $$
DECLARE
    last text := '';
    portion text[];
BEGIN
    LOOP
        portion := ARRAY(SELECT id FROM devices WHERE id > last ORDER BY id LIMIT 500);
        EXIT WHEN cardinality(portion) = 0;
        INSERT INTO device_contacts (tenant_id, device_id, last_at)
        SELECT d.tenant_id, d.id, o.recorded_at FROM devices d CROSS JOIN LATERAL (
            SELECT recorded_at FROM observations WHERE device_id = d.id ORDER BY observed_at DESC LIMIT 1) AS o
        WHERE d.id = ANY (portion)
        ON CONFLICT DO NOTHING;
        last := portion[cardinality(portion)];
        COMMIT;
    END LOOP;
END $$;
