"""The SQL of notices about webhooks: statements of the worker role, over all tenants. None waits for a lock."""

from typing import LiteralString

PORTION = 100
# At least two failures, and none of them the owner's to wait for: a stopped webhook is tried no more.
LOCK_FAILING: LiteralString = """
    SELECT id FROM subscriptions WHERE failing_since < now() - %(seconds)s * interval '1 second'
        AND failing_since > now() - interval '1 year' AND noticed_failing_since IS NULL
        AND last_failure_at > failing_since AND enabled AND NOT paused
    ORDER BY failing_since LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
"""
# No more is read of an error than its class, which is its beginning.
_LAST_FAILURE: LiteralString = """
    LEFT JOIN LATERAL (
        SELECT substring(left(a.error, 33) FROM '^[a-z_]{1,32}(?=:|$)') AS error, a.response_status FROM (
            SELECT d.id, d.attempted_at FROM deliveries d WHERE d.subscription_id = s.id AND d.troubled
                AND d.id >= 'dlv_' AND d.id < 'dlv_8' ORDER BY d.id DESC LIMIT 20
        ) newest JOIN attempts a ON a.delivery_id = newest.id AND a.at = newest.attempted_at
        WHERE a.error IS NOT NULL ORDER BY a.at DESC LIMIT 1
    ) last ON true
"""
NOTE_FAILING: LiteralString = (
    """
    WITH noticed AS (
        UPDATE subscriptions s SET noticed_failing_since = s.failing_since, recovered_at = NULL WHERE s.id = ANY(%(webhooks)s)
        RETURNING s.id, s.tenant_id, s.client_id, s.rehearses, s.failing_since
    )
    SELECT s.id, s.tenant_id, s.client_id, s.rehearses, s.failing_since, coalesce(last.error, 'unknown') AS error, last.response_status
    FROM noticed s """
    + _LAST_FAILURE
)
LOCK_RECOVERED: LiteralString = """
    SELECT id FROM subscriptions WHERE recovered_at IS NOT NULL
    ORDER BY recovered_at LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
"""
NOTE_RECOVERED: LiteralString = """
    UPDATE subscriptions s SET noticed_failing_since = NULL, recovered_at = NULL WHERE s.id = ANY(%(webhooks)s)
    RETURNING s.id, s.tenant_id, s.client_id, s.rehearses, old.noticed_failing_since AS failing_since, old.recovered_at
"""
LOCK_EXHAUSTED: LiteralString = """
    SELECT id FROM subscriptions
    WHERE exhausted > 0 AND (exhausted_noticed_at IS NULL OR exhausted_noticed_at < now() - interval '10 minutes')
    ORDER BY exhausted_noticed_at NULLS FIRST LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
"""
NOTE_EXHAUSTED: LiteralString = """
    UPDATE subscriptions s SET exhausted = 0, exhausted_noticed_at = now() WHERE s.id = ANY(%(webhooks)s)
    RETURNING s.id, s.tenant_id, s.client_id, s.rehearses, s.exhausted_delivery AS delivery_id, s.exhausted_type AS event_type,
        old.exhausted AS deliveries
"""
# Of a webhook whose notice fails: it is not due any more.
SET_FAILING_ASIDE: LiteralString = (
    "UPDATE subscriptions SET noticed_failing_since = failing_since, recovered_at = NULL WHERE id = %(webhook)s"
)
SET_RECOVERED_ASIDE: LiteralString = (
    "UPDATE subscriptions SET noticed_failing_since = NULL, recovered_at = NULL WHERE id = %(webhook)s"
)
SET_EXHAUSTED_ASIDE: LiteralString = (
    "UPDATE subscriptions SET exhausted = 0, exhausted_noticed_at = now() WHERE id = %(webhook)s"
)
