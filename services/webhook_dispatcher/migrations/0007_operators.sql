-- The stops of operators: of one webhook, or of all deliveries of an organisation. The functions show those of all tenants to the platform's own
-- tenant alone.

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

CREATE FUNCTION public.stopped_tenants_of_all(whose text, after text, most integer)
RETURNS TABLE (tenant_id text, act_id text, reason text, stopped_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.tenant_id, s.act_id, s.reason, s.stopped_at FROM public.stopped_tenants s
    WHERE public.current_tenant() = 'org_00000000000000000000000000'
        AND (whose IS NULL OR s.tenant_id = whose) AND (after IS NULL OR s.tenant_id > after)
    ORDER BY s.tenant_id LIMIT least(most, 101)
$$;
GRANT EXECUTE ON FUNCTION public.stopped_tenants_of_all(text, text, integer) TO {{app}};

CREATE FUNCTION public.webhook_of_all(one text)
RETURNS TABLE (webhook_id text, tenant_id text, client_id text, url text, enabled boolean, disabled_reason text, disabled_at timestamptz,
    act_id text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.id, s.tenant_id, s.client_id, s.url, s.enabled, s.disabled_reason, s.disabled_at, s.stop_act, s.stop_reason
    FROM public.subscriptions s
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND s.id = one
$$;
CREATE FUNCTION public.stopped_webhooks_of_all(before text, most integer)
RETURNS TABLE (webhook_id text, tenant_id text, client_id text, url text, enabled boolean, disabled_reason text, disabled_at timestamptz,
    act_id text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.id, s.tenant_id, s.client_id, s.url, s.enabled, s.disabled_reason, s.disabled_at, s.stop_act, s.stop_reason
    FROM public.subscriptions s
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND s.disabled_reason = 'stopped_by_operator'
        AND (before IS NULL OR s.id < before)
    ORDER BY s.id DESC LIMIT least(most, 101)
$$;
GRANT EXECUTE ON FUNCTION public.webhook_of_all(text), public.stopped_webhooks_of_all(text, integer) TO {{app}};
