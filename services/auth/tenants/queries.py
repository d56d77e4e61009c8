"""SQL of the operator's commands, which run as the worker role and may see every tenant."""

from typing import LiteralString

from services.auth.apps.queries import COLUMNS

ENSURE_TENANT: LiteralString = """
    INSERT INTO tenants (tenant_id, key, name, environment, granted_scopes, graphql_bundles) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET name = excluded.name, granted_scopes = excluded.granted_scopes,
        graphql_bundles = excluded.graphql_bundles
    RETURNING tenant_id
"""
FIRST_PARTY_APP: LiteralString = (
    "SELECT "
    + COLUMNS
    + " FROM apps WHERE tenant_id = %s AND first_party AND name = %s AND status <> 'deleted' FOR UPDATE"
)
ENSURE_USER: LiteralString = """
    INSERT INTO users (user_id, tenant_id, email, name, password_hash) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (lower(email)) DO NOTHING
"""
USER_BY_EMAIL: LiteralString = "SELECT user_id, password_hash FROM users WHERE lower(email) = lower(%s)"
SET_PASSWORD: LiteralString = "UPDATE users SET password_hash = %s WHERE user_id = %s"
SECRET_MACS: LiteralString = "SELECT mac FROM app_secrets WHERE client_id = %s AND expires_at IS NULL"
