-- The person who asked for an integration, from the trail, for the platform's own tenant alone: the row has the app that sent the request, which is
-- the console for every request of a person.
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
REVOKE EXECUTE ON FUNCTION public.asker_of_request(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.asker_of_request(text) TO {{app}};
