"""The SQL of stopping a webhook and of sending it later what it missed: statements of the worker role, plus those both doors use."""

from typing import LiteralString

# What a recovery had released when its receiver failed again waits once more, in its place among the others.
TAKE_BACK_RELEASED: LiteralString = """
    UPDATE queue SET released = false, due_at = CASE WHEN rung = 0 THEN delivery_at END WHERE delivery_id IN (
        SELECT delivery_id FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 2 AND due_at <= now()
        ORDER BY due_at, sequence LIMIT 2000 FOR UPDATE SKIP LOCKED)
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
RECOVERING: LiteralString = """
    SELECT id FROM subscriptions
    WHERE recovering AND enabled AND NOT paused AND (slowed_until IS NULL OR slowed_until <= now())
    ORDER BY stepped_at NULLS FIRST LIMIT 1000
"""
# Every look into the queue names the order of an index, or the planner may think that any row will do and read what is not meant.
# Another relay may have made the step meanwhile.
LOCK_RECOVERING: LiteralString = """
    SELECT recovery_rate, failing_since IS NOT NULL, restarts_ladder FROM subscriptions
    WHERE id = %(subscription_id)s AND recovering AND enabled AND NOT paused AND (slowed_until IS NULL OR slowed_until <= now())
        AND (stepped_at IS NULL OR stepped_at <= clock_timestamp() - %(pause)s * interval '1 second')
    FOR NO KEY UPDATE SKIP LOCKED
"""
# The most there are is what one step releases, and what is being sent.
COUNT_RELEASED: LiteralString = """
    SELECT count(*) FROM (
        (SELECT 1 FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 2 AND due_at <= now()
            ORDER BY due_at, sequence LIMIT 2000)
        UNION ALL
        (SELECT 1 FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 5 ORDER BY due_at, sequence LIMIT 2000)
    ) released
"""
# Whatever waits, whenever it would be due. Those never attempted are in the order of their times, which is that of their numbers.
RELEASE_OLDEST: LiteralString = """
    WITH oldest AS (
        SELECT delivery_id FROM (
            (SELECT delivery_id, sequence FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 3
                ORDER BY due_at, sequence LIMIT %(room)s)
            UNION ALL
            (SELECT delivery_id, sequence FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 4
                ORDER BY sequence LIMIT %(room)s)
        ) waiting ORDER BY sequence LIMIT %(room)s
    ), locked AS (
        SELECT q.delivery_id FROM oldest JOIN queue q ON q.delivery_id = oldest.delivery_id WHERE q.stage IN (3, 4)
        FOR UPDATE OF q SKIP LOCKED
    )
    UPDATE queue q SET released = true, due_at = now(), rung = CASE WHEN %(restarts)s THEN 0 ELSE q.rung END
    FROM locked WHERE q.delivery_id = locked.delivery_id
"""
SET_RECOVERY: LiteralString = """
    UPDATE subscriptions SET recovery_rate = %(rate)s, stepped_at = clock_timestamp(),
        recovering = EXISTS (SELECT 1 FROM chores WHERE subscription_id = %(subscription_id)s AND kind = 'gather')
            OR (SELECT true FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 3
                ORDER BY due_at, sequence LIMIT 1) IS TRUE
            OR (SELECT true FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 4
                ORDER BY sequence LIMIT 1) IS TRUE
    WHERE id = %(subscription_id)s
"""
# Their events are gone with their partition. Ids are in the order of time, so that these are the first of the queue.
FORGET_EXPIRED: LiteralString = """
    WITH looked AS (
        SELECT delivery_id, delivery_at, least(delivery_at, event_at) < %(before)s AS expired FROM queue
        WHERE delivery_id > %(after)s AND delivery_id < %(until)s ORDER BY delivery_id LIMIT %(portion)s FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM queue q USING looked WHERE q.delivery_id = looked.delivery_id AND looked.expired
        RETURNING q.delivery_id, q.delivery_at
    ), told AS (
        UPDATE deliveries d SET status = 'failed', troubled = true
        FROM gone WHERE d.id = gone.delivery_id AND d.at = gone.delivery_at AND d.status <> 'succeeded'
    )
    SELECT count(*), coalesce(max(delivery_id), '') FROM looked
"""
