"""The SQL of replays: the calls about them, and the steps of the relay."""

from typing import LiteralString

from services.webhook_dispatcher.history.overview_queries import ANSWERED, FITS

COLUMNS: LiteralString = """
    id, subscription_id, filter, since, until, per_second, matching, more, state, sent, delivered, failed, skipped, place, place_at,
    looked_through, room, created_at, resumed_at, resumed_done, progressed_at, stopped_at, finished_at
"""
# --- Which deliveries ------------------------------------------------------------------------------------------------
_LOOKED: LiteralString = """
    SELECT d.id, d.at, d.tenant_id, d.event_id, d.event_at, d.event_type, d.sequence, d.status, d.attempt, d.attempted_at FROM deliveries d
    WHERE d.subscription_id = %(subscription_id)s AND d.id > %(place)s AND d.id < 'dlv_' || %(newest)s::text
        AND d.at >= %(place_at)s::timestamptz AND d.at < %(newest_at)s::timestamptz
"""
_TROUBLED: LiteralString = " AND d.troubled"
_FIRST: LiteralString = " ORDER BY d.id LIMIT %(looked)s"
# LIMIT 1 keeps the planner from joining whole tables.
_ANSWER: LiteralString = """
    LEFT JOIN LATERAL (
        SELECT response_status, trace_id FROM attempts WHERE delivery_id = one.id AND at = one.attempted_at LIMIT 1) a ON true
"""
_FITTING: LiteralString = (
    " WHERE one.status <> 'queued' AND "
    + FITS
    + """ AND (%(event_id)s::text IS NULL OR one.event_id = %(event_id)s)
    AND (%(key)s::text IS NULL OR EXISTS (
        SELECT 1 FROM events e WHERE e.id = one.event_id AND e.at = one.event_at AND e.key = %(key)s))
"""
)
# By whether only troubled deliveries can fit, and whether their answers are looked at.
_ROWS: dict[bool, LiteralString] = {False: _LOOKED + _FIRST, True: _LOOKED + _TROUBLED + _FIRST}
_CHOSEN: dict[bool, LiteralString] = {False: _FITTING, True: _ANSWER + _FITTING + ANSWERED}
COUNTED = 10_000
_COUNT_BEGIN: LiteralString = "WITH looked AS MATERIALIZED ("
_COUNT_MIDDLE: LiteralString = "), fitting AS (SELECT 1 FROM looked one "
_COUNT_END: LiteralString = (
    " LIMIT 10001) SELECT (SELECT count(*) FROM fitting) AS fitting, (SELECT count(*) FROM looked) AS looked"
)
COUNT: dict[tuple[bool, bool], LiteralString] = {
    (troubled, answered): _COUNT_BEGIN + rows + _COUNT_MIDDLE + chosen + _COUNT_END
    for troubled, rows in _ROWS.items()
    for answered, chosen in _CHOSEN.items()
}
# A delivery that waits for a retry is brought forward, as by a person's retry; one being sent, or waiting for other reasons, is left
# alone. A given-up one begins its ladder anew, one that had succeeded is sent once. Those that the app is no longer approved for, or
# whose event is gone, are skipped.
_SEND_BEGIN: LiteralString = "WITH looked AS MATERIALIZED ("
_SEND_MIDDLE: LiteralString = "), fitting AS MATERIALIZED (SELECT one.* FROM looked one "
_SEND_END: LiteralString = """
    ORDER BY one.id LIMIT %(room)s
    ), allowed AS (
        SELECT * FROM fitting f
        WHERE f.event_type = ANY((SELECT live_events FROM subscriptions WHERE id = %(subscription_id)s)::text[])
            AND event_approved(f.event_type, %(approved)s)
            AND EXISTS (SELECT 1 FROM events e WHERE e.id = f.event_id AND e.at = f.event_at)
            AND (f.event_type <> 'automation.fired' OR firing_approved(f.event_id, f.event_at, %(approved)s))
    ), queued AS (
        INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at, attempt,
            released, replayed, rung)
        SELECT id, at, tenant_id, %(subscription_id)s, event_id, event_at, event_type, sequence, now(), attempt, true, true,
            CASE WHEN status = 'succeeded' THEN %(sent_once)s ELSE 0 END
        FROM allowed ORDER BY id
        ON CONFLICT (delivery_id) DO UPDATE SET due_at = least(queue.due_at, now()), released = true, replayed = true,
            rung = CASE WHEN queue.due_at > now() THEN greatest(queue.rung - 1, 0) ELSE queue.rung END
        WHERE queue.stage = 4
        RETURNING delivery_id, delivery_at
    ), marked AS (
        UPDATE deliveries d SET status = 'retrying' FROM queued q
        WHERE d.id = q.delivery_id AND d.at = q.delivery_at AND d.status = 'failed'
    ), noted AS (
        INSERT INTO replayed (subscription_id, delivery_id, delivery_at, tenant_id, replay_id, attempt)
        SELECT %(subscription_id)s, a.id, a.at, a.tenant_id, %(replay_id)s, a.attempt FROM allowed a JOIN queued q ON q.delivery_id = a.id
        ON CONFLICT (subscription_id, delivery_id) DO UPDATE SET replay_id = excluded.replay_id, attempt = excluded.attempt
    )
    SELECT (SELECT count(*) FROM looked) AS looked, (SELECT count(*) FROM fitting) AS fitting, (SELECT count(*) FROM queued) AS queued,
        last.id AS place, last.at AS place_at
    FROM (SELECT 1) one LEFT JOIN LATERAL (
        (SELECT id, at FROM fitting WHERE (SELECT count(*) FROM fitting) = %(room)s ORDER BY id DESC LIMIT 1)
        UNION ALL (SELECT id, at FROM looked ORDER BY id DESC LIMIT 1) LIMIT 1
    ) last ON true
"""
SEND: dict[tuple[bool, bool], LiteralString] = {
    (troubled, answered): _SEND_BEGIN + rows + _SEND_MIDDLE + chosen + _SEND_END
    for troubled, rows in _ROWS.items()
    for answered, chosen in _CHOSEN.items()
}
# --- Calls -----------------------------------------------------------------------------------------------------------
INSERT: LiteralString = (
    """
    INSERT INTO replays (id, tenant_id, subscription_id, filter, since, until, per_second, matching, more, place, place_at)
    VALUES (%(id)s, %(tenant_id)s, %(subscription_id)s, %(filter)s::jsonb, %(since)s, %(until)s, %(per_second)s, %(matching)s, %(more)s,
        %(place)s, %(place_at)s)
    RETURNING """
    + COLUMNS
)
FIND: LiteralString = "SELECT " + COLUMNS + " FROM replays WHERE subscription_id = %(subscription_id)s AND id = %(id)s"
LIST: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM replays WHERE subscription_id = %(subscription_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s"""
)
FIND_RUNNING: LiteralString = "SELECT id FROM replays WHERE subscription_id = %(subscription_id)s AND state = 'running'"
COUNT_RUNNING: LiteralString = "SELECT count(*) FROM replays WHERE tenant_id = current_tenant() AND state = 'running'"
# The newest 100 of a webhook are kept.
FORGET_OLDER: LiteralString = """
    DELETE FROM replays WHERE id = ANY (ARRAY(SELECT id FROM replays WHERE subscription_id = %(subscription_id)s
        ORDER BY id DESC OFFSET 100 LIMIT 100)) AND due_at IS NULL
"""
# The next step counts how those that were sent have fared.
STOP: LiteralString = (
    """
    UPDATE replays SET state = 'stopped', stopped_at = now(), due_at = now() WHERE id = %(id)s AND state = 'running' RETURNING """
    + COLUMNS
)
RESUME: LiteralString = (
    """
    UPDATE replays SET state = 'running', stopped_at = NULL, due_at = now(), resumed_at = now(), progressed_at = now(), room = 0,
        resumed_done = delivered + failed + skipped
    WHERE id = %(id)s AND state = 'stopped' RETURNING """
    + COLUMNS
)
# --- Steps -----------------------------------------------------------------------------------------------------------
NEXT: LiteralString = """
    SELECT tenant_id, id FROM replays WHERE due_at <= now() AND tenant_id <> ALL (%(served)s::text[])
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
TAKE: LiteralString = "SELECT " + COLUMNS + " FROM replays WHERE id = %(replay_id)s"
# Others hold the webhook's row for moments. As every transaction: the webhook is locked before its deliveries.
LOCK_WEBHOOK: LiteralString = """
    SELECT s.enabled AND NOT s.paused AND NOT EXISTS (SELECT FROM stopped_tenants t WHERE t.tenant_id = s.tenant_id) AS runs,
        s.recovering OR EXISTS (
            SELECT 1 FROM chores c WHERE c.subscription_id = s.id AND c.kind = 'gather') AS recovers,
        coalesce(s.slowed_until > now(), false) AS slowed, extract(epoch FROM now() - s.failing_since)::float8 AS failing_for,
        coalesce((SELECT approved_events FROM apps a WHERE a.tenant_id = s.tenant_id AND a.client_id = s.client_id LIMIT 1), %(approved)s)
            AS approved
    FROM subscriptions s WHERE s.id = %(subscription_id)s FOR NO KEY UPDATE OF s SKIP LOCKED
"""
EXISTS: LiteralString = "SELECT 1 FROM subscriptions WHERE id = %(subscription_id)s"
# Of those that were sent and not attempted: how the next attempt fared, of which the replay is the cause. One that left the queue
# without an attempt was given up: its event is gone, or no longer approved.
SETTLE: LiteralString = """
    WITH waiting AS MATERIALIZED (
        SELECT delivery_id, delivery_at, attempt, replay_id FROM replayed WHERE subscription_id = %(subscription_id)s
        ORDER BY delivery_id LIMIT 1000
    ), seen AS MATERIALIZED (
        SELECT w.delivery_id, w.replay_id, coalesce(d.attempt > w.attempt, false) AS tried, d.succeeded IS TRUE AS succeeded,
            EXISTS (SELECT 1 FROM queue q WHERE q.delivery_id = w.delivery_id) AS queued
        FROM waiting w LEFT JOIN LATERAL (
            SELECT d.attempt, (SELECT a.error IS NULL AND a.response_status BETWEEN 200 AND 299 FROM attempts a
                WHERE a.delivery_id = d.id AND a.at = d.attempted_at LIMIT 1) AS succeeded
            FROM deliveries d WHERE d.id = w.delivery_id AND d.at = w.delivery_at LIMIT 1
        ) d ON true
    ), settled AS (
        DELETE FROM replayed r USING seen WHERE r.subscription_id = %(subscription_id)s AND r.delivery_id = seen.delivery_id
            AND (seen.tried OR NOT seen.queued)
        RETURNING seen.replay_id, seen.tried AND seen.succeeded AS delivered
    ), counted AS (
        UPDATE replays r SET delivered = r.delivered + ended.delivered, failed = r.failed + ended.number - ended.delivered,
            progressed_at = clock_timestamp()
        FROM (SELECT replay_id, count(*) AS number, count(*) FILTER (WHERE delivered) AS delivered FROM settled GROUP BY replay_id) ended
        WHERE r.id = ended.replay_id
    )
    SELECT (SELECT count(*) FROM waiting) - (SELECT count(*) FROM settled) AS left_over,
        (SELECT count(*) FROM waiting WHERE replay_id = %(replay_id)s) - (SELECT count(*) FROM settled WHERE replay_id = %(replay_id)s)
            AS own,
        (SELECT count(*) FROM settled) AS settled
"""
GO_ON: LiteralString = """
    UPDATE replays SET sent = sent + %(queued)s, skipped = skipped + %(skipped)s, place = %(place)s, place_at = %(place_at)s,
        looked_through = %(looked_through)s, room = %(room)s,
        progressed_at = CASE WHEN %(skipped)s > 0 THEN clock_timestamp() ELSE progressed_at END,
        due_at = clock_timestamp() + %(wait)s * interval '1 second', failures = 0
    WHERE id = %(replay_id)s
"""
# The rest of those that were sent is counted every second; then nothing is left to do.
WAIT: LiteralString = """
    UPDATE replays SET room = 0, due_at = clock_timestamp() + %(wait)s * interval '1 second', failures = 0 WHERE id = %(replay_id)s
"""
END: LiteralString = """
    UPDATE replays SET state = CASE state WHEN 'running' THEN 'finished' ELSE state END,
        finished_at = CASE state WHEN 'running' THEN clock_timestamp() END, due_at = NULL, failures = 0
    WHERE id = %(replay_id)s
"""
LATER: LiteralString = """
    UPDATE replays SET due_at = clock_timestamp() + interval '200 milliseconds' WHERE id = %(replay_id)s
"""
DELETE: LiteralString = "DELETE FROM replays WHERE id = %(replay_id)s"
FORGET_SENT: LiteralString = "DELETE FROM replayed WHERE subscription_id = %(subscription_id)s"
# After 1, 2, 4 … seconds, at most ten minutes.
PUT_OFF: LiteralString = """
    UPDATE replays SET failures = least(failures, 1000000) + 1,
        due_at = clock_timestamp() + least(600, power(2, least(failures, 10))) * interval '1 second'
    WHERE id = %(replay_id)s
"""
MEASURE: LiteralString = """
    SELECT (SELECT count(*) FROM replays WHERE due_at IS NOT NULL),
        coalesce(extract(epoch FROM now() - (SELECT min(due_at) FROM replays WHERE due_at IS NOT NULL)), 0)::float8
"""
FORGET: LiteralString = """
    DELETE FROM replays WHERE id = ANY (ARRAY(
        SELECT id FROM replays WHERE id < %(before)s AND due_at IS NULL ORDER BY id LIMIT %(portion)s))
"""
