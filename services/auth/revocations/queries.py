"""SQL for revocation watermarks."""

from typing import LiteralString

ADD_WATERMARK: LiteralString = "SELECT add_watermark(%s, %s, make_interval(secs => %s))"
# The tenant of the transaction is whose tokens these are.
VERSION: LiteralString = "SELECT version FROM revocation_state"
LIVE_WATERMARKS: LiteralString = "SELECT kind, id, not_before_ms, expires_at FROM live_watermarks()"
COVERING: LiteralString = """
    SELECT not_before_ms FROM watermarks WHERE expires_at > now() AND (
        (kind = 'client' AND id = %(client_id)s) OR (kind = 'grant' AND id = %(grant_id)s)
        OR (kind = 'tenant' AND id = %(tenant_id)s) OR (kind = 'token' AND id = %(token_id)s))
"""
DELETE_EXPIRED: LiteralString = "DELETE FROM watermarks WHERE expires_at < now()"
