-- How far the relay has compared the trail with its seals: one row, of no tenant. `place` is that of the pass under way; the other columns
-- are of the last time that a pass reached the end of the chain.
CREATE TABLE audit_checks (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    began_at timestamptz NOT NULL,
    place jsonb NOT NULL,
    checked_at timestamptz,
    checked_position bigint,
    checked_hash bytea,
    sealed_until timestamptz,
    fault text,
    broken boolean GENERATED ALWAYS AS (fault IS NOT NULL) STORED
);
-- The app does not see a fault, which may name an entry of any tenant, nor how many batches there are.
GRANT SELECT (checked_at, sealed_until, checked_hash, broken) ON audit_checks TO {{app}};
GRANT SELECT, INSERT, UPDATE ON audit_checks TO {{worker}};

-- Who has read the trail with which question in which hour, so that the trail has one entry of it.
CREATE TABLE audit_reads (
    tenant_id text NOT NULL,
    digest bytea NOT NULL,
    hour timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest, hour)
);
CREATE INDEX audit_reads_hour ON audit_reads (hour);
SELECT tenant_table('audit_reads'), worker_writes_all('audit_reads');

-- When an entry of the caller's own tenant was sealed, and whether its batch was compared with the chain since; no row without a seal.
-- The app sees no batch and no leaf, because they tell how much other tenants do.
CREATE FUNCTION public.seal_of_entry(entry uuid) RETURNS TABLE (sealed_at timestamptz, checked boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT b.sealed_at, COALESCE((SELECT c.fault IS NULL AND b.position <= c.checked_position FROM public.audit_checks c), false)
    FROM public.audit a JOIN public.audit_leaves l ON l.audit_id = a.id JOIN public.audit_batches b ON b.position = l.batch
    WHERE a.id = entry AND a.tenant_id = public.current_tenant()
    UNION ALL
    SELECT s.sealed_at, COALESCE((SELECT c.fault IS NULL AND c.checked_at IS NOT NULL FROM public.audit_checks c), false)
    FROM public.audit a JOIN public.audit_seals s ON s.audit_id = a.id
    WHERE a.id = entry AND a.tenant_id = public.current_tenant()
$$;
REVOKE EXECUTE ON FUNCTION public.seal_of_entry(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.seal_of_entry(uuid) TO {{app}};
