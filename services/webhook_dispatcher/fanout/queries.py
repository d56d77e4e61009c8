"""The SQL of fan-out: statements of the worker role, over all tenants."""

from typing import LiteralString

PARTITIONED = ("events", "deliveries", "attempts", "event_log")
APPROVED: LiteralString = """
    SELECT a.approved_events FROM subscriptions s JOIN apps a ON a.tenant_id = s.tenant_id AND a.client_id = s.client_id
    WHERE s.id = %(subscription_id)s
"""
# In the order of the tenants. The time of the next place of each: never before the last one's, even if the clock goes back.
LOCK_HEADS: LiteralString = """
    SELECT tenant_id, greatest(at, clock_timestamp()) FROM event_log_heads
    WHERE tenant_id = ANY(%s) ORDER BY tenant_id FOR NO KEY UPDATE
"""
ADD_HEADS: LiteralString = """
    INSERT INTO event_log_heads (tenant_id) SELECT name FROM unnest(%s::text[]) AS name ORDER BY name ON CONFLICT DO NOTHING
"""
# Only new events get a place in the log, so that its positions have no gap. The heads of their tenants are locked.
INSERT_EVENTS: LiteralString = """
    WITH event AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) AS event (id text, at timestamptz, tenant_id text, type text, body text,
            traceparent text, accepted_at timestamptz, audiences text[], kind text, key text)
    ), new AS (
        INSERT INTO events (id, at, tenant_id, type, body, traceparent, accepted_at, audiences, kind, key)
        SELECT id, at, tenant_id, type, body, traceparent, accepted_at, audiences, kind, key FROM event
        ON CONFLICT DO NOTHING RETURNING id
    ), numbered AS (
        SELECT event.*, row_number() OVER (PARTITION BY tenant_id ORDER BY id) AS number
        FROM event JOIN new USING (id) WHERE cardinality(audiences) > 0
    ), counted AS (
        UPDATE event_log_heads h SET position = h.position + added.number, at = added.at
        FROM (SELECT tenant_id, count(*) AS number, max(accepted_at) AS at FROM numbered GROUP BY tenant_id) added
        WHERE h.tenant_id = added.tenant_id RETURNING h.tenant_id, h.position - added.number AS before
    ), logged AS (
        INSERT INTO event_log (tenant_id, at, position, audience, kind, key, event_id, event_at)
        SELECT n.tenant_id, n.accepted_at, c.before + n.number, unnest(n.audiences), n.kind, n.key, n.id, n.at
        FROM numbered n JOIN counted c USING (tenant_id)
    )
    SELECT id FROM new
"""
# In the order of their ids, as every statement that locks several subscriptions, so that there is no deadlock.
LOCK_LISTENERS: LiteralString = """
    SELECT id, tenant_id, client_id, live_events, last_sequence FROM subscriptions
    WHERE tenant_id = ANY(%(tenants)s) AND live_events && %(types)s AND id > %(after)s ORDER BY id LIMIT %(most)s FOR NO KEY UPDATE
"""
COUNT_LISTENERS: LiteralString = """
    SELECT tenant_id, count(*) FROM subscriptions WHERE tenant_id = ANY(%(tenants)s) AND live_events && %(types)s GROUP BY tenant_id
"""
ADD_WAITING: LiteralString = """
    INSERT INTO waiting_events (event_id, event_at, tenant_id, event_type, about, recipients)
    SELECT id, at, tenant_id, type, about, recipients FROM jsonb_to_recordset(%s::jsonb) AS event (
        id text, at timestamptz, tenant_id text, type text, about text, recipients text[])
"""
TAKE_WAITING: LiteralString = """
    SELECT event_id, event_at, tenant_id, event_type, about, recipients, after FROM waiting_events
    WHERE tenant_id > %(after)s AND due_at <= now() ORDER BY tenant_id, due_at, event_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
MOVE_WAITING_ON: LiteralString = (
    "UPDATE waiting_events SET after = %(after)s, failures = 0 WHERE event_id = %(event_id)s"
)
FORGET_WAITING: LiteralString = "DELETE FROM waiting_events WHERE event_id = %(event_id)s"
# After 1, 2, 4 … seconds, at most ten minutes. The tenant's other events go on.
PUT_OFF_WAITING: LiteralString = """
    UPDATE waiting_events SET failures = least(failures, 1000000) + 1,
        due_at = clock_timestamp() + least(600, power(2, least(failures, 10))) * interval '1 second'
    WHERE event_id = %(event_id)s
"""
MEASURE_WAITING: LiteralString = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(added_at)), 0)::float8
    FROM (SELECT added_at FROM waiting_events ORDER BY added_at LIMIT 10000) waiting
"""
INSERT_DELIVERIES: LiteralString = """
    WITH planned AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) AS planned (id text, at timestamptz, tenant_id text, subscription_id text,
            event_id text, event_at timestamptz, event_type text, sequence bigint)
    ), kept AS (
        INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence)
        SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence FROM planned
    ), counted AS (
        UPDATE subscriptions s SET last_sequence = last.sequence
        FROM (SELECT subscription_id, max(sequence) AS sequence FROM planned GROUP BY 1) last WHERE s.id = last.subscription_id
    )
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)
    SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, clock_timestamp() FROM planned
"""
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
# The approvals of an app with a consumer that takes `automation.fired`.
READER_OF_APP: LiteralString = """
    SELECT coalesce((SELECT approved_events FROM apps a WHERE a.tenant_id = c.tenant_id AND a.client_id = c.client_id), %(default)s)
    FROM consumers c WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s
        AND (event_types IS NULL OR 'automation.fired' = ANY(event_types)) LIMIT 1
"""
LISTENERS_OF_APP: LiteralString = """
    SELECT id, tenant_id, client_id, live_events, last_sequence FROM subscriptions
    WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s AND 'automation.fired' = ANY(live_events)
        AND (%(webhook_id)s::text IS NULL OR id = %(webhook_id)s) ORDER BY id
"""
