-- The redirect URIs and keys of a common app (services/auth/apps/common.py) reach the app of every organisation under a good seal. So its row has a
-- seal and a version too. Operators of the release before may register it without one for a day.
CREATE FUNCTION public.common_apps_are_sealed() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.migrations WHERE name = 'auth/0127_sealed_common_apps.sql' AND (applied_at < now() - interval '1 day'
        OR applied_at < (SELECT min(applied_at) FROM public.migrations) + interval '1 hour'))
$$;
ALTER TABLE common_apps ADD COLUMN version bigint NOT NULL DEFAULT 0, ADD COLUMN seal bytea;
CREATE FUNCTION public.require_common_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.common_apps_are_sealed() THEN
        RAISE EXCEPTION 'a common app is stored with its seal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.seal := NULL;
    IF TG_OP = 'UPDATE' THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON common_apps FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_common_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON common_apps FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.name, NEW.title, NEW.redirect_uris, NEW.jwks, NEW.scopes, NEW.graphql_bundles, NEW.version, NEW.seal) IS DISTINCT FROM
        (OLD.name, OLD.title, OLD.redirect_uris, OLD.jwks, OLD.scopes, OLD.graphql_bundles, OLD.version, OLD.seal)
) EXECUTE FUNCTION public.require_common_seal();
CREATE TRIGGER keep_newest BEFORE UPDATE ON common_apps FOR EACH ROW
WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1) EXECUTE FUNCTION public.keep_newest();
-- No other row takes the name.
REVOKE UPDATE ON common_apps FROM {{worker}};
GRANT UPDATE (title, redirect_uris, jwks, scopes, graphql_bundles, changed_at, version, seal) ON common_apps TO {{worker}};

-- A row begins with the first version. After the greatest number there is no next one, and the row could not be repaired. (Afterwards, since an
-- insertion that meets a row has the next version.)
CREATE TRIGGER begin_with_first AFTER INSERT ON common_apps FOR EACH ROW WHEN (NEW.version NOT IN (0, 1)) EXECUTE FUNCTION public.keep_newest();
CREATE TRIGGER begin_with_first AFTER INSERT ON saml_policies FOR EACH ROW WHEN (NEW.version NOT IN (0, 1)) EXECUTE FUNCTION public.keep_newest();
CREATE TRIGGER begin_with_first AFTER INSERT ON sign_in_counts FOR EACH ROW WHEN (NEW.version NOT IN (0, 1)) EXECUTE FUNCTION public.keep_newest();
CREATE TRIGGER begin_with_first AFTER INSERT ON users FOR EACH ROW WHEN (NEW.rights_version NOT IN (0, 1)) EXECUTE FUNCTION public.keep_newest();

-- The relay too forgets no count of which anything is left: after two hours every bucket has leaked empty. Operators of the release before unlock an
-- account by its deletion, for a day.
CREATE FUNCTION public.keep_full_counts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.rights_are_sealed() AND public.common_apps_are_sealed() AND OLD.at > clock_timestamp() - interval '2 hours' THEN
        RAISE EXCEPTION 'a count is kept until it is empty' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER keep_full_counts BEFORE DELETE ON sign_in_counts FOR EACH ROW EXECUTE FUNCTION public.keep_full_counts();

REVOKE EXECUTE ON FUNCTION public.common_apps_are_sealed(), public.require_common_seal(), public.keep_full_counts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.common_apps_are_sealed() TO {{app}}, {{worker}};
