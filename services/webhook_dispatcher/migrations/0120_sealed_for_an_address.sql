-- Custom headers and the grant of a webhook are sealed for the address that gets them, and then begin with a zero byte (sending/signing.py). A role
-- of a process that kept a value from before, which opens for every address, could put it back beside a URL of its own. So these roles write no
-- such value from a day after this migration on: until then processes of the previous release may run, which know no other form.
CREATE FUNCTION public.require_sealed_for_an_address() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) AND EXISTS (
        SELECT FROM public.migrations WHERE name = 'webhook_dispatcher/0120_sealed_for_an_address.sql' AND applied_at < now() - interval '1 day'
    ) THEN
        RAISE EXCEPTION 'headers and grants are sealed for an address' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.require_sealed_for_an_address() FROM PUBLIC;
CREATE TRIGGER require_sealed_inserts BEFORE INSERT ON subscriptions FOR EACH ROW WHEN (
    substring(NEW.headers FROM 1 FOR 1) <> '\x00' OR substring(NEW.oauth FROM 1 FOR 1) <> '\x00'
) EXECUTE FUNCTION public.require_sealed_for_an_address();
CREATE TRIGGER require_sealed_updates BEFORE UPDATE OF headers, oauth ON subscriptions FOR EACH ROW WHEN (
    (NEW.headers IS DISTINCT FROM OLD.headers AND substring(NEW.headers FROM 1 FOR 1) <> '\x00')
    OR (NEW.oauth IS DISTINCT FROM OLD.oauth AND substring(NEW.oauth FROM 1 FOR 1) <> '\x00')
) EXECUTE FUNCTION public.require_sealed_for_an_address();
