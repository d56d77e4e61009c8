-- Sandboxes that an organisation made by itself, and how far the work in them is: one portion at a time is under way.
ALTER TABLE tenants ADD CONSTRAINT tenants_environment UNIQUE (tenant_id, environment);
CREATE TABLE sandboxes (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    sandbox_tenant_id text NOT NULL UNIQUE,
    -- No statement can add a row that names a tenant of production: work goes to sandboxes alone.
    environment text NOT NULL DEFAULT 'sandbox' CHECK (environment = 'sandbox'),
    name text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    seed bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('preparing', 'ready', 'resetting', 'deleting', 'deleted')),
    generation integer NOT NULL DEFAULT 1,
    until timestamptz NOT NULL DEFAULT clock_timestamp(),
    step integer NOT NULL DEFAULT 0,
    portion integer NOT NULL DEFAULT 0,
    scenarios integer NOT NULL DEFAULT 0,
    -- How many resets there were on the UTC day of the last one.
    resets integer NOT NULL DEFAULT 0,
    reset_day date,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz,
    CHECK (sandbox_tenant_id <> tenant_id),
    FOREIGN KEY (sandbox_tenant_id, environment) REFERENCES tenants (tenant_id, environment)
);
CREATE INDEX sandboxes_tenant ON sandboxes (tenant_id, id DESC);
CREATE INDEX sandboxes_deleted ON sandboxes (deleted_at) WHERE deleted_at IS NOT NULL;
SELECT tenant_table('sandboxes'), worker_writes_all('sandboxes');
REVOKE INSERT, UPDATE, DELETE ON sandboxes FROM {{app}};
GRANT INSERT (id, tenant_id, sandbox_tenant_id, name, client_id, seed, state, until, made_by) ON sandboxes TO {{app}};
GRANT UPDATE (state, generation, until, step, portion, scenarios, resets, reset_day, changed_at, deleted_at) ON sandboxes TO {{app}};

-- The one way in which a request makes a tenant: a sandbox, with no more rights than the tenant of the transaction has.
CREATE FUNCTION public.make_sandbox_tenant(new_id text, new_name text) RETURNS SETOF public.tenants
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO public.tenants (tenant_id, name, environment, granted_scopes, graphql_bundles, federation, version)
    SELECT new_id, new_name, 'sandbox', parent.granted_scopes,
        ARRAY(SELECT DISTINCT unnest(parent.graphql_bundles || '{acqi-reporting,incident-management}'::text[]) ORDER BY 1), parent.federation,
        floor(extract(epoch FROM clock_timestamp()) * 1000)
    FROM public.tenants parent
    WHERE parent.tenant_id = public.current_tenant() AND parent.environment = 'production' AND parent.status = 'active'
    RETURNING *
$$;
-- The one way in which a request suspends a tenant: a sandbox of the tenant of the transaction.
CREATE FUNCTION public.close_sandbox_tenant(sandbox text) RETURNS SETOF public.tenants
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE public.tenants SET status = 'suspended', version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000))
    WHERE environment = 'sandbox' AND tenant_id = (
        SELECT s.sandbox_tenant_id FROM public.sandboxes s WHERE s.id = sandbox AND s.tenant_id = public.current_tenant())
    RETURNING *
$$;
REVOKE EXECUTE ON FUNCTION public.make_sandbox_tenant(text, text), public.close_sandbox_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.make_sandbox_tenant(text, text), public.close_sandbox_tenant(text) TO {{app}};
