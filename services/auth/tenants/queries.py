"""SQL of the operator's commands, which run as the worker role and may see every tenant."""

from typing import LiteralString

from services.auth.apps.queries import COLUMNS, TENANT_COLUMNS

ENSURE_TENANT: LiteralString = """
    INSERT INTO tenants (tenant_id, key, name, environment, granted_scopes, graphql_bundles) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET name = excluded.name,
        granted_scopes = ARRAY(SELECT DISTINCT unnest(tenants.granted_scopes || excluded.granted_scopes) ORDER BY 1),
        graphql_bundles = ARRAY(SELECT DISTINCT unnest(tenants.graphql_bundles || excluded.graphql_bundles) ORDER BY 1)
    RETURNING tenant_id, environment
"""
FIRST_PARTY_APP: LiteralString = (
    "SELECT "
    + COLUMNS
    + " FROM apps WHERE tenant_id = %s AND first_party AND name = %s AND status <> 'deleted' FOR UPDATE"
)
TENANT_OF_FIRST_PARTY_APP: LiteralString = (
    "SELECT tenant_id FROM apps WHERE client_id = %s AND first_party AND status <> 'deleted'"
)
ENSURE_USER: LiteralString = """
    INSERT INTO users (user_id, tenant_id, email, name, password_hash, role, scope_limit) VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (lower(email)) DO NOTHING
"""
FIRST_TOTP: LiteralString = "UPDATE users SET totp_secret = %s WHERE user_id = %s AND totp_secret IS NULL"
USER_BY_EMAIL: LiteralString = "SELECT user_id, password_hash FROM users WHERE lower(email) = lower(%s)"
SET_PASSWORD: LiteralString = "UPDATE users SET password_hash = %s WHERE user_id = %s"
SECRET_MACS: LiteralString = "SELECT mac FROM app_secrets WHERE client_id = %s AND expires_at IS NULL"

TENANTS: LiteralString = "SELECT " + TENANT_COLUMNS + " FROM tenants ORDER BY tenant_id"
INSERT_TENANT: LiteralString = """
    INSERT INTO tenants (tenant_id, key, name, environment) VALUES (%s, %s, %s, %s) ON CONFLICT (key) DO NOTHING
"""
# The later of two changes has the greater version, also after the clock was set back.
NEXT_VERSION: LiteralString = (
    """
    UPDATE tenants SET version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000))
    WHERE tenant_id = %s RETURNING """
    + TENANT_COLUMNS
)
# --- sending apps and tenants again; empty arrays choose everything --------------------------------------------------------------
CHOSEN_TENANTS: LiteralString = """
    cardinality(%(client_ids)s::text[]) = 0 AND (cardinality(%(tenant_ids)s::text[]) = 0 OR tenant_id = ANY(%(tenant_ids)s))
"""
CHOSEN_APPS: LiteralString = """
    (cardinality(%(client_ids)s::text[]) = 0 OR client_id = ANY(%(client_ids)s))
        AND (cardinality(%(tenant_ids)s::text[]) = 0 OR tenant_id = ANY(%(tenant_ids)s))
"""
# A version that a wrong clock put further ahead than consumers accept becomes the present time.
RENEWED: LiteralString = """
    CASE WHEN version > floor(extract(epoch FROM clock_timestamp()) * 1000) + 900000
        THEN floor(extract(epoch FROM clock_timestamp()) * 1000)
        ELSE greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)) END
"""
OWNERS: LiteralString = """
    SELECT tenant_id, tenant_id FROM tenants WHERE tenant_id = ANY(%(tenant_ids)s)
    UNION ALL SELECT client_id, tenant_id FROM apps WHERE client_id = ANY(%(client_ids)s)
"""
COUNT_CHOSEN: LiteralString = (
    "SELECT (SELECT count(*) FROM tenants WHERE "
    + CHOSEN_TENANTS
    + "), (SELECT count(*) FROM apps WHERE "
    + CHOSEN_APPS
    + ")"
)
RENEW_TENANTS: LiteralString = (
    "UPDATE tenants SET version = "
    + RENEWED
    + "WHERE tenant_id = ANY (ARRAY(SELECT tenant_id FROM tenants WHERE tenant_id > %(after)s AND "
    + CHOSEN_TENANTS
    + "ORDER BY tenant_id LIMIT %(portion)s FOR NO KEY UPDATE)) RETURNING "
    + TENANT_COLUMNS
)
RENEW_APPS: LiteralString = (
    "UPDATE apps SET version = "
    + RENEWED
    + "WHERE client_id = ANY (ARRAY(SELECT client_id FROM apps WHERE client_id > %(after)s AND "
    + CHOSEN_APPS
    + "ORDER BY client_id LIMIT %(portion)s FOR NO KEY UPDATE)) RETURNING "
    + COLUMNS
)
WITHDRAW_AHEAD: LiteralString = """
    DELETE FROM outbox WHERE acknowledged_at IS NULL AND name = ANY(%(names)s)
        AND (body ->> 'version')::bigint > floor(extract(epoch FROM clock_timestamp()) * 1000) + 900000
        AND (cardinality(%(client_ids)s::text[]) = 0 OR body ->> 'client_id' = ANY(%(client_ids)s))
        AND (cardinality(%(tenant_ids)s::text[]) = 0 OR tenant_id = ANY(%(tenant_ids)s))
"""

INSERT_SANDBOX: LiteralString = """
    INSERT INTO tenants (tenant_id, name, environment, granted_scopes, graphql_bundles, federation)
    VALUES (%s, %s, 'sandbox', %s, %s, %s)
"""
OPEN_FEDERATION: LiteralString = "UPDATE tenants SET federation = true WHERE tenant_id = %s"
SET_STATUS: LiteralString = "UPDATE tenants SET status = %s WHERE tenant_id = %s AND status <> %s"
# Those that the tenant made by itself; a deleted one stays suspended.
SET_STATUS_OF_SANDBOXES: LiteralString = """
    UPDATE tenants SET status = %s WHERE environment = 'sandbox' AND tenant_id IN (
        SELECT sandbox_tenant_id FROM sandboxes WHERE tenant_id = %s AND state NOT IN ('deleting', 'deleted')) AND status <> %s
    RETURNING tenant_id
"""
GRANT_SCOPES: LiteralString = """
    UPDATE tenants SET granted_scopes = ARRAY(SELECT DISTINCT unnest(granted_scopes || %s::text[]) ORDER BY 1)
    WHERE tenant_id = %s RETURNING granted_scopes
"""
WITHDRAW_SCOPES: LiteralString = """
    UPDATE tenants SET granted_scopes = ARRAY(SELECT one FROM unnest(granted_scopes) one WHERE one <> ALL (%s::text[]))
    WHERE tenant_id = %s RETURNING granted_scopes
"""
APPS_WITH_SCOPES: LiteralString = (
    """
    UPDATE apps SET requested_scopes = ARRAY(SELECT one FROM unnest(requested_scopes) one WHERE one <> ALL (%(scopes)s::text[])),
        updated_at = clock_timestamp(), version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000))
    WHERE tenant_id = %(tenant_id)s AND requested_scopes && %(scopes)s::text[] AND status <> 'deleted'
    RETURNING """
    + COLUMNS
)
GRANT_BUNDLES: LiteralString = """
    UPDATE tenants SET graphql_bundles = ARRAY(SELECT DISTINCT unnest(graphql_bundles || %s::text[]) ORDER BY 1)
    WHERE tenant_id = %s RETURNING graphql_bundles
"""
SET_LIMIT: LiteralString = """
    INSERT INTO tenant_limits (tenant_id, name, most) VALUES (%s, %s, %s)
    ON CONFLICT (tenant_id, name) DO UPDATE SET most = excluded.most
"""
DELETE_LIMIT: LiteralString = "DELETE FROM tenant_limits WHERE tenant_id = %s AND name = %s"
LIMITS: LiteralString = "SELECT name, most FROM tenant_limits WHERE tenant_id = %s"
USERS: LiteralString = """
    SELECT user_id, tenant_id, email, status, password_hash IS NOT NULL AS has_password, totp_secret IS NOT NULL AS has_totp
    FROM users WHERE %(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s ORDER BY tenant_id, email
"""
FIND_USER: LiteralString = "SELECT user_id, tenant_id, email FROM users WHERE lower(email) = lower(%s)"
INSERT_USER: LiteralString = """
    INSERT INTO users (user_id, tenant_id, email, name, role, scope_limit) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (lower(email)) DO NOTHING
"""
SET_USER_STATUS: LiteralString = "UPDATE users SET status = %s WHERE user_id = %s"
END_USER_SESSIONS: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp() WHERE user_id = %s AND ended_at IS NULL
"""
END_USER_GRANTS: LiteralString = """
    UPDATE grants SET revoked_at = clock_timestamp(), revoked_because = 'user disabled'
    WHERE user_id = %s AND revoked_at IS NULL RETURNING grant_id
"""
SET_TOTP: LiteralString = "UPDATE users SET totp_secret = %s, totp_last_step = 0 WHERE user_id = %s"
INSERT_LINK: LiteralString = """
    INSERT INTO password_links (token_mac, tenant_id, user_id, expires_at)
    VALUES (%s, %s, %s, clock_timestamp() + make_interval(hours => %s))
"""
AUDIT: LiteralString = """
    SELECT at, client_id, actor, action, subject_id, detail, trace_id FROM audit
    WHERE tenant_id = ANY (%s) ORDER BY id DESC LIMIT %s
"""
INSERT_PLATFORM: LiteralString = """
    INSERT INTO tenants (tenant_id, key, name) VALUES (%s, %s, %s) ON CONFLICT (tenant_id) DO NOTHING
"""
