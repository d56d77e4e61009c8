-- The name and the organisation of one app, so that an act of an operator names whom it concerns. For the platform's own tenant alone.
CREATE FUNCTION public.app_of_all(one text)
RETURNS TABLE (client_id text, tenant_id text, name text, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.client_id, a.tenant_id, left(a.name, 200), a.status FROM public.apps a
    WHERE public.current_tenant() = 'org_00000000000000000000000000' AND a.client_id = one
$$;
REVOKE EXECUTE ON FUNCTION public.app_of_all(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.app_of_all(text) TO {{app}};
