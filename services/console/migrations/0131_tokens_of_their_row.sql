-- The tokens of a session are encrypted for its row, whose cookie a MAC finds.
DROP FUNCTION find_session(bytea[]);
CREATE FUNCTION public.find_session(macs bytea[]) RETURNS TABLE (
    session_id text, tenant_id text, user_id text, sealed bytea, signed_in_at timestamptz, last_seen_at timestamptz,
    expires_at timestamptz, language text, theme text, paused boolean
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.session_id, s.tenant_id, s.user_id, s.sealed, s.signed_in_at, s.last_seen_at, s.expires_at,
        p.language, p.theme, coalesce(p.paused, false)
    FROM public.sessions s LEFT JOIN public.preferences p USING (tenant_id, user_id)
    WHERE s.token_mac = ANY (macs) AND s.expires_at > clock_timestamp()
        AND s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds)
$$;
REVOKE EXECUTE ON FUNCTION public.find_session(bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_session(bytea[]) TO {{app}};
