"""The SQL of subscriptions and of the state of their apps."""

from typing import LiteralString

from shared.storage import locks

SUBSCRIPTION_COLUMNS: LiteralString = """
    id, tenant_id, client_id, url, description, events, live_events, secret, secret_fingerprint, previous_secret,
    previous_secret_fingerprint, previous_secret_expires_at, headers, header_names, enabled, disabled_reason, disabled_at, paused,
    created_at, updated_at, last_sequence, concurrency, slowed_until, failing_since, recovering, held
"""
FIND_APP: LiteralString = "SELECT status, approved_events FROM apps WHERE client_id = %(client_id)s"
COUNT_OF_APP: LiteralString = "SELECT count(*) FROM subscriptions WHERE tenant_id = current_tenant() AND client_id = %s"
COUNT_OF_TENANT: LiteralString = "SELECT count(*) FROM subscriptions WHERE tenant_id = current_tenant()"
INSERT_SUBSCRIPTION: LiteralString = (
    """
    INSERT INTO subscriptions (id, tenant_id, client_id, url, description, events, live_events, secret, secret_fingerprint,
        headers, header_names, paused, rehearses)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(url)s, %(description)s, %(events)s, %(events)s, %(secret)s, %(fingerprint)s,
        %(headers)s, %(header_names)s, %(paused)s, %(rehearses)s)
    RETURNING """
    + SUBSCRIPTION_COLUMNS
)
FIND_SUBSCRIPTION: LiteralString = (
    "SELECT " + SUBSCRIPTION_COLUMNS + " FROM subscriptions WHERE id = %(id)s AND client_id = %(client_id)s"
)
# As an administrator reads it.
FIND_READABLE: LiteralString = (
    "SELECT "
    + SUBSCRIPTION_COLUMNS
    + " FROM subscriptions WHERE id = %(id)s AND (%(everyone)s OR client_id = %(client_id)s)"
)
LOCK_SUBSCRIPTION: LiteralString = FIND_SUBSCRIPTION + " FOR NO KEY UPDATE"
LIST_SUBSCRIPTIONS: LiteralString = (
    "SELECT "
    + SUBSCRIPTION_COLUMNS
    + """ FROM subscriptions WHERE client_id = %(client_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s"""
)
LIST_OF_TENANT: LiteralString = (
    "SELECT "
    + SUBSCRIPTION_COLUMNS
    + """ FROM subscriptions WHERE tenant_id = current_tenant() AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s"""
)
SET_URL: LiteralString = """
    UPDATE subscriptions SET url = %(url)s, slowed_until = NULL, concurrency = DEFAULT WHERE id = %(id)s
"""
SET_EVENTS: LiteralString = "UPDATE subscriptions SET events = %(events)s, live_events = %(events)s WHERE id = %(id)s"
SET_DESCRIPTION: LiteralString = "UPDATE subscriptions SET description = %(description)s WHERE id = %(id)s"
SET_HEADERS: LiteralString = (
    "UPDATE subscriptions SET headers = %(headers)s, header_names = %(header_names)s WHERE id = %(id)s"
)
# The current secret changes nothing: a repeated call must not end the previous one.
SIGN_WITH_BOTH: LiteralString = """
    UPDATE subscriptions SET previous_secret = secret, previous_secret_fingerprint = secret_fingerprint,
        previous_secret_expires_at = now() + interval '24 hours', secret = %(secret)s, secret_fingerprint = %(fingerprint)s
    WHERE id = %(id)s AND secret_fingerprint <> %(fingerprint)s
"""
TOUCH: LiteralString = (
    "UPDATE subscriptions SET updated_at = now(), rehearses = %(rehearses)s WHERE id = %(id)s RETURNING "
    + SUBSCRIPTION_COLUMNS
)
DELETE_SUBSCRIPTION: LiteralString = "DELETE FROM subscriptions WHERE id = %(id)s AND client_id = %(client_id)s"
BEGIN_RECOVERY: LiteralString = """
    UPDATE subscriptions SET enabled = true, disabled_reason = NULL, disabled_at = NULL, failing_since = NULL, last_failure_at = NULL,
        slowed_until = NULL, recovering = true, recovery_rate = 1, restarts_ladder = true
    WHERE id = %(subscription_id)s
"""
# Before a query of the beginning of a queue. The planner multiplies the share of the webhook by that of its organisation, although one
# contains the other. It expects few rows, and would read and sort all of them instead of following an index in order.
IN_ORDER: LiteralString = "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)"
BACKLOG: LiteralString = """
    SELECT number AS waiting, number >= 10000 AS more, EXISTS (SELECT 1 FROM chores WHERE subscription_id = %(id)s
        AND kind = 'unapproved') AS clearing,
        EXISTS (SELECT 1 FROM chores WHERE subscription_id = %(id)s AND kind = 'gather') AS gathering
    FROM (SELECT count(*) AS number FROM (SELECT 1 FROM queue WHERE subscription_id = %(id)s
        ORDER BY stage, due_at LIMIT 10000) waiting) counted
"""
# The first lock of a transaction about an app: creating or changing a webhook (SHARE_APP) and withdrawing an approval (LOCK_APP) take
# turns, or each would miss the other. An advisory lock, because an app of which auth has sent no state has no row.
LOCK_APP: LiteralString = f"SELECT pg_advisory_xact_lock({locks.WEBHOOK_APP}, hashtext(%(client_id)s))"
SHARE_APP: LiteralString = f"SELECT pg_advisory_xact_lock_shared({locks.WEBHOOK_APP}, hashtext(%(client_id)s))"
MARK_SANDBOX: LiteralString = """
    UPDATE subscriptions SET rehearses = true WHERE id IN (
        SELECT id FROM subscriptions WHERE tenant_id = ANY(%s) AND NOT rehearses ORDER BY id FOR NO KEY UPDATE)
"""
UPSERT_APP: LiteralString = """
    INSERT INTO apps (tenant_id, client_id, version, status, approved_events)
    VALUES (%(tenant_id)s, %(client_id)s, %(version)s, %(status)s, %(approved_events)s)
    ON CONFLICT (tenant_id, client_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, approved_events = excluded.approved_events
    WHERE apps.version < excluded.version
    RETURNING old.approved_events
"""
LOCK_SUBSCRIPTIONS_OF_APP: LiteralString = """
    SELECT id, events FROM subscriptions WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s
    ORDER BY id FOR NO KEY UPDATE
"""
SET_LIVE_EVENTS: LiteralString = """
    UPDATE subscriptions SET live_events = %(live_events)s, paused = %(paused)s,
        recovering = recovering OR (paused AND NOT %(paused)s), recovery_rate = 1,
        restarts_ladder = restarts_ladder AND recovering
    WHERE id = %(subscription_id)s
"""
# Chores forget their deliveries in portions (history/decisions.py); without its subscription no delivery is claimed.
DELETE_SUBSCRIPTIONS_OF_APP: LiteralString = (
    "DELETE FROM subscriptions WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s"
)
