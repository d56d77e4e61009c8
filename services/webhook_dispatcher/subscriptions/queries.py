"""The SQL of subscriptions and of the state of their apps."""

from typing import LiteralString

from shared.storage import locks

SUBSCRIPTION_COLUMNS: LiteralString = """
    id, tenant_id, client_id, url, description, events, live_events, filter, filtered, last_filtered_event, last_filtered_type,
    last_filtered_at, payload, max_per_second, client_certificate, certificate_fingerprint, certificate_expires_at, oauth, oauth_shown,
    secret, secret_fingerprint, previous_secret,
    previous_secret_fingerprint, previous_secret_expires_at, signing_key, public_key, previous_signing_key, previous_public_key,
    previous_public_key_expires_at, older_secrets, older_secret_fingerprints, older_secret_ends, older_signing_keys, older_public_keys,
    older_public_key_ends, headers, header_names, enabled, disabled_reason, disabled_at, stop_reason, paused,
    created_at, updated_at, last_sequence, concurrency, slowed_until, failing_since, recovering, held,
    EXISTS (SELECT FROM stopped_tenants WHERE stopped_tenants.tenant_id = subscriptions.tenant_id) AS tenant_stopped
"""
FIND_APP: LiteralString = "SELECT status, approved_events FROM apps WHERE client_id = %(client_id)s"
COUNT_OF_APP: LiteralString = "SELECT count(*) FROM subscriptions WHERE tenant_id = current_tenant() AND client_id = %s"
COUNT_OF_TENANT: LiteralString = "SELECT count(*) FROM subscriptions WHERE tenant_id = current_tenant()"
INSERT_SUBSCRIPTION: LiteralString = (
    """
    INSERT INTO subscriptions (id, tenant_id, client_id, url, description, events, live_events, filter, payload, max_per_second,
        client_certificate, certificate_fingerprint, certificate_expires_at, oauth, oauth_shown, secret,
        secret_fingerprint, headers, header_names, signing_key, public_key, paused, rehearses)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(url)s, %(description)s, %(events)s, %(events)s, %(filter)s::jsonb, %(payload)s,
        %(max_per_second)s, %(client_certificate)s, %(certificate_fingerprint)s, %(certificate_expires_at)s, %(oauth)s,
        %(oauth_shown)s::jsonb, %(secret)s, %(fingerprint)s,
        %(headers)s, %(header_names)s, %(signing_key)s, %(public_key)s, %(paused)s, %(rehearses)s)
    RETURNING """
    + SUBSCRIPTION_COLUMNS
)
# An administrator reaches those of every app.
FIND_SUBSCRIPTION: LiteralString = (
    "SELECT "
    + SUBSCRIPTION_COLUMNS
    + " FROM subscriptions WHERE id = %(id)s AND (%(everyone)s OR client_id = %(client_id)s)"
)
LOCK_SUBSCRIPTION: LiteralString = FIND_SUBSCRIPTION + " FOR NO KEY UPDATE"
# The condition of the index `subscriptions_troubled`.
_TROUBLED: LiteralString = (
    " AND (failing_since IS NOT NULL OR disabled_reason IS NOT NULL OR NOT events <@ live_events)"
)


def list_of(*, every_app: bool, troubled: bool) -> LiteralString:
    """The page of a list of webhooks: of the tenant or of one app, all or those that need somebody."""
    return (
        "SELECT "
        + SUBSCRIPTION_COLUMNS
        + " FROM subscriptions WHERE tenant_id = current_tenant()"
        + ("" if every_app else " AND client_id = %(client_id)s")
        + (_TROUBLED if troubled else "")
        + " AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s"
    )


SET_URL: LiteralString = """
    UPDATE subscriptions SET url = %(url)s, slowed_until = NULL, concurrency = DEFAULT WHERE id = %(id)s
"""
SET_EVENTS: LiteralString = "UPDATE subscriptions SET events = %(events)s, live_events = %(events)s WHERE id = %(id)s"
# The same filter goes on counting.
SET_FILTER: LiteralString = """
    UPDATE subscriptions SET filter = %(filter)s::jsonb, filtered = 0, last_filtered_event = NULL, last_filtered_type = NULL,
        last_filtered_at = NULL
    WHERE id = %(id)s AND filter IS DISTINCT FROM %(filter)s::jsonb
"""
# The newest 100 events of these types that are for every app, with at most 4 MiB of bodies. Ordered by kind as in reading/queries.py.
NEWEST_EVENTS: LiteralString = """
    WITH looked AS (
        SELECT found.* FROM unnest(%(types)s::text[]) AS wanted (kind) CROSS JOIN LATERAL (
            SELECT at, position, event_id, event_at FROM event_log WHERE audience = '' AND kind >= wanted.kind AND kind <= wanted.kind
            ORDER BY kind DESC, at DESC, position DESC LIMIT 100
        ) found ORDER BY at DESC, position DESC LIMIT 100
    )
    SELECT id, type, accepted_at, body FROM (
        SELECT e.*, looked.position, sum(octet_length(e.body)) OVER (ORDER BY looked.position DESC) AS bytes
        FROM looked CROSS JOIN LATERAL (
            SELECT id, type, accepted_at, body FROM events WHERE id = looked.event_id AND at = looked.event_at LIMIT 1
        ) e
    ) sized WHERE bytes <= 4194304 ORDER BY position DESC
"""
SET_PAYLOAD: LiteralString = "UPDATE subscriptions SET payload = %(payload)s WHERE id = %(id)s"
SET_PACE: LiteralString = "UPDATE subscriptions SET max_per_second = %(max_per_second)s WHERE id = %(id)s"
SET_CERTIFICATE: LiteralString = """
    UPDATE subscriptions SET client_certificate = %(client_certificate)s, certificate_fingerprint = %(certificate_fingerprint)s,
        certificate_expires_at = %(certificate_expires_at)s
    WHERE id = %(id)s
"""
SET_OAUTH: LiteralString = (
    "UPDATE subscriptions SET oauth = %(oauth)s, oauth_shown = %(oauth_shown)s::jsonb WHERE id = %(id)s"
)
SET_DESCRIPTION: LiteralString = "UPDATE subscriptions SET description = %(description)s WHERE id = %(id)s"
SET_HEADERS: LiteralString = (
    "UPDATE subscriptions SET headers = %(headers)s, header_names = %(header_names)s WHERE id = %(id)s"
)
# The older secrets and keys that still sign keep the ends that were stated for them.
SIGN_WITH_NEW: LiteralString = """
    UPDATE subscriptions SET previous_secret = secret, previous_secret_fingerprint = secret_fingerprint,
        previous_secret_expires_at = now() + make_interval(hours => %(hours)s), secret = %(secret)s, secret_fingerprint = %(fingerprint)s,
        older_secrets = %(older)s::bytea[], older_secret_fingerprints = %(older_shown)s::text[],
        older_secret_ends = %(older_ends)s::timestamptz[]
    WHERE id = %(id)s
"""
ROTATE_SIGNING_KEY: LiteralString = (
    """
    UPDATE subscriptions SET previous_signing_key = CASE WHEN %(overlap)s > 0 THEN signing_key END,
        previous_public_key = CASE WHEN %(overlap)s > 0 THEN public_key END,
        previous_public_key_expires_at = CASE WHEN %(overlap)s > 0 AND signing_key IS NOT NULL
            THEN now() + %(overlap)s * interval '1 second' END,
        older_signing_keys = %(older)s::bytea[], older_public_keys = %(older_shown)s::text[],
        older_public_key_ends = %(older_ends)s::timestamptz[],
        signing_key = %(signing_key)s, public_key = %(public_key)s, updated_at = now()
    WHERE id = %(id)s RETURNING """
    + SUBSCRIPTION_COLUMNS
)
TOUCH: LiteralString = (
    "UPDATE subscriptions SET updated_at = now(), rehearses = %(rehearses)s WHERE id = %(id)s RETURNING "
    + SUBSCRIPTION_COLUMNS
)
DELETE_SUBSCRIPTION: LiteralString = "DELETE FROM subscriptions WHERE id = %(id)s"
# At most about a hundred. The next step of one that is due finds no webhook, and deletes it; ended ones of a deleted app are forgotten
# by their age.
END_REPLAYS: LiteralString = """
    WITH ended AS (DELETE FROM replays WHERE subscription_id = %(id)s AND due_at IS NULL)
    UPDATE replays SET due_at = now() WHERE subscription_id = %(id)s AND due_at IS NOT NULL
"""
BEGIN_RECOVERY: LiteralString = """
    UPDATE subscriptions SET enabled = true, disabled_reason = NULL, disabled_at = NULL, failing_since = NULL, last_failure_at = NULL,
        slowed_until = NULL, recovering = true, recovery_rate = 1, restarts_ladder = true
    WHERE id = %(subscription_id)s
"""
BACKLOG: LiteralString = """
    SELECT number AS waiting, number >= 10000 AS more, EXISTS (SELECT 1 FROM chores WHERE subscription_id = %(id)s
        AND kind = 'unapproved') AS clearing,
        EXISTS (SELECT 1 FROM chores WHERE subscription_id = %(id)s AND kind = 'gather') AS gathering
    FROM (SELECT count(*) AS number FROM (SELECT 1 FROM queue WHERE subscription_id = %(id)s
        ORDER BY stage, due_at LIMIT 10000) waiting) counted
"""
# Of webhooks that may be sent to; the due time of the first that waits in each stage of the queue.
NEXT_DUE: LiteralString = """
    SELECT s.id, greatest(min(first.due_at), s.slowed_until, now()) AS at FROM subscriptions s
    CROSS JOIN unnest('{0,1,2,3,4}'::smallint[]) AS of_stage (stage) CROSS JOIN LATERAL (
        SELECT due_at FROM queue WHERE subscription_id = s.id AND stage = of_stage.stage ORDER BY due_at, sequence LIMIT 1) first
    WHERE s.id = ANY(%(webhooks)s) AND s.enabled AND NOT s.paused
        AND NOT EXISTS (SELECT FROM stopped_tenants t WHERE t.tenant_id = s.tenant_id) AND first.due_at IS NOT NULL GROUP BY s.id
"""
# Of the newest 1,000 deliveries. All attempts since a failure began have failed; the first of them began up to a deadline before.
HEALTH: LiteralString = """
    SELECT (
        SELECT attempted_at FROM (SELECT attempted_at, status FROM deliveries WHERE subscription_id = %(id)s
            AND id >= 'dlv_' AND id < 'dlv_8' ORDER BY id DESC LIMIT 1000) newest
        WHERE status = 'succeeded' ORDER BY attempted_at DESC LIMIT 1
    ) AS last_success_at, (
        SELECT attempted_at FROM (SELECT attempted_at, status FROM deliveries WHERE subscription_id = %(id)s
            AND id >= 'dlv_test_' AND id < 'dlv_test_8' ORDER BY id DESC LIMIT 100) newest
        WHERE status = 'succeeded' ORDER BY attempted_at DESC LIMIT 1
    ) AS last_test_at, coalesce(failed.number, 0) AS failures, failed.error AS last_error, (
        SELECT min(due_at) FROM unnest('{0,1,2,3,4}'::smallint[]) AS of_stage (stage) CROSS JOIN LATERAL (
            SELECT due_at FROM queue WHERE subscription_id = %(id)s AND stage = of_stage.stage ORDER BY due_at, sequence LIMIT 1) first
    ) AS next_due_at
    FROM (SELECT count(*) AS number, (array_agg(error ORDER BY at DESC))[1] AS error FROM (
        SELECT a.at, a.error FROM (SELECT id, at FROM deliveries WHERE subscription_id = %(id)s AND troubled
            ORDER BY id DESC LIMIT 1000) d CROSS JOIN LATERAL (
            SELECT at, error FROM attempts WHERE delivery_id = d.id AND error IS NOT NULL
                AND at >= %(failing_since)s::timestamptz - interval '20 seconds' ORDER BY at LIMIT 20) a
        LIMIT 1000) counted) failed
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
