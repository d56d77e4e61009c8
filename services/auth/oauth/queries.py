"""SQL of the OAuth endpoints."""

from typing import LiteralString

# A SECURITY DEFINER function, because the tenant is not known before the client.
FIND_CLIENTS: LiteralString = "SELECT * FROM find_oauth_clients(%s)"
USE_ASSERTION: LiteralString = """
    INSERT INTO client_assertions (tenant_id, client_id, assertion_mac, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""

GRANT_COLUMNS: LiteralString = """
    g.grant_id, g.tenant_id, g.client_id, g.user_id, g.scopes, g.audience, g.offline, g.seed, g.generation, g.rotated_at,
    g.created_at, g.expires_at,
    g.revoked_at IS NULL AND g.expires_at > clock_timestamp() AND u.status = 'active' AS is_live
"""
LOCK_GRANT: LiteralString = (
    "SELECT "
    + GRANT_COLUMNS
    + " FROM grants g JOIN users u USING (user_id) WHERE g.grant_id = %s AND g.client_id = %s FOR UPDATE OF g"
)
BURN_CODE: LiteralString = """
    UPDATE codes SET used_at = clock_timestamp()
    WHERE code_mac = ANY(%(macs)s) AND client_id = %(client_id)s AND used_at IS NULL AND expires_at > clock_timestamp()
    RETURNING grant_id, redirect_uri, redirect_uri_named, code_challenge
"""
USED_CODE: LiteralString = """
    SELECT grant_id FROM codes WHERE code_mac = ANY(%(macs)s) AND client_id = %(client_id)s AND used_at IS NOT NULL
"""
NEXT_GENERATION: LiteralString = """
    UPDATE grants SET generation = %(generation)s, rotated_at = clock_timestamp(), expires_at = %(expires_at)s
    WHERE grant_id = %(grant_id)s
"""
INSERT_GRANT: LiteralString = """
    INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, expires_at)
    VALUES (%(grant_id)s, %(tenant_id)s, %(client_id)s, %(user_id)s, %(scopes)s, %(audience)s, %(offline)s, %(seed)s,
        clock_timestamp() + make_interval(secs => %(lives)s))
"""
INSERT_CODE: LiteralString = """
    INSERT INTO codes (code_mac, tenant_id, client_id, grant_id, redirect_uri, redirect_uri_named, code_challenge, expires_at)
    VALUES (%(code_mac)s, %(tenant_id)s, %(client_id)s, %(grant_id)s, %(redirect_uri)s, %(redirect_uri_named)s,
        %(code_challenge)s, clock_timestamp() + interval '60 seconds')
"""
# The lock lasts until the grant is written. A withdrawal of the consent waits for it and then ends that grant too.
CONSENT: LiteralString = "SELECT scopes FROM consents WHERE user_id = %s AND client_id = %s FOR SHARE"
COUNT_OTHER_CONSENTS: LiteralString = "SELECT count(*) FROM consents WHERE user_id = %s AND client_id <> %s"
GIVE_CONSENT: LiteralString = """
    INSERT INTO consents (tenant_id, user_id, client_id, scopes) VALUES (%(tenant_id)s, %(user_id)s, %(client_id)s, %(scopes)s)
    ON CONFLICT (user_id, client_id) DO UPDATE SET given_at = clock_timestamp(),
        scopes = ARRAY(SELECT DISTINCT unnest(consents.scopes || excluded.scopes))
"""
SERVICE_TOKEN_OF_GRANT: LiteralString = """
    UPDATE service_tokens SET revoked_at = clock_timestamp() WHERE grant_id = %s AND revoked_at IS NULL
"""
