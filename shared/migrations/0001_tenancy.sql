-- Row-level security of tenants in every service's database, and the partitions of tables by day. {{app}} and {{worker}} are this service's roles.
-- No function of an owner looks up a name in a schema that a role of a process can fill, and none is executable unless it is granted by name.

CREATE FUNCTION current_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.tenant_id', true), '');
GRANT EXECUTE ON FUNCTION current_tenant() TO {{app}}, {{worker}};

-- Puts a table under forced row-level security: both roles see and write the tenant set in their transaction, nothing else.
CREATE FUNCTION tenant_table(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_isolation ON %s TO {{app}}, {{worker}} USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {{app}}, {{worker}}', name);
END $$;

-- The few statements of workers that run across tenants: only in a transaction that has set no tenant. One that has is held to it.
CREATE FUNCTION worker_reads_all(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY worker_reads_all ON %s FOR SELECT TO {{worker}} USING ((SELECT current_tenant()) IS NULL)', name);
END $$;

CREATE FUNCTION worker_writes_all(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY worker_writes_all ON %s TO {{worker}} USING ((SELECT current_tenant()) IS NULL) WITH CHECK ((SELECT current_tenant()) IS NULL)', name);
END $$;

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

-- Partitions are made ahead by the relay, and by the first process that writes on a day: a relay that is down stops no writing. Of two that
-- make the same one at once, the later finds it made. The worker, which owns no table, does it through these functions. A service grants its roles
-- `ensure_partitions_around_today`: no other days. A migration may make any day's partition; a process only those around today, so that it cannot
-- fill the catalogue.
CREATE FUNCTION public.ensure_partition(parent regclass, day date) RETURNS void
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

CREATE FUNCTION public.ensure_partitions_around_today(parent regclass) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT public.ensure_partition(parent, (pg_catalog.now() AT TIME ZONE 'UTC')::date + distance)
    FROM pg_catalog.generate_series(-8, 8) AS distance
$$;

-- Drops none of today or later, whichever day is asked for.
CREATE FUNCTION public.drop_partitions_before(parent regclass, day date) RETURNS integer
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
GRANT EXECUTE ON FUNCTION public.ensure_partition(regclass, date), public.drop_partitions_before(regclass, date) TO {{worker}};
