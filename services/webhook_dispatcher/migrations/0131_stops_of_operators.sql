-- Why an operator stopped a webhook, and with which act. Its organisation reads the reason; operators read both, and the host of its address.
ALTER TABLE subscriptions ADD COLUMN stop_act text CHECK (octet_length(stop_act) <= 64),
    ADD COLUMN stop_reason text CHECK (char_length(stop_reason) <= 500);

-- For the platform's own tenant alone.
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
REVOKE EXECUTE ON FUNCTION public.webhook_of_all(text), public.stopped_webhooks_of_all(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.webhook_of_all(text), public.stopped_webhooks_of_all(text, integer) TO {{app}};
