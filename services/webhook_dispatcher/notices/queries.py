"""The SQL of notices about webhooks: statements of the worker role, over all tenants. None waits for a lock."""

from typing import LiteralString

PORTION = 100
# At least two failures, and none of them the owner's to wait for: a stopped webhook is tried no more.
_LAST_FAILURE: LiteralString = """
    LEFT JOIN LATERAL (
        SELECT split_part(a.error, ':', 1) AS error, a.response_status FROM (
            SELECT d.id, d.attempted_at FROM deliveries d WHERE d.subscription_id = s.id AND d.troubled
                AND d.id >= 'dlv_' AND d.id < 'dlv_8' ORDER BY d.id DESC LIMIT 20
        ) newest JOIN attempts a ON a.delivery_id = newest.id AND a.at = newest.attempted_at
        WHERE a.error IS NOT NULL ORDER BY a.at DESC LIMIT 1
    ) last ON true
"""
TAKE_FAILING: LiteralString = (
    """
    WITH taken AS MATERIALIZED (
        SELECT id FROM subscriptions WHERE failing_since < now() - %(seconds)s * interval '1 second'
            AND failing_since > now() - interval '1 year' AND noticed_failing_since IS NULL
            AND last_failure_at > failing_since AND enabled AND NOT paused
        ORDER BY failing_since LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
    ), noticed AS (
        UPDATE subscriptions s SET noticed_failing_since = s.failing_since, recovered_at = NULL FROM taken WHERE s.id = taken.id
        RETURNING s.id, s.tenant_id, s.client_id, s.rehearses, s.failing_since
    )
    SELECT s.id, s.tenant_id, s.client_id, s.rehearses, s.failing_since, coalesce(last.error, 'unknown') AS error, last.response_status
    FROM noticed s """
    + _LAST_FAILURE
)
TAKE_RECOVERED: LiteralString = """
    WITH taken AS MATERIALIZED (
        SELECT id, noticed_failing_since, recovered_at FROM subscriptions WHERE recovered_at IS NOT NULL
        ORDER BY recovered_at LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE subscriptions s SET noticed_failing_since = NULL, recovered_at = NULL FROM taken WHERE s.id = taken.id
    RETURNING s.id, s.tenant_id, s.client_id, s.rehearses, taken.noticed_failing_since AS failing_since, taken.recovered_at
"""
TAKE_EXHAUSTED: LiteralString = """
    WITH taken AS MATERIALIZED (
        SELECT id, exhausted FROM subscriptions
        WHERE exhausted > 0 AND (exhausted_noticed_at IS NULL OR exhausted_noticed_at < now() - interval '10 minutes')
        ORDER BY exhausted_noticed_at NULLS FIRST LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE subscriptions s SET exhausted = 0, exhausted_noticed_at = now() FROM taken WHERE s.id = taken.id
    RETURNING s.id, s.tenant_id, s.client_id, s.rehearses, s.exhausted_delivery AS delivery_id, s.exhausted_type AS event_type,
        taken.exhausted AS deliveries
"""
