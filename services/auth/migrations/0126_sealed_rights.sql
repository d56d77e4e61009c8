-- The rights of a person, the policy of sign-in, known devices and counts of guesses have seals too (services/auth/seals.py). Rights, policies and
-- counts have a version, which their seal covers and which no role of a process takes back: an older copy of such a row is not believed.
-- Processes of the previous release, which write no seals here, may run for a day after this migration, as in 0125.
CREATE FUNCTION public.rights_are_sealed() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.migrations WHERE name = 'auth/0126_sealed_rights.sql' AND (applied_at < now() - interval '1 day'
        OR applied_at < (SELECT min(applied_at) FROM public.migrations) + interval '1 hour'))
$$;
CREATE FUNCTION public.is_process() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole)
$$;
-- The argument `version`: the table has versions, and a value that changes without a seal has one of its own.
CREATE FUNCTION public.require_new_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.rights_are_sealed() THEN
        RAISE EXCEPTION 'a row of % is stored with its seal', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.seal := NULL;
    IF TG_OP = 'UPDATE' AND TG_ARGV[0] = 'version' THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION public.keep_newest() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() THEN
        RAISE EXCEPTION 'no other copy of a row of % comes back', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

-- --- Rights of people ------------------------------------------------------------------------------------------------------------------
ALTER TABLE users ADD COLUMN rights_version bigint NOT NULL DEFAULT 0, ADD COLUMN rights_seal bytea;
CREATE FUNCTION public.require_rights_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.rights_are_sealed() THEN
        RAISE EXCEPTION 'the rights of a person are stored with their seal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.rights_seal := NULL;
    IF TG_OP = 'UPDATE' THEN
        NEW.rights_version := OLD.rights_version + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER require_rights_insert BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.rights_seal IS NULL)
EXECUTE FUNCTION public.require_rights_seal();
CREATE TRIGGER require_rights_update BEFORE UPDATE ON users FOR EACH ROW WHEN (
    (NEW.rights_seal IS NULL OR NEW.rights_seal = OLD.rights_seal)
    AND (NEW.user_id, NEW.tenant_id, NEW.status, NEW.role, NEW.roles, NEW.scope_limit, NEW.rights_version, NEW.rights_seal) IS DISTINCT FROM
        (OLD.user_id, OLD.tenant_id, OLD.status, OLD.role, OLD.roles, OLD.scope_limit, OLD.rights_version, OLD.rights_seal)
) EXECUTE FUNCTION public.require_rights_seal();
CREATE TRIGGER keep_newest_rights BEFORE UPDATE ON users FOR EACH ROW
WHEN (NEW.rights_version <> OLD.rights_version AND NEW.rights_version <> OLD.rights_version + 1) EXECUTE FUNCTION public.keep_newest();
GRANT INSERT (rights_version, rights_seal), UPDATE (rights_version, rights_seal) ON users TO {{app}};
-- Nobody is deleted, and no process puts a person in another's place.
REVOKE UPDATE, DELETE ON users FROM {{worker}};
GRANT UPDATE (name, status, password_hash, totp_secret, factor_seal, totp_last_step, wrong_codes, roles, scope_limit, role, rights_version,
    rights_seal) ON users TO {{worker}};

-- As find_sealed_user of the release before, with the rights.
CREATE FUNCTION public.find_sealed_person(wanted text) RETURNS TABLE (
    user_id text, tenant_id text, email text, name text, password_hash text, totp_secret bytea, factor_seal bytea,
    status text, role text, roles text[], scope_limit text[], rights_version bigint, rights_seal bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.user_id, u.tenant_id, u.email, u.name, u.password_hash, u.totp_secret, u.factor_seal,
        u.status, u.role, u.roles, u.scope_limit, u.rights_version, u.rights_seal
    FROM public.users u JOIN public.tenants t USING (tenant_id)
    WHERE lower(u.email) = lower(wanted) AND u.status = 'active' AND t.status = 'active'
$$;

-- --- The policy of sign-in -------------------------------------------------------------------------------------------------------------
-- An organisation without a row enforces nothing, so no process takes a row away.
ALTER TABLE saml_policies ADD COLUMN version bigint NOT NULL DEFAULT 0, ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_policies FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_new_seal('version');
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_policies FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.tenant_id, NEW.enforced, NEW.break_glass_user_id, NEW.version, NEW.seal)
        IS DISTINCT FROM (OLD.tenant_id, OLD.enforced, OLD.break_glass_user_id, OLD.version, OLD.seal)
) EXECUTE FUNCTION public.require_new_seal('version');
CREATE TRIGGER keep_newest BEFORE UPDATE ON saml_policies FOR EACH ROW
WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1) EXECUTE FUNCTION public.keep_newest();
REVOKE UPDATE, DELETE ON saml_policies FROM {{app}}, {{worker}};
GRANT UPDATE (enforced, break_glass_user_id, changed_at, version, seal) ON saml_policies TO {{app}}, {{worker}};

-- As find_sealed_domain of the release before, with the policy.
CREATE FUNCTION public.find_policed_domain(wanted text) RETURNS TABLE (
    connection_id text, tenant_id text, organisation text, domain text, seal bytea, enforced boolean, break_glass_user_id text,
    policy_version bigint, policy_seal bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, d.domain, d.seal, coalesce(p.enforced, false), p.break_glass_user_id, p.version, p.seal
    FROM public.saml_domains d JOIN public.saml_connections c ON c.connection_id = d.connection_id AND c.tenant_id = d.tenant_id
        JOIN public.tenants t ON t.tenant_id = c.tenant_id LEFT JOIN public.saml_policies p ON p.tenant_id = c.tenant_id
    WHERE d.domain = wanted AND d.verified_at IS NOT NULL
        AND c.status = 'active' AND t.status = 'active' AND t.federation
$$;

-- --- Limits of guessing ----------------------------------------------------------------------------------------------------------------
ALTER TABLE known_devices ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON known_devices FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_new_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON known_devices FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.user_id, NEW.tenant_id, NEW.device_mac, NEW.seal) IS DISTINCT FROM (OLD.user_id, OLD.tenant_id, OLD.device_mac, OLD.seal)
) EXECUTE FUNCTION public.require_new_seal();

ALTER TABLE sign_in_counts ADD COLUMN version bigint NOT NULL DEFAULT 0, ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON sign_in_counts FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_new_seal('version');
CREATE TRIGGER require_seal_update BEFORE UPDATE ON sign_in_counts FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.key, NEW.level, NEW.at, NEW.version, NEW.seal) IS DISTINCT FROM (OLD.key, OLD.level, OLD.at, OLD.version, OLD.seal)
) EXECUTE FUNCTION public.require_new_seal('version');
CREATE TRIGGER keep_newest BEFORE UPDATE ON sign_in_counts FOR EACH ROW
WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1) EXECUTE FUNCTION public.keep_newest();
REVOKE UPDATE ON sign_in_counts FROM {{app}}, {{worker}};
GRANT UPDATE (level, at, version, seal) ON sign_in_counts TO {{app}}, {{worker}};
-- The relay forgets counts whose window is over, by their time. So no process writes a time of long ago into one, or one that never comes.
CREATE FUNCTION public.keep_counts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF quote_ident(session_user)::regrole = '{{app}}'::regrole AND public.rights_are_sealed() THEN
            RAISE EXCEPTION 'counts are the relay''s to forget' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN OLD;
    END IF;
    IF public.is_process() AND public.rights_are_sealed()
        AND (NEW.at > clock_timestamp() + interval '1 minute' OR (TG_OP = 'UPDATE' AND NEW.at < OLD.at)) THEN
        RAISE EXCEPTION 'the time of a count is that of its last attempt' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_counts BEFORE INSERT OR UPDATE OR DELETE ON sign_in_counts FOR EACH ROW EXECUTE FUNCTION public.keep_counts();

REVOKE EXECUTE ON FUNCTION public.rights_are_sealed(), public.is_process(), public.require_new_seal(), public.keep_newest(),
    public.require_rights_seal(), public.keep_counts(), public.find_sealed_person(text), public.find_policed_domain(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.rights_are_sealed() TO {{app}}, {{worker}};
GRANT EXECUTE ON FUNCTION public.is_process() TO {{app}}, {{worker}};
GRANT EXECUTE ON FUNCTION public.find_sealed_person(text), public.find_policed_domain(text) TO {{app}};
