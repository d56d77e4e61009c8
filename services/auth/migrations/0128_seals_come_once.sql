-- A seal is made of the version of its key (1 byte), the time in milliseconds (6), random bytes (4) and the MAC (32), and comes once
-- (services/auth/seals.py): a row that a role of a process writes has a seal of the last hour that no row ever had. So no older copy of a row takes
-- its place again, nor that of a row that was deleted. Processes of the previous release may run for a day after this migration, as in 0125.
CREATE FUNCTION public.seals_come_once() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.migrations WHERE name = 'auth/0128_seals_come_once.sql' AND (applied_at < now() - interval '1 day'
        OR applied_at < (SELECT min(applied_at) FROM public.migrations) + interval '1 hour'))
$$;
-- Seals of the last hour, of both directions of the clocks. The relay forgets a seal when its time alone refuses it.
CREATE TABLE used_seals (seal bytea PRIMARY KEY, came_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX used_seals_came ON used_seals (came_at);
GRANT SELECT, UPDATE, DELETE ON used_seals TO {{worker}};
ALTER TABLE used_seals ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON used_seals FOR SELECT TO {{worker}} USING (true);
CREATE POLICY forgotten ON used_seals FOR DELETE TO {{worker}} USING (came_at < clock_timestamp() - interval '130 minutes');
-- A row is locked before it is deleted, and never changed.
CREATE POLICY locked ON used_seals FOR UPDATE TO {{worker}} USING (came_at < clock_timestamp() - interval '130 minutes') WITH CHECK (false);

CREATE FUNCTION public.use_seal(came bytea, place text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    made_ms bigint;
BEGIN
    IF NOT public.is_process() THEN
        RETURN;
    END IF;
    IF octet_length(came) <> 43 THEN
        IF public.seals_come_once() THEN
            RAISE EXCEPTION 'a row of % is stored with a seal of its own time', place USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN;
    END IF;
    made_ms := ('x' || encode(substring(came FROM 2 FOR 6), 'hex'))::bit(48)::bigint;
    IF abs(extract(epoch FROM clock_timestamp()) * 1000 - made_ms) > 3600000 THEN
        RAISE EXCEPTION 'the seal of a row of % is of another time; compare the clocks of the process and of the database', place
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.used_seals (seal) VALUES (came) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no older copy of a row of % comes back', place USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;
-- After the row, so that two transactions that write the same one come here one after the other.
CREATE FUNCTION public.seal_came() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.use_seal(NEW.seal, TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE FUNCTION public.factor_seal_came() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.use_seal(NEW.factor_seal, TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE FUNCTION public.codes_seal_came() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.use_seal(NEW.codes_seal, TG_TABLE_NAME);
    RETURN NULL;
END $$;

-- --- Secrets of apps, recovery codes and counts of wrong codes have seals too ---------------------------------------------------------------
CREATE FUNCTION public.require_seal_of_once() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.seals_come_once() THEN
        RAISE EXCEPTION 'a row of % is stored with its seal', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.seal := NULL;
    RETURN NEW;
END $$;
CREATE FUNCTION public.require_codes_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.seals_come_once() THEN
        RAISE EXCEPTION 'a count of wrong codes is stored with its seal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.codes_seal := NULL;
    RETURN NEW;
END $$;
ALTER TABLE app_secrets ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON app_secrets FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal_of_once();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON app_secrets FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.id, NEW.tenant_id, NEW.client_id, NEW.mac, NEW.seal) IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.client_id, OLD.mac, OLD.seal)
) EXECUTE FUNCTION public.require_seal_of_once();

ALTER TABLE recovery_codes ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON recovery_codes FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal_of_once();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON recovery_codes FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.user_id, NEW.tenant_id, NEW.code_mac, NEW.seal) IS DISTINCT FROM (OLD.user_id, OLD.tenant_id, OLD.code_mac, OLD.seal)
) EXECUTE FUNCTION public.require_seal_of_once();
CREATE TRIGGER keep_over BEFORE UPDATE ON recovery_codes FOR EACH ROW WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL)
EXECUTE FUNCTION public.keep_over();

-- Wrong codes of an account in unknown devices, and of a known device.
ALTER TABLE users ADD COLUMN codes_seal bytea;
GRANT UPDATE (codes_seal) ON users TO {{app}}, {{worker}};
CREATE TRIGGER require_codes_insert BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.wrong_codes <> 0 AND NEW.codes_seal IS NULL)
EXECUTE FUNCTION public.require_codes_seal();
CREATE TRIGGER require_codes_update BEFORE UPDATE ON users FOR EACH ROW WHEN (
    (NEW.codes_seal IS NULL OR NEW.codes_seal = OLD.codes_seal)
    AND (NEW.wrong_codes, NEW.codes_seal) IS DISTINCT FROM (OLD.wrong_codes, OLD.codes_seal)
) EXECUTE FUNCTION public.require_codes_seal();
ALTER TABLE known_devices ADD COLUMN codes_seal bytea;
CREATE TRIGGER require_codes_insert BEFORE INSERT ON known_devices FOR EACH ROW WHEN (NEW.wrong_codes <> 0 AND NEW.codes_seal IS NULL)
EXECUTE FUNCTION public.require_codes_seal();
CREATE TRIGGER require_codes_update BEFORE UPDATE ON known_devices FOR EACH ROW WHEN (
    (NEW.codes_seal IS NULL OR NEW.codes_seal = OLD.codes_seal)
    AND (NEW.wrong_codes, NEW.codes_seal) IS DISTINCT FROM (OLD.wrong_codes, OLD.codes_seal)
) EXECUTE FUNCTION public.require_codes_seal();

-- A code of the authenticator works once (RFC 6238 §5.2), so the last step goes back only with a new authenticator.
CREATE TRIGGER keep_step BEFORE UPDATE ON users FOR EACH ROW WHEN (
    NEW.totp_last_step < OLD.totp_last_step AND NEW.totp_secret = OLD.totp_secret
) EXECUTE FUNCTION public.keep_newest();

-- The key and certificate of a connection are an operator's to change (saml/queries.py).
REVOKE UPDATE ON saml_connections FROM {{app}};
GRANT UPDATE (name, status, entity_id, sso_url, slo_url, name_id_format, allow_idp_initiated, attribute_mapping, role_mapping, default_role,
    seal, updated_at, last_sign_in_at) ON saml_connections TO {{app}};

-- As find_sealed_clients of the release before, with the seals of the secrets.
CREATE FUNCTION public.find_sealed_apps(wanted text[]) RETURNS TABLE (
    client_id text, tenant_id text, name text, status text, tenant_status text, tenant_name text, environment text, first_party boolean,
    grant_types text[], redirect_uris text[], requested_scopes text[], token_endpoint_auth_method text, jwks jsonb,
    enforce_pkce boolean, access_token_ttl integer, deidentification text, allow_service_tokens boolean, common_app text, seal bytea,
    secret_ids text[], secret_macs bytea[], secret_seals bytea[], read_at_ms bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7402, lock) FROM (SELECT hashtext(unnest(wanted)) AS lock ORDER BY lock) AS locks;
    RETURN QUERY
        SELECT a.client_id, a.tenant_id, a.name, a.status, t.status, t.name, t.environment, a.first_party,
            a.grant_types, a.redirect_uris, a.requested_scopes, a.token_endpoint_auth_method, a.jwks,
            a.enforce_pkce, a.access_token_ttl, a.deidentification, a.allow_service_tokens, a.common_app, a.seal, s.ids, s.macs, s.seals,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM public.apps a JOIN public.tenants t USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT array_agg(live.id) AS ids, array_agg(live.mac) AS macs, array_agg(live.seal) AS seals FROM public.app_secrets live
            WHERE live.client_id = a.client_id AND live.tenant_id = a.tenant_id
                AND (live.expires_at IS NULL OR live.expires_at > clock_timestamp())
        ) s
        WHERE a.client_id = ANY (wanted) AND a.status <> 'deleted';
END $$;

-- --- Seals come once --------------------------------------------------------------------------------------------------------------------
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sessions', 'password_links', 'grants', 'codes', 'device_codes', 'consents', 'apps', 'app_secrets', 'invitations',
        'saml_connections', 'saml_certificates', 'saml_domains', 'saml_identities', 'saml_requests', 'saml_tickets', 'known_devices', 'recovery_codes']
    LOOP
        EXECUTE format('CREATE TRIGGER seal_came_insert AFTER INSERT ON %I FOR EACH ROW WHEN (NEW.seal IS NOT NULL)
            EXECUTE FUNCTION public.seal_came()', name);
        EXECUTE format('CREATE TRIGGER seal_came_update AFTER UPDATE ON %I FOR EACH ROW WHEN (NEW.seal IS NOT NULL AND NEW.seal IS DISTINCT FROM OLD.seal)
            EXECUTE FUNCTION public.seal_came()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['users', 'known_devices'] LOOP
        EXECUTE format('CREATE TRIGGER codes_seal_came_insert AFTER INSERT ON %I FOR EACH ROW WHEN (NEW.codes_seal IS NOT NULL)
            EXECUTE FUNCTION public.codes_seal_came()', name);
        EXECUTE format('CREATE TRIGGER codes_seal_came_update AFTER UPDATE ON %I FOR EACH ROW
            WHEN (NEW.codes_seal IS NOT NULL AND NEW.codes_seal IS DISTINCT FROM OLD.codes_seal) EXECUTE FUNCTION public.codes_seal_came()', name);
    END LOOP;
END $$;
CREATE TRIGGER factor_seal_came_insert AFTER INSERT ON users FOR EACH ROW WHEN (NEW.factor_seal IS NOT NULL)
EXECUTE FUNCTION public.factor_seal_came();
CREATE TRIGGER factor_seal_came_update AFTER UPDATE ON users FOR EACH ROW
WHEN (NEW.factor_seal IS NOT NULL AND NEW.factor_seal IS DISTINCT FROM OLD.factor_seal) EXECUTE FUNCTION public.factor_seal_came();

REVOKE EXECUTE ON FUNCTION public.seals_come_once(), public.use_seal(bytea, text), public.seal_came(), public.factor_seal_came(),
    public.codes_seal_came(), public.require_seal_of_once(), public.require_codes_seal(), public.find_sealed_apps(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.seals_come_once() TO {{app}}, {{worker}};
GRANT EXECUTE ON FUNCTION public.find_sealed_apps(text[]) TO {{app}};
