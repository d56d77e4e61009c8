-- Organisations whose deliveries operators have stopped: the row is the decision. Every claim reads it, and nothing of the organisation is sent from
-- the next claim on, until the row is gone. Deliveries wait meanwhile in their places.
CREATE TABLE stopped_tenants (
    tenant_id text COLLATE "C" PRIMARY KEY CHECK (octet_length(tenant_id) <= 64),
    act_id text NOT NULL,
    reason text NOT NULL CHECK (char_length(reason) <= 500),
    stopped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('stopped_tenants'), worker_writes_all('stopped_tenants');
REVOKE INSERT, UPDATE, DELETE ON stopped_tenants FROM {{app}};

-- Those of all tenants, for the platform's own tenant alone.
CREATE FUNCTION public.stopped_tenants_of_all(whose text, after text, most integer)
RETURNS TABLE (tenant_id text, act_id text, reason text, stopped_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.tenant_id, s.act_id, s.reason, s.stopped_at FROM public.stopped_tenants s
    WHERE public.current_tenant() = 'org_00000000000000000000000000'
        AND (whose IS NULL OR s.tenant_id = whose) AND (after IS NULL OR s.tenant_id > after)
    ORDER BY s.tenant_id LIMIT least(most, 101)
$$;
REVOKE EXECUTE ON FUNCTION public.stopped_tenants_of_all(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.stopped_tenants_of_all(text, text, integer) TO {{app}};
