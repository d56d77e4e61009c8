-- concurrently
-- The bytes of readings from before, 400 for each, in portions that commit by themselves; after a kill it goes on. Readings that come meanwhile
-- to an encounter that is not counted yet count here, those of other encounters not, unless a worker of this release links them.
DO $$
DECLARE
    moved boolean;
BEGIN
    IF to_regclass('readings_counting') IS NULL THEN
        RETURN;
    END IF;
    LOOP
        WITH portion AS (
            SELECT id, tenant_id, readings FROM encounters WHERE id > (SELECT encounter_id FROM readings_counting) ORDER BY id LIMIT 5000
        ), added AS (
            INSERT INTO stored_bytes_added (tenant_id, bytes)
            SELECT tenant_id, 400 * sum(readings) FROM portion WHERE readings > 0 GROUP BY tenant_id
        )
        UPDATE readings_counting c SET encounter_id = p.id FROM (SELECT id FROM portion ORDER BY id DESC LIMIT 1) p;
        moved := FOUND;
        COMMIT;
        EXIT WHEN NOT moved;
    END LOOP;
    DROP TABLE readings_counting;
END $$;
