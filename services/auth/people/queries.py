"""SQL of people. Row-level security narrows each statement to the tenant of the transaction."""

from typing import LiteralString

from services.auth.people import rights
from shared.storage import locks

# Changes of one organisation's people come one after the other, so that two administrators cannot remove one another at once.
LOCK_PEOPLE: LiteralString = f"SELECT pg_advisory_xact_lock({locks.AUTH_PEOPLE}, hashtext(current_tenant()))"
# A link counts only with its connection: the relay deletes those of a deleted one.
LINKED: LiteralString = (
    "EXISTS (SELECT FROM saml_identities i JOIN saml_connections c USING (connection_id) WHERE i.user_id = u.user_id)"
)
COLUMNS: LiteralString = (
    """
    u.user_id, u.email, u.name, u.status, u.role, u.roles AS provider_roles, u.totp_secret IS NOT NULL AS second_factor,
    u.password_hash IS NOT NULL AS has_password,
    """
    + LINKED
    + """ AS federated,
    (SELECT l.at FROM last_sign_ins l WHERE l.user_id = u.user_id) AS last_sign_in_at, u.created_at
    """
)
USER: LiteralString = "SELECT " + COLUMNS + " FROM users u WHERE u.user_id = %s"
USERS: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM users u
    WHERE u.tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR u.user_id < %(after)s)
        AND (%(like)s::text IS NULL OR u.email ILIKE %(like)s OR u.name ILIKE %(like)s)
        AND (%(status)s::text IS NULL OR u.status = %(status)s)
        AND (%(second_factor)s::boolean IS NULL OR (u.totp_secret IS NOT NULL) = %(second_factor)s)
        AND (%(federated)s::boolean IS NULL
            OR """
    + LINKED
    + """ = %(federated)s)
        AND (%(role)s::text IS NULL OR u.role = %(role)s)
    ORDER BY u.user_id DESC LIMIT %(limit)s
"""
)
HOLD: LiteralString = (
    "SELECT "
    + rights.COLUMNS
    + """, u.totp_secret IS NOT NULL AS has_totp,
        EXISTS (SELECT FROM saml_identities i JOIN saml_connections c USING (connection_id)
            WHERE i.user_id = u.user_id AND c.status = 'active' AND c.role_mapping <> '{}') AS role_mapped
    FROM users u WHERE u.user_id = %s FOR UPDATE OF u
"""
)
# The limit of the person who makes a change.
ACTOR: LiteralString = "SELECT " + rights.COLUMNS + " FROM users u WHERE u.user_id = %s"
# Other people who are administrators and have a way to sign in.
OTHER_ADMINISTRATORS: LiteralString = (
    """
    SELECT count(*) FROM (SELECT FROM users u WHERE u.tenant_id = current_tenant() AND u.user_id <> %s AND u.status = 'active'
        AND u.role = 'administrator' AND (u.password_hash IS NOT NULL OR """
    + LINKED
    + """)
        LIMIT 1) AS other
"""
)
SESSIONS: LiteralString = """
    SELECT s.session_id, s.user_agent, s.address, s.signed_in_at, s.last_seen_at,
        EXISTS (SELECT FROM saml_sessions c WHERE c.session_id = s.session_id) AS federated
    FROM sessions s
    WHERE s.user_id = %(user_id)s AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
        AND s.last_seen_at > clock_timestamp() - interval '8 hours' AND (%(after)s::text IS NULL OR s.session_id < %(after)s)
    ORDER BY s.session_id DESC LIMIT %(limit)s
"""
COUNT_SESSIONS: LiteralString = """
    SELECT count(*) FROM sessions WHERE user_id = %(user_id)s AND ended_at IS NULL AND expires_at > clock_timestamp()
        AND last_seen_at > clock_timestamp() - interval '8 hours'
"""
# Grants that still give tokens, and those among them with a refresh token.
COUNT_GRANTS: LiteralString = """
    SELECT count(*), count(*) FILTER (WHERE offline) FROM grants
    WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
"""
# For `watermarks.end_grants`, which appends the portion. First-party apps are the platform itself, such as its console.
FIRST_PARTY_GRANTS: LiteralString = """
    SELECT grant_id FROM grants WHERE revoked_at IS NULL AND user_id = %(user_id)s
        AND client_id IN (SELECT client_id FROM apps WHERE first_party)
"""
DELETE_TICKETS: LiteralString = """
    DELETE FROM saml_tickets WHERE user_id = %(user_id)s
        AND connection_id IN (SELECT connection_id FROM saml_identities WHERE user_id = %(user_id)s)
"""
END_PASSWORD_LINKS: LiteralString = (
    "UPDATE password_links SET used_at = clock_timestamp() WHERE user_id = %s AND used_at IS NULL"
)
SERVICE_TOKENS: LiteralString = """
    SELECT id, scopes FROM service_tokens
    WHERE minted_by = %(user_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp() ORDER BY id FOR UPDATE
"""
COUNT_SERVICE_TOKENS: LiteralString = """
    SELECT count(*) FROM service_tokens
    WHERE minted_by = %(user_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
"""
REVOKE_SERVICE_TOKENS: LiteralString = """
    UPDATE service_tokens SET revoked_at = clock_timestamp() WHERE id = ANY (%s) AND revoked_at IS NULL RETURNING grant_id
"""
COUNT_INVITATIONS: LiteralString = """
    SELECT count(*) FROM invitations
    WHERE invited_by = %(user_id)s AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > clock_timestamp()
"""
WITHDRAW_INVITATIONS: LiteralString = """
    UPDATE invitations SET withdrawn_at = clock_timestamp()
    WHERE invited_by = %s AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > clock_timestamp()
"""
