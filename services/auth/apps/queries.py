"""SQL for apps, their secrets and service tokens. Row-level security narrows each to the tenant of the transaction."""

from typing import LiteralString

from shared.storage import locks

COLUMNS: LiteralString = """
    client_id, tenant_id, name, status, first_party, grant_types, redirect_uris, requested_scopes,
    token_endpoint_auth_method, jwks, allow_service_tokens, enforce_pkce, approved_events, access_token_ttl,
    graphql_bundles, pseudonym_domain, deidentification, version, created_by, created_at, updated_at
"""
TENANT_COLUMNS: LiteralString = (
    "tenant_id, name, status, environment, granted_scopes, graphql_bundles, federation, version"
)
TENANT: LiteralString = "SELECT " + TENANT_COLUMNS + " FROM tenants WHERE tenant_id = %s"
# An operator who takes scopes from a tenant, and a request that gives scopes to an app, run one after the other. The request holds the
# tenant until its commit. Both take this lock before any other.
HOLD_TENANT: LiteralString = f"SELECT pg_advisory_xact_lock_shared({locks.AUTH_SCOPES_OF_TENANT}, hashtext(%s))"
LOCK_TENANT: LiteralString = f"SELECT pg_advisory_xact_lock({locks.AUTH_SCOPES_OF_TENANT}, hashtext(%s))"
INSERT_APP: LiteralString = (
    """
    INSERT INTO apps (client_id, tenant_id, name, first_party, grant_types, redirect_uris, requested_scopes,
        token_endpoint_auth_method, jwks, approved_events, graphql_bundles, pseudonym_domain, created_by, version)
    VALUES (%(client_id)s, %(tenant_id)s, %(name)s, %(first_party)s, %(grant_types)s, %(redirect_uris)s,
        %(requested_scopes)s, %(token_endpoint_auth_method)s, %(jwks)s, %(approved_events)s, %(graphql_bundles)s, %(client_id)s,
        %(created_by)s,
        floor(extract(epoch FROM clock_timestamp()) * 1000))
    RETURNING """
    + COLUMNS
)
# The control plane chose the id.
INSTALL_APP: LiteralString = (
    """
    INSERT INTO apps (client_id, tenant_id, name, first_party, grant_types, redirect_uris, requested_scopes,
        token_endpoint_auth_method, approved_events, graphql_bundles, pseudonym_domain, installation_id, version)
    VALUES (%(client_id)s, %(tenant_id)s, %(name)s, false, '{client_credentials}', '{}', %(scopes)s, 'client_secret_basic',
        %(approved_events)s, %(graphql_bundles)s, %(client_id)s, %(installation_id)s, floor(extract(epoch FROM clock_timestamp()) * 1000))
    RETURNING """
    + COLUMNS
)
DELETE_APP: LiteralString = (
    """
    UPDATE apps SET status = 'deleted', updated_at = clock_timestamp(),
        version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000))
    WHERE client_id = %s AND status <> 'deleted' AND NOT first_party
    RETURNING """
    + COLUMNS
)
INSTALLATION_OF: LiteralString = (
    "SELECT installation_id FROM apps WHERE client_id = %s AND status <> 'deleted' FOR UPDATE"
)
APP: LiteralString = "SELECT " + COLUMNS + " FROM apps WHERE client_id = %s AND status <> 'deleted'"
APP_FOR_UPDATE: LiteralString = APP + " FOR UPDATE"
APPS: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM apps
    WHERE status <> 'deleted' AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(after)s::text IS NULL OR client_id < %(after)s)
    ORDER BY client_id DESC LIMIT %(limit)s
"""
)
UPDATE_APP: LiteralString = (
    """
    UPDATE apps SET name = %(name)s, status = %(status)s, redirect_uris = %(redirect_uris)s,
        requested_scopes = %(requested_scopes)s, jwks = %(jwks)s, allow_service_tokens = %(allow_service_tokens)s,
        enforce_pkce = %(enforce_pkce)s, approved_events = %(approved_events)s, access_token_ttl = %(access_token_ttl)s,
        graphql_bundles = %(graphql_bundles)s, pseudonym_domain = %(pseudonym_domain)s,
        deidentification = %(deidentification)s, updated_at = clock_timestamp(),
        version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000))
    WHERE client_id = %(client_id)s
    RETURNING """
    + COLUMNS
)

COMMON_APP: LiteralString = (
    "SELECT name, title, redirect_uris, jwks, scopes, graphql_bundles FROM common_apps WHERE name = %s"
)
# In the tenant of the transaction.
APP_OF_COMMON: LiteralString = "SELECT " + COLUMNS + " FROM apps WHERE common_app = %s AND status <> 'deleted'"
LOCK_COMMON_APP: LiteralString = f"SELECT pg_advisory_xact_lock({locks.AUTH_COMMON_APP}, hashtext(%s))"
SET_COMMON_APP: LiteralString = "UPDATE apps SET common_app = %s WHERE client_id = %s"
# Of operators, who see every tenant.
ENSURE_COMMON_APP: LiteralString = """
    INSERT INTO common_apps (name, title, redirect_uris, jwks, scopes, graphql_bundles)
    VALUES (%(name)s, %(title)s, %(redirect_uris)s, %(jwks)s, %(scopes)s, %(graphql_bundles)s)
    ON CONFLICT (name) DO UPDATE SET title = excluded.title, redirect_uris = excluded.redirect_uris, jwks = excluded.jwks,
        scopes = excluded.scopes, graphql_bundles = excluded.graphql_bundles
"""
# Sessions that are open refresh their tokens with the new keys, before anybody of the organisation signs in again.
KEYS_OF_COMMON_APP: LiteralString = """
    UPDATE apps SET jwks = %(jwks)s, updated_at = clock_timestamp() WHERE common_app = %(name)s AND jwks <> %(jwks)s
        AND status <> 'deleted'
"""

COUNT_APPS: LiteralString = "SELECT count(*) FROM apps WHERE tenant_id = %s AND status <> 'deleted' AND NOT first_party"
# Deleted apps count too, so that creating and deleting in turn is bounded.
COUNT_APPS_OF_DAY: LiteralString = (
    "SELECT count(*) FROM apps WHERE tenant_id = %s AND created_at > clock_timestamp() - interval '1 day'"
)
INSERT_SECRET: LiteralString = "INSERT INTO app_secrets (id, tenant_id, client_id, mac) VALUES (%s, %s, %s, %s)"
# The secrets before the present one keep the ends that were stated for them.
REPLACE_SECRET: LiteralString = """
    UPDATE app_secrets SET expires_at = clock_timestamp() + make_interval(secs => %(overlap)s)
    WHERE client_id = %(client_id)s AND expires_at IS NULL RETURNING expires_at
"""
END_SECRETS: LiteralString = """
    UPDATE app_secrets SET expires_at = clock_timestamp()
    WHERE client_id = %s AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
# The last ended secrets are enough to see the rotations.
FORGET_ENDED_SECRETS: LiteralString = """
    DELETE FROM app_secrets WHERE client_id = %(client_id)s AND expires_at <= clock_timestamp() AND id NOT IN (
        SELECT id FROM app_secrets WHERE client_id = %(client_id)s ORDER BY created_at DESC LIMIT 20)
"""
END_SECRET: LiteralString = """
    UPDATE app_secrets SET expires_at = clock_timestamp()
    WHERE id = %s AND client_id = %s AND expires_at > clock_timestamp() RETURNING id
"""
DELETE_SECRETS: LiteralString = "DELETE FROM app_secrets WHERE client_id = %s"
LIVE_SECRETS: LiteralString = """
    SELECT id, created_at, expires_at, last_used_at FROM app_secrets
    WHERE client_id = %s AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY created_at DESC
"""

INSERT_SERVICE_TOKEN: LiteralString = """
    INSERT INTO service_tokens (id, tenant_id, client_id, jti, grant_id, scopes, created_at, expires_at, minted_by)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(jti)s, %(grant_id)s, %(scopes)s, %(created_at)s, %(expires_at)s, %(minted_by)s)
"""
SERVICE_TOKENS: LiteralString = """
    SELECT id, grant_id, scopes, created_at, expires_at, last_used_at FROM service_tokens
    WHERE client_id = %(client_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
CLOCK: LiteralString = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
COUNT_SERVICE_TOKENS_OF_TENANT: LiteralString = """
    SELECT count(*) FROM service_tokens
    WHERE tenant_id = %s AND revoked_at IS NULL AND expires_at > clock_timestamp()
"""
COUNT_SERVICE_TOKENS: LiteralString = """
    SELECT count(*) FROM service_tokens
    WHERE client_id = %s AND revoked_at IS NULL AND expires_at > clock_timestamp()
"""
REVOKE_SERVICE_TOKEN: LiteralString = """
    UPDATE service_tokens SET revoked_at = clock_timestamp()
    WHERE id = %s AND client_id = %s AND revoked_at IS NULL AND expires_at > clock_timestamp()
    RETURNING grant_id
"""
REVOKE_SERVICE_TOKENS: LiteralString = """
    UPDATE service_tokens SET revoked_at = clock_timestamp()
    WHERE client_id = %s AND revoked_at IS NULL AND expires_at > clock_timestamp()
    RETURNING grant_id
"""

APP_EVENTS: LiteralString = """
    SELECT id, at, kind, reason, trace_id FROM app_events
    WHERE client_id = %(client_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
RECENT_COUNTS: LiteralString = """
    SELECT kind, detail, sum(count)::bigint FROM daily_counts
    WHERE client_id = %s AND day > (now() AT TIME ZONE 'UTC')::date - 7 GROUP BY kind, detail
"""
BEGIN_ENDING: LiteralString = """
    INSERT INTO ending_apps (client_id, tenant_id) SELECT client_id, tenant_id FROM apps WHERE client_id = %s
"""
FORGET_DECISIONS: LiteralString = "DELETE FROM app_decisions WHERE client_id = %s"
END_WITH_APP: tuple[LiteralString, ...] = (DELETE_SECRETS, REVOKE_SERVICE_TOKENS, FORGET_DECISIONS, BEGIN_ENDING)
"""All that ends with a deleted app, besides its access tokens, which a watermark ends. Each takes the client id.

The relay ends its grants and consents (`ending.py`), since they may be hundreds of thousands.
"""
