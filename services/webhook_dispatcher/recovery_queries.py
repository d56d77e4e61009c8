"""The SQL of stopping a webhook and of sending it later what it missed: statements of the worker role, plus those both doors use."""

from typing import LiteralString

# What was given up waits again, held, and the recovery sends it oldest first; unless it tells of what is no longer approved, as an
# automation's message does of the event that set it off.
REQUEUE_GIVEN_UP: LiteralString = """
    WITH given_up AS (
        UPDATE deliveries SET status = 'retrying'
        WHERE subscription_id = %(subscription_id)s AND troubled AND status = 'failed' AND sequence IS NOT NULL AND at >= %(since)s
            AND EXISTS (SELECT 1 FROM events e WHERE e.id = event_id AND e.at = event_at AND (
                event_type <> 'automation.fired' OR e.body::jsonb #>> '{data,event_type}' = ANY(%(approved_types)s)))
            AND event_type = ANY((SELECT live_events FROM subscriptions WHERE id = %(subscription_id)s)::text[])
        RETURNING id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, attempt
    )
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, attempt)
    SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, attempt FROM given_up
    ON CONFLICT DO NOTHING
"""
# An outage is told by when deliveries failed last: those that began it are older. It was recorded after they were sent.
REQUEUE_MISSED: LiteralString = REQUEUE_GIVEN_UP.replace(
    "AND at >= %(since)s", "AND attempted_at >= %(since)s::timestamptz - interval '1 minute'"
)
HOLD: LiteralString = """
    UPDATE queue SET due_at = NULL WHERE subscription_id = %(subscription_id)s AND NOT leased AND sequence IS NOT NULL
"""
# What a recovery had released when its receiver failed again.
HOLD_RELEASED: LiteralString = HOLD + " AND due_at <= now()"
# What came due for a webhook that was stopped since: held by a sender that died, or recorded while it was being stopped.
HOLD_ABANDONED: LiteralString = """
    UPDATE queue SET due_at = NULL, leased = false WHERE delivery_id IN (
        SELECT late.delivery_id FROM subscriptions s CROSS JOIN LATERAL (
            SELECT delivery_id FROM queue WHERE subscription_id = s.id AND due_at <= now() AND sequence IS NOT NULL LIMIT 1000
        ) late WHERE NOT s.enabled OR s.paused)
"""
DISABLE: LiteralString = """
    UPDATE subscriptions SET enabled = false, disabled_reason = %(reason)s, disabled_at = now(), recovering = false
    WHERE id = %(subscription_id)s AND enabled AND (%(url)s::text IS NULL OR url = %(url)s) RETURNING rehearses
"""
LONG_FAILING: LiteralString = """
    SELECT id, tenant_id, rehearses FROM subscriptions
    WHERE failing_since < now() - %(days)s * interval '1 day' AND last_failure_at > failing_since + %(days)s * interval '1 day' AND enabled
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
LOCK_RECOVERING: LiteralString = """
    SELECT id, recovery_rate, failing_since IS NOT NULL FROM subscriptions
    WHERE recovering AND enabled AND NOT paused AND (slowed_until IS NULL OR slowed_until <= now())
    ORDER BY id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
"""
COUNT_RELEASED: LiteralString = """
    SELECT count(*) FROM queue WHERE subscription_id = %(subscription_id)s AND due_at IS NOT NULL AND (due_at <= now() OR leased)
"""
# Ordered by the due time none of them has as well: as the index is, so that only these are read.
RELEASE_OLDEST: LiteralString = """
    UPDATE queue SET due_at = now() WHERE delivery_id IN (
        SELECT delivery_id FROM queue WHERE subscription_id = %(subscription_id)s AND due_at IS NULL
        ORDER BY due_at, sequence LIMIT %(room)s)
"""
SET_RECOVERY: LiteralString = """
    UPDATE subscriptions SET recovery_rate = %(rate)s,
        recovering = (SELECT true FROM queue WHERE subscription_id = %(subscription_id)s AND due_at IS NULL
            ORDER BY due_at, sequence LIMIT 1) IS TRUE
    WHERE id = %(subscription_id)s
"""
# Their events are gone with their partition.
FORGET_EXPIRED: LiteralString = """
    WITH gone AS (DELETE FROM queue WHERE least(delivery_at, event_at) < %s::date RETURNING delivery_id, delivery_at)
    UPDATE deliveries d SET status = 'failed', troubled = true
    FROM gone WHERE d.id = gone.delivery_id AND d.at = gone.delivery_at AND d.status <> 'succeeded'
"""
