"""The SQL of deliveries, attempts and tests over HTTP. Every statement runs under the caller's tenant."""

from typing import LiteralString

from shared.storage import locks

_COLUMNS: LiteralString = """
    d.id, d.event_id, d.event_type, d.sequence, d.status, d.attempted_at, d.attempt, a.response_status, a.response_body,
    a.response_truncated, a.duration_ms::float8 AS duration_ms, a.error, a.trace_id, d.at AS created_at,
    CASE WHEN NOT q.leased AND NOT (%(held)s AND q.stage IN (3, 4)) THEN q.due_at END AS next_attempt_at
"""
_JOINED: LiteralString = """
    LEFT JOIN attempts a ON a.delivery_id = d.id AND a.at = d.attempted_at
    LEFT JOIN queue q ON q.delivery_id = d.id
"""
_FILTERS: LiteralString = """
    AND (%(event_type)s::text IS NULL OR d.event_type = %(event_type)s)
    AND (%(since)s::timestamptz IS NULL OR d.at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR d.at < %(until)s)
    AND (%(status)s::text IS NULL OR d.status = %(status)s)
"""
# A list joins two lists of ids. Ids of deliveries and of tests differ in their prefix; the 26 characters after it sort by time.
_END: LiteralString = (
    """) either ORDER BY right(id, 26) COLLATE "C" DESC LIMIT %(limit)s) page
    JOIN deliveries d ON d.id = page.id AND d.at = page.at """
    + _JOINED
    + """ ORDER BY right(d.id, 26) COLLATE "C" DESC"""
)
_DELIVERIES: LiteralString = """
    FROM deliveries d WHERE d.subscription_id = %(subscription_id)s
        AND d.id > 'dlv_' AND d.id < coalesce('dlv_' || right(%(after)s::text, 26), 'dlv_t')
"""
_TESTS: LiteralString = """
    FROM deliveries d WHERE d.subscription_id = %(subscription_id)s
        AND d.id > 'dlv_test_' AND d.id < coalesce('dlv_test_' || right(%(after)s::text, 26), 'dlv_u')
"""
_NEWEST: LiteralString = " ORDER BY d.id DESC LIMIT %(limit)s"
LIST_DELIVERIES: LiteralString = (
    "SELECT "
    + _COLUMNS
    + " FROM (SELECT * FROM ("
    + ("(SELECT d.id, d.at " + _DELIVERIES + _FILTERS + _NEWEST + ")")
    + " UNION ALL "
    + ("(SELECT d.id, d.at " + _TESTS + _FILTERS + _NEWEST + ")")
    + _END
)
# `troubled` is indexed: failed deliveries are found among a million others.
LIST_TROUBLED_DELIVERIES: LiteralString = (
    "SELECT "
    + _COLUMNS
    + " FROM (SELECT * FROM ("
    + ("(SELECT d.id, d.at " + _DELIVERIES + _FILTERS + " AND d.troubled " + _NEWEST + ")")
    + " UNION ALL "
    + ("(SELECT d.id, d.at " + _TESTS + _FILTERS + " AND d.troubled " + _NEWEST + ")")
    + _END
)
# Deliveries that were never attempted are read from the newest end of the queue, without their rows in `deliveries`: a join would read and
# sort all of them. One that was attempted and taken back (`attempt` > 0) looks up its status. The second part has the few others: asked
# for by a person, released, or being sent.
LIST_QUEUED_DELIVERIES: LiteralString = (
    "SELECT "
    + _COLUMNS
    + " FROM (SELECT * FROM ("
    + """(SELECT q.delivery_id AS id, q.delivery_at AS at FROM queue q WHERE q.subscription_id = %(subscription_id)s AND q.stage = 3
        AND (%(after)s::text IS NULL OR q.due_at < %(after_at)s::timestamptz + interval '1 minute'
            AND right(q.delivery_id, 26) COLLATE "C" < right(%(after)s::text, 26))
        AND (%(event_type)s::text IS NULL OR q.event_type = %(event_type)s)
        AND (%(since)s::timestamptz IS NULL OR q.delivery_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR q.delivery_at < %(until)s)
        AND (%(status)s::text IS NULL OR q.attempt = 0 OR %(status)s = (
            SELECT d.status FROM deliveries d WHERE d.id = q.delivery_id AND d.at = q.delivery_at))
        ORDER BY q.due_at DESC, q.sequence DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT d.id, d.at FROM queue q JOIN deliveries d ON d.id = q.delivery_id AND d.at = q.delivery_at
        WHERE q.subscription_id = %(subscription_id)s AND q.stage IN (0, 1, 2, 5)
        AND (%(after)s::text IS NULL OR right(d.id, 26) COLLATE "C" < right(%(after)s::text, 26))
    """
    + _FILTERS
    + """ ORDER BY right(d.id, 26) COLLATE "C" DESC LIMIT %(limit)s)"""
    + _END
)
FIND_DELIVERY: LiteralString = (
    "SELECT "
    + _COLUMNS
    + " FROM deliveries d "
    + _JOINED
    + " WHERE d.subscription_id = %(subscription_id)s AND d.id = %(id)s AND d.at = %(at)s"
)
FIND_EVENT_BODY: LiteralString = """
    SELECT e.body FROM events e JOIN deliveries d ON d.event_id = e.id AND d.event_at = e.at WHERE d.id = %(id)s AND d.at = %(at)s
"""
LIST_ATTEMPTS: LiteralString = """
    SELECT number, at AS attempted_at, url, request_headers, address AS resolved_address, response_status, response_headers,
        response_body, response_truncated, error, duration_ms::float8 AS duration_ms, trace_id
    FROM attempts WHERE delivery_id = %(id)s AND at >= %(at)s ORDER BY at DESC LIMIT 50
"""
COUNT_DELIVERIES: LiteralString = """
    SELECT coalesce(max(sequence) - min(sequence) + 1, 0) AS accepted, count(*) FILTER (WHERE status = 'succeeded') AS delivered,
        count(*) FILTER (WHERE status IN ('queued', 'retrying')) AS pending,
        count(*) FILTER (WHERE status = 'failed') AS given_up, min(sequence) AS first_sequence, max(sequence) AS last_sequence
    FROM deliveries WHERE subscription_id = %(subscription_id)s AND sequence IS NOT NULL
"""
INSERT_TEST_EVENT: LiteralString = """
    INSERT INTO events (id, at, tenant_id, type, body, traceparent)
    VALUES (%(event_id)s, %(event_at)s, %(tenant_id)s, %(type)s, %(body)s, %(traceparent)s)
"""
INSERT_TEST_DELIVERY: LiteralString = """
    INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type)
    VALUES (%(id)s, %(at)s, %(tenant_id)s, %(subscription_id)s, %(event_id)s, %(event_at)s, %(type)s)
"""
ENQUEUE_TEST: LiteralString = """
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, due_at, rung)
    VALUES (%(id)s, %(at)s, %(tenant_id)s, %(subscription_id)s, %(event_id)s, %(event_at)s, %(type)s, now(), %(rung)s)
"""
# The process of the call sends a test for which the caller waits: the delivery has a lease from the beginning.
ENQUEUE_CLAIMED_TEST: LiteralString = """
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, due_at, leased, asked, attempt,
        rung)
    VALUES (%(id)s, %(at)s, %(tenant_id)s, %(subscription_id)s, %(event_id)s, %(event_at)s, %(type)s, now() + interval '20 seconds',
        true, true, 1, %(rung)s)
"""
# Until the transaction ends no process begins another such test for this app, so that the count holds.
LOCK_WAITING_TESTS: LiteralString = f"SELECT pg_advisory_xact_lock({locks.WEBHOOK_TESTS}, hashtext(%s))"
COUNT_WAITING_TESTS: LiteralString = """
    SELECT count(*) FROM subscriptions s JOIN queue q ON q.subscription_id = s.id AND q.stage = 5 AND q.due_at > now()
    WHERE s.client_id = %s AND q.sequence IS NULL AND q.asked
"""
# A waiting delivery is brought forward, by an attempt that costs its ladder no rung. A failed one begins its ladder anew, and one that
# had succeeded is sent once more.
RETRY: LiteralString = """
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at,
        attempt, asked, rung)
    SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, now(), attempt, true,
        CASE WHEN status = 'succeeded' OR sequence IS NULL THEN %(sent_once)s ELSE 0 END
    FROM deliveries d WHERE id = %(id)s AND at = %(at)s
        AND EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.at = d.event_at)
    ON CONFLICT (delivery_id) DO UPDATE SET due_at = least(queue.due_at, now()), asked = true,
        rung = CASE WHEN queue.due_at > now() THEN greatest(queue.rung - 1, 0) ELSE queue.rung END
    WHERE NOT queue.leased
"""
MARK_RETRYING: LiteralString = """
    UPDATE deliveries SET status = 'retrying' WHERE id = %(id)s AND at = %(at)s AND status = 'failed'
"""
COUNT_RETRYING: LiteralString = """
    SELECT count(*) FROM (SELECT 1 FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 4 AND due_at > now()
        ORDER BY due_at LIMIT 10000) retrying
"""
