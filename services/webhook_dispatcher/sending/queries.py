"""The SQL of sending: claims, results, senders. Statements of the worker role, over all tenants."""

from typing import LiteralString

from shared.storage import locks
from shared.storage.database import BY_KEY

# Steps from one subscription with waiting deliveries to the next, a loose index scan: it does not read the other rows of each.
_WALK_ON: LiteralString = """
        UNION ALL
        SELECT (SELECT q.subscription_id FROM queue q WHERE q.subscription_id > w.subscription_id ORDER BY q.subscription_id LIMIT 1)
        FROM walk w WHERE w.subscription_id IS NOT NULL
    )
"""
# By key: a join alone may begin with the whole queue. An array of keys in addition, and no second condition that an index could serve,
# prevent that.
# The timeouts end a sender that freezes within a transaction, or the other senders would wait for their turn until it thaws.
BEGIN_RECORD: LiteralString = (
    BY_KEY
    + """,
        set_config('plan_cache_mode', 'force_generic_plan', true), set_config('statement_timeout', '15s', true),
        set_config('lock_timeout', '5s', true), set_config('transaction_timeout', '15s', true)
"""
)
# Whether any delivery waits: the first step of a walk, without the claim.
WAITS: LiteralString = "SELECT FROM queue ORDER BY subscription_id LIMIT 1"
# The receiver after that one, which a walk passes by.
NEXT: LiteralString = (
    "SELECT subscription_id FROM queue WHERE subscription_id > %(after)s ORDER BY subscription_id LIMIT 1"
)
# One claim at a time, over all senders, in the transaction that claims: the statement after it sees all deliveries in flight.
# It ends sooner than a record, since it holds up all senders.
BEGIN_CLAIM: LiteralString = (
    BEGIN_RECORD + f", set_config('statement_timeout', '8s', true), pg_advisory_xact_lock({locks.SENDER_CLAIM})"
)
# Visits the `named` subscriptions, and the next `walked` of all others with waiting deliveries, after the last one visited: its cost
# depends on these two numbers, not on how many wait. It reads only deliveries that may be sent now and that have room: none of a webhook
# that is stopped, slowed or recovering, nothing of a tenant whose deliveries operators stopped, and not the backlog of a receiver that
# hangs. The limit of a receiver holds over all senders, and each sender takes its part of it; for a quick receiver some deliveries are
# claimed ahead. A failing receiver has one in flight. A delivery that a person asked for may exceed the limit by one. `class` is the
# class of slots that a delivery uses (lanes.py). A lease begins at the claim itself, not when the transaction began to wait for its turn.
# The commit does not wait for the disk: if a crash undoes a claim, its requests in flight go out twice, as they would if only their
# record had been lost.
# Deliveries of a replay come after all others of their webhook, and use at most half of its receiver's limit, so that a new delivery finds
# room at once.
# A webhook with a rate has as many free as have come due since the last claim of it, at most those of a second; the claim counts
# those that it takes (the generic cell rate algorithm), so that no process sleeps and others' deliveries go on.
# Each step goes from one row to others by key: LIMIT 1 keeps the planner from joining whole tables. It finds the first stage with a due
# delivery before it looks into each stage, and reads only a little more of each receiver than its part of the slots (`depth`), since the
# next claim would read the rest again. The length of a body is known without reading it; of each tenant the first classes come first.
# The places of a claim go to deliveries that a person asked for, then an eighth to each other class, and the rest to the first classes;
# within a class tenants take turns. Bytes go to one delivery of each class in turn. Rows are locked and changed by an array of keys alone:
# with a join as well, each row looks up the whole array.
CLAIM: LiteralString = (
    """
    WITH RECURSIVE walk AS (
        (SELECT subscription_id FROM queue WHERE subscription_id > %(after)s ORDER BY subscription_id LIMIT 1)
    """
    + _WALK_ON
    + """, walked AS MATERIALIZED (
        SELECT subscription_id FROM walk WHERE subscription_id IS NOT NULL LIMIT %(walked)s
    ), lanes AS MATERIALIZED (
        SELECT subscription_id FROM jsonb_array_elements_text(%(named)s::jsonb) AS named (subscription_id)
        UNION SELECT subscription_id FROM walked
    ), peers AS MATERIALIZED (
        SELECT greatest(count(*), 1) AS number FROM senders WHERE seen_at > now() - interval '10 seconds'
    ), states AS MATERIALIZED (
        SELECT s.*, floor(s.max_per_second * extract(epoch FROM now() - greatest(p.next_at, now() - interval '1 second')))::integer AS free,
            being_sent.flying, being_sent.expired, being_sent.replaying, coalesce(a.approved_events, %(approved)s) AS approved,
            coalesce((%(lanes)s::jsonb -> s.id ->> 0)::integer, 0) AS held,
            coalesce((%(lanes)s::jsonb -> s.id ->> 1)::integer, %(newcomer)s) AS fair,
            coalesce((%(lanes)s::jsonb -> s.id ->> 2)::integer, 1) AS ahead,
            (SELECT stage FROM queue WHERE subscription_id = s.id AND stage = ANY('{0,1,2,3,4}') AND due_at <= now()
                ORDER BY stage, due_at LIMIT 1) AS first_stage
        FROM lanes CROSS JOIN LATERAL (
            SELECT id, tenant_id, client_id, recovering, max_per_second, enabled AND NOT paused AS running,
                enabled AND NOT paused AND coalesce(slowed_until <= now(), true) AS calm,
                CASE WHEN failing_since IS NOT NULL THEN 'failing' WHEN concurrency = 1 THEN 'new' ELSE 'known' END AS kind,
                CASE WHEN failing_since IS NOT NULL THEN 1 ELSE concurrency END AS most
            FROM subscriptions WHERE id = lanes.subscription_id
                AND (SELECT true FROM stopped_tenants WHERE tenant_id = subscriptions.tenant_id LIMIT 1) IS NULL LIMIT 1
        ) s CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE due_at > now())::integer AS flying, bool_or(due_at <= now()) IS TRUE AS expired,
                count(*) FILTER (WHERE due_at > now() AND replayed)::integer AS replaying
            FROM queue WHERE subscription_id = s.id AND stage = 5
        ) being_sent LEFT JOIN LATERAL (
            SELECT approved_events FROM apps WHERE tenant_id = s.tenant_id AND client_id = s.client_id LIMIT 1
        ) a ON true LEFT JOIN LATERAL (
            SELECT next_at FROM paces WHERE s.max_per_second IS NOT NULL AND subscription_id = s.id LIMIT 1
        ) p ON true
    ), open AS MATERIALIZED (
        SELECT * FROM (
            SELECT states.*, greatest(0, least(most * ahead + 1 - flying, %(slots)s)) AS room_asked, greatest(0, least(free,
                most * ahead - flying, ceil(most::float8 * ahead / peers.number)::integer - held, fair, %(slots)s)) AS room
            FROM states, peers
        ) counted
        WHERE (room_asked > 0 AND first_stage < 2)
            OR (room > 0 AND (expired OR (calm AND first_stage = 2) OR (calm AND NOT recovering AND first_stage > 2)))
    ), look AS MATERIALIZED (
        SELECT greatest(2, %(slots)s / greatest(1, count(*)) + 1) AS depth FROM open WHERE room > 1
    ), found AS (
        SELECT open.id, open.tenant_id, q.delivery_id, q.event_id, q.event_at, q.number,
            CASE WHEN q.stage < 2 THEN 'asked' WHEN open.kind <> 'known' THEN open.kind
            WHEN open.held = 0 AND q.number = 1 AND NOT q.replayed THEN 'first' ELSE 'deep' END AS class
        FROM look, open CROSS JOIN LATERAL (
            SELECT ready.*, row_number() OVER () AS number FROM (
                (SELECT delivery_id, stage, sequence, event_type, event_id, event_at, replayed FROM queue
                    WHERE open.first_stage = 0 AND subscription_id = open.id AND stage = 0 AND due_at <= now()
                    ORDER BY due_at, sequence LIMIT open.room_asked)
                UNION ALL
                (SELECT delivery_id, stage, sequence, event_type, event_id, event_at, replayed FROM queue
                    WHERE open.first_stage < 2 AND open.running AND subscription_id = open.id AND stage = 1 AND due_at <= now()
                    ORDER BY due_at, sequence LIMIT open.room_asked)
                UNION ALL
                (SELECT delivery_id, stage, sequence, event_type, event_id, event_at, replayed FROM queue
                    WHERE open.expired AND subscription_id = open.id AND stage = 5 AND due_at <= now() AND (open.calm OR sequence IS NULL)
                    ORDER BY due_at, sequence LIMIT least(open.room, look.depth))
                UNION ALL
                (SELECT delivery_id, stage, sequence, event_type, event_id, event_at, replayed FROM queue
                    WHERE open.first_stage < 3 AND open.calm AND subscription_id = open.id AND stage = 2 AND due_at <= now()
                        AND NOT replayed
                    ORDER BY due_at, sequence LIMIT least(open.room, look.depth))
                UNION ALL
                (SELECT delivery_id, stage, sequence, event_type, event_id, event_at, replayed FROM (
                    (SELECT * FROM queue WHERE open.calm AND NOT open.recovering AND subscription_id = open.id AND stage = 3
                        AND due_at <= now() ORDER BY due_at, sequence LIMIT least(open.room, look.depth))
                    UNION ALL
                    (SELECT * FROM queue WHERE open.calm AND NOT open.recovering AND subscription_id = open.id AND stage = 4
                        AND due_at <= now() ORDER BY due_at, sequence LIMIT least(open.room, look.depth))
                ) by_time ORDER BY due_at, sequence LIMIT least(open.room, look.depth))
                UNION ALL
                (SELECT delivery_id, stage, sequence, event_type, event_id, event_at, replayed FROM queue
                    WHERE open.first_stage < 3 AND open.calm AND subscription_id = open.id AND stage = 2 AND due_at <= now()
                        AND replayed
                    ORDER BY due_at, sequence LIMIT least(open.room, look.depth, greatest(0,
                        greatest(1, open.most * open.ahead / 2) - open.replaying)))
            ) ready LIMIT open.room_asked
        ) q
        WHERE (q.stage < 2 OR q.number <= open.room) AND (q.sequence IS NULL OR event_approved(q.event_type, open.approved)
            AND (q.event_type <> 'automation.fired' OR firing_approved(q.event_id, q.event_at, open.approved)))
    ), fitting AS (
        SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY tenant_id, class ORDER BY number, id) AS of_tenant FROM found) counted
        WHERE of_tenant <= (coalesce(%(tenants)s::jsonb -> tenant_id, %(tenant)s::jsonb) ->> class)::integer
    ), sized AS (
        SELECT fitting.*, array_position(ARRAY['asked', 'first', 'new', 'deep', 'failing'], class) AS rank, e.body, e.traceparent,
            coalesce(octet_length(e.body), 0) AS size
        FROM fitting LEFT JOIN LATERAL (
            SELECT body, traceparent FROM events WHERE id = fitting.event_id AND at = fitting.event_at LIMIT 1) e ON true
    ), lighter AS (
        SELECT * FROM (
            SELECT *, sum(size) OVER in_order AS bytes, row_number() OVER in_order AS nth
            FROM sized WINDOW in_order AS (PARTITION BY tenant_id ORDER BY rank, number, id)
        ) counted
        WHERE bytes <= (coalesce(%(tenants)s::jsonb -> tenant_id, %(tenant)s::jsonb) ->> 'bytes')::bigint
            OR (nth = 1 AND (%(tenants)s::jsonb -> tenant_id) IS NULL)
    ), chosen AS (
        SELECT * FROM (
            SELECT *, row_number() OVER (PARTITION BY class ORDER BY of_tenant, number, id) AS of_all FROM lighter
        ) counted
        WHERE of_all <= (%(classes)s::jsonb ->> class)::integer
        ORDER BY class <> 'asked' AND of_all > greatest(1, %(slots)s / 8), rank, of_all LIMIT %(slots)s
    ), weighed AS (
        SELECT *, size > %(large)s AS is_large, sum(size) OVER (
            PARTITION BY size > %(large)s ORDER BY class <> 'asked', of_all, rank) AS bytes_of_all FROM chosen
    ), large AS (
        SELECT * FROM weighed WHERE is_large AND bytes_of_all <= (%(classes)s::jsonb ->> 'large')::bigint
    ), due AS (
        SELECT delivery_id, class, body, traceparent, rank, number FROM large
        UNION ALL
        SELECT delivery_id, class, body, traceparent, rank, number FROM weighed
        WHERE NOT is_large AND bytes_of_all + coalesce((SELECT sum(size) FROM large), 0) <= (%(classes)s::jsonb ->> 'bytes')::bigint
    ), locked AS (
        SELECT q.delivery_id FROM queue q
        WHERE q.delivery_id = ANY (ARRAY(SELECT delivery_id FROM due)) AND coalesce(q.due_at <= now(), false)
        FOR UPDATE OF q SKIP LOCKED
    ), claimed AS (
        UPDATE queue q SET due_at = clock_timestamp() + interval '20 seconds', leased = true,
            attempt = least(q.attempt, 999999999) + 1
        WHERE q.delivery_id = ANY (ARRAY(SELECT delivery_id FROM locked)) RETURNING q.*
    ), paced AS (
        INSERT INTO paces AS kept (subscription_id, next_at)
        SELECT c.subscription_id, now() - interval '1 second' + count(*) * interval '1 second' / min(states.max_per_second)
        FROM claimed c JOIN states ON states.id = c.subscription_id WHERE states.max_per_second IS NOT NULL GROUP BY c.subscription_id
        ON CONFLICT (subscription_id) DO UPDATE SET next_at = greatest(kept.next_at, now() - interval '1 second')
            + (excluded.next_at - (now() - interval '1 second'))
    )
    SELECT seen.last, seen.peers, sent.* FROM (
        SELECT CASE WHEN count(*) = %(walked)s THEN max(subscription_id) ELSE '' END AS last, (SELECT number::integer FROM peers) AS peers,
            set_config('synchronous_commit', 'off', true)
        FROM walked
    ) seen LEFT JOIN (
        SELECT c.delivery_id, c.delivery_at, c.tenant_id, c.subscription_id, c.event_id, c.event_type, c.attempt, c.rung,
            convert_to(due.body, 'UTF8') AS body, due.traceparent, s.url, s.secret,
            ARRAY(SELECT sealed FROM unnest(s.previous_secret || s.older_secrets, s.previous_secret_expires_at || s.older_secret_ends)
                AS earlier (sealed, ends) WHERE ends > now()) AS earlier_secrets,
            s.headers, s.signing_key,
            ARRAY(SELECT sealed FROM unnest(s.previous_signing_key || s.older_signing_keys,
                s.previous_public_key_expires_at || s.older_public_key_ends)
                AS earlier (sealed, ends) WHERE ends > now()) AS earlier_signing_keys,
            s.client_certificate, s.oauth, s.payload = 'thin' AS thin, s.max_per_second IS NOT NULL AS paced,
            s.concurrency, s.failing_since IS NOT NULL OR s.noticed_failing_since IS NOT NULL AS failing, due.class,
            c.due_at - interval '20 seconds' AS leased_at, due.rank, due.number
        FROM claimed c JOIN due ON due.delivery_id = c.delivery_id JOIN subscriptions s ON s.id = c.subscription_id
    ) sent ON true ORDER BY sent.rank, sent.number
"""
)
# A webhook without a row may be sent a second's deliveries at once, as one that has waited so long.
FORGET_PACES: LiteralString = "DELETE FROM paces WHERE next_at < now() - interval '1 hour'"
FORGET_UNRECORDABLE: LiteralString = "DELETE FROM queue WHERE delivery_id = %(delivery_id)s AND attempt = %(attempt)s"
# An unused claim is undone: the delivery is back in its place, unless another sender has claimed it since.
GIVE_BACK: LiteralString = """
    UPDATE queue q SET due_at = CASE WHEN q.rung = 0 THEN least(q.delivery_at, now()) ELSE now() END, leased = false,
        attempt = q.attempt - 1
    FROM unnest(%(ids)s::text[], %(attempts)s::integer[]) AS given (delivery_id, attempt)
    WHERE q.delivery_id = given.delivery_id AND q.delivery_id = ANY (%(ids)s) AND q.attempt = given.attempt AND q.leased
"""
# Plans are renewed now and then: a plan for an empty partition would otherwise stay while the partition fills.
FORGET_PLANS: LiteralString = "DISCARD PLANS"
# Only the attempt that holds the lease counts: a late report is ignored, because another sender has taken the delivery over.
# A failure during a recovery climbs the ladder like any other, so that one impossible delivery is not the probe for ever.
RECORD: LiteralString = """
    WITH sent AS (
        SELECT * FROM jsonb_to_recordset(%(sent)s::jsonb) AS sent (
            delivery_id text, delivery_at timestamptz, tenant_id text, subscription_id text, attempt integer, at timestamptz,
            succeeded boolean, wait float8, url text, request_headers jsonb, address text, status integer, response_headers jsonb,
            body text, truncated boolean, error text, duration_ms real, timings jsonb, trace_id text)
    ), finished AS (
        DELETE FROM queue q USING sent WHERE q.delivery_id = sent.delivery_id AND q.attempt = sent.attempt AND sent.wait IS NULL
            AND q.delivery_id = ANY (ARRAY(SELECT delivery_id FROM sent))
        RETURNING sent.*
    ), again AS (
        UPDATE queue q SET leased = false, asked = false, released = q.released AND s.recovering, replayed = false,
            rung = least(q.rung, 999999999) + 1,
            due_at = now() + sent.wait * interval '1 second'
        FROM sent JOIN subscriptions s ON s.id = sent.subscription_id
        WHERE q.delivery_id = sent.delivery_id AND q.attempt = sent.attempt AND sent.wait IS NOT NULL AND q.leased
            AND q.delivery_id = ANY (ARRAY(SELECT delivery_id FROM sent))
        RETURNING sent.*
    ), kept AS (
        SELECT * FROM finished UNION ALL SELECT * FROM again
    ), logged AS (
        INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, address, response_status, response_headers,
            response_body, response_truncated, error, duration_ms, timings, trace_id)
        SELECT delivery_id, at, tenant_id, attempt, url, request_headers, address, status, response_headers, body, truncated, error,
            duration_ms, timings, trace_id FROM kept
    )
    UPDATE deliveries d SET attempt = kept.attempt, attempted_at = kept.at,
        troubled = CASE WHEN kept.succeeded THEN d.troubled ELSE true END,
        status = CASE WHEN kept.succeeded OR d.status = 'succeeded' THEN 'succeeded'
            WHEN kept.wait IS NULL THEN 'failed' ELSE 'retrying' END
    FROM kept WHERE d.id = kept.delivery_id AND d.at = kept.delivery_at
"""
# The recovery of a receiver begins, or begins anew, when it succeeds after more than a minute of failures alone. While it fails, the next
# probe comes at the time it asked for, and otherwise after as long as it has been failing.
UPDATE_HEALTH: LiteralString = """
    WITH seen AS (
        SELECT * FROM jsonb_to_recordset(%(lanes)s::jsonb) AS seen (
            subscription_id text, succeeded boolean, failed boolean, change integer, slow float8, retry_after float8)
    )
    UPDATE subscriptions s SET
        concurrency = least(64, greatest(1, s.concurrency + seen.change)),
        failing_since = CASE WHEN NOT seen.succeeded THEN coalesce(s.failing_since, now()) END,
        last_failure_at = CASE WHEN seen.failed THEN now() WHEN seen.succeeded THEN NULL ELSE s.last_failure_at END,
        slowed_until = greatest(s.slowed_until, now() + seen.slow * interval '1 second',
            CASE WHEN s.recovering AND seen.failed THEN now() + greatest(seen.retry_after * interval '1 second',
                least(now() - coalesce(s.failing_since, now()), interval '10 minutes')) END),
        recovering = s.recovering
            OR (seen.succeeded AND s.enabled AND NOT s.paused AND coalesce(s.failing_since < now() - interval '1 minute', false)),
        recovery_rate = CASE WHEN seen.failed OR NOT s.recovering THEN 1 ELSE s.recovery_rate END,
        restarts_ladder = s.restarts_ladder AND s.recovering,
        recovered_at = CASE WHEN seen.succeeded AND s.noticed_failing_since IS NOT NULL
            THEN coalesce(s.recovered_at, now()) ELSE s.recovered_at END
    FROM seen WHERE s.id = seen.subscription_id
    RETURNING s.id, s.tenant_id, new.recovering AND seen.failed AS falters,
        new.recovering AND seen.succeeded AND coalesce(old.failing_since < now() - interval '1 minute', false) AS recovers,
        old.failing_since
"""
# In the order of their ids, as every statement that locks several subscriptions.
LOCK: LiteralString = "SELECT FROM subscriptions WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
# Locks those that are free. Returns the others; of a webhook that is gone nothing is left to wait for.
LOCK_FREE: LiteralString = """
    WITH locked AS MATERIALIZED (
        SELECT id FROM subscriptions WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT id FROM subscriptions WHERE id = ANY(%(ids)s) AND id NOT IN (TABLE locked)
"""
# After their record: those that are over and were never taken. A report that came too late has another time than the last attempt.
COUNT_EXHAUSTED: LiteralString = """
    WITH given_up AS (
        SELECT d.subscription_id, count(*) AS number, max(d.id) AS newest, (array_agg(d.event_type ORDER BY d.id DESC))[1] AS type
        FROM jsonb_to_recordset(%(sent)s::jsonb) AS sent (delivery_id text, delivery_at timestamptz, at timestamptz)
        JOIN deliveries d ON d.id = sent.delivery_id AND d.at = sent.delivery_at
        WHERE d.status = 'failed' AND d.attempted_at = sent.at AND d.sequence IS NOT NULL AND d.event_type <> ALL(%(notices)s)
        GROUP BY d.subscription_id
    )
    UPDATE subscriptions s SET exhausted = least(s.exhausted, 1000000000) + given_up.number,
        exhausted_delivery = given_up.newest, exhausted_type = given_up.type
    FROM given_up WHERE s.id = given_up.subscription_id
"""
SEEN: LiteralString = """
    INSERT INTO senders (id) VALUES (%(id)s) ON CONFLICT (id) DO UPDATE SET seen_at = now()
    RETURNING extract(epoch FROM clock_timestamp())::float8
"""
LEAVE: LiteralString = "DELETE FROM senders WHERE id = %(id)s OR seen_at < now() - interval '1 hour'"
COUNT_SENDERS: LiteralString = "SELECT count(*) FROM senders WHERE seen_at > now() - interval '10 seconds'"
# Deliveries of a replay wait behind others, and are not late.
# A delivery that waits because its receiver asked for it is not late; with those of failing receivers count those of receivers that set
# a rate. Reads one end of the queue of each webhook of a portion, and counts up to 10,000. The first column is the end of the portion, ''
# at the end of all.
MEASURE: LiteralString = (
    """
    WITH RECURSIVE walk AS (
        (SELECT subscription_id FROM queue WHERE subscription_id > %(after)s ORDER BY subscription_id LIMIT 1)
    """
    + _WALK_ON
    + """, walked AS MATERIALIZED (
        SELECT subscription_id FROM walk WHERE subscription_id IS NOT NULL LIMIT %(portion)s
    ), lanes AS MATERIALIZED (
        SELECT s.id, s.tenant_id, s.held OR stopped.tenant_id IS NOT NULL AS held,
            s.failing_since IS NOT NULL OR s.max_per_second IS NOT NULL AS failing, CASE
            WHEN stopped.tenant_id IS NOT NULL THEN '{}'::smallint[]
            WHEN NOT s.enabled OR s.paused THEN '{0}'::smallint[]
            WHEN s.slowed_until > now() THEN '{0,1}'::smallint[]
            WHEN s.recovering THEN '{0,1,2,5}'::smallint[]
            ELSE '{0,1,2,3,4,5}'::smallint[] END AS stages
        FROM walked JOIN subscriptions s ON s.id = walked.subscription_id
        LEFT JOIN stopped_tenants stopped ON stopped.tenant_id = s.tenant_id
    ), late AS (
        SELECT 1 FROM lanes CROSS JOIN LATERAL unnest(stages) AS open (stage) CROSS JOIN LATERAL (
            SELECT 1 FROM queue WHERE subscription_id = lanes.id AND stage = open.stage AND due_at <= now() AND NOT replayed
            ORDER BY due_at LIMIT 1000) q
        LIMIT 10000
    ), oldest AS (
        SELECT min(q.due_at) FILTER (WHERE NOT lanes.failing) AS due_at, min(q.due_at) FILTER (WHERE lanes.failing) AS failing,
            array_agg(DISTINCT lanes.tenant_id) FILTER (WHERE NOT lanes.failing AND q.due_at < now() - interval '5 seconds') AS tenants
        FROM lanes CROSS JOIN LATERAL unnest(stages) AS open (stage) CROSS JOIN LATERAL (
            SELECT due_at FROM queue WHERE subscription_id = lanes.id AND stage = open.stage AND NOT replayed ORDER BY due_at LIMIT 1) q
    ), kept AS (
        SELECT 1 FROM lanes CROSS JOIN LATERAL (
            SELECT 1 FROM queue WHERE subscription_id = lanes.id AND stage IN (3, 4) ORDER BY stage, due_at LIMIT 10000) q
        WHERE lanes.held LIMIT 10000
    ), waiting AS (
        SELECT count(*) AS number FROM (SELECT 1 FROM queue LIMIT 10000) q
    )
    SELECT (SELECT CASE WHEN count(*) = %(portion)s THEN max(subscription_id) ELSE '' END FROM walked),
        (SELECT count(*) FROM late), (SELECT count(*) FROM kept),
        CASE WHEN waiting.number < 10000 THEN waiting.number
            ELSE greatest(10000, (SELECT reltuples FROM pg_class WHERE oid = 'queue'::regclass)) END,
        coalesce(extract(epoch FROM now() - oldest.due_at), 0)::float8,
        coalesce(extract(epoch FROM now() - oldest.failing), 0)::float8, coalesce(oldest.tenants, '{}')
    FROM waiting, oldest
"""
)
