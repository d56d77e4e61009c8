"""SQL of portal links. Row-level security narrows each statement to the tenant of its transaction."""

from typing import LiteralString

FIND: LiteralString = "SELECT * FROM find_portal_link(%s)"
MAKE: LiteralString = """
    INSERT INTO portal_links (link_id, tenant_id, client_id, token_id, secret_mac, sealed, may_write, note, made_by, expires_at)
    VALUES (%(link_id)s, %(tenant_id)s, %(client_id)s, %(token_id)s, %(secret_mac)s, %(sealed)s, %(may_write)s, %(note)s, %(made_by)s,
        %(expires_at)s)
"""
# An app has few service tokens, and so few links that are good; those that are over are kept for a month.
OF_APP: LiteralString = """
    SELECT link_id, client_id, token_id, may_write, note, made_by, created_at, expires_at, revoked_at, opened, last_opened_at,
        revoked_at IS NULL AND expires_at > clock_timestamp() AS is_good
    FROM portal_links WHERE client_id = %(client_id)s AND (%(after)s = '' OR link_id < %(after)s)
    ORDER BY link_id DESC LIMIT %(limit)s
"""
ONE: LiteralString = """
    SELECT link_id, client_id, token_id, may_write, note, made_by, created_at, expires_at, revoked_at, opened, last_opened_at,
        revoked_at IS NULL AND expires_at > clock_timestamp() AS is_good
    FROM portal_links WHERE link_id = %s AND client_id = %s
"""
# Of the newest links: an app has few good ones.
ENDING_WITH_APP: LiteralString = """
    SELECT note FROM (SELECT * FROM portal_links WHERE client_id = %s ORDER BY link_id DESC LIMIT %s) AS newest
    WHERE revoked_at IS NULL AND expires_at > clock_timestamp() ORDER BY link_id DESC
"""
ENDING_WITH_MAKER: LiteralString = """
    SELECT note FROM (SELECT * FROM portal_links WHERE made_by = %s ORDER BY link_id DESC LIMIT %s) AS newest
    WHERE revoked_at IS NULL AND expires_at > clock_timestamp() ORDER BY link_id DESC
"""
REVOKE: LiteralString = """
    UPDATE portal_links SET revoked_at = clock_timestamp(), sealed = NULL WHERE link_id = %s AND revoked_at IS NULL
"""
END_SESSIONS: LiteralString = "DELETE FROM sessions WHERE user_id = %s"
OPENED: LiteralString = """
    UPDATE portal_links SET opened = opened + 1, last_opened_at = clock_timestamp() WHERE link_id = %s AND revoked_at IS NULL
"""
# A session of a link is over when the link is.
END_WITH_LINK: LiteralString = "UPDATE sessions SET expires_at = least(expires_at, %s) WHERE user_id = %s"
