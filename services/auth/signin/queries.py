"""SQL of signing in. Before the tenant is known it uses SECURITY DEFINER functions or the exempt table."""

from typing import LiteralString

FIND_USER: LiteralString = "SELECT * FROM find_user(%s)"
PERSON: LiteralString = "SELECT user_id, email, name, role FROM users WHERE user_id = %s"
SIGNED_IN_AT: LiteralString = "SELECT signed_in_at FROM grants WHERE grant_id = %s AND user_id = %s"
FIND_SESSION: LiteralString = "SELECT * FROM find_session(%s)"
FIND_PASSWORD_LINK: LiteralString = "SELECT * FROM find_password_link(%s)"

START_SESSION: LiteralString = """
    INSERT INTO sessions (session_id, tenant_id, user_id, token_mac, expires_at, user_agent, address, second_factor)
    VALUES (%(session_id)s, %(tenant_id)s, %(user_id)s, %(token_mac)s, clock_timestamp() + interval '12 hours',
        %(user_agent)s, %(address)s, %(second_factor)s)
"""
NOTE_SIGN_IN: LiteralString = """
    INSERT INTO last_sign_ins (user_id, tenant_id) VALUES (%(user_id)s, %(tenant_id)s)
    ON CONFLICT (user_id) DO UPDATE SET at = clock_timestamp()
"""
# A deleted session has ended. Those that had ended before go first.
FORGET_OLD_SESSIONS: LiteralString = """
    DELETE FROM sessions WHERE session_id = ANY (ARRAY(
        SELECT session_id FROM sessions WHERE session_id = ANY (ARRAY(
            SELECT session_id FROM sessions WHERE user_id = %s ORDER BY ended_at IS NOT NULL, session_id DESC OFFSET %s LIMIT 500))
        FOR UPDATE SKIP LOCKED))
"""
TOUCH_SESSION: LiteralString = """
    UPDATE sessions SET last_seen_at = clock_timestamp()
    WHERE session_id = %s AND last_seen_at < clock_timestamp() - interval '5 minutes'
"""
END_SESSION: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp() WHERE session_id = %s AND user_id = %s AND ended_at IS NULL
"""
# After a password and a code in the same form.
NOTE_SECOND_FACTOR: LiteralString = "UPDATE sessions SET second_factor = true WHERE session_id = %s"
END_OTHER_SESSIONS: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp() WHERE user_id = %s AND session_id <> %s AND ended_at IS NULL
"""
END_SESSIONS: LiteralString = "UPDATE sessions SET ended_at = clock_timestamp() WHERE user_id = %s AND ended_at IS NULL"
SESSIONS: LiteralString = """
    SELECT session_id, signed_in_at, user_agent FROM sessions
    WHERE user_id = %s AND ended_at IS NULL AND expires_at > clock_timestamp()
        AND last_seen_at > clock_timestamp() - interval '8 hours'
    ORDER BY session_id DESC LIMIT 50
"""
# Apps with a stored consent, and apps with live grants.
ALLOWED_APPS: LiteralString = """
    SELECT client_id, a.name, min(held.since) AS given_at FROM (
        SELECT client_id, given_at AS since FROM consents WHERE user_id = %(user_id)s
        UNION ALL
        SELECT client_id, created_at FROM grants
        WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
    ) held JOIN apps a USING (client_id)
    WHERE a.status <> 'deleted' GROUP BY client_id, a.name ORDER BY a.name LIMIT 100
"""
WITHDRAW_CONSENT: LiteralString = "DELETE FROM consents WHERE user_id = %s AND client_id = %s"
# For `watermarks.end_grants`, which appends the portion.
LIVE_GRANTS: LiteralString = """
    SELECT grant_id FROM grants WHERE user_id = %(user_id)s AND client_id = %(client_id)s AND revoked_at IS NULL
"""
LIVE_GRANTS_OF_USER: LiteralString = "SELECT grant_id FROM grants WHERE user_id = %(user_id)s AND revoked_at IS NULL"
SET_PASSWORD: LiteralString = "UPDATE users SET password_hash = %s WHERE user_id = %s"
REHASH: LiteralString = "UPDATE users SET password_hash = %s WHERE user_id = %s AND password_hash = %s"
HOLD_USER: LiteralString = """
    SELECT password_hash, totp_secret FROM users WHERE user_id = %s AND status = 'active' FOR SHARE
"""
HOLD_USER_TO_WRITE: LiteralString = """
    SELECT password_hash, totp_secret FROM users WHERE user_id = %s AND status = 'active' FOR NO KEY UPDATE
"""
USE_TOTP_STEP: LiteralString = "UPDATE users SET totp_last_step = %s WHERE user_id = %s AND totp_last_step < %s"
ENROL_TOTP: LiteralString = """
    UPDATE users SET totp_secret = %s, totp_last_step = %s WHERE user_id = %s AND totp_secret IS NULL
"""
REMOVE_TOTP: LiteralString = "UPDATE users SET totp_secret = NULL WHERE user_id = %s"
ABOUT_USER: LiteralString = """
    SELECT u.name, t.name AS organisation, u.totp_secret IS NOT NULL AS has_second_factor
    FROM users u JOIN tenants t USING (tenant_id) WHERE u.user_id = %s
"""
HAS_TOTP: LiteralString = "SELECT totp_secret IS NOT NULL FROM users WHERE user_id = %s"
INSERT_RECOVERY_CODES: LiteralString = """
    INSERT INTO recovery_codes (tenant_id, user_id, code_mac) SELECT %s, %s, unnest(%s::bytea[])
"""
DELETE_RECOVERY_CODES: LiteralString = "DELETE FROM recovery_codes WHERE user_id = %s"
USE_RECOVERY_CODE: LiteralString = """
    UPDATE recovery_codes SET used_at = clock_timestamp() WHERE user_id = %s AND code_mac = ANY(%s) AND used_at IS NULL
"""
RECOVERY_CODES_LEFT: LiteralString = "SELECT count(*) FROM recovery_codes WHERE user_id = %s AND used_at IS NULL"
# A new password ends every other link. Of two links used at once, one succeeds.
USE_PASSWORD_LINK: LiteralString = """
    UPDATE password_links SET used_at = clock_timestamp()
    WHERE used_at IS NULL AND user_id = (
        SELECT user_id FROM password_links
        WHERE token_mac = ANY(%s) AND used_at IS NULL AND expires_at > clock_timestamp())
"""

SMALL_LETTERS: LiteralString = "SELECT lower(%s::text)"
# One statement takes an attempt, so that parallel attempts cannot pass before the first is counted.
_LEAKED: LiteralString = (
    "greatest(c.level - greatest(extract(epoch FROM clock_timestamp() - c.at), 0) / %(seconds)s::float8, 0)"
)
TAKE_ATTEMPT: LiteralString = (
    """
    INSERT INTO sign_in_counts AS c (key, level, at) VALUES (%(key)s, 1, clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET level = """
    + _LEAKED
    + " + 1, at = clock_timestamp() WHERE "
    + _LEAKED
    + " + 1 <= %(capacity)s RETURNING c.level"
)
LEVEL: LiteralString = "SELECT " + _LEAKED + " FROM sign_in_counts c WHERE key = %(key)s"
FORGET_COUNT: LiteralString = "DELETE FROM sign_in_counts WHERE key = %s"
GIVE_BACK_ATTEMPT: LiteralString = "UPDATE sign_in_counts SET level = greatest(level - 1, 0) WHERE key = %s"

# Whether the device is known for the user, the wrong codes in other devices, whether the user is the break-glass user, and the holder
# of the browser's pass. Row-level security hides holders of other organisations.
STANDING: LiteralString = """
    SELECT
        (SELECT device_mac FROM known_devices WHERE user_id = %(user_id)s AND device_mac = ANY (%(macs)s) LIMIT 1) AS device,
        coalesce((SELECT wrong_codes FROM users WHERE user_id = %(user_id)s), 0) AS wrong_codes,
        EXISTS (SELECT FROM saml_policies WHERE break_glass_user_id = %(user_id)s) AS break_glass,
        (SELECT user_id FROM users WHERE user_id = %(holder)s AND status = 'active') AS colleague
"""
REMEMBER_DEVICE: LiteralString = """
    INSERT INTO known_devices (tenant_id, user_id, device_mac) VALUES (%(tenant_id)s, %(user_id)s, %(mac)s)
    ON CONFLICT (user_id, device_mac) DO UPDATE SET last_at = clock_timestamp(), wrong_codes = 0
"""
# The devices used last stay.
FORGET_OLD_DEVICES: LiteralString = """
    DELETE FROM known_devices WHERE user_id = %(user_id)s AND device_mac NOT IN (
        SELECT device_mac FROM known_devices WHERE user_id = %(user_id)s ORDER BY last_at DESC LIMIT %(most)s)
"""
FORGET_DEVICES: LiteralString = "DELETE FROM known_devices WHERE user_id = %s"
COUNT_CODE: LiteralString = """
    UPDATE users SET wrong_codes = wrong_codes + 1 WHERE user_id = %s AND wrong_codes < %s RETURNING wrong_codes
"""
# With too many wrong codes the device is no longer a known one.
COUNT_CODE_OF_DEVICE: LiteralString = """
    UPDATE known_devices SET wrong_codes = wrong_codes + 1 WHERE user_id = %s AND device_mac = %s RETURNING wrong_codes
"""
FORGET_DEVICE: LiteralString = "DELETE FROM known_devices WHERE user_id = %s AND device_mac = %s"
FORGET_WRONG_CODES: LiteralString = "UPDATE users SET wrong_codes = 0 WHERE user_id = %s AND wrong_codes > 0"
