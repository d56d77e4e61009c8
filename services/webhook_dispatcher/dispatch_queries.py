"""The SQL of fan-out and sending: statements of the worker role, over all tenants, plus those both doors use."""

from typing import LiteralString

PARTITIONED = ("events", "deliveries", "attempts")

# --- apps -------------------------------------------------------------------------------------------------------------------
# Before anything else of the app: a webhook that is being made or changed (SHARE_APP) and an approval that is being withdrawn take
# turns, or each would miss the other. An advisory lock, because an app auth has not told of has no row.
LOCK_APP: LiteralString = "SELECT pg_advisory_xact_lock(7402003, hashtext(%(client_id)s))"
SHARE_APP: LiteralString = "SELECT pg_advisory_xact_lock_shared(7402003, hashtext(%(client_id)s))"
REHEARSE: LiteralString = """
    UPDATE subscriptions SET rehearses = true WHERE id IN (
        SELECT id FROM subscriptions WHERE tenant_id = ANY(%s) AND NOT rehearses ORDER BY id FOR NO KEY UPDATE)
"""
UPSERT_APP: LiteralString = """
    INSERT INTO apps (tenant_id, client_id, version, status, approved_events)
    VALUES (%(tenant_id)s, %(client_id)s, %(version)s, %(status)s, %(approved_events)s)
    ON CONFLICT (tenant_id, client_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, approved_events = excluded.approved_events
    WHERE apps.version < excluded.version
"""
APPROVED: LiteralString = """
    SELECT a.approved_events FROM subscriptions s JOIN apps a ON a.tenant_id = s.tenant_id AND a.client_id = s.client_id
    WHERE s.id = %(subscription_id)s
"""
LOCK_SUBSCRIPTIONS_OF_APP: LiteralString = """
    SELECT id, events, paused FROM subscriptions WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s
    ORDER BY id FOR NO KEY UPDATE
"""
SET_LIVE_EVENTS: LiteralString = """
    UPDATE subscriptions SET live_events = %(live_events)s, paused = %(paused)s,
        recovering = recovering OR (paused AND NOT %(paused)s), recovery_rate = 1
    WHERE id = %(subscription_id)s
"""
# Deliveries of a type that is no longer approved are given up, with the reason where an attempt would stand; so is what an automation
# sends of such an event.
GIVE_UP_UNAPPROVED: LiteralString = """
    WITH dropped AS (
        DELETE FROM queue WHERE subscription_id = %(subscription_id)s AND sequence IS NOT NULL
            AND (event_type <> ALL(%(live_events)s) OR event_type = 'automation.fired' AND EXISTS (
                SELECT 1 FROM events e WHERE e.id = event_id AND e.at = event_at
                    AND e.body::jsonb #>> '{data,event_type}' <> ALL(%(approved_types)s)))
        RETURNING delivery_id, delivery_at, tenant_id, attempt
    ), logged AS (
        INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, error, duration_ms)
        SELECT delivery_id, now(), tenant_id, attempt, '', '{}', 'approval_withdrawn: nothing was sent', 0 FROM dropped
    )
    UPDATE deliveries d SET status = 'failed', troubled = true, attempted_at = now()
    FROM dropped WHERE d.id = dropped.delivery_id AND d.at = dropped.delivery_at AND d.status <> 'succeeded'
"""
# After they were locked, as statements of their own: only these see what a fan-out that had the locks before has queued.
DELETE_QUEUED_OF_APP: LiteralString = """
    DELETE FROM queue WHERE subscription_id IN (
        SELECT id FROM subscriptions WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s)
"""
DELETE_SUBSCRIPTIONS_OF_APP: LiteralString = (
    "DELETE FROM subscriptions WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s"
)

# --- fan-out ----------------------------------------------------------------------------------------------------------------
INSERT_EVENTS: LiteralString = """
    INSERT INTO events (id, at, tenant_id, type, body, traceparent)
    SELECT id, at, tenant_id, type, body, traceparent FROM jsonb_to_recordset(%s::jsonb) AS event (
        id text, at timestamptz, tenant_id text, type text, body text, traceparent text)
    ON CONFLICT DO NOTHING RETURNING id
"""
# In the order of their ids, as everything that locks several subscriptions, so that no two wait for each other in a ring.
LOCK_LISTENERS: LiteralString = """
    SELECT id, tenant_id, live_events, last_sequence, held FROM subscriptions
    WHERE tenant_id = ANY(%s) AND live_events && %s ORDER BY id FOR NO KEY UPDATE
"""
INSERT_DELIVERIES: LiteralString = """
    WITH planned AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) AS planned (id text, at timestamptz, tenant_id text, subscription_id text,
            event_id text, event_at timestamptz, event_type text, sequence bigint, held boolean)
    ), kept AS (
        INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence)
        SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence FROM planned
    ), counted AS (
        UPDATE subscriptions s SET last_sequence = last.sequence
        FROM (SELECT subscription_id, max(sequence) AS sequence FROM planned GROUP BY 1) last WHERE s.id = last.subscription_id
    )
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)
    SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, CASE WHEN NOT held THEN now() END FROM planned
"""

# --- automations ------------------------------------------------------------------------------------------------------------
CHANGE_INTEREST: LiteralString = """
    INSERT INTO automation_interest AS kept (tenant_id, version, event_types) VALUES (%s, %s, %s)
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version, event_types = excluded.event_types
    WHERE kept.version < excluded.version
"""
INTERESTED: LiteralString = """
    SELECT tenant_id, event_types FROM automation_interest WHERE tenant_id = ANY(%s) AND event_types && %s
"""
LOCK_LISTENERS_OF_APPS: LiteralString = """
    SELECT id FROM subscriptions WHERE (tenant_id, client_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
        AND 'automation.fired' = ANY(live_events) ORDER BY id FOR NO KEY UPDATE
"""
LISTENERS_OF_APP: LiteralString = """
    SELECT id, tenant_id, live_events, last_sequence, held FROM subscriptions
    WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s AND 'automation.fired' = ANY(live_events)
        AND (%(webhook_id)s::text IS NULL OR id = %(webhook_id)s) ORDER BY id
"""

# --- sending ----------------------------------------------------------------------------------------------------------------
# From one subscription with waiting work to the next, a loose index scan: what waits behind each is not read.
WALK: LiteralString = """
    WITH RECURSIVE walk AS (
        (SELECT subscription_id FROM queue WHERE subscription_id > %(after)s ORDER BY subscription_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.subscription_id FROM queue q WHERE q.subscription_id > w.subscription_id ORDER BY q.subscription_id LIMIT 1)
        FROM walk w WHERE w.subscription_id IS NOT NULL
    )
"""
# Visits at most 256 subscriptions from where the last claim ended, and takes from each only what it and its tenant have room for:
# a backlog behind a receiver that hangs is never read. Its commit does not wait for the disk: a claim that a crash undoes was not made, and
# what was in flight then goes out twice, as it would have if only the record of it had been lost.
CLAIM: LiteralString = (
    WALK
    + """, lanes AS (
        SELECT subscription_id FROM walk WHERE subscription_id IS NOT NULL LIMIT 256
    ), open AS (
        SELECT s.id, s.tenant_id, s.enabled AND NOT s.paused AS running, tenant.room AS tenant_room,
            least(coalesce((%(room)s::jsonb ->> s.id)::integer, s.concurrency), (tenant.room + 1) / 2) AS room
        FROM lanes JOIN subscriptions s ON s.id = lanes.subscription_id
        CROSS JOIN LATERAL (SELECT coalesce((%(tenants)s::jsonb ->> s.tenant_id)::integer, %(newcomer)s) AS room) tenant
        WHERE s.slowed_until IS NULL OR s.slowed_until <= now()
        ORDER BY (s.failing_since IS NOT NULL)
    ), found AS (
        SELECT q.delivery_id, open.tenant_id, open.tenant_room FROM open CROSS JOIN LATERAL (
            SELECT delivery_id FROM queue WHERE subscription_id = open.id AND due_at <= now()
                AND (sequence IS NULL OR open.running)
            ORDER BY due_at, sequence LIMIT open.room FOR UPDATE SKIP LOCKED
        ) q LIMIT %(slots)s
    ), due AS (
        SELECT delivery_id FROM (SELECT *, row_number() OVER (PARTITION BY tenant_id) AS number FROM found) numbered
        WHERE number <= tenant_room
    ), claimed AS (
        UPDATE queue q SET due_at = now() + interval '20 seconds', leased = true, attempt = q.attempt + 1
        FROM due WHERE q.delivery_id = due.delivery_id RETURNING q.*
    )
    SELECT walked.last, sent.* FROM (
        SELECT CASE WHEN count(*) = 256 THEN max(subscription_id) ELSE '' END AS last, set_config('synchronous_commit', 'off', true)
        FROM lanes
    ) walked LEFT JOIN (
        SELECT c.delivery_id, c.delivery_at, c.tenant_id, c.subscription_id, c.event_id, c.event_type, c.attempt, c.rung, e.body,
            e.traceparent, s.url, s.secret,
            CASE WHEN s.previous_secret_expires_at > now() THEN s.previous_secret END AS previous_secret,
            s.headers, s.concurrency, s.failing_since IS NOT NULL AS failing
        FROM claimed c JOIN subscriptions s ON s.id = c.subscription_id
        CROSS JOIN LATERAL (SELECT body, traceparent FROM events WHERE id = c.event_id AND at = c.event_at LIMIT 1) e
    ) sent ON true
"""
)
# What was claimed and not sent is as if it had not been claimed, unless another has claimed it since.
GIVE_BACK: LiteralString = """
    UPDATE queue q SET due_at = CASE WHEN q.sequence IS NULL OR NOT s.held THEN now() END, leased = false, attempt = q.attempt - 1
    FROM unnest(%(ids)s::text[], %(attempts)s::integer[]) AS given (delivery_id, attempt), subscriptions s
    WHERE q.delivery_id = given.delivery_id AND q.attempt = given.attempt AND q.leased AND s.id = q.subscription_id
"""
# Plans are made anew now and then: one made when a partition was empty would be kept while it fills.
FORGET_PLANS: LiteralString = "DISCARD PLANS"
# Only the attempt that still holds its lease counts: what a sender reports too late was taken over by another.
# A failure during a recovery climbs the ladder as any other, so that one delivery nobody will ever take is not probed with for ever.
RECORD: LiteralString = """
    WITH sent AS (
        SELECT * FROM jsonb_to_recordset(%(sent)s::jsonb) AS sent (
            delivery_id text, delivery_at timestamptz, tenant_id text, subscription_id text, attempt integer, at timestamptz,
            succeeded boolean, wait float8, url text, request_headers jsonb, address text, status integer, response_headers jsonb,
            body text, truncated boolean, error text, duration_ms real, trace_id text)
    ), finished AS (
        DELETE FROM queue q USING sent WHERE q.delivery_id = sent.delivery_id AND q.attempt = sent.attempt AND sent.wait IS NULL
        RETURNING q.delivery_id
    ), again AS (
        UPDATE queue q SET leased = false, rung = q.rung + 1,
            due_at = CASE WHEN s.enabled AND NOT s.paused THEN now() + sent.wait * interval '1 second' END
        FROM sent JOIN subscriptions s ON s.id = sent.subscription_id
        WHERE q.delivery_id = sent.delivery_id AND q.attempt = sent.attempt AND sent.wait IS NOT NULL
        RETURNING q.delivery_id
    ), kept AS (
        SELECT sent.* FROM sent JOIN (SELECT delivery_id FROM finished UNION ALL SELECT delivery_id FROM again) k USING (delivery_id)
    ), logged AS (
        INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, address, response_status, response_headers,
            response_body, response_truncated, error, duration_ms, trace_id)
        SELECT delivery_id, at, tenant_id, attempt, url, request_headers, address, status, response_headers, body, truncated, error,
            duration_ms, trace_id FROM kept
    )
    UPDATE deliveries d SET attempt = kept.attempt, attempted_at = kept.at,
        troubled = CASE WHEN kept.succeeded THEN d.troubled ELSE true END,
        status = CASE WHEN kept.succeeded OR d.status = 'succeeded' THEN 'succeeded'
            WHEN kept.wait IS NULL THEN 'failed' ELSE 'retrying' END
    FROM kept WHERE d.id = kept.delivery_id AND d.at = kept.delivery_at
"""
# A receiver that answers again after more than a minute of nothing but failures has what it missed sent to it: its recovery begins,
# or begins anew. While one fails, the next probe comes when it asked for it, and otherwise after as long again as it has been failing.
UPDATE_HEALTH: LiteralString = """
    WITH seen AS (
        SELECT * FROM jsonb_to_recordset(%(lanes)s::jsonb) AS seen (
            subscription_id text, succeeded boolean, failed boolean, concurrency integer, slow float8, retry_after float8)
    ), locked AS (
        SELECT id FROM subscriptions WHERE id IN (SELECT subscription_id FROM seen) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE subscriptions s SET
        concurrency = seen.concurrency,
        failing_since = CASE WHEN NOT seen.succeeded THEN coalesce(s.failing_since, now()) END,
        last_failure_at = CASE WHEN seen.failed THEN now() WHEN seen.succeeded THEN NULL ELSE s.last_failure_at END,
        slowed_until = greatest(s.slowed_until, now() + seen.slow * interval '1 second',
            CASE WHEN s.recovering AND seen.failed THEN now() + greatest(seen.retry_after * interval '1 second',
                least(now() - coalesce(s.failing_since, now()), interval '10 minutes')) END),
        recovering = s.recovering
            OR (seen.succeeded AND s.enabled AND NOT s.paused AND coalesce(s.failing_since < now() - interval '1 minute', false)),
        recovery_rate = CASE WHEN seen.failed OR NOT s.recovering THEN 1 ELSE s.recovery_rate END
    FROM locked JOIN seen ON seen.subscription_id = locked.id WHERE s.id = locked.id
    RETURNING s.id, new.recovering AND seen.failed AS falters,
        new.recovering AND seen.succeeded AND coalesce(old.failing_since < now() - interval '1 minute', false) AS recovers,
        old.failing_since
"""
ANYTHING_DUE: LiteralString = (
    WALK
    + """
    SELECT EXISTS (
        SELECT 1 FROM walk JOIN subscriptions s ON s.id = walk.subscription_id CROSS JOIN LATERAL (
            SELECT 1 FROM queue WHERE subscription_id = s.id AND due_at <= now()
                AND (sequence IS NULL OR (s.enabled AND NOT s.paused)) LIMIT 1
        ) due WHERE s.slowed_until IS NULL OR s.slowed_until <= now())
"""
)
# Two keys of an advisory lock: this service's senders, and the number of one.
TAKE_SENDER: LiteralString = "SELECT pg_try_advisory_lock(7402002, %(number)s)"
RELEASE_SENDER: LiteralString = "SELECT pg_advisory_unlock(7402002, %(number)s)"
COUNT_SENDERS: LiteralString = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7402002 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# What a receiver asked us to wait with is not late.
MEASURE: LiteralString = """
    SELECT count(*) FILTER (WHERE late), count(*) FILTER (WHERE due_at IS NULL), count(*),
        coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE late)), 0)::float8
    FROM (
        SELECT q.due_at, q.due_at <= now() AND coalesce(s.slowed_until <= now(), true) AS late
        FROM queue q JOIN subscriptions s ON s.id = q.subscription_id
    ) waiting
"""
