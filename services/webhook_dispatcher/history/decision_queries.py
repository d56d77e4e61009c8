"""The SQL of decisions about webhooks: stopping, recovering, and the portions of chores."""

from typing import LiteralString

# Of a row of subscriptions: it may be sent to, as far as people decide.
_RUNS: LiteralString = """enabled AND NOT paused
        AND NOT EXISTS (SELECT FROM stopped_tenants WHERE stopped_tenants.tenant_id = subscriptions.tenant_id)"""

# The released deliveries of a recovery wait again, in their places, when the receiver fails again.
TAKE_BACK_RELEASED: LiteralString = """
    UPDATE queue SET released = false, due_at = CASE WHEN rung = 0 THEN delivery_at END WHERE delivery_id = ANY (ARRAY(
        SELECT delivery_id FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 2 AND due_at <= now()
        ORDER BY due_at, sequence LIMIT 2000 FOR UPDATE SKIP LOCKED))
"""
TENANT_OF_WEBHOOK: LiteralString = "SELECT tenant_id FROM subscriptions WHERE id = %s"
DISABLE: LiteralString = """
    UPDATE subscriptions SET enabled = false, disabled_reason = %(reason)s, disabled_at = now(), recovering = false
    WHERE id = %(subscription_id)s AND enabled AND (%(url)s::text IS NULL OR url = %(url)s) RETURNING rehearses
"""
# Of a webhook that `DISABLE` disabled: the act of the operator, and the reason, which its organisation reads.
NAME_STOP: LiteralString = "UPDATE subscriptions SET stop_act = %s, stop_reason = %s WHERE id = %s"
LONG_FAILING: LiteralString = """
    SELECT id, tenant_id, rehearses FROM subscriptions
    WHERE failing_since < now() - %(days)s * interval '1 day' AND enabled AND id > %(after)s
        AND last_failure_at > failing_since + %(days)s * interval '1 day'
    ORDER BY id LIMIT %(portion)s FOR NO KEY UPDATE SKIP LOCKED
"""
# One of each organisation, then a second of each; first that of the organisation whose last step is the longest ago.
RECOVERING: LiteralString = (
    """
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY stepped_at NULLS FIRST) AS turn,
            max(stepped_at) OVER (PARTITION BY tenant_id) AS last
        FROM subscriptions WHERE recovering AND """
    + _RUNS
    + """ AND (slowed_until IS NULL OR slowed_until <= now())
            AND (stepped_at IS NULL OR stepped_at <= clock_timestamp())
    ) AS numbered ORDER BY turn, last NULLS FIRST LIMIT 1000
"""
)
# A step that failed is not tried again for a minute; other recoveries go on.
PUT_OFF_RECOVERY: LiteralString = """
    UPDATE subscriptions SET stepped_at = clock_timestamp() + interval '1 minute' WHERE id = %(subscription_id)s
"""
# Every query of the queue names the order of an index, or the planner may start with other rows.
# Another relay may have made the step meanwhile.
LOCK_RECOVERING: LiteralString = (
    """
    SELECT recovery_rate, failing_since IS NOT NULL, restarts_ladder FROM subscriptions
    WHERE id = %(subscription_id)s AND recovering AND """
    + _RUNS
    + """ AND (slowed_until IS NULL OR slowed_until <= now())
        AND (stepped_at IS NULL OR stepped_at <= clock_timestamp() - %(pause)s * interval '1 second')
    FOR NO KEY UPDATE SKIP LOCKED
"""
)
# There are at most as many as one step releases, and those being sent.
COUNT_RELEASED: LiteralString = """
    SELECT count(*) FROM (
        (SELECT 1 FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 2 AND due_at <= now()
            ORDER BY due_at, sequence LIMIT 2000)
        UNION ALL
        (SELECT 1 FROM queue WHERE subscription_id = %(subscription_id)s AND stage = 5 ORDER BY due_at, sequence LIMIT 2000)
    ) released
"""
# All waiting deliveries, whenever they are due. Those never attempted are in the order of their times, which is that of their numbers.
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
PORTION = 1000
# `given_up` is another text after each delivery of the webhook that was given up; NULL where it has types that are not counted.
_CHORE: LiteralString = """
    SELECT c.subscription_id, c.kind, c.tenant_id, c.created_since, c.failed_since, c.cursor, c.done,
        coalesce(a.approved_events, %(approved)s) AS approved,
        CASE WHEN s.live_events && %(notices)s THEN NULL
            ELSE concat_ws(' ', s.exhausted, s.exhausted_delivery, extract(epoch FROM s.exhausted_noticed_at)) END AS given_up
    FROM chores c LEFT JOIN subscriptions s ON s.id = c.subscription_id
    LEFT JOIN apps a ON a.tenant_id = s.tenant_id AND a.client_id = s.client_id
"""
# A gathering that is under way goes on at its place, or it would never end while a receiver fails every few minutes. Another pass follows
# where rows behind that place may be due: `again` since a person asks `anew` or for an earlier time, `failed` since the receiver failed.
BEGIN: LiteralString = """
    INSERT INTO chores AS kept (subscription_id, tenant_id, kind, created_since, failed_since)
    VALUES (%(subscription_id)s, %(tenant_id)s, %(kind)s, %(created_since)s, %(failed_since)s)
    ON CONFLICT (subscription_id, kind) DO UPDATE SET due_at = now(),
        cursor = CASE WHEN kept.kind <> 'gather' OR NOT jsonb_exists(kept.cursor, 'id') THEN '{}'
            ELSE kept.cursor || jsonb_build_object(CASE WHEN %(anew)s
                OR least(kept.created_since, excluded.created_since) IS DISTINCT FROM kept.created_since
                OR least(kept.failed_since, excluded.failed_since) IS DISTINCT FROM kept.failed_since
                THEN 'again' ELSE 'failed' END, true) END,
        created_since = least(kept.created_since, excluded.created_since), failed_since = least(kept.failed_since, excluded.failed_since)
"""
BEGIN_ALL: LiteralString = """
    INSERT INTO chores (subscription_id, tenant_id, kind)
    SELECT unnest(%(subscriptions)s::text[]), %(tenant_id)s, %(kind)s
    ON CONFLICT (subscription_id, kind) DO UPDATE SET cursor = '{}', due_at = now()
"""
TAKE: LiteralString = (
    _CHORE + " WHERE c.subscription_id = %(subscription_id)s AND c.kind = %(kind)s FOR UPDATE OF c SKIP LOCKED"
)
# Whose turn it is, and its key alone, which can always be read.
NEXT: LiteralString = """
    SELECT tenant_id, subscription_id, kind FROM chores
    WHERE due_at <= now() AND tenant_id <> ALL (%(served)s::text[])
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# After 1, 2, 4 … seconds, at most ten minutes. Each fourth time it begins anew: its place may be the cause.
PUT_OFF: LiteralString = """
    UPDATE chores SET failures = least(failures, 1000000) + 1,
        due_at = clock_timestamp() + least(600, power(2, least(failures, 10))) * interval '1 second',
        cursor = CASE WHEN failures %% 4 = 3 THEN '{}' ELSE cursor END
    WHERE subscription_id = %(subscription_id)s AND kind = %(kind)s
"""
GO_ON: LiteralString = """
    UPDATE chores SET cursor = %(cursor)s::jsonb, done = least(done, 1000000000000) + %(changed)s, failures = 0,
        due_at = clock_timestamp() + %(wait)s * interval '1 second'
    WHERE subscription_id = %(subscription_id)s AND kind = %(kind)s
"""
FINISH: LiteralString = "DELETE FROM chores WHERE subscription_id = %(subscription_id)s AND kind = %(kind)s"
LEFT: LiteralString = """
    SELECT c.subscription_id, c.tenant_id, c.kind, c.begun_at, c.done,
        (SELECT count(*) FROM (SELECT 1 FROM queue q WHERE q.subscription_id = c.subscription_id
            ORDER BY stage, due_at LIMIT 10000) waiting)
    FROM chores c ORDER BY c.begun_at LIMIT 1000
"""
MEASURE: LiteralString = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(begun_at)), 0)::float8 FROM chores
"""
# The seconds since the last step of the recovery that waits longest; and the tenants with a receiver that failed in the last minutes and
# does so since hours at most, among the 10,000 such receivers that began last.
MEASURE_RECEIVERS: LiteralString = (
    """
    SELECT coalesce(extract(epoch FROM now() - (SELECT min(stepped_at) FROM subscriptions
            WHERE recovering AND """
    + _RUNS
    + """ AND (slowed_until IS NULL OR slowed_until <= now()))), 0)::float8,
        (SELECT count(DISTINCT tenant_id) FROM (SELECT tenant_id FROM subscriptions
            WHERE failing_since > now() - interval '6 hours' AND last_failure_at > now() - interval '15 minutes' AND enabled
            ORDER BY failing_since DESC LIMIT 10000) AS failing)
"""
)
# Each portion returns how many rows it looked at, how many it changed, and its last place.
# Forgets the queue of a deleted webhook from its end: claims step from the first row of one webhook to the first of the next, and would
# step over all deleted rows before it until the table is vacuumed. So of `many` rows the first stays until a vacuum has followed the
# others; no claim takes it.
FORGET: LiteralString = """
    WITH looked AS MATERIALIZED (
        SELECT delivery_id, stage, due_at, sequence, leased AND due_at > now() AS sending FROM queue
        WHERE subscription_id = %(subscription_id)s
            AND (stage, due_at, sequence) <= (%(stage)s, %(due_at)s::timestamptz, %(sequence)s)
        ORDER BY stage DESC, due_at DESC, sequence DESC LIMIT %(portion)s FOR UPDATE SKIP LOCKED
    ), kept AS MATERIALIZED (
        SELECT delivery_id FROM queue WHERE subscription_id = %(subscription_id)s AND %(many)s AND NOT coalesce(
            (SELECT greatest(last_vacuum, last_autovacuum) FROM pg_stat_all_tables WHERE relid = 'queue'::regclass)
                > %(emptied_at)s::timestamptz OR %(emptied_at)s::timestamptz < now() - interval '15 minutes', false)
        ORDER BY stage, due_at, sequence LIMIT 1
    ), gone AS (
        DELETE FROM queue q USING looked WHERE q.delivery_id = looked.delivery_id AND NOT looked.sending
            AND q.delivery_id IS DISTINCT FROM (SELECT delivery_id FROM kept) RETURNING 1
    )
    SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM gone), (
        SELECT CASE WHEN due_at IS NULL THEN jsonb_build_object('stage', stage + 1, 'due_at', '-infinity', 'sequence', 0)
            ELSE jsonb_build_object('stage', stage, 'due_at', due_at, 'sequence', coalesce(sequence, 9223372036854775807)) END
        FROM looked ORDER BY stage, due_at, sequence LIMIT 1)
"""
# Deliveries that were given up wait again, with no due time: the recovery sends the oldest first. Those whose event, or for an automation
# the event that triggered it, is no longer approved stay given up. The time of the last failure tells which belong to an outage, since its
# first deliveries are older than its start, which is recorded after they were sent.
GATHER: LiteralString = """
    WITH looked AS MATERIALIZED (
        SELECT id, at FROM deliveries WHERE subscription_id = %(subscription_id)s AND troubled AND id > %(after)s
            AND at >= %(floor)s::timestamptz
        ORDER BY id LIMIT %(portion)s
    ), given_up AS (
        UPDATE deliveries d SET status = 'retrying' FROM looked
        WHERE d.id = looked.id AND d.at = looked.at AND d.status = 'failed' AND d.sequence IS NOT NULL
            AND (d.at >= %(created_since)s::timestamptz
                OR d.attempted_at >= %(failed_since)s::timestamptz - interval '1 minute')
            AND d.event_type = ANY((SELECT live_events FROM subscriptions WHERE id = %(subscription_id)s)::text[])
            AND event_approved(d.event_type, %(approved)s)
            AND EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.at = d.event_at)
            AND (d.event_type <> 'automation.fired' OR firing_approved(d.event_id, d.event_at, %(approved)s))
        RETURNING d.id, d.at, d.tenant_id, d.subscription_id, d.event_id, d.event_at, d.event_type, d.sequence, d.attempt
    ), kept AS (
        INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, attempt)
        SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, attempt FROM given_up
        ON CONFLICT DO NOTHING
    )
    SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM given_up),
        jsonb_build_object('id', coalesce((SELECT max(id) FROM looked), %(after)s))
"""
_GIVE_UP_BEGIN: LiteralString = """
    WITH looked AS (
        SELECT delivery_id, delivery_at, tenant_id, attempt, event_type, event_id, event_at, due_at, sequence FROM queue
        WHERE subscription_id = %(subscription_id)s
"""
# The reason is stored like an attempt. Deliveries that an automation sent because of such an event are given up too.
_GIVE_UP_END: LiteralString = """ LIMIT %(portion)s FOR UPDATE SKIP LOCKED
    ), dropped AS (
        DELETE FROM queue q USING looked l WHERE q.delivery_id = l.delivery_id AND (NOT event_approved(l.event_type, %(approved)s)
            OR l.event_type = 'automation.fired' AND NOT firing_approved(l.event_id, l.event_at, %(approved)s)
                AND EXISTS (SELECT 1 FROM events e WHERE e.id = l.event_id AND e.at = l.event_at))
        RETURNING l.delivery_id, l.delivery_at, l.tenant_id, l.attempt
    ), logged AS (
        INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, error, duration_ms)
        SELECT delivery_id, now(), tenant_id, attempt, '', '{}', 'approval_withdrawn: nothing was sent', 0 FROM dropped
    ), given_up AS (
        UPDATE deliveries d SET status = 'failed', troubled = true, attempted_at = now()
        FROM dropped WHERE d.id = dropped.delivery_id AND d.at = dropped.delivery_at AND d.status <> 'succeeded'
    )
    SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM dropped), (SELECT jsonb_build_object(
"""
# By stage of the queue. Deliveries never attempted (3) and attempted ones (4) may be many: a cursor goes through them. Those asked for,
# released, or left behind by a sender (1, 2, 5) are few.
GIVE_UP: dict[int, LiteralString] = {
    3: _GIVE_UP_BEGIN
    + " AND stage = 3 AND (due_at, sequence) > (%(due_at)s::timestamptz, %(sequence)s) ORDER BY due_at, sequence "
    + _GIVE_UP_END
    + " 'due_at', l.due_at, 'sequence', l.sequence) FROM looked l ORDER BY l.due_at DESC, l.sequence DESC LIMIT 1)",
    4: _GIVE_UP_BEGIN
    + " AND stage = 4 AND sequence > %(sequence)s ORDER BY sequence "
    + _GIVE_UP_END
    + " 'sequence', max(l.sequence)) FROM looked l HAVING count(*) > 0)",
    1: _GIVE_UP_BEGIN
    + " AND stage = ANY('{1,2,5}') AND (stage < 5 OR due_at <= now() AND sequence IS NOT NULL)"
    + " AND (due_at, sequence) > (%(due_at)s::timestamptz, %(sequence)s) ORDER BY due_at, sequence "
    + _GIVE_UP_END
    + " 'due_at', l.due_at, 'sequence', l.sequence) FROM looked l ORDER BY l.due_at DESC, l.sequence DESC LIMIT 1)",
}
# Their events are gone with their partition. Ids are in the order of time, so that these are the first of the queue.
FORGET_EXPIRED: LiteralString = """
    WITH looked AS (
        SELECT delivery_id, least(delivery_at, event_at) < %(before)s AS expired FROM queue
        WHERE delivery_id > %(after)s AND delivery_id < %(until)s ORDER BY delivery_id LIMIT %(portion)s
    ), expired AS (
        SELECT q.delivery_id FROM looked JOIN queue q ON q.delivery_id = looked.delivery_id WHERE looked.expired
        FOR UPDATE OF q SKIP LOCKED
    ), gone AS (
        DELETE FROM queue q USING expired WHERE q.delivery_id = expired.delivery_id RETURNING q.delivery_id, q.delivery_at
    ), given_up AS (
        UPDATE deliveries d SET status = 'failed', troubled = true
        FROM gone WHERE d.id = gone.delivery_id AND d.at = gone.delivery_at AND d.status <> 'succeeded'
    )
    SELECT count(*), coalesce(max(delivery_id), '') FROM looked
"""
