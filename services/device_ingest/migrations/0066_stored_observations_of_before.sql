-- concurrently
-- The observations from before 0065, a day in each transaction; after a kill it goes on. Those whose announcement waits meanwhile count twice,
-- those that a relay of the release before announces later not at all.
DO $$
DECLARE
    counted text;
BEGIN
    IF to_regclass('stored_counting') IS NULL THEN
        RETURN;
    END IF;
    LOOP
        DELETE FROM stored_counting WHERE day = (SELECT min(day) FROM stored_counting) RETURNING day INTO counted;
        EXIT WHEN counted IS NULL;
        IF to_regclass('observations_' || counted) IS NOT NULL THEN
            EXECUTE format('INSERT INTO stored_by_day AS s (day, tenant_id, observations)
                SELECT to_date(%L, ''YYYYMMDD''), tenant_id, count(*) FROM %I GROUP BY tenant_id
                ON CONFLICT (day, tenant_id) DO UPDATE SET observations = s.observations + excluded.observations', counted, 'observations_' || counted);
            INSERT INTO stored_observations AS s (tenant_id, observations)
            SELECT tenant_id, observations FROM stored_by_day WHERE day = to_date(counted, 'YYYYMMDD')
            ON CONFLICT (tenant_id) DO UPDATE SET observations = s.observations + excluded.observations;
        END IF;
        COMMIT;
    END LOOP;
    DROP TABLE stored_counting;
END $$;
