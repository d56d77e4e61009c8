"""SQL of the OAuth endpoints."""

from typing import LiteralString

# Through a SECURITY DEFINER function: the tenant is known only once the client is.
FIND_CLIENTS: LiteralString = "SELECT * FROM find_clients(%s)"
USE_ASSERTION: LiteralString = """
    INSERT INTO client_assertions (tenant_id, client_id, assertion_mac, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
