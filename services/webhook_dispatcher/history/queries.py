"""The SQL of deliveries, attempts and tests over HTTP. Every statement runs under the caller's tenant."""

from typing import LiteralString

from shared.storage import locks

COLUMNS: LiteralString = """
    d.id, d.event_id, d.event_type, d.sequence, d.status, d.attempted_at, d.attempt, a.response_status, a.response_body,
    a.response_truncated, a.duration_ms::float8 AS duration_ms, a.error, a.trace_id, d.at AS created_at,
    CASE WHEN NOT q.leased AND NOT (%(held)s AND q.stage IN (3, 4)) THEN q.due_at END AS next_attempt_at
"""
JOINED: LiteralString = """
    LEFT JOIN attempts a ON a.delivery_id = d.id AND a.at = d.attempted_at
    LEFT JOIN queue q ON q.delivery_id = d.id
"""
# A list that its filters leave empty would read everything kept of a webhook: each call looks at the next 10,000 rows alone.
LOOKED = 10_000
IN_TIME: LiteralString = "SELECT set_config('statement_timeout', '2s', true)"
_FILTERS: LiteralString = """
    WHERE (%(event_type)s::text IS NULL OR event_type = %(event_type)s) AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
# A list joins two lists of ids. Ids of deliveries and of tests differ in their prefix; the 26 characters after it sort by time.
_END: LiteralString = (
    """) either ORDER BY right(id, 26) COLLATE "C" DESC LIMIT %(limit)s) page
    JOIN deliveries d ON d.id = page.id AND d.at = page.at """
    + JOINED
    + """ ORDER BY right(d.id, 26) COLLATE "C" DESC"""
)
_OF_WEBHOOK: LiteralString = (
    "SELECT id, at, event_type, status FROM deliveries WHERE subscription_id = %(subscription_id)s"
)
_DELIVERIES: LiteralString = " AND id >= 'dlv_' || %(oldest)s::text AND id < 'dlv_' || %(newest)s::text"
_TESTS: LiteralString = " AND id >= 'dlv_test_' || %(oldest)s::text AND id < 'dlv_test_' || %(newest)s::text"
_LOOKED: LiteralString = " ORDER BY id DESC LIMIT 10000"
_REACHED: LiteralString = " ORDER BY id DESC OFFSET 9999 LIMIT 1"
# The list's last place, where a call could not look at all rows. Of two such places the newer.
_LAST: LiteralString = 'SELECT max(right(id, 26) COLLATE "C") FROM ('
LIST_DELIVERIES: LiteralString = (
    "SELECT "
    + COLUMNS
    + " FROM (SELECT * FROM ("
    + ("(SELECT id, at FROM (" + _OF_WEBHOOK + _DELIVERIES + _LOOKED + ") looked " + _FILTERS + ")")
    + " UNION ALL "
    + ("(SELECT id, at FROM (" + _OF_WEBHOOK + _TESTS + _LOOKED + ") looked " + _FILTERS + ")")
    + _END
)
REACHED: LiteralString = (
    _LAST
    + ("(" + _OF_WEBHOOK + _DELIVERIES + _REACHED + ")")
    + " UNION ALL "
    + ("(" + _OF_WEBHOOK + _TESTS + _REACHED + ")")
    + ") reached"
)
# `troubled` is indexed: failed deliveries are found among a million others.
LIST_TROUBLED_DELIVERIES: LiteralString = (
    "SELECT "
    + COLUMNS
    + " FROM (SELECT * FROM ("
    + ("(SELECT id, at FROM (" + _OF_WEBHOOK + _DELIVERIES + " AND troubled" + _LOOKED + ") looked " + _FILTERS + ")")
    + " UNION ALL "
    + ("(SELECT id, at FROM (" + _OF_WEBHOOK + _TESTS + " AND troubled" + _LOOKED + ") looked " + _FILTERS + ")")
    + _END
)
REACHED_TROUBLED: LiteralString = (
    _LAST
    + ("(" + _OF_WEBHOOK + _DELIVERIES + " AND troubled" + _REACHED + ")")
    + " UNION ALL "
    + ("(" + _OF_WEBHOOK + _TESTS + " AND troubled" + _REACHED + ")")
    + ") reached"
)
# Deliveries that were never attempted are read from the newest end of the queue, without their rows in `deliveries`: a join would read and
# sort all of them. One that was attempted and taken back (`attempt` > 0) looks up its status. The second part has the few others: asked
# for by a person, released, or being sent.
_WAITING: LiteralString = """
    SELECT delivery_id AS id, delivery_at AS at, event_type, attempt FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 3
        AND due_at < %(newest_at)s::timestamptz + interval '1 minute' AND due_at >= %(oldest_at)s::timestamptz - interval '1 minute'
        AND right(delivery_id, 26) COLLATE "C" < %(newest)s::text AND right(delivery_id, 26) COLLATE "C" >= %(oldest)s::text
    ORDER BY due_at DESC, sequence DESC
"""
LIST_QUEUED_DELIVERIES: LiteralString = (
    "SELECT "
    + COLUMNS
    + " FROM (SELECT * FROM ("
    + ("(SELECT id, at FROM (" + _WAITING + " LIMIT 10000) looked")
    + """ WHERE (%(event_type)s::text IS NULL OR event_type = %(event_type)s)
        AND (%(status)s::text IS NULL OR attempt = 0 OR %(status)s = (
            SELECT d.status FROM deliveries d WHERE d.id = looked.id AND d.at = looked.at))
        LIMIT %(limit)s)
    UNION ALL
    (SELECT d.id, d.at FROM queue q JOIN deliveries d ON d.id = q.delivery_id AND d.at = q.delivery_at
        WHERE q.subscription_id = %(subscription_id)s AND q.stage IN (0, 1, 2, 5)
        AND right(d.id, 26) COLLATE "C" < %(newest)s::text AND right(d.id, 26) COLLATE "C" >= %(oldest)s::text
        AND (%(event_type)s::text IS NULL OR d.event_type = %(event_type)s) AND (%(status)s::text IS NULL OR d.status = %(status)s)
        ORDER BY right(d.id, 26) COLLATE "C" DESC LIMIT %(limit)s)"""
    + _END
)
REACHED_QUEUED: LiteralString = _LAST + _WAITING + " OFFSET 9999 LIMIT 1) reached"
FIND_DELIVERY: LiteralString = (
    "SELECT "
    + COLUMNS
    + " FROM deliveries d "
    + JOINED
    + " WHERE d.subscription_id = %(subscription_id)s AND d.id = %(id)s AND d.at = %(at)s"
)
FIND_EVENT_BODY: LiteralString = """
    SELECT e.body FROM events e JOIN deliveries d ON d.event_id = e.id AND d.event_at = e.at WHERE d.id = %(id)s AND d.at = %(at)s
"""
LIST_ATTEMPTS: LiteralString = """
    SELECT number, at AS attempted_at, url, request_headers, address AS resolved_address, response_status, response_headers,
        response_body, response_truncated, error, duration_ms::float8 AS duration_ms, timings AS timings_ms, trace_id
    FROM attempts WHERE delivery_id = %(id)s AND at >= %(at)s ORDER BY at DESC LIMIT 50
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
