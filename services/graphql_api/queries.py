"""SQL of bundle grants."""

from typing import LiteralString

GRANTED: LiteralString = "SELECT bundles FROM graphql_apps WHERE client_id = %s AND status = 'active'"
# What auth says of an app; an older change never overwrites a newer one.
STORE_APP: LiteralString = """
    INSERT INTO graphql_apps AS kept (client_id, tenant_id, version, status, bundles) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (client_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, bundles = excluded.bundles
    WHERE kept.version < excluded.version AND kept.tenant_id = excluded.tenant_id
"""
