"""SQL of invitations and their mails. Mails are sent under the worker role, over all tenants."""

from typing import LiteralString

STATUS: LiteralString = """
    CASE WHEN i.accepted_at IS NOT NULL THEN 'accepted' WHEN i.withdrawn_at IS NOT NULL THEN 'withdrawn'
        WHEN i.expires_at <= clock_timestamp() THEN 'expired' ELSE 'pending' END
"""
COLUMNS: LiteralString = (
    "i.id, i.email, i.role, "
    + STATUS
    + """ AS status,
    CASE WHEN m.sent_at IS NOT NULL OR m.id IS NULL THEN 'sent' WHEN m.done_at IS NOT NULL THEN 'refused' ELSE 'waiting' END AS mail,
    i.invited_by, i.user_id, i.created_at, i.expires_at, m.sent_at
    """
)
# The mail is forgotten after days, and with it when it was sent.
SOURCE: LiteralString = (
    " FROM invitations i LEFT JOIN invitation_mails m ON m.invitation_id = i.id AND m.number = i.number "
)
INVITATION: LiteralString = "SELECT " + COLUMNS + SOURCE + "WHERE i.id = %s"
INVITATIONS: LiteralString = (
    "SELECT "
    + COLUMNS
    + SOURCE
    + """
    WHERE i.tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR i.id < %(after)s)
        AND (%(status)s::text IS NULL OR """
    + STATUS
    + """ = %(status)s)
    ORDER BY i.id DESC LIMIT %(limit)s
"""
)
HOLD: LiteralString = (
    "SELECT i.id, i.email, i.role, "
    + STATUS
    + """ AS status, i.number,
        coalesce((SELECT extract(epoch FROM clock_timestamp() - max(m.queued_at)) FROM invitation_mails m WHERE m.invitation_id = i.id),
            86400)::float8 AS last_mail_seconds
    FROM invitations i WHERE i.id = %s FOR UPDATE OF i
"""
)
HAS_USER: LiteralString = "SELECT user_id FROM users WHERE lower(email) = lower(%s)"
PENDING: LiteralString = """
    SELECT id FROM invitations
    WHERE tenant_id = current_tenant() AND lower(email) = lower(%s) AND accepted_at IS NULL AND withdrawn_at IS NULL
        AND expires_at > clock_timestamp()
"""
COUNT_PENDING: LiteralString = """
    SELECT count(*) FROM invitations
    WHERE tenant_id = current_tenant() AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > clock_timestamp()
"""
COUNT_OF_DAY: LiteralString = """
    SELECT count(*) FROM invitation_mails WHERE tenant_id = current_tenant() AND queued_at > clock_timestamp() - interval '1 day'
"""
COUNT_OF_ADDRESS: LiteralString = """
    SELECT count(*) FROM invitation_mails m JOIN invitations i ON i.id = m.invitation_id
    WHERE i.tenant_id = current_tenant() AND lower(i.email) = lower(%s) AND m.queued_at > clock_timestamp() - interval '1 day'
"""
INSERT: LiteralString = """
    INSERT INTO invitations (id, tenant_id, email, role, invited_by, expires_at)
    VALUES (%(id)s, %(tenant_id)s, %(email)s, %(role)s, %(invited_by)s, clock_timestamp() + make_interval(days => %(days)s))
"""
# The link of the mail before is void at once.
RENEW: LiteralString = """
    UPDATE invitations SET number = number + 1, token_mac = NULL, expires_at = clock_timestamp() + make_interval(days => %(days)s)
    WHERE id = %(id)s RETURNING number
"""
ADD_MAIL: LiteralString = """
    INSERT INTO invitation_mails (id, tenant_id, invitation_id, number) VALUES (%(mail_id)s, %(tenant_id)s, %(id)s, %(number)s)
"""
WITHDRAW: LiteralString = "UPDATE invitations SET withdrawn_at = clock_timestamp(), token_mac = NULL WHERE id = %s"
FIND: LiteralString = "SELECT * FROM find_invitation(%s)"
# Of two answers to one link, one succeeds.
ACCEPT: LiteralString = """
    UPDATE invitations SET accepted_at = clock_timestamp()
    WHERE id = %s AND token_mac = ANY (%s) AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > clock_timestamp()
"""
COMPLETE_USER: LiteralString = "UPDATE users SET role = %s, scope_limit = %s, password_hash = %s WHERE user_id = %s"
ACCEPTED_BY: LiteralString = "UPDATE invitations SET user_id = %s WHERE id = %s"

# --- The relay ---------------------------------------------------------------------------------------------------------------------
# Mails of invitations that are over, that a newer mail replaced, or that wait for a day.
GIVE_UP: LiteralString = """
    UPDATE invitation_mails m SET done_at = clock_timestamp() FROM invitations i
    WHERE m.done_at IS NULL AND i.id = m.invitation_id AND (m.queued_at < clock_timestamp() - interval '1 day' OR m.number <> i.number
        OR i.accepted_at IS NOT NULL OR i.withdrawn_at IS NOT NULL OR i.expires_at <= clock_timestamp())
"""
# Tenants take turns. An address that had its mails of a day waits, and no organisation learns it. An organisation's first mail of a day to
# an address has the `reserved` places too, and sandboxes, which their tenants make themselves, have places apart.
_PLACED: LiteralString = """
    WITH waiting AS (
        SELECT m.id, m.queued_at, m.due_at, lower(i.email) AS address, t.environment = 'sandbox' AS is_sandbox,
            row_number() OVER (PARTITION BY m.tenant_id ORDER BY m.due_at, m.id) AS turn,
            row_number() OVER (PARTITION BY m.tenant_id, lower(i.email) ORDER BY m.due_at, m.id) + (
                SELECT count(*) FROM invitations o JOIN invitation_mails s ON s.invitation_id = o.id
                WHERE lower(o.email) = lower(i.email) AND o.tenant_id = m.tenant_id AND s.sent_at > clock_timestamp() - interval '1 day'
            ) AS of_organisation
        FROM invitation_mails m JOIN invitations i ON i.id = m.invitation_id JOIN tenants t ON t.tenant_id = m.tenant_id
        WHERE m.done_at IS NULL AND m.due_at <= clock_timestamp()
    ), placed AS (
        SELECT w.*, row_number() OVER (PARTITION BY w.address, w.is_sandbox ORDER BY w.of_organisation, w.due_at, w.id) + (
            SELECT count(*) FROM invitations o JOIN invitation_mails s ON s.invitation_id = o.id JOIN tenants t ON t.tenant_id = o.tenant_id
            WHERE lower(o.email) = w.address AND (t.environment = 'sandbox') = w.is_sandbox
                AND s.sent_at > clock_timestamp() - interval '1 day') AS of_address
        FROM waiting w
    )
"""
_HAS_A_PLACE: LiteralString = """
        of_address <= CASE
            WHEN is_sandbox THEN %(of_sandboxes)s WHEN of_organisation = 1 THEN %(of_address)s
            ELSE %(of_address)s::integer - %(reserved)s::integer END
"""
# The next attempt is put off before this one begins: after a kill the mail is sent again, with the same link. Under any plan of the UPDATE
# tenants take turns.
TAKE: LiteralString = f"""
    {_PLACED}, chosen AS (
        SELECT id, turn, due_at FROM placed WHERE {_HAS_A_PLACE}
        ORDER BY turn, due_at, id LIMIT 20
    ), due AS (
        SELECT m.id, chosen.turn, chosen.due_at FROM invitation_mails m JOIN chosen ON chosen.id = m.id
        WHERE m.done_at IS NULL AND m.due_at <= clock_timestamp() FOR UPDATE OF m SKIP LOCKED
    ), taken AS (
        UPDATE invitation_mails m SET attempts = least(m.attempts, 1000) + 1,
            due_at = clock_timestamp() + least(3600, 60 * power(2, least(m.attempts, 6))) * interval '1 second'
        FROM due WHERE m.id = due.id
        RETURNING m.id, m.invitation_id, m.number, m.tenant_id, due.turn, due.due_at AS due_before
    )
    SELECT m.id, m.invitation_id, m.number, i.email, i.role, i.expires_at, t.name AS organisation, t.environment = 'sandbox' AS is_sandbox
    FROM taken m JOIN invitations i ON i.id = m.invitation_id JOIN tenants t ON t.tenant_id = m.tenant_id
    ORDER BY m.turn, m.due_before, m.id
"""
# Not of an invitation that ended, or got a newer mail, meanwhile.
SET_TOKEN: LiteralString = """
    UPDATE invitations SET token_mac = %s WHERE id = %s AND number = %s AND accepted_at IS NULL AND withdrawn_at IS NULL
"""
DONE: LiteralString = """
    UPDATE invitation_mails SET done_at = clock_timestamp(), sent_at = CASE WHEN %s THEN clock_timestamp() END WHERE id = %s
"""
# Of mail that was not tried, because the server went away before; after an attempt that no server took it counts as tried once.
GIVE_BACK: LiteralString = """
    UPDATE invitation_mails SET attempts = CASE WHEN %(seconds)s > 0 THEN 1 ELSE attempts - 1 END,
        due_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE id = ANY(%(ids)s) AND done_at IS NULL
"""
# Of mail that was tried, or is at this moment, or may be. Mail to an address that had its mails of a day waits for nothing that is wrong.
MEASURE: LiteralString = f"""
    {_PLACED}
    SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(queued_at) FROM invitation_mails WHERE done_at IS NULL AND attempts > 0),
        (SELECT min(queued_at) FROM placed WHERE {_HAS_A_PLACE}))), 0)::float8
"""
