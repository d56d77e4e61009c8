-- The rows of everybody that operators read, in a transaction of the platform's own tenant alone. Only these columns: no secret, no person's rights, no
-- address. The web process cannot change any of them.

CREATE FUNCTION public.tenants_of_all(beginning text, its_status text, its_environment text, before text, most integer)
RETURNS TABLE (tenant_id text, name text, status text, environment text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT t.tenant_id, left(t.name, 200), t.status, t.environment, t.created_at FROM public.tenants t
    WHERE public.current_tenant() = 'org_00000000000000000000000000'
        AND (before IS NULL OR t.tenant_id < before) AND (its_status IS NULL OR t.status = its_status)
        AND (its_environment IS NULL OR t.environment = its_environment)
        AND (beginning IS NULL OR starts_with(lower(t.name), lower(beginning)) OR starts_with(t.tenant_id, beginning))
    ORDER BY t.tenant_id DESC LIMIT least(most, 101)
$$;

CREATE FUNCTION public.tenant_of_all(whose text)
RETURNS TABLE (tenant_id text, name text, status text, environment text, created_at timestamptz, granted_scopes text[],
    graphql_bundles text[], federation boolean, apps bigint, people bigint, sandboxes bigint, pending_requests bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT t.tenant_id, left(t.name, 200), t.status, t.environment, t.created_at, t.granted_scopes, t.graphql_bundles, t.federation,
        (SELECT count(*) FROM (SELECT FROM public.apps a WHERE a.tenant_id = whose AND a.status = 'active' LIMIT 1000) AS counted),
        (SELECT count(*) FROM (SELECT FROM public.users u WHERE u.tenant_id = whose AND u.status = 'active' LIMIT 1000) AS counted),
        (SELECT count(*) FROM (SELECT FROM public.sandboxes s
            WHERE s.tenant_id = whose AND s.state NOT IN ('deleting', 'deleted') LIMIT 1000) AS counted),
        (SELECT count(*) FROM (SELECT FROM public.integration_requests r
            WHERE r.tenant_id = whose AND r.status = 'pending' LIMIT 1000) AS counted)
    FROM public.tenants t WHERE public.current_tenant() = 'org_00000000000000000000000000' AND t.tenant_id = whose
$$;

-- The name and the organisation of one app, so that an act of an operator names whom it concerns.
CREATE FUNCTION public.app_of_all(one text)
RETURNS TABLE (client_id text, tenant_id text, name text, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.client_id, a.tenant_id, left(a.name, 200), a.status FROM public.apps a
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND a.client_id = one
$$;

CREATE FUNCTION public.requests_of_all(one text, its_status text, its_capability text, whose text, before text, most integer)
RETURNS TABLE (id text, tenant_id text, tenant_name text, capability text, status text, details jsonb, reason text, requested_by text,
    created_at timestamptz, decided_at timestamptz, decision_reason text, sandbox_tenant_id text, sandbox_client_id text,
    sandbox_user_id text, demo_client_id text, credentials_at timestamptz, demo_data_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.id, r.tenant_id, left(t.name, 200), r.capability, r.status, r.details, r.reason, r.requested_by, r.created_at, r.decided_at,
        r.decision_reason, r.sandbox_tenant_id, r.sandbox_client_id, r.sandbox_user_id, r.demo_client_id, r.credentials_at, r.demo_data_at
    FROM public.integration_requests r JOIN public.tenants t USING (tenant_id)
    WHERE public.current_tenant() = 'org_00000000000000000000000000'
        AND (one IS NULL OR r.id = one) AND (its_status IS NULL OR r.status = its_status)
        AND (its_capability IS NULL OR r.capability = its_capability) AND (whose IS NULL OR r.tenant_id = whose)
        AND (before IS NULL OR r.id < before)
    ORDER BY r.id DESC LIMIT least(most, 101)
$$;

-- The person who asked for an integration, from the trail: the row has the app that sent the request, which is the console for every request of a person.
CREATE FUNCTION public.asker_of_request(one text)
RETURNS TABLE (user_id text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.actor, left(u.name, 200) FROM public.integration_requests r
        JOIN public.audit a ON a.tenant_id = r.tenant_id AND a.subject_id = r.id AND a.action = 'integration_request.made'
            AND octet_length(a.tenant_id) <= 256 AND octet_length(a.subject_id) <= 256
        LEFT JOIN public.users u ON u.user_id = a.actor AND u.tenant_id = r.tenant_id
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND r.id = one AND a.actor LIKE 'usr\_%'
    ORDER BY a.at LIMIT 1
$$;

GRANT EXECUTE ON FUNCTION public.tenants_of_all(text, text, text, text, integer), public.tenant_of_all(text), public.app_of_all(text),
    public.requests_of_all(text, text, text, text, text, integer), public.asker_of_request(text) TO {{app}};
