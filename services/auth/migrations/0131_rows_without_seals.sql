-- The holder of a password of auth's database owns auth's data, so its rows have no seals and no versions, and no trigger polices auth's own
-- processes. Used and expired rows stay over by the conditions of the statements that use them.

-- --- Triggers and functions ------------------------------------------------------------------------------------------------------------
-- Their triggers go with them.
DROP FUNCTION public.require_sealed_password(), public.password_came(), public.require_seal(), public.require_seal_of_once(), public.require_new_seal(),
    public.require_factor_seal(), public.require_rights_seal(), public.require_codes_seal(), public.require_common_seal(), public.require_claim_seal(),
    public.seal_came(), public.factor_seal_came(), public.codes_seal_came(), public.claim_seal_came(), public.keep_over(), public.keep_newest(),
    public.keep_counts(), public.keep_full_counts(), public.keep_used(), public.keep_proof(), public.require_new_tenant()
    CASCADE;
DROP FUNCTION public.find_clients(text[]), public.find_oauth_clients(text[]), public.find_sealed_clients(text[]), public.find_sealed_apps(text[]),
    public.find_sealed_user(text), public.find_sealed_person(text), public.find_session(bytea), public.find_sealed_session(bytea),
    public.find_sealed_link(bytea), public.find_sealed_invitation(bytea[]), public.find_saml_connection(text), public.find_sealed_connection(text),
    public.find_sealed_domain(text), public.find_policed_domain(text);
DROP FUNCTION public.use_seal(bytea, text), public.passwords_are_sealed(), public.rows_are_sealed(), public.rights_are_sealed(),
    public.common_apps_are_sealed(), public.seals_come_once(), public.is_process();
DROP TABLE used_seals;

-- --- Columns ---------------------------------------------------------------------------------------------------------------------------
ALTER TABLE users DROP COLUMN factor_seal, DROP COLUMN rights_seal, DROP COLUMN rights_version, DROP COLUMN codes_seal;
ALTER TABLE known_devices DROP COLUMN seal, DROP COLUMN codes_seal;
ALTER TABLE saml_policies DROP COLUMN seal, DROP COLUMN version;
ALTER TABLE sign_in_counts DROP COLUMN seal, DROP COLUMN version;
ALTER TABLE common_apps DROP COLUMN seal, DROP COLUMN version;
ALTER TABLE saml_domains DROP COLUMN seal, DROP COLUMN claim_seal;
ALTER TABLE sessions DROP COLUMN seal;
ALTER TABLE password_links DROP COLUMN seal;
ALTER TABLE recovery_codes DROP COLUMN seal;
ALTER TABLE grants DROP COLUMN seal;
ALTER TABLE codes DROP COLUMN seal;
ALTER TABLE device_codes DROP COLUMN seal;
ALTER TABLE consents DROP COLUMN seal;
ALTER TABLE apps DROP COLUMN seal;
ALTER TABLE app_secrets DROP COLUMN seal;
ALTER TABLE invitations DROP COLUMN seal;
ALTER TABLE saml_connections DROP COLUMN seal;
ALTER TABLE saml_certificates DROP COLUMN seal;
ALTER TABLE saml_identities DROP COLUMN seal;
ALTER TABLE saml_requests DROP COLUMN seal;
ALTER TABLE saml_tickets DROP COLUMN seal;

-- --- Rights of the roles, of whole tables ----------------------------------------------------------------------------------------------
REVOKE INSERT, UPDATE ON users, password_links, saml_connections, saml_domains, saml_policies, sign_in_counts, common_apps FROM {{app}}, {{worker}};
GRANT INSERT, UPDATE ON users, password_links, saml_connections, saml_domains, saml_policies, sign_in_counts TO {{app}}, {{worker}};
GRANT INSERT, UPDATE ON common_apps TO {{worker}};
GRANT UPDATE, DELETE ON saml_sessions TO {{app}}, {{worker}};

-- --- Before the tenant is known --------------------------------------------------------------------------------------------------------
CREATE FUNCTION public.find_clients(wanted text[]) RETURNS TABLE (
    client_id text, tenant_id text, name text, status text, tenant_status text, tenant_name text, environment text, first_party boolean,
    grant_types text[], redirect_uris text[], requested_scopes text[], token_endpoint_auth_method text, jwks jsonb,
    enforce_pkce boolean, access_token_ttl integer, deidentification text, secret_ids text[], secret_macs bytea[], read_at_ms bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7402, lock) FROM (SELECT hashtext(unnest(wanted)) AS lock ORDER BY lock) AS locks;
    RETURN QUERY
        SELECT a.client_id, a.tenant_id, a.name, a.status, t.status, t.name, t.environment, a.first_party,
            a.grant_types, a.redirect_uris, a.requested_scopes, a.token_endpoint_auth_method, a.jwks,
            a.enforce_pkce, a.access_token_ttl, a.deidentification, s.ids, s.macs,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM public.apps a JOIN public.tenants t USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT array_agg(live.id) AS ids, array_agg(live.mac) AS macs FROM public.app_secrets live
            WHERE live.client_id = a.client_id AND (live.expires_at IS NULL OR live.expires_at > clock_timestamp())
        ) s
        WHERE a.client_id = ANY (wanted) AND a.status <> 'deleted';
END $$;
CREATE FUNCTION public.find_session(mac bytea) RETURNS TABLE (
    session_id text, tenant_id text, user_id text, email text, name text, tenant_name text, signed_in_at timestamptz, second_factor boolean
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.session_id, s.tenant_id, s.user_id, u.email, u.name, t.name, s.signed_in_at, s.second_factor
    FROM public.sessions s JOIN public.users u USING (user_id) JOIN public.tenants t ON t.tenant_id = s.tenant_id
    WHERE s.token_mac = mac AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
        AND s.last_seen_at > clock_timestamp() - interval '8 hours' AND u.status = 'active' AND t.status = 'active'
$$;
CREATE FUNCTION public.find_saml_connection(wanted text) RETURNS TABLE (
    connection_id text, tenant_id text, tenant_name text, name text, is_open boolean, entity_id text, sso_url text, slo_url text,
    name_id_format text, allow_idp_initiated boolean, attribute_mapping jsonb, role_mapping jsonb, default_role text, own_key bytea,
    own_certificate text, certificates text[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, c.name, c.status = 'active' AND t.status = 'active' AND t.federation,
        c.entity_id, c.sso_url, c.slo_url, c.name_id_format, c.allow_idp_initiated, c.attribute_mapping, c.role_mapping, c.default_role,
        c.own_key, c.own_certificate,
        ARRAY(SELECT k.pem FROM public.saml_certificates k WHERE k.connection_id = c.connection_id ORDER BY k.added_at, k.fingerprint)
    FROM public.saml_connections c JOIN public.tenants t USING (tenant_id) WHERE c.connection_id = wanted
$$;
REVOKE EXECUTE ON FUNCTION public.find_clients(text[]), public.find_session(bytea), public.find_saml_connection(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_clients(text[]), public.find_session(bytea), public.find_saml_connection(text) TO {{app}};
