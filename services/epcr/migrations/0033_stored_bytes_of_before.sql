-- concurrently
-- The bytes of versions from before 0032, in portions that commit by themselves; after a kill it goes on. octet_length() reads no record.
DO $$
DECLARE
    began timestamptz := (SELECT applied_at FROM migrations WHERE name = 'epcr/0032_stored_bytes.sql');
    moved boolean;
BEGIN
    IF to_regclass('stored_bytes_counting') IS NULL THEN
        RETURN;
    END IF;
    LOOP
        WITH portion AS (
            SELECT v.tenant_id, v.encounter_id, v.version, octet_length(v.record) AS bytes, v.written_at FROM encounter_versions v
            WHERE (v.encounter_id, v.version) > (SELECT encounter_id, version FROM stored_bytes_counting)
            ORDER BY v.encounter_id, v.version LIMIT 5000
        ), added AS (
            INSERT INTO stored_bytes_added (tenant_id, bytes)
            SELECT tenant_id, sum(bytes) FROM portion WHERE written_at < began GROUP BY tenant_id
        )
        UPDATE stored_bytes_counting c SET encounter_id = p.encounter_id, version = p.version
        FROM (SELECT encounter_id, version FROM portion ORDER BY encounter_id DESC, version DESC LIMIT 1) p;
        moved := FOUND;
        COMMIT;
        EXIT WHEN NOT moved;
    END LOOP;
    INSERT INTO stored_bytes_added (tenant_id, bytes)
    SELECT tenant_id, sum(octet_length(content)) FROM outcomes WHERE recorded_at < began GROUP BY tenant_id;
    DROP TABLE stored_bytes_counting;
END $$;
