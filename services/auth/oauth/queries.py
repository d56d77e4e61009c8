"""SQL of the OAuth endpoints."""

from typing import LiteralString

# A SECURITY DEFINER function, because the tenant is not known before the client.
FIND_CLIENTS: LiteralString = "SELECT * FROM find_clients(%s)"
USE_ASSERTION: LiteralString = """
    INSERT INTO client_assertions (tenant_id, client_id, assertion_mac, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""

# A grant of an operator lives for 12 hours, and not without the second factor that it began with.
GRANT_COLUMNS: LiteralString = """
    g.grant_id, g.tenant_id, g.client_id, g.user_id, g.scopes, g.audience, g.offline, g.seed, g.generation, g.rotated_at,
    g.created_at, g.expires_at, u.role, u.roles,
    awaited_role_mapping(u.user_id) AS awaited_mapping, g.second_factor,
    g.revoked_at IS NULL AND g.expires_at > clock_timestamp() AND u.status = 'active'
        AND NOT EXISTS (SELECT FROM apps a WHERE a.client_id = g.client_id AND a.status = 'deleted')
        AND NOT EXISTS (SELECT FROM ending_grants e WHERE e.user_id = g.user_id AND g.created_at < e.decided_at)
        AND (NOT g.scopes && '{platform:operate:read,platform:operate:write}'
            OR (u.totp_secret IS NOT NULL AND g.created_at > clock_timestamp() - interval '12 hours')) AS is_live
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
    INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, expires_at, second_factor,
        signed_in_at)
    VALUES (%(grant_id)s, %(tenant_id)s, %(client_id)s, %(user_id)s, %(scopes)s, %(audience)s, %(offline)s, %(seed)s,
        clock_timestamp() + make_interval(secs => %(lives)s), %(second_factor)s, %(signed_in_at)s)
"""
# Of a person's grants for one app: those whose code was never redeemed, and those that are over with all their tokens, beyond the newest
# `most` of each. A redemption locks the code before its grant; where one is under way the grant stays.
FORGET_GRANTS: LiteralString = """
    DELETE FROM grants WHERE grant_id = ANY (ARRAY(
        SELECT g.grant_id FROM grants g JOIN codes c USING (grant_id) JOIN (
            SELECT grant_id, row_number() OVER (PARTITION BY is_over ORDER BY grant_id DESC) AS newer FROM (
                SELECT grant_id,
                    o.revoked_at IS NOT NULL OR o.expires_at < clock_timestamp() - interval '1 day 5 minutes' AS is_over
                FROM grants o JOIN codes USING (grant_id)
                WHERE o.user_id = %(user_id)s AND o.client_id = %(client_id)s AND (used_at IS NULL OR o.revoked_at IS NOT NULL
                    OR o.expires_at < clock_timestamp() - interval '1 day 5 minutes')) AS old
        ) AS numbered USING (grant_id)
        WHERE newer > %(most)s AND (c.used_at IS NULL OR g.revoked_at IS NOT NULL
            OR g.expires_at < clock_timestamp() - interval '1 day 5 minutes')
        LIMIT 500 FOR UPDATE OF g, c SKIP LOCKED))
"""
# Of those that gave tokens, the ones beyond `most` that were used last the longest ago.
EXCESS_GRANTS: LiteralString = """
    SELECT grant_id FROM grants WHERE revoked_at IS NULL AND grant_id = ANY (ARRAY(
        SELECT g.grant_id FROM grants g
        WHERE g.user_id = %(user_id)s AND g.client_id = %(client_id)s AND g.revoked_at IS NULL AND g.expires_at > clock_timestamp()
            AND NOT EXISTS (SELECT FROM codes c WHERE c.grant_id = g.grant_id AND c.used_at IS NULL)
        ORDER BY coalesce(g.rotated_at, g.created_at) DESC OFFSET %(most)s LIMIT 500))
    FOR UPDATE SKIP LOCKED
"""
INSERT_CODE: LiteralString = """
    INSERT INTO codes (code_mac, tenant_id, client_id, grant_id, redirect_uri, redirect_uri_named, code_challenge, expires_at)
    VALUES (%(code_mac)s, %(tenant_id)s, %(client_id)s, %(grant_id)s, %(redirect_uri)s, %(redirect_uri_named)s,
        %(code_challenge)s, clock_timestamp() + make_interval(secs => %(lives)s))
"""
# The lock lasts until the grant is written. A withdrawal of the consent waits for it and then ends that grant too.
CONSENT: LiteralString = "SELECT scopes FROM consents WHERE user_id = %s AND client_id = %s FOR SHARE"
# Those of deleted apps do not count while the relay has not deleted them yet.
COUNT_OTHER_CONSENTS: LiteralString = """
    SELECT count(*) FROM consents c JOIN apps a USING (client_id)
    WHERE c.user_id = %s AND c.client_id <> %s AND a.status <> 'deleted'
"""
GIVE_CONSENT: LiteralString = """
    INSERT INTO consents (tenant_id, user_id, client_id, scopes) VALUES (%(tenant_id)s, %(user_id)s, %(client_id)s, %(scopes)s)
    ON CONFLICT (user_id, client_id) DO UPDATE SET given_at = clock_timestamp(),
        scopes = ARRAY(SELECT DISTINCT unnest(consents.scopes || excluded.scopes))
"""
SERVICE_TOKEN_OF_GRANT: LiteralString = """
    UPDATE service_tokens SET revoked_at = clock_timestamp() WHERE grant_id = %s AND revoked_at IS NULL
"""

# Devices that wait for a person (RFC 8628).
INSERT_DEVICE: LiteralString = """
    INSERT INTO device_codes (device_id, tenant_id, client_id, device_mac, user_mac, scopes, audience, address, network, block,
        wait_seconds, expires_at)
    VALUES (%(device_id)s, %(tenant_id)s, %(client_id)s, %(device_mac)s, %(user_mac)s, %(scopes)s, %(audience)s, %(address)s, %(network)s,
        %(block)s, %(wait)s, clock_timestamp() + make_interval(secs => %(lives)s))
    ON CONFLICT (tenant_id, user_mac) DO NOTHING
"""
COUNT_DEVICES: LiteralString = "SELECT count(*) FILTER (WHERE client_id = %s), count(*) FROM device_codes"
# Blocks of networks share an app's room in turn, networks the room of their block, and apps their tenant's: the rows beyond it are those
# that are over, then the oldest ones of the blocks (networks, apps) with the most.
FORGET_DEVICES_OF_APP: LiteralString = """
    DELETE FROM device_codes WHERE device_id = ANY (ARRAY(
        SELECT device_id FROM device_codes WHERE device_id = ANY (ARRAY(
            SELECT device_id FROM (
                SELECT device_id, made_at, expires_at, row_number() OVER (PARTITION BY block ORDER BY of_network, made_at DESC) AS turn
                FROM (
                    SELECT device_id, made_at, expires_at, block,
                        row_number() OVER (PARTITION BY network ORDER BY made_at DESC) AS of_network
                    FROM device_codes WHERE client_id = %(client_id)s
                ) AS of_app
            ) AS waiting ORDER BY expires_at <= clock_timestamp(), turn, made_at DESC OFFSET %(most)s))
        FOR UPDATE SKIP LOCKED))
"""
FORGET_DEVICES_OF_TENANT: LiteralString = """
    DELETE FROM device_codes WHERE device_id = ANY (ARRAY(
        SELECT device_id FROM device_codes WHERE device_id = ANY (ARRAY(
            SELECT device_id FROM (
                SELECT device_id, made_at, expires_at, row_number() OVER (PARTITION BY client_id ORDER BY made_at DESC) AS turn
                FROM device_codes
            ) AS waiting ORDER BY expires_at <= clock_timestamp(), turn, made_at DESC OFFSET %(most)s))
        FOR UPDATE SKIP LOCKED))
"""
DEVICE_COLUMNS: LiteralString = """
    device_id, client_id, scopes, audience, address, network, made_at, expires_at
"""
FIND_DEVICE: LiteralString = (
    "SELECT "
    + DEVICE_COLUMNS
    + " FROM device_codes WHERE user_mac = ANY (%s) AND state = 'pending' AND expires_at > clock_timestamp()"
)
HOLD_DEVICE: LiteralString = (
    "SELECT "
    + DEVICE_COLUMNS
    + " FROM device_codes WHERE device_id = %s AND state = 'pending' AND expires_at > clock_timestamp() FOR UPDATE"
)
DECIDE_DEVICE: LiteralString = """
    UPDATE device_codes SET state = %s WHERE device_id = %s RETURNING device_mac,
        extract(epoch FROM expires_at - clock_timestamp())::float8
"""
# A device that polls too soon waits longer from then on (§3.5).
POLL_DEVICE: LiteralString = """
    WITH found AS MATERIALIZED (
        SELECT device_id, state, expires_at <= clock_timestamp() AS is_over,
            coalesce(clock_timestamp() < polled_at + make_interval(secs => wait_seconds - 0.5), false) AS is_early
        FROM device_codes WHERE device_mac = ANY (%(macs)s) AND client_id = %(client_id)s FOR UPDATE
    )
    UPDATE device_codes d SET polled_at = clock_timestamp(),
        wait_seconds = least(wait_seconds + CASE WHEN is_early THEN %(wait)s ELSE 0 END, %(longest)s)
    FROM found WHERE d.device_id = found.device_id
    RETURNING d.device_id, d.client_id, found.state, found.is_over, found.is_early
"""
FORGET_DEVICE: LiteralString = "DELETE FROM device_codes WHERE device_id = %s"
