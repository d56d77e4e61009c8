-- Rows that a web process writes and a relay reads for all organisations in turn: slots bound their number.
-- The number of a free slot of that turn in a table with the columns `turn_of` and `slot` and a unique index on both. One by chance, so that two
-- at a time seldom choose the same.
CREATE FUNCTION public.free_slot(waiting regclass, turn text, most integer) RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    free integer;
BEGIN
    EXECUTE format('SELECT n FROM generate_series(1, $2) AS n
        WHERE NOT EXISTS (SELECT FROM %s AS w WHERE w.turn_of = $1 AND w.slot = n) ORDER BY random() LIMIT 1', waiting)
        INTO free USING turn, most;
    IF free IS NULL THEN
        RAISE EXCEPTION 'at most % rows of an organisation wait in %', most, waiting
            USING ERRCODE = 'check_violation', CONSTRAINT = (SELECT relname || '_slots' FROM pg_class WHERE oid = waiting);
    END IF;
    RETURN free;
END $$;
REVOKE EXECUTE ON FUNCTION public.free_slot(regclass, text, integer) FROM PUBLIC;
