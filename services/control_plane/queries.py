"""SQL of tenants, which auth's messages describe."""

from typing import LiteralString

GRANTED_SCOPES: LiteralString = "SELECT granted_scopes FROM tenants WHERE tenant_id = %s AND status = 'active'"
# An older change never overwrites a newer one.
STORE_TENANT: LiteralString = """
    INSERT INTO tenants AS kept (tenant_id, version, name, status, environment, granted_scopes)
    VALUES (%(tenant_id)s, %(version)s, %(tenant_name)s, %(status)s, %(environment)s, %(granted_scopes)s)
    ON CONFLICT (tenant_id) DO UPDATE
    SET version = excluded.version, name = excluded.name, status = excluded.status, environment = excluded.environment,
        granted_scopes = excluded.granted_scopes
    WHERE kept.version < excluded.version
"""
