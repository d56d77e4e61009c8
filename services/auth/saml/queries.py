"""SQL of SAML. Row-level security narrows each to the tenant of the transaction; the two functions run before it is known."""

from typing import LiteralString

from services.auth.people import rights
from shared.storage import locks

FIND_CONNECTION: LiteralString = "SELECT * FROM find_saml_connection(%s)"
FIND_DOMAIN: LiteralString = "SELECT * FROM find_saml_domain(%s)"
HAS_OPEN_DOMAIN: LiteralString = """
    SELECT EXISTS (
        SELECT FROM saml_domains d JOIN saml_connections c USING (connection_id) JOIN tenants t ON t.tenant_id = c.tenant_id
        WHERE d.verified_at IS NOT NULL AND c.status = 'active' AND t.federation AND t.status = 'active')
"""
COLUMNS: LiteralString = """
    connection_id, tenant_id, name, status, entity_id, sso_url, slo_url, name_id_format, allow_idp_initiated,
    attribute_mapping, role_mapping, default_role, own_certificate, created_at, updated_at, last_sign_in_at
"""
LOCK_TENANT: LiteralString = f"SELECT pg_advisory_xact_lock({locks.AUTH_SIGN_IN_POLICY}, hashtext(current_tenant()))"
# Parallel sign-ins share the lock; the policy does not change meanwhile.
HOLD_TENANT: LiteralString = (
    f"SELECT pg_advisory_xact_lock_shared({locks.AUTH_SIGN_IN_POLICY}, hashtext(current_tenant()))"
)
COUNT_CONNECTIONS: LiteralString = "SELECT count(*) FROM saml_connections"
INSERT_CONNECTION: LiteralString = (
    """
    INSERT INTO saml_connections (connection_id, tenant_id, name, entity_id, sso_url, slo_url, name_id_format,
        allow_idp_initiated, attribute_mapping, role_mapping, default_role, own_key, own_certificate)
    VALUES (%(connection_id)s, %(tenant_id)s, %(name)s, %(entity_id)s, %(sso_url)s, %(slo_url)s, %(name_id_format)s,
        %(allow_idp_initiated)s, %(attribute_mapping)s, %(role_mapping)s, %(default_role)s, %(own_key)s, %(own_certificate)s)
    RETURNING """
    + COLUMNS
)
UPDATE_CONNECTION: LiteralString = (
    """
    UPDATE saml_connections SET name = %(name)s, status = %(status)s, entity_id = %(entity_id)s, sso_url = %(sso_url)s,
        slo_url = %(slo_url)s, name_id_format = %(name_id_format)s, allow_idp_initiated = %(allow_idp_initiated)s,
        attribute_mapping = %(attribute_mapping)s, role_mapping = %(role_mapping)s, default_role = %(default_role)s,
        updated_at = clock_timestamp()
    WHERE connection_id = %(connection_id)s RETURNING """
    + COLUMNS
)
CONNECTION: LiteralString = "SELECT " + COLUMNS + " FROM saml_connections WHERE connection_id = %s"
CONNECTION_FOR_UPDATE: LiteralString = CONNECTION + " FOR UPDATE"
CONNECTIONS: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM saml_connections WHERE %(after)s::text IS NULL OR connection_id < %(after)s
    ORDER BY connection_id DESC LIMIT %(limit)s
"""
)
# A change or deletion of a connection locks its row. Sign-ins that began before finish first; later ones find the change.
HOLD_CONNECTION: LiteralString = """
    SELECT attribute_mapping, role_mapping, default_role FROM saml_connections WHERE connection_id = %s AND status = 'active' FOR KEY SHARE
"""
# The same for writers of the row, if the organisation may still use federation; HOLD_TENANT of apps keeps it so.
HOLD_CONNECTION_TO_WRITE: LiteralString = """
    SELECT FROM saml_connections WHERE connection_id = %s AND status = 'active'
        AND EXISTS (SELECT FROM tenants t WHERE t.tenant_id = saml_connections.tenant_id AND t.status = 'active' AND t.federation)
    FOR NO KEY UPDATE
"""
# For operators, under the worker role.
FIND_OWN: LiteralString = """
    SELECT tenant_id, own_certificate, next_certificate FROM saml_connections WHERE connection_id = %s FOR UPDATE
"""
SET_NEXT_CERTIFICATE: LiteralString = (
    "UPDATE saml_connections SET next_key = %s, next_certificate = %s WHERE connection_id = %s"
)
USE_NEXT_CERTIFICATE: LiteralString = """
    UPDATE saml_connections SET own_key = next_key, own_certificate = next_certificate, next_key = NULL, next_certificate = NULL,
        updated_at = clock_timestamp()
    WHERE connection_id = %s AND next_key IS NOT NULL
"""
NEXT_CERTIFICATE: LiteralString = "SELECT next_certificate FROM saml_connections WHERE connection_id = %s"
DELETE_CONNECTION: LiteralString = "DELETE FROM saml_connections WHERE connection_id = %s"
OTHER_ACTIVE_CONNECTIONS: LiteralString = """
    SELECT count(*) FROM saml_connections WHERE status = 'active' AND connection_id <> %s
        AND EXISTS (SELECT FROM saml_domains d WHERE d.connection_id = saml_connections.connection_id AND d.verified_at IS NOT NULL)
"""
CERTIFICATES: LiteralString = """
    SELECT fingerprint, pem, not_before, not_after, not_before <= now() AND now() < not_after AS is_valid, added_at, last_used_at
    FROM saml_certificates
    WHERE connection_id = %s ORDER BY added_at, fingerprint
"""
KEEP_CERTIFICATES: LiteralString = "DELETE FROM saml_certificates WHERE connection_id = %s AND fingerprint <> ALL (%s)"
ADD_CERTIFICATE: LiteralString = """
    INSERT INTO saml_certificates (connection_id, fingerprint, tenant_id, pem, not_before, not_after)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (connection_id, fingerprint) DO NOTHING
"""
CERTIFICATE_USED: LiteralString = """
    UPDATE saml_certificates SET last_used_at = clock_timestamp() WHERE connection_id = %s AND fingerprint = %s
"""
SIGNED_IN: LiteralString = "UPDATE saml_connections SET last_sign_in_at = clock_timestamp() WHERE connection_id = %s"
DOMAIN_COLUMNS: LiteralString = "domain, connection_id, token, claimed_at, verified_at"
CLAIM_DOMAIN: LiteralString = (
    """
    INSERT INTO saml_domains (tenant_id, domain, connection_id, token) VALUES (%s, %s, %s, %s)
    ON CONFLICT (tenant_id, domain) DO NOTHING RETURNING """
    + DOMAIN_COLUMNS
)
COUNT_DOMAINS: LiteralString = "SELECT count(*) FROM saml_domains WHERE connection_id = %s"
DOMAINS: LiteralString = "SELECT " + DOMAIN_COLUMNS + " FROM saml_domains WHERE connection_id = %s ORDER BY domain"
DOMAIN: LiteralString = "SELECT " + DOMAIN_COLUMNS + " FROM saml_domains WHERE connection_id = %s AND domain = %s"
PROVE_DOMAIN: LiteralString = (
    """
    UPDATE saml_domains SET verified_at = coalesce(verified_at, clock_timestamp()) WHERE connection_id = %s AND domain = %s AND token = %s
    RETURNING """
    + DOMAIN_COLUMNS
)
DELETE_DOMAIN: LiteralString = "DELETE FROM saml_domains WHERE connection_id = %s AND domain = %s"
OTHER_PROVEN_DOMAINS: LiteralString = """
    SELECT count(*) FROM saml_domains d JOIN saml_connections c USING (connection_id)
    WHERE d.verified_at IS NOT NULL AND c.status = 'active' AND d.domain <> %s
"""
POLICY: LiteralString = """
    SELECT p.enforced, p.break_glass_user_id, t.federation, u.email AS break_glass_email
    FROM saml_policies p JOIN tenants t USING (tenant_id) LEFT JOIN users u ON u.user_id = p.break_glass_user_id
    WHERE p.tenant_id = current_tenant()
"""
SET_POLICY: LiteralString = """
    INSERT INTO saml_policies (tenant_id, enforced, break_glass_user_id) VALUES (%s, %s, %s)
    ON CONFLICT (tenant_id) DO UPDATE SET enforced = excluded.enforced, break_glass_user_id = excluded.break_glass_user_id
"""
USER_WITH_PASSWORD: LiteralString = """
    SELECT user_id FROM users WHERE lower(email) = lower(%s) AND status = 'active' AND password_hash IS NOT NULL
"""
HAS_WORKING_CONNECTION: LiteralString = """
    SELECT EXISTS (
        SELECT FROM saml_connections c JOIN saml_domains d USING (connection_id)
        WHERE c.status = 'active' AND c.last_sign_in_at IS NOT NULL AND d.verified_at IS NOT NULL)
"""
# Sessions that began with a password, of all users but one. Here and below those that have expired stay as they are, days of them.
END_PASSWORD_SESSIONS: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp()
    WHERE ended_at IS NULL AND expires_at > clock_timestamp() AND user_id <> %s AND tenant_id = current_tenant()
        AND NOT EXISTS (SELECT FROM saml_sessions s WHERE s.session_id = sessions.session_id)
"""
ADD_REQUEST: LiteralString = """
    INSERT INTO saml_requests (request_id, tenant_id, connection_id, kind, browser_mac, relay_state, continue_to, fresh, is_returning,
        network, expires_at)
    VALUES (%(request_id)s, %(tenant_id)s, %(connection_id)s, %(kind)s, %(browser_mac)s, %(relay_state)s, %(continue_to)s,
        %(fresh)s, %(is_returning)s, %(network)s, clock_timestamp() + make_interval(secs => %(lives)s))
"""
# Networks share the room in turn: the rows beyond it are the oldest ones of the networks with the most.
FORGET_REQUESTS: LiteralString = """
    DELETE FROM saml_requests WHERE request_id IN (
        SELECT request_id FROM saml_requests WHERE request_id IN (
            SELECT request_id FROM (
                SELECT request_id, made_at, row_number() OVER (PARTITION BY network ORDER BY made_at DESC) AS turn
                FROM saml_requests WHERE connection_id = %(connection_id)s AND is_returning = %(is_returning)s
            ) AS waiting ORDER BY turn, made_at DESC OFFSET %(most)s)
        FOR UPDATE SKIP LOCKED)
"""
# An answer deletes its request.
USE_REQUEST: LiteralString = """
    DELETE FROM saml_requests
    WHERE request_id = %s AND connection_id = %s AND kind = %s AND expires_at > clock_timestamp()
    RETURNING request_id, browser_mac, relay_state, continue_to, fresh, made_at
"""
REMEMBER_MESSAGE: LiteralString = """
    INSERT INTO saml_replays (connection_id, message_mac, tenant_id, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (connection_id, message_mac) DO NOTHING
"""
SEEN_MESSAGE: LiteralString = (
    "SELECT EXISTS (SELECT FROM saml_replays WHERE connection_id = %s AND message_mac = ANY (%s))"
)
LOCK_NAME: LiteralString = f"SELECT pg_advisory_xact_lock({locks.AUTH_NAME_ID}, hashtext(%s))"
IDENTITY: LiteralString = (
    "SELECT "
    + rights.COLUMNS
    + """ FROM saml_identities i JOIN users u USING (user_id, tenant_id)
    WHERE i.connection_id = %s AND i.name_id = %s FOR UPDATE OF u
"""
)
USER_BY_EMAIL: LiteralString = "SELECT " + rights.COLUMNS + " FROM users u WHERE lower(u.email) = lower(%s) FOR UPDATE"
COUNT_USERS: LiteralString = "SELECT count(*) FROM users WHERE tenant_id = %s"
LINK: LiteralString = """
    INSERT INTO saml_identities (connection_id, name_id, tenant_id, user_id) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
UPDATE_PERSON: LiteralString = "UPDATE users SET name = %(name)s, " + rights.VALUES + " WHERE user_id = %(user_id)s"
LIVE_GRANTS: LiteralString = """
    SELECT grant_id, scopes FROM grants WHERE user_id = %s AND revoked_at IS NULL ORDER BY grant_id FOR UPDATE
"""
PEOPLE_OF_CONNECTION: LiteralString = "SELECT user_id FROM saml_identities WHERE connection_id = %(whose)s"
# People without a password signed in through a connection.
PEOPLE_WITH_PASSWORD: LiteralString = (
    "SELECT user_id FROM users WHERE password_hash IS NOT NULL AND user_id <> %(whose)s"
)
# Ordered, so that two calls that end the same grants cannot deadlock.
HOLD_GRANTS_OF_CONNECTION: LiteralString = """
    SELECT FROM grants WHERE revoked_at IS NULL AND user_id IN (
        SELECT user_id FROM saml_identities WHERE connection_id = %s) ORDER BY grant_id FOR UPDATE
"""
# For `watermarks.end_grants`, which appends the portion.
GRANTS_OF_USER: LiteralString = "SELECT grant_id FROM grants WHERE revoked_at IS NULL AND user_id = %(whose)s"
# People whom a change of roles concerns. The roles of the break-glass user, who repairs mistakes, change at the next sign-in.
PEOPLE_WITH_ROLES: LiteralString = (
    "SELECT "
    + rights.COLUMNS
    + """ FROM saml_identities i JOIN users u USING (user_id)
    WHERE i.connection_id = %(connection_id)s AND u.user_id > %(after)s AND u.user_id IS DISTINCT FROM %(break_glass)s
    ORDER BY u.user_id LIMIT %(most)s FOR UPDATE OF u
"""
)
MORE_PEOPLE: LiteralString = (
    "SELECT 1 FROM saml_identities WHERE connection_id = %(connection_id)s OFFSET %(most)s LIMIT 1"
)
# The different scopes that people with different roles granted to apps.
GRANTED_BY_ROLES: LiteralString = """
    SELECT DISTINCT g.client_id, g.scopes, u.roles FROM saml_identities i JOIN users u USING (user_id) JOIN grants g USING (user_id)
    WHERE i.connection_id = %(connection_id)s AND g.revoked_at IS NULL AND u.user_id IS DISTINCT FROM %(break_glass)s
"""
BEGIN_CHANGING_ROLES: LiteralString = """
    INSERT INTO changing_roles (connection_id, tenant_id) VALUES (%s, current_tenant())
"""
# The tenant whose last turn is the longest ago, and its connection of which the same is true.
NEXT_CHANGING_ROLES: LiteralString = """
    SELECT connection_id, tenant_id FROM (
        SELECT connection_id, tenant_id, turn_at, decided_at, max(turn_at) OVER (PARTITION BY tenant_id) AS turn
        FROM changing_roles) AS waiting
    WHERE connection_id <> ALL (%s) ORDER BY turn NULLS FIRST, turn_at NULLS FIRST, decided_at LIMIT 1
"""
HOLD_CHANGING_ROLES: LiteralString = """
    SELECT c.role_mapping, r.after FROM saml_connections c JOIN changing_roles r USING (connection_id) WHERE c.connection_id = %s
    FOR UPDATE OF c, r
"""
GO_ON_WITH_ROLES: LiteralString = (
    "UPDATE changing_roles SET after = %s, turn_at = clock_timestamp() WHERE connection_id = %s"
)
PUT_CHANGING_ROLES_BEHIND: LiteralString = (
    "UPDATE changing_roles SET turn_at = clock_timestamp() WHERE connection_id = ANY (%s)"
)
FORGET_CHANGING_ROLES: LiteralString = "DELETE FROM changing_roles WHERE connection_id = %s"
# The tenant's next connection has the turn of the one before.
HAD_A_TURN_OF_ROLES: LiteralString = """
    UPDATE changing_roles SET turn_at = clock_timestamp() WHERE connection_id = (
        SELECT connection_id FROM changing_roles WHERE tenant_id = %s ORDER BY decided_at LIMIT 1)
"""
# The lock lasts until the grant is written. The end of the session, or narrower roles, wait for it and then end that grant too.
SCOPE_LIMIT: LiteralString = (
    "SELECT "
    + rights.COLUMNS
    + """, awaited_role_mapping(u.user_id) AS awaited_mapping FROM users u JOIN sessions s USING (user_id)
    WHERE s.session_id = %s AND u.user_id = %s AND s.ended_at IS NULL
    FOR KEY SHARE OF u FOR SHARE OF s
"""
)
IDENTITIES: LiteralString = """
    SELECT i.user_id, u.email, u.name, u.roles, i.linked_at FROM saml_identities i JOIN users u USING (user_id)
    WHERE i.connection_id = %(connection_id)s AND (%(after)s::text IS NULL OR i.user_id < %(after)s)
    ORDER BY i.user_id DESC LIMIT %(limit)s
"""
UNLINK: LiteralString = "DELETE FROM saml_identities WHERE connection_id = %s AND user_id = %s"
ADD_TICKET: LiteralString = """
    INSERT INTO saml_tickets (ticket_mac, tenant_id, connection_id, user_id, browser_mac, continue_to, name_id, name_id_format,
        session_index, session_ends_at, expires_at)
    VALUES (%(ticket_mac)s, %(tenant_id)s, %(connection_id)s, %(user_id)s, %(browser_mac)s, %(continue_to)s, %(name_id)s,
        %(name_id_format)s, %(session_index)s, %(session_ends_at)s, clock_timestamp() + interval '2 minutes')
"""
TICKET_COLUMNS: LiteralString = (
    "user_id, browser_mac, continue_to, name_id, name_id_format, session_index, session_ends_at"
)
# Ends sign-ins in progress together with the sessions.
DELETE_TICKETS_OF_NAME: LiteralString = """
    DELETE FROM saml_tickets WHERE connection_id = %(connection_id)s AND name_id = %(name_id)s
        AND (%(indexes)s::text[] = '{}' OR session_index = ANY (%(indexes)s))
"""
DELETE_TICKETS_OF_CONNECTION: LiteralString = "DELETE FROM saml_tickets WHERE connection_id = %s"
DELETE_TICKETS_OF_USER: LiteralString = "DELETE FROM saml_tickets WHERE connection_id = %s AND user_id = %s"
# Only of people who are still linked: they may have been unlinked since the answer was read.
TICKET: LiteralString = (
    "SELECT "
    + TICKET_COLUMNS
    + """ FROM saml_tickets t
    WHERE ticket_mac = ANY (%s) AND connection_id = %s AND used_at IS NULL AND expires_at > clock_timestamp()
        AND EXISTS (SELECT FROM saml_identities i
            WHERE i.connection_id = t.connection_id AND i.name_id = t.name_id AND i.user_id = t.user_id)
    FOR UPDATE OF t
"""
)
USE_TICKET: LiteralString = "UPDATE saml_tickets SET used_at = clock_timestamp() WHERE ticket_mac = ANY (%s)"
# The lock lasts until the session is written. Disabling or unlinking the user waits for it and then ends the session.
ACTIVE_USER: LiteralString = """
    SELECT user_id, tenant_id, email, name, password_hash, totp_secret FROM users WHERE user_id = %s AND status = 'active' FOR SHARE
"""
NOTE_SESSION: LiteralString = """
    INSERT INTO saml_sessions (session_id, tenant_id, connection_id, name_id, name_id_format, session_index)
    VALUES (%(session_id)s, %(tenant_id)s, %(connection_id)s, %(name_id)s, %(name_id_format)s, %(session_index)s)
"""
SHORTEN_SESSION: LiteralString = "UPDATE sessions SET expires_at = least(expires_at, %s) WHERE session_id = %s"
STARTED_SESSION: LiteralString = (
    "SELECT connection_id, name_id, name_id_format, session_index FROM saml_sessions WHERE session_id = %s"
)
END_SESSIONS_OF_NAME: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp() FROM saml_sessions s
    WHERE s.session_id = sessions.session_id AND s.connection_id = %(connection_id)s AND s.name_id = %(name_id)s
        AND (%(indexes)s::text[] = '{}' OR s.session_index = ANY (%(indexes)s)) AND sessions.ended_at IS NULL
    RETURNING sessions.user_id
"""
END_SESSIONS_OF_CONNECTION: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp() FROM saml_sessions s
    WHERE s.session_id = sessions.session_id AND s.connection_id = %s AND sessions.ended_at IS NULL
        AND sessions.expires_at > clock_timestamp()
"""
END_SESSIONS_OF_USER: LiteralString = """
    UPDATE sessions SET ended_at = clock_timestamp() FROM saml_sessions s
    WHERE s.session_id = sessions.session_id AND s.connection_id = %s AND sessions.user_id = %s AND sessions.ended_at IS NULL
"""
CONNECTION_EVENTS: LiteralString = """
    SELECT id, at, kind AS reason, reason AS detail, trace_id FROM app_events
    WHERE client_id = %(connection_id)s AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s
"""
# One of each organisation before a second of any.
TAKE_DUE_DOMAINS: LiteralString = """
    SELECT tenant_id, domain, connection_id, token, missing_since IS NOT NULL AS is_missing,
        missing_since < clock_timestamp() - %s AS is_over
    FROM saml_domains WHERE verified_at IS NOT NULL AND domain = ANY (ARRAY(
        SELECT domain FROM (
            SELECT tenant_id, domain, seen_at, row_number() OVER (PARTITION BY tenant_id ORDER BY seen_at) AS turn
            FROM (
                SELECT tenant_id, domain, coalesce(checked_at, verified_at) AS seen_at FROM saml_domains WHERE verified_at IS NOT NULL
            ) AS proven WHERE seen_at < clock_timestamp() - %s
        ) AS due ORDER BY turn, seen_at LIMIT %s))
    FOR UPDATE SKIP LOCKED
"""
DOMAIN_SEEN: LiteralString = """
    UPDATE saml_domains SET checked_at = clock_timestamp(), missing_since = NULL WHERE tenant_id = %s AND domain = %s
"""
DOMAIN_UNANSWERED: LiteralString = """
    UPDATE saml_domains SET checked_at = clock_timestamp() - %s + %s WHERE tenant_id = %s AND domain = %s
"""
DOMAIN_MISSING: LiteralString = """
    UPDATE saml_domains SET checked_at = clock_timestamp(), missing_since = coalesce(missing_since, clock_timestamp())
    WHERE tenant_id = %s AND domain = %s
"""
UNPROVE_DOMAIN: LiteralString = """
    UPDATE saml_domains SET verified_at = NULL, checked_at = NULL, missing_since = NULL WHERE tenant_id = %s AND domain = %s
"""
COUNT_MISSING_DOMAINS: LiteralString = "SELECT count(*) FROM saml_domains WHERE missing_since IS NOT NULL"
