-- Integration requests of organisations with the operators' decisions, and the sandboxes that organisations make by themselves.

CREATE TABLE integration_requests (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    capability text NOT NULL CHECK (capability IN ('graphql_bundles', 'platform_api', 'federation', 'telephony', 'handover', 'sandbox')),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'declined', 'withdrawn')),
    details jsonb NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at timestamptz,
    decision_reason text,
    -- Of an approved request for a sandbox: the sandbox, and when its credentials and demo data were made.
    sandbox_tenant_id text REFERENCES tenants,
    sandbox_client_id text REFERENCES apps,
    sandbox_user_id text REFERENCES users,
    demo_client_id text REFERENCES apps,
    credentials_at timestamptz,
    demo_data_at timestamptz,
    CHECK ((status = 'pending') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX integration_requests_one_pending ON integration_requests (tenant_id, capability) WHERE status = 'pending';
CREATE INDEX integration_requests_tenant ON integration_requests (tenant_id, id);
CREATE INDEX integration_requests_status ON integration_requests (status, id);
SELECT tenant_table('integration_requests'), worker_writes_all('integration_requests');
-- Deciding is the operators' alone: the app may ask, withdraw, and note that credentials were fetched.
REVOKE INSERT, UPDATE, DELETE ON integration_requests FROM {{app}};
GRANT INSERT (id, tenant_id, capability, details, reason, requested_by), UPDATE (status, decided_at, credentials_at) ON integration_requests TO {{app}};
CREATE POLICY asked_and_withdrawn ON integration_requests AS RESTRICTIVE FOR UPDATE TO {{app}}
    USING (true) WITH CHECK (status = 'withdrawn' OR sandbox_tenant_id IS NOT NULL);

-- How far the work in a sandbox is: one portion at a time is under way. `until` is the end of its year of data, `work_since` when the present work began,
-- which for an advance is another moment. `advances` counts for ever, so that each advance of the sandbox's clock has a number of its own;
-- `advanced_seconds` is the sum since the last reset, `advancing_seconds` the last one.
CREATE TABLE sandboxes (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    sandbox_tenant_id text NOT NULL UNIQUE,
    -- No statement can add a row that names a tenant of production: work goes to sandboxes alone.
    environment text NOT NULL DEFAULT 'sandbox' CHECK (environment = 'sandbox'),
    name text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    seed bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('preparing', 'ready', 'resetting', 'advancing', 'deleting', 'deleted')),
    generation integer NOT NULL DEFAULT 1,
    until timestamptz NOT NULL,
    work_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    step integer NOT NULL DEFAULT 0,
    portion integer NOT NULL DEFAULT 0,
    scenarios integer NOT NULL DEFAULT 0,
    advances bigint NOT NULL DEFAULT 0,
    advanced_seconds bigint NOT NULL DEFAULT 0,
    advancing_seconds bigint NOT NULL DEFAULT 0,
    -- How many resets there were on the UTC day of the last one.
    resets integer NOT NULL DEFAULT 0,
    reset_day date,
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
GRANT INSERT (id, tenant_id, sandbox_tenant_id, name, client_id, seed, state, until),
    UPDATE (state, generation, until, work_since, step, portion, scenarios, advances, advanced_seconds, advancing_seconds, resets, reset_day,
        changed_at, deleted_at)
    ON sandboxes TO {{app}};

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
GRANT EXECUTE ON FUNCTION public.make_sandbox_tenant(text, text), public.close_sandbox_tenant(text) TO {{app}};
