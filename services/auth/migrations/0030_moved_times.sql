-- Apps that are shown moved times hold nothing that moves them back: neither in their tokens nor in what they may hear of.

-- What find_clients returns and the mode, which goes into every token. The old one stays for processes that still run.
CREATE FUNCTION find_oauth_clients(wanted text[]) RETURNS TABLE (
    client_id text, tenant_id text, name text, status text, tenant_status text, tenant_name text, environment text, first_party boolean,
    grant_types text[], redirect_uris text[], requested_scopes text[], token_endpoint_auth_method text, jwks jsonb,
    enforce_pkce boolean, access_token_ttl integer, deidentification text, secret_ids text[], secret_macs bytea[], read_at_ms bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7402, lock) FROM (SELECT hashtext(unnest(wanted)) AS lock ORDER BY lock) AS locks;
    RETURN QUERY
        SELECT a.client_id, a.tenant_id, a.name, a.status, t.status, t.name, t.environment, a.first_party,
            a.grant_types, a.redirect_uris, a.requested_scopes, a.token_endpoint_auth_method, a.jwks,
            a.enforce_pkce, a.access_token_ttl, a.deidentification, s.ids, s.macs,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM apps a JOIN tenants t USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT array_agg(live.id) AS ids, array_agg(live.mac) AS macs FROM app_secrets live
            WHERE live.client_id = a.client_id AND (live.expires_at IS NULL OR live.expires_at > clock_timestamp())
        ) s
        WHERE a.client_id = ANY (wanted) AND a.status <> 'deleted';
END $$;
REVOKE EXECUTE ON FUNCTION find_oauth_clients(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_oauth_clients(text[]) TO {{app}};

-- Of apps whose times are moved already: no live scope and no live event stays, writing encounters becomes reading them, and the
-- tokens they hold, which do not say the mode, end.
WITH narrowed AS (
    UPDATE apps SET
        requested_scopes = ARRAY(
            SELECT DISTINCT CASE one WHEN 'argus:epcr:write' THEN 'argus:epcr:read' ELSE one END FROM unnest(requested_scopes) one
            WHERE one IN ('argus:epcr:read', 'argus:epcr:write', 'webhooks:read', 'webhooks:write', 'offline_access')),
        approved_events = ARRAY(
            SELECT one FROM unnest(approved_events) one
            WHERE one IN ('webhook.disabled', 'app.secret_rotated', 'integration_request.decided', 'webhook.*', 'app.*', 'integration_request.*')),
        updated_at = clock_timestamp(), version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000))
    WHERE deidentification <> 'exact' AND status <> 'deleted' AND NOT first_party
    RETURNING *
)
INSERT INTO outbox (id, tenant_id, consumer, name, body)
SELECT uuidv7(), tenant_id, 'webhook_dispatcher', 'webhook_dispatcher.app_changed.v1', jsonb_build_object(
    'name', 'webhook_dispatcher.app_changed.v1', 'client_id', client_id, 'version', version, 'status', status,
    'approved_events', approved_events)
FROM narrowed
UNION ALL
SELECT uuidv7(), tenant_id, 'control_plane', 'control_plane.app_changed.v1', jsonb_build_object(
    'name', 'control_plane.app_changed.v1', 'client_id', client_id, 'version', version, 'status', status,
    'approved_events', approved_events, 'graphql_bundles', graphql_bundles, 'requested_scopes', requested_scopes)
FROM narrowed;

DO $$
DECLARE
    tenant record;
    before text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    FOR tenant IN SELECT tenant_id, array_agg(client_id) AS clients FROM apps
        WHERE deidentification <> 'exact' AND status <> 'deleted' GROUP BY tenant_id
    LOOP
        PERFORM set_config('app.tenant_id', tenant.tenant_id, true);
        UPDATE service_tokens SET revoked_at = clock_timestamp() WHERE client_id = ANY (tenant.clients) AND revoked_at IS NULL;
        PERFORM add_watermarks('client', tenant.clients, interval '30 days 5 minutes');
    END LOOP;
    PERFORM set_config('app.tenant_id', before, true);
END $$;
