-- The relay takes these rows in turns of organisations: a role of a web process cannot name one of its own invention, which would have a turn.
CREATE FUNCTION public.require_known_organisation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.tenants t WHERE t.tenant_id = NEW.tenant_id) THEN
        RAISE EXCEPTION 'there is no such organisation' USING ERRCODE = 'check_violation', CONSTRAINT = 'organisation_is_known';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.require_known_organisation() FROM PUBLIC;
CREATE TRIGGER require_known_organisation BEFORE INSERT OR UPDATE OF tenant_id ON ended_authorities
    FOR EACH ROW WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.require_known_organisation();
CREATE TRIGGER require_known_organisation BEFORE INSERT OR UPDATE OF tenant_id ON ending_apps
    FOR EACH ROW WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.require_known_organisation();
CREATE TRIGGER require_known_organisation BEFORE INSERT OR UPDATE OF tenant_id ON ending_grants
    FOR EACH ROW WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.require_known_organisation();
CREATE TRIGGER require_known_organisation BEFORE INSERT OR UPDATE OF tenant_id ON changing_roles
    FOR EACH ROW WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.require_known_organisation();
CREATE TRIGGER require_known_organisation BEFORE INSERT OR UPDATE OF tenant_id ON invitation_mails
    FOR EACH ROW WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.require_known_organisation();
CREATE TRIGGER require_known_organisation BEFORE INSERT OR UPDATE OF tenant_id ON saml_domains
    FOR EACH ROW WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.require_known_organisation();
