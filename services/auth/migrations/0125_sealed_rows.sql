-- Rows by which a person or an app is believed have seals: MACs of our processes' keys over the values that count (services/auth/seals.py). A row
-- that SQL alone changed, moved, copied or made up is refused where it is used. Processes of the previous release, which write no seals, may run for
-- a day after this migration on a database that has had another release. Then the roles of processes write no row without a seal, and the relay
-- seals those of before. A value that the owner changes by hand loses its seal, and the relay gives it one.
CREATE FUNCTION public.rows_are_sealed() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.migrations WHERE name = 'auth/0125_sealed_rows.sql' AND (applied_at < now() - interval '1 day'
        OR applied_at < (SELECT min(applied_at) FROM public.migrations) + interval '1 hour'))
$$;
CREATE FUNCTION public.require_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) AND public.rows_are_sealed() THEN
        RAISE EXCEPTION 'a row of % is stored with its seal', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.seal := NULL;
    RETURN NEW;
END $$;
-- Of the values that no seal covers, because they change often: a session, code or app that is over does not begin again.
CREATE FUNCTION public.keep_over() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) THEN
        RAISE EXCEPTION 'a row of % that is over stays over', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.rows_are_sealed(), public.require_seal(), public.keep_over() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.rows_are_sealed() TO {{app}}, {{worker}};

-- --- Sessions and links of people ------------------------------------------------------------------------------------------------------
ALTER TABLE sessions ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON sessions FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON sessions FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.session_id, NEW.tenant_id, NEW.user_id, NEW.token_mac, NEW.signed_in_at, NEW.second_factor, NEW.seal) IS DISTINCT FROM
        (OLD.session_id, OLD.tenant_id, OLD.user_id, OLD.token_mac, OLD.signed_in_at, OLD.second_factor, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON sessions FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL)
) EXECUTE FUNCTION public.keep_over();

ALTER TABLE password_links ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON password_links FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON password_links FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.token_mac, NEW.tenant_id, NEW.user_id, NEW.seal) IS DISTINCT FROM (OLD.token_mac, OLD.tenant_id, OLD.user_id, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON password_links FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at OR (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL)
) EXECUTE FUNCTION public.keep_over();
-- The relay forgets links.
REVOKE UPDATE, DELETE ON password_links FROM {{app}};
GRANT UPDATE (used_at) ON password_links TO {{app}};

-- No web process gives a person another address or organisation, by which a first sign-in would find somebody else.
REVOKE UPDATE ON users FROM {{app}};
GRANT UPDATE (name, status, password_hash, totp_secret, totp_last_step, wrong_codes, roles, scope_limit, role) ON users TO {{app}};

-- --- Authenticators --------------------------------------------------------------------------------------------------------------------
ALTER TABLE users ADD COLUMN factor_seal bytea;
GRANT UPDATE (factor_seal) ON users TO {{app}};
CREATE FUNCTION public.require_factor_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) AND public.rows_are_sealed() THEN
        RAISE EXCEPTION 'an authenticator is stored with its seal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.factor_seal := NULL;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.require_factor_seal() FROM PUBLIC;
CREATE TRIGGER require_factor_insert BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.totp_secret IS NOT NULL AND NEW.factor_seal IS NULL)
EXECUTE FUNCTION public.require_factor_seal();
CREATE TRIGGER require_factor_update BEFORE UPDATE ON users FOR EACH ROW WHEN (
    (NEW.factor_seal IS NULL OR NEW.factor_seal = OLD.factor_seal)
    AND (NEW.totp_secret, NEW.factor_seal) IS DISTINCT FROM (OLD.totp_secret, OLD.factor_seal)
) EXECUTE FUNCTION public.require_factor_seal();
-- As find_user of the release before.
CREATE FUNCTION public.find_sealed_user(wanted text) RETURNS TABLE (
    user_id text, tenant_id text, email text, name text, password_hash text, totp_secret bytea, factor_seal bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.user_id, u.tenant_id, u.email, u.name, u.password_hash, u.totp_secret, u.factor_seal
    FROM public.users u JOIN public.tenants t USING (tenant_id)
    WHERE lower(u.email) = lower(wanted) AND u.status = 'active' AND t.status = 'active'
$$;
REVOKE EXECUTE ON FUNCTION public.find_sealed_user(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_sealed_user(text) TO {{app}};

-- Before a tenant is known, as the functions of the previous release, with the seal and the values that it covers. A session's age counts from
-- the sealed time, also where its row says otherwise.
CREATE FUNCTION public.find_sealed_session(mac bytea) RETURNS TABLE (
    session_id text, tenant_id text, user_id text, email text, name text, tenant_name text, signed_in_at timestamptz, second_factor boolean,
    token_mac bytea, seal bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.session_id, s.tenant_id, s.user_id, u.email, u.name, t.name, s.signed_in_at, s.second_factor, s.token_mac, s.seal
    FROM public.sessions s JOIN public.users u ON u.user_id = s.user_id AND u.tenant_id = s.tenant_id
        JOIN public.tenants t ON t.tenant_id = s.tenant_id
    WHERE s.token_mac = mac AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
        AND s.signed_in_at > clock_timestamp() - interval '12 hours' AND s.last_seen_at > clock_timestamp() - interval '8 hours'
        AND u.status = 'active' AND t.status = 'active'
$$;
CREATE FUNCTION public.find_sealed_link(mac bytea) RETURNS TABLE (tenant_id text, user_id text, email text, token_mac bytea, seal bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT l.tenant_id, l.user_id, u.email, l.token_mac, l.seal
    FROM public.password_links l JOIN public.users u ON u.user_id = l.user_id AND u.tenant_id = l.tenant_id
    WHERE l.token_mac = mac AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
$$;
REVOKE EXECUTE ON FUNCTION public.find_sealed_session(bytea), public.find_sealed_link(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_sealed_session(bytea), public.find_sealed_link(bytea) TO {{app}};

-- --- Grants of people to apps ------------------------------------------------------------------------------------------------------------
ALTER TABLE grants ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON grants FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON grants FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.grant_id, NEW.tenant_id, NEW.client_id, NEW.user_id, NEW.scopes, NEW.audience, NEW.offline, NEW.seed, NEW.second_factor, NEW.seal)
        IS DISTINCT FROM
        (OLD.grant_id, OLD.tenant_id, OLD.client_id, OLD.user_id, OLD.scopes, OLD.audience, OLD.offline, OLD.seed, OLD.second_factor, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON grants FOR EACH ROW WHEN (
    NEW.generation < OLD.generation OR NEW.created_at > OLD.created_at OR NEW.signed_in_at IS DISTINCT FROM OLD.signed_in_at
    OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL)
) EXECUTE FUNCTION public.keep_over();

ALTER TABLE codes ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON codes FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON codes FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.code_mac, NEW.tenant_id, NEW.client_id, NEW.grant_id, NEW.redirect_uri, NEW.redirect_uri_named, NEW.code_challenge, NEW.seal)
        IS DISTINCT FROM
        (OLD.code_mac, OLD.tenant_id, OLD.client_id, OLD.grant_id, OLD.redirect_uri, OLD.redirect_uri_named, OLD.code_challenge, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON codes FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at OR (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL)
) EXECUTE FUNCTION public.keep_over();

ALTER TABLE device_codes ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON device_codes FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON device_codes FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.device_id, NEW.tenant_id, NEW.client_id, NEW.device_mac, NEW.user_mac, NEW.scopes, NEW.audience, NEW.address, NEW.network, NEW.seal)
        IS DISTINCT FROM
        (OLD.device_id, OLD.tenant_id, OLD.client_id, OLD.device_mac, OLD.user_mac, OLD.scopes, OLD.audience, OLD.address, OLD.network, OLD.seal)
) EXECUTE FUNCTION public.require_seal();

ALTER TABLE consents ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON consents FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON consents FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.user_id, NEW.tenant_id, NEW.client_id, NEW.scopes, NEW.seal)
        IS DISTINCT FROM (OLD.user_id, OLD.tenant_id, OLD.client_id, OLD.scopes, OLD.seal)
) EXECUTE FUNCTION public.require_seal();

-- --- Apps ------------------------------------------------------------------------------------------------------------------------------
ALTER TABLE apps ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON apps FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
-- A deleted app is refused by its status.
CREATE TRIGGER require_seal_update BEFORE UPDATE ON apps FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal) AND NEW.status <> 'deleted'
    AND (NEW.client_id, NEW.tenant_id, NEW.name, NEW.status, NEW.first_party, NEW.grant_types, NEW.redirect_uris, NEW.requested_scopes,
            NEW.token_endpoint_auth_method, NEW.jwks, NEW.allow_service_tokens, NEW.enforce_pkce, NEW.access_token_ttl, NEW.deidentification,
            NEW.common_app, NEW.seal)
        IS DISTINCT FROM
        (OLD.client_id, OLD.tenant_id, OLD.name, OLD.status, OLD.first_party, OLD.grant_types, OLD.redirect_uris, OLD.requested_scopes,
            OLD.token_endpoint_auth_method, OLD.jwks, OLD.allow_service_tokens, OLD.enforce_pkce, OLD.access_token_ttl, OLD.deidentification,
            OLD.common_app, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON apps FOR EACH ROW WHEN (OLD.status = 'deleted' AND NEW.status <> 'deleted')
EXECUTE FUNCTION public.keep_over();
-- The MAC of a secret names its app (apps/credentials.py). A secret that ends does not begin again.
CREATE TRIGGER keep_over BEFORE UPDATE ON app_secrets FOR EACH ROW WHEN (
    OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at)
) EXECUTE FUNCTION public.keep_over();

CREATE FUNCTION public.find_sealed_clients(wanted text[]) RETURNS TABLE (
    client_id text, tenant_id text, name text, status text, tenant_status text, tenant_name text, environment text, first_party boolean,
    grant_types text[], redirect_uris text[], requested_scopes text[], token_endpoint_auth_method text, jwks jsonb,
    enforce_pkce boolean, access_token_ttl integer, deidentification text, allow_service_tokens boolean, common_app text, seal bytea,
    secret_ids text[], secret_macs bytea[], read_at_ms bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7402, lock) FROM (SELECT hashtext(unnest(wanted)) AS lock ORDER BY lock) AS locks;
    RETURN QUERY
        SELECT a.client_id, a.tenant_id, a.name, a.status, t.status, t.name, t.environment, a.first_party,
            a.grant_types, a.redirect_uris, a.requested_scopes, a.token_endpoint_auth_method, a.jwks,
            a.enforce_pkce, a.access_token_ttl, a.deidentification, a.allow_service_tokens, a.common_app, a.seal, s.ids, s.macs,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM public.apps a JOIN public.tenants t USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT array_agg(live.id) AS ids, array_agg(live.mac) AS macs FROM public.app_secrets live
            WHERE live.client_id = a.client_id AND (live.expires_at IS NULL OR live.expires_at > clock_timestamp())
        ) s
        WHERE a.client_id = ANY (wanted) AND a.status <> 'deleted';
END $$;
REVOKE EXECUTE ON FUNCTION public.find_sealed_clients(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_sealed_clients(text[]) TO {{app}};

-- --- Invitations -----------------------------------------------------------------------------------------------------------------------
ALTER TABLE invitations ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON invitations FOR EACH ROW WHEN (NEW.seal IS NULL) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON invitations FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.id, NEW.tenant_id, NEW.email, NEW.role, NEW.invited_by, NEW.seal)
        IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.email, OLD.role, OLD.invited_by, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON invitations FOR EACH ROW WHEN (
    NEW.number < OLD.number OR (OLD.accepted_at IS NOT NULL AND NEW.accepted_at IS NULL)
    OR (OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS NULL)
) EXECUTE FUNCTION public.keep_over();
CREATE FUNCTION public.find_sealed_invitation(macs bytea[]) RETURNS TABLE (
    id text, tenant_id text, email text, role text, invited_by text, number integer, seal bytea, organisation text
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.id, i.tenant_id, i.email, i.role, i.invited_by, i.number, i.seal, t.name
    FROM public.invitations i JOIN public.tenants t USING (tenant_id)
    WHERE i.token_mac = ANY (macs) AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > clock_timestamp()
        AND t.status = 'active'
$$;
REVOKE EXECUTE ON FUNCTION public.find_sealed_invitation(bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_sealed_invitation(bytea[]) TO {{app}};

-- --- SAML ------------------------------------------------------------------------------------------------------------------------------
ALTER TABLE saml_connections ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_connections FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_connections FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.connection_id, NEW.tenant_id, NEW.status, NEW.entity_id, NEW.sso_url, NEW.slo_url, NEW.name_id_format, NEW.allow_idp_initiated,
            NEW.attribute_mapping, NEW.role_mapping, NEW.default_role, NEW.seal)
        IS DISTINCT FROM
        (OLD.connection_id, OLD.tenant_id, OLD.status, OLD.entity_id, OLD.sso_url, OLD.slo_url, OLD.name_id_format, OLD.allow_idp_initiated,
            OLD.attribute_mapping, OLD.role_mapping, OLD.default_role, OLD.seal)
) EXECUTE FUNCTION public.require_seal();

ALTER TABLE saml_certificates ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_certificates FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_certificates FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.connection_id, NEW.tenant_id, NEW.pem, NEW.seal) IS DISTINCT FROM (OLD.connection_id, OLD.tenant_id, OLD.pem, OLD.seal)
) EXECUTE FUNCTION public.require_seal();

-- A claim has no effect and needs no seal.
ALTER TABLE saml_domains ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_domains FOR EACH ROW WHEN (NEW.verified_at IS NOT NULL AND NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_domains FOR EACH ROW WHEN (
    NEW.verified_at IS NOT NULL AND (NEW.seal IS NULL OR (NEW.seal = OLD.seal AND OLD.verified_at IS NOT NULL))
    AND (NEW.domain, NEW.tenant_id, NEW.connection_id, NEW.seal, true)
        IS DISTINCT FROM (OLD.domain, OLD.tenant_id, OLD.connection_id, OLD.seal, OLD.verified_at IS NOT NULL)
) EXECUTE FUNCTION public.require_seal();

ALTER TABLE saml_identities ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_identities FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_identities FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.user_id, NEW.tenant_id, NEW.connection_id, NEW.name_id, NEW.seal)
        IS DISTINCT FROM (OLD.user_id, OLD.tenant_id, OLD.connection_id, OLD.name_id, OLD.seal)
) EXECUTE FUNCTION public.require_seal();

-- Requests and tickets are made and used, never changed, but for the mark of their use.
ALTER TABLE saml_requests ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_requests FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_requests FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.request_id, NEW.tenant_id, NEW.connection_id, NEW.kind, NEW.browser_mac, NEW.relay_state, NEW.continue_to, NEW.fresh, NEW.seal)
        IS DISTINCT FROM
        (OLD.request_id, OLD.tenant_id, OLD.connection_id, OLD.kind, OLD.browser_mac, OLD.relay_state, OLD.continue_to, OLD.fresh, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON saml_requests FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at OR NEW.made_at <> OLD.made_at OR (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL)
) EXECUTE FUNCTION public.keep_over();
ALTER TABLE saml_tickets ADD COLUMN seal bytea;
CREATE TRIGGER require_seal_insert BEFORE INSERT ON saml_tickets FOR EACH ROW WHEN (NEW.seal IS NULL)
EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER require_seal_update BEFORE UPDATE ON saml_tickets FOR EACH ROW WHEN (
    (NEW.seal IS NULL OR NEW.seal = OLD.seal)
    AND (NEW.user_id, NEW.tenant_id, NEW.connection_id, NEW.ticket_mac, NEW.browser_mac, NEW.continue_to, NEW.name_id, NEW.name_id_format,
            NEW.session_index, NEW.session_ends_at, NEW.seal)
        IS DISTINCT FROM
        (OLD.user_id, OLD.tenant_id, OLD.connection_id, OLD.ticket_mac, OLD.browser_mac, OLD.continue_to, OLD.name_id, OLD.name_id_format,
            OLD.session_index, OLD.session_ends_at, OLD.seal)
) EXECUTE FUNCTION public.require_seal();
CREATE TRIGGER keep_over BEFORE UPDATE ON saml_tickets FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at OR (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL)
) EXECUTE FUNCTION public.keep_over();

CREATE FUNCTION public.find_sealed_connection(wanted text) RETURNS TABLE (
    connection_id text, tenant_id text, tenant_name text, name text, is_open boolean, status text, entity_id text, sso_url text, slo_url text,
    name_id_format text, allow_idp_initiated boolean, attribute_mapping jsonb, role_mapping jsonb, default_role text, own_key bytea,
    own_certificate text, seal bytea, certificates text[], certificate_seals bytea[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, c.name, c.status = 'active' AND t.status = 'active' AND t.federation, c.status,
        c.entity_id, c.sso_url, c.slo_url, c.name_id_format, c.allow_idp_initiated, c.attribute_mapping, c.role_mapping, c.default_role,
        c.own_key, c.own_certificate, c.seal,
        ARRAY(SELECT k.pem FROM public.saml_certificates k WHERE k.connection_id = c.connection_id AND k.tenant_id = c.tenant_id
            ORDER BY k.added_at, k.fingerprint),
        ARRAY(SELECT k.seal FROM public.saml_certificates k WHERE k.connection_id = c.connection_id AND k.tenant_id = c.tenant_id
            ORDER BY k.added_at, k.fingerprint)
    FROM public.saml_connections c JOIN public.tenants t USING (tenant_id) WHERE c.connection_id = wanted
$$;
CREATE FUNCTION public.find_sealed_domain(wanted text)
RETURNS TABLE (connection_id text, tenant_id text, organisation text, enforced boolean, domain text, seal bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, coalesce(p.enforced, false), d.domain, d.seal
    FROM public.saml_domains d JOIN public.saml_connections c ON c.connection_id = d.connection_id AND c.tenant_id = d.tenant_id
        JOIN public.tenants t ON t.tenant_id = c.tenant_id LEFT JOIN public.saml_policies p ON p.tenant_id = c.tenant_id
    WHERE d.domain = wanted AND d.verified_at IS NOT NULL
        AND c.status = 'active' AND t.status = 'active' AND t.federation
$$;
REVOKE EXECUTE ON FUNCTION public.find_sealed_connection(text), public.find_sealed_domain(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_sealed_connection(text), public.find_sealed_domain(text) TO {{app}};
