-- Hashes of passwords are sealed for their person (signin/sealing.py), so that a role of a process writes none that opens an account: not a hash
-- of its own password, and not that of another account. Processes of the previous release, which read hashes alone, may run for a day after this
-- migration. Then passwords are stored sealed, the relay seals the stored ones, and a role of a process writes no other.
CREATE FUNCTION public.passwords_are_sealed() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.migrations WHERE name = 'auth/0123_sealed_passwords.sql' AND applied_at < now() - interval '1 day')
$$;
CREATE FUNCTION public.require_sealed_password() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) AND public.passwords_are_sealed() THEN
        RAISE EXCEPTION 'passwords are stored sealed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.passwords_are_sealed(), public.require_sealed_password() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.passwords_are_sealed() TO {{app}}, {{worker}};
CREATE TRIGGER require_sealed_insert BEFORE INSERT ON users FOR EACH ROW
WHEN (NEW.password_hash NOT LIKE 'sealed.%') EXECUTE FUNCTION public.require_sealed_password();
CREATE TRIGGER require_sealed_update BEFORE UPDATE OF password_hash ON users FOR EACH ROW
WHEN (NEW.password_hash NOT LIKE 'sealed.%' AND NEW.password_hash IS DISTINCT FROM OLD.password_hash)
EXECUTE FUNCTION public.require_sealed_password();
