-- Why an operator stopped an automation, when, and with which act. Its organisation reads the reason; operators read all.
ALTER TABLE automations ADD COLUMN stop_act text CHECK (octet_length(stop_act) <= 64),
    ADD COLUMN stop_reason text CHECK (char_length(stop_reason) <= 500), ADD COLUMN stopped_at timestamptz;

-- For the platform's own tenant alone.
CREATE FUNCTION public.automation_of_all(one text)
RETURNS TABLE (automation_id text, tenant_id text, client_id text, name text, enabled boolean, disabled_reason text,
    stopped_at timestamptz, act_id text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.id, a.tenant_id, a.client_id, left(a.name, 200), a.enabled, a.disabled_reason, a.stopped_at, a.stop_act, a.stop_reason
    FROM public.automations a
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND a.id = one AND a.deleted_at IS NULL
$$;
CREATE FUNCTION public.stopped_automations_of_all(before text, most integer)
RETURNS TABLE (automation_id text, tenant_id text, client_id text, name text, enabled boolean, disabled_reason text,
    stopped_at timestamptz, act_id text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.id, a.tenant_id, a.client_id, left(a.name, 200), a.enabled, a.disabled_reason, a.stopped_at, a.stop_act, a.stop_reason
    FROM public.automations a
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND a.disabled_reason = 'stopped_by_operator'
        AND a.deleted_at IS NULL AND (before IS NULL OR a.id < before)
    ORDER BY a.id DESC LIMIT least(most, 101)
$$;
REVOKE EXECUTE ON FUNCTION public.automation_of_all(text), public.stopped_automations_of_all(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.automation_of_all(text), public.stopped_automations_of_all(text, integer) TO {{app}};
