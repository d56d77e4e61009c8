-- Keys are rotated, and removed, by the relay and by operators. A web process makes the first key of an installation and no other one.
REVOKE UPDATE ON signing_keys FROM {{app}};
CREATE FUNCTION public.require_first_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole = '{{app}}'::regrole AND EXISTS (SELECT FROM public.signing_keys) THEN
        RAISE EXCEPTION 'a web process makes the first signing key alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.require_first_key() FROM PUBLIC;
CREATE TRIGGER require_first_key BEFORE INSERT ON signing_keys FOR EACH ROW EXECUTE FUNCTION public.require_first_key();

-- A web process notes each answer and assertion that was used, and forgets none: the same one would be good again.
REVOKE UPDATE, DELETE ON client_assertions, saml_replays FROM {{app}};
