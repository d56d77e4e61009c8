"""SQL for revocation watermarks."""

from typing import LiteralString

# The tenant of the transaction is whose tokens these are.
ADD_WATERMARKS: LiteralString = "SELECT add_watermarks(%s, %s, make_interval(secs => %s))"
REVOKE_GRANTS: LiteralString = """
    UPDATE grants SET revoked_at = clock_timestamp(), revoked_because = %s WHERE grant_id = ANY(%s) AND revoked_at IS NULL
    RETURNING grant_id
"""
VERSION: LiteralString = "SELECT version FROM revocation_state"
LIVE_WATERMARKS: LiteralString = "SELECT kind, id, not_before_ms, expires_at FROM live_watermarks()"
COVERING: LiteralString = """
    SELECT not_before_ms FROM watermarks WHERE expires_at > now() AND (
        (kind = 'client' AND id = %(client_id)s) OR (kind = 'grant' AND id = %(grant_id)s)
        OR (kind = 'tenant' AND id = %(tenant_id)s) OR (kind = 'token' AND id = %(token_id)s))
"""
DELETE_EXPIRED: LiteralString = "DELETE FROM watermarks WHERE expires_at < now()"
