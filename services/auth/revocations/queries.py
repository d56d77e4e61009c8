"""SQL for revocation watermarks."""

from typing import LiteralString

# The tokens belong to the tenant of the transaction.
REVOKE_TOKENS: LiteralString = "SELECT * FROM revoke_tokens(%s, %s, %s, make_interval(secs => %s), %s, %s)"
REVOKE_GRANTS: LiteralString = """
    UPDATE grants SET revoked_at = clock_timestamp(), revoked_because = %s WHERE grant_id = ANY(%s) AND revoked_at IS NULL
    RETURNING grant_id
"""
PORTION = 5_000
"""Grants that one statement ends."""
NEXT_PORTION: LiteralString = " AND grant_id > %(after)s ORDER BY grant_id LIMIT 5000 FOR UPDATE"
# Grants of many people; a selection of their ids, in parentheses, follows.
OF_PEOPLE: LiteralString = "FROM grants WHERE revoked_at IS NULL AND user_id IN "
BEYOND_A_PORTION: LiteralString = " OFFSET 5000 LIMIT 1"
BEGIN_ENDING: LiteralString = """
    INSERT INTO ending_grants (user_id, tenant_id, why) SELECT user_id, tenant_id, %(why)s FROM users WHERE user_id = ANY (%(people)s)
    ON CONFLICT (user_id) DO UPDATE SET why = excluded.why, decided_at = excluded.decided_at
"""
TENANT: LiteralString = "SELECT current_tenant()"
# A key leaves the JWKS without a change, so that the published ones are read with each look.
NEWEST: LiteralString = """
    SELECT sequence, ARRAY(SELECT kid FROM signing_keys WHERE removed_at IS NULL OR removed_at > now() ORDER BY kid) FROM revocation_state
"""
WATERMARKS_AFTER: LiteralString = "SELECT * FROM watermarks_after(%s, %s)"
COVERING: LiteralString = """
    SELECT not_before_ms FROM watermarks WHERE expires_at > now() AND (
        (kind = 'client' AND id = %(client_id)s) OR (kind = 'grant' AND id = %(grant_id)s)
        OR (kind = 'tenant' AND id = %(tenant_id)s) OR (kind = 'token' AND id = %(token_id)s))
"""
