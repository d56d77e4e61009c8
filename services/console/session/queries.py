"""SQL of sessions and preferences. Row-level security narrows each statement to the tenant of its transaction."""

from typing import LiteralString

FIND: LiteralString = "SELECT * FROM find_session(%s)"
START: LiteralString = """
    INSERT INTO sessions (session_id, tenant_id, user_id, token_mac, sealed, idle_seconds, expires_at)
    VALUES (%(session_id)s, %(tenant_id)s, %(user_id)s, %(token_mac)s, %(sealed)s, %(idle_seconds)s,
        clock_timestamp() + make_interval(secs => %(session_seconds)s))
    RETURNING signed_in_at, last_seen_at, expires_at
"""
# A new session displaces the oldest ones of the person.
FORGET_OLDEST: LiteralString = """
    DELETE FROM sessions WHERE session_id = ANY (ARRAY(
        SELECT session_id FROM sessions WHERE user_id = %s ORDER BY session_id DESC OFFSET %s LIMIT 100))
    RETURNING session_id, sealed
"""
TOUCH: LiteralString = "UPDATE sessions SET last_seen_at = clock_timestamp() WHERE session_id = %s"
RESEAL: LiteralString = "UPDATE sessions SET sealed = %s WHERE session_id = %s"
END: LiteralString = "DELETE FROM sessions WHERE session_id = %s"
PREFER: LiteralString = """
    INSERT INTO preferences (tenant_id, user_id, language, theme, paused)
    VALUES (%(tenant_id)s, %(user_id)s, %(language)s, %(theme)s, %(paused)s)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET language = excluded.language, theme = excluded.theme,
        paused = excluded.paused, changed_at = clock_timestamp()
"""
