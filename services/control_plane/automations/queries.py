"""SQL of automations and their runs. A statement sees the tenant of its transaction; the relay's statements see all tenants."""

from typing import LiteralString

AUTOMATION: LiteralString = """
    a.id, a.tenant_id, a.client_id, a.name, a.event_type, a.filter, a.action, a.scopes, a.enabled, a.disabled_reason,
    a.created_at, a.updated_at, a.grant_id, a.made_for, a.authorised_at, a.authority_ended
"""
LIVE_AUTOMATION: LiteralString = f"""
    {AUTOMATION}, p.approved_events, p.requested_scopes, t.granted_scopes, t.environment
    FROM automations a JOIN apps p ON p.tenant_id = a.tenant_id AND p.client_id = a.client_id
        JOIN tenants t ON t.tenant_id = a.tenant_id
    WHERE a.enabled AND p.status = 'active' AND t.status = 'active'
"""
RUN: LiteralString = """
    r.id, r.automation_id, r.event_id, r.event_type, r.cause, r.status, r.error, r.detail, r.result, r.attempt, r.next_attempt_at,
    split_part(r.traceparent, '-', 2) AS trace_id, r.created_at, r.started_at, r.finished_at
"""
RUN_ROW: LiteralString = f"{RUN}, r.tenant_id, r.client_id, r.event, r.rung, r.traceparent, r.sent_to"
APP: LiteralString = """
    SELECT p.approved_events, p.graphql_bundles FROM apps p JOIN tenants t ON t.tenant_id = p.tenant_id
    WHERE p.client_id = %s AND p.status = 'active' AND t.status = 'active'
"""
STORE_APP: LiteralString = """
    INSERT INTO apps AS kept (tenant_id, client_id, version, status, approved_events, graphql_bundles, requested_scopes)
    VALUES (%(tenant_id)s, %(client_id)s, %(version)s, %(status)s, %(approved_events)s, %(graphql_bundles)s, %(requested_scopes)s)
    ON CONFLICT (tenant_id, client_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, approved_events = excluded.approved_events,
        graphql_bundles = excluded.graphql_bundles, requested_scopes = excluded.requested_scopes
    WHERE kept.version < excluded.version
"""

# --- automations ------------------------------------------------------------------------------------------------------------
INSERT: LiteralString = f"""
    INSERT INTO automations AS a (id, tenant_id, client_id, name, event_type, filter, action, scopes, enabled, grant_id, made_for)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(name)s, %(event_type)s, %(filter)s, %(action)s, %(scopes)s, %(enabled)s,
        %(grant_id)s, %(made_for)s)
    RETURNING {AUTOMATION}
"""
# An administrator sees every app's automations, other callers those of their own app.
FIND: LiteralString = f"""
    SELECT {AUTOMATION} FROM automations a WHERE a.id = %(id)s AND (%(everyone)s OR a.client_id = %(client_id)s)
"""
LOCK: LiteralString = f"{FIND} FOR NO KEY UPDATE"
LIST: LiteralString = f"""
    SELECT {AUTOMATION} FROM automations a WHERE (%(client_id)s::text IS NULL OR a.client_id = %(client_id)s)
        AND (%(after)s::text IS NULL OR a.id < %(after)s)
    ORDER BY a.id DESC LIMIT %(limit)s
"""
UPDATE: LiteralString = f"""
    UPDATE automations a SET name = %(name)s, event_type = %(event_type)s, filter = %(filter)s, action = %(action)s,
        scopes = %(scopes)s, enabled = %(enabled)s, disabled_reason = %(disabled_reason)s, updated_at = now(),
        grant_id = %(grant_id)s, made_for = %(made_for)s, authorised_at = %(authorised_at)s, authority_ended = %(authority_ended)s
    WHERE a.id = %(id)s RETURNING {AUTOMATION}
"""
DELETE: LiteralString = "DELETE FROM automations WHERE id = %s"
STOP_THOSE_OF_APP: LiteralString = """
    UPDATE automations SET enabled = false, disabled_reason = %(reason)s, updated_at = now()
    WHERE client_id = %(client_id)s AND enabled
"""
FIND_MADE_UNDER: LiteralString = """
    SELECT id, scopes FROM automations
    WHERE authorised_at <= %(ended_at)s AND (grant_id = %(grant_id)s
        OR made_for = %(user_id)s AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s))
    ORDER BY id FOR NO KEY UPDATE
"""
STOP: LiteralString = """
    UPDATE automations SET enabled = false, authority_ended = true, updated_at = now(),
        disabled_reason = CASE WHEN enabled THEN %s ELSE disabled_reason END
    WHERE id = ANY(%s)
"""

# --- interest ---------------------------------------------------------------------------------------------------------------
# Before SET_INTEREST counts: of two concurrent changes the later one waits, and counts with the earlier one.
LOCK_INTEREST: LiteralString = """
    INSERT INTO automation_interest (tenant_id) VALUES (%s) ON CONFLICT (tenant_id) DO UPDATE SET tenant_id = excluded.tenant_id
"""
# No row where the event types are the same as before.
SET_INTEREST: LiteralString = """
    UPDATE automation_interest i SET version = version + 1, event_types = live.event_types
    FROM (SELECT coalesce(array_agg(DISTINCT event_type ORDER BY event_type), '{}') AS event_types FROM automations WHERE enabled) AS live
    WHERE i.tenant_id = %s AND i.event_types <> live.event_types
    RETURNING i.version, i.event_types
"""

# --- runs -------------------------------------------------------------------------------------------------------------------
FIND_LIVE: LiteralString = f"SELECT {LIVE_AUTOMATION} AND a.event_type = ANY(%s) ORDER BY a.id FOR NO KEY UPDATE OF a"
ADD_RUN: LiteralString = f"""
    INSERT INTO automation_runs AS r (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, traceparent)
    VALUES (%(id)s, %(tenant_id)s, %(automation_id)s, %(client_id)s, %(event_id)s, %(event_type)s, %(event)s, %(cause)s,
        %(traceparent)s)
    ON CONFLICT (tenant_id, automation_id, event_id) DO NOTHING RETURNING {RUN_ROW}
"""
# The runs of the current minute. FIND_LIVE has locked the row.
COUNT_RUN: LiteralString = """
    UPDATE automations SET
        window_began = CASE WHEN window_began > now() - interval '1 minute' THEN window_began ELSE now() END,
        window_runs = CASE WHEN window_began > now() - interval '1 minute' THEN window_runs + 1 ELSE 1 END
    WHERE id = %s RETURNING window_runs
"""
BEGIN: LiteralString = """
    UPDATE automation_runs SET status = 'running', attempt = attempt + 1, next_attempt_at = NULL, started_at = now(), finished_at = NULL,
        sent_to = %s
    WHERE id = %s
"""
SETTLE: LiteralString = """
    UPDATE automation_runs SET status = %(status)s, error = %(error)s, detail = %(detail)s, result = %(result)s,
        rung = rung + (%(status)s = 'failed')::integer,
        next_attempt_at = CASE WHEN %(status)s = 'failed' THEN now() + make_interval(secs => %(wait)s) END,
        finished_at = CASE WHEN %(status)s <> 'failed' THEN now() END
    WHERE id = %(id)s
"""
LOCK_RUN: LiteralString = f"SELECT {RUN_ROW} FROM automation_runs r WHERE r.id = %s FOR NO KEY UPDATE"
# Across tenants. Leaves the automations unlocked, so that they may change while their runs begin.
LOCK_DUE_RUNS: LiteralString = f"""
    SELECT {RUN_ROW} FROM automation_runs r WHERE r.status IN ('queued', 'failed') AND r.next_attempt_at <= now()
    ORDER BY r.next_attempt_at LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED
"""
FIND_LIVE_OF_RUN: LiteralString = f"SELECT {LIVE_AUTOMATION} AND a.id = %s"
GIVE_UP_UNANSWERED: LiteralString = """
    UPDATE automation_runs SET status = 'dead', error = 'no_answer', detail = 'The last attempt got no answer.', finished_at = now()
    WHERE id IN (SELECT id FROM automation_runs WHERE status = 'running' AND started_at < now() - make_interval(secs => %s)
        ORDER BY started_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""
# One portion, without the rows that another relay deletes.
EXPIRE: LiteralString = """
    DELETE FROM automation_runs WHERE id IN (
        SELECT id FROM automation_runs WHERE created_at < now() - make_interval(days => %s)
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""
# At most 10,000 of each. The ORDER BY names an index's columns: without it the planner reads the whole table.
MEASURE: LiteralString = """
    SELECT (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status = 'dead' ORDER BY id LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status IN ('queued', 'failed')
            ORDER BY next_attempt_at LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status = 'running' ORDER BY started_at LIMIT 10000) AS counted)
"""
LIST_RUNS: LiteralString = f"""
    SELECT {RUN} FROM automation_runs r WHERE (%(everyone)s OR r.client_id = %(client_id)s)
        AND (%(automation_id)s::text IS NULL OR r.automation_id = %(automation_id)s)
        AND (%(status)s::text IS NULL OR r.status = %(status)s) AND (%(after)s::text IS NULL OR r.id < %(after)s)
    ORDER BY r.id DESC LIMIT %(limit)s
"""
FIND_RUN: LiteralString = f"""
    SELECT {RUN} FROM automation_runs r WHERE r.id = %(id)s AND (%(everyone)s OR r.client_id = %(client_id)s)
"""
LOCK_RUN_OF_CALLER: LiteralString = f"{FIND_RUN} FOR NO KEY UPDATE"
RETRY: LiteralString = f"""
    UPDATE automation_runs r SET status = 'queued', rung = 0, next_attempt_at = now(), finished_at = NULL
    WHERE r.id = %s RETURNING {RUN}
"""
