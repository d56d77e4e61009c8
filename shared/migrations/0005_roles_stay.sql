-- A role of a process stays what it is: no function of the owner looks up a name in a schema that the role can fill, none works on a table
-- that is no daily one, and none is executable unless it was granted. Migrations that add functions grant them by name.
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT oid::regprocedure AS function, NOT prosecdef AND prorettype <> 'trigger'::regtype AS plain
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')
    LOOP
        IF each.plain THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {{app}}, {{worker}}', each.function);
        END IF;
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each.function);
    END LOOP;
END $$;

GRANT EXECUTE ON FUNCTION current_tenant() TO {{app}}, {{worker}};

-- The name of a table of this service that is partitioned by day. Raises insufficient_privilege for any other.
CREATE FUNCTION public.daily_table(parent regclass) RETURNS name LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found name;
BEGIN
    SELECT c.relname INTO found
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid
    WHERE c.oid = parent AND c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relowner = current_user::pg_catalog.regrole
        AND c.relrowsecurity AND c.relforcerowsecurity AND p.partstrat = 'r' AND p.partnatts = 1;
    IF found IS NULL THEN
        RAISE EXCEPTION '% is no table with daily partitions', parent USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN found;
END $$;
REVOKE EXECUTE ON FUNCTION public.daily_table(regclass) FROM PUBLIC;

-- A migration may make any day's partition; a process only those around today, so that it cannot fill the catalogue.
CREATE OR REPLACE FUNCTION public.ensure_partition(parent regclass, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    child text := pg_catalog.format('%s_%s', public.daily_table(parent), pg_catalog.to_char(day, 'YYYYMMDD'));
    today date := (pg_catalog.now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF pg_catalog.abs(day - today) > 31 AND NOT pg_catalog.pg_has_role(session_user, current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'a process makes no partition of %', day USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF pg_catalog.to_regclass(pg_catalog.format('public.%I', child)) IS NULL THEN
        EXECUTE pg_catalog.format('CREATE TABLE public.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
            child, parent, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        EXECUTE pg_catalog.format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', child);
        EXECUTE pg_catalog.format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', child);
    END IF;
EXCEPTION WHEN duplicate_table THEN
    NULL;
END $$;

-- Drops none of today or later, whatever is asked.
CREATE OR REPLACE FUNCTION public.drop_partitions_before(parent regclass, day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stem text := public.daily_table(parent);
    until date := LEAST(day, (pg_catalog.now() AT TIME ZONE 'UTC')::date);
    child name;
    dropped integer := 0;
BEGIN
    FOR child IN
        SELECT c.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent AND c.relnamespace = 'public'::pg_catalog.regnamespace
            AND pg_catalog.starts_with(c.relname, stem || '_') AND pg_catalog.substr(c.relname, pg_catalog.length(stem) + 2) ~ '^\d{8}$'
            AND pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD') < until
    LOOP
        EXECUTE pg_catalog.format('DROP TABLE public.%I', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

CREATE OR REPLACE FUNCTION public.ensure_partitions_around_today(parent regclass) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT public.ensure_partition(parent, (pg_catalog.now() AT TIME ZONE 'UTC')::date + distance)
    FROM pg_catalog.generate_series(-8, 8) AS distance
$$;

-- The time of an entry of the audit trail is the database's, never the writer's.
REVOKE INSERT ON audit FROM {{app}}, {{worker}};
GRANT INSERT (id, tenant_id, client_id, actor, action, subject_id, detail, trace_id) ON audit TO {{app}}, {{worker}};
