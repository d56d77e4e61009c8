-- Partitions are made ahead by the relay, and by whoever is the first to write on a day: a relay that is down stops no writing. Of two that
-- make the same one at once, the later finds it made. A service with partitioned tables grants its roles the days around today, no others.
CREATE OR REPLACE FUNCTION ensure_partition(parent regclass, day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    child text := format('%s_%s', parent::text, to_char(day, 'YYYYMMDD'));
BEGIN
    IF to_regclass(child) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', child, parent, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', child);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
    END IF;
EXCEPTION WHEN duplicate_table THEN
    NULL;
END $$;

CREATE FUNCTION ensure_partitions_around_today(parent regclass) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    SELECT ensure_partition(parent, (now() AT TIME ZONE 'UTC')::date + distance) FROM generate_series(-8, 8) AS distance
$$;

REVOKE EXECUTE ON FUNCTION ensure_partitions_around_today(regclass) FROM PUBLIC;
