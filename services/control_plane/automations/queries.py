"""SQL of automations and their runs. HTTP sees the caller's tenant; handlers set the message's; the sweep runs across tenants."""

from typing import LiteralString

COLUMNS: LiteralString = """
    a.id, a.tenant_id, a.client_id, a.name, a.event_type, a.filter, a.action, a.scopes, a.enabled, a.disabled_reason,
    a.created_at, a.updated_at, a.grant_id, a.made_for, a.authorised_at, a.authority_ended
"""
RUN_COLUMNS: LiteralString = """
    r.id, r.tenant_id, r.automation_id, r.client_id, r.event_id, r.event_type, r.event, r.cause, r.status, r.error, r.detail, r.result,
    r.attempt, r.rung, r.next_attempt_at, r.traceparent, r.created_at, r.started_at, r.finished_at, r.sent_to
"""
APP: LiteralString = """
    SELECT p.approved_events, p.graphql_bundles, p.requested_scopes, t.granted_scopes, t.environment
    FROM apps p JOIN tenants t ON t.tenant_id = p.tenant_id
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
INSERT: LiteralString = (
    """
    INSERT INTO automations AS a (id, tenant_id, client_id, name, event_type, filter, action, scopes, enabled, grant_id, made_for)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(name)s, %(event_type)s, %(filter)s, %(action)s, %(scopes)s, %(enabled)s,
        %(grant_id)s, %(made_for)s)
    RETURNING """
    + COLUMNS
)
# An administrator of the organisation sees every app's, others their own.
FIND: LiteralString = (
    "SELECT " + COLUMNS + " FROM automations a WHERE a.id = %(id)s AND (%(everyone)s OR a.client_id = %(client_id)s)"
)
LOCK: LiteralString = FIND + " FOR NO KEY UPDATE"
LIST: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM automations a WHERE (%(client_id)s::text IS NULL OR a.client_id = %(client_id)s)
    AND (%(after)s::text IS NULL OR a.id < %(after)s) ORDER BY a.id DESC LIMIT %(limit)s"""
)
UPDATE: LiteralString = (
    """
    UPDATE automations a SET name = %(name)s, event_type = %(event_type)s, filter = %(filter)s, action = %(action)s,
        scopes = %(scopes)s, enabled = %(enabled)s, disabled_reason = %(disabled_reason)s, updated_at = now(),
        grant_id = %(grant_id)s, made_for = %(made_for)s, authorised_at = %(authorised_at)s, authority_ended = %(authority_ended)s
    WHERE a.id = %(id)s RETURNING """
    + COLUMNS
)
DELETE: LiteralString = "DELETE FROM automations WHERE id = %s"
STOP_THOSE_OF_APP: LiteralString = """
    UPDATE automations SET enabled = false, disabled_reason = %(reason)s, updated_at = now()
    WHERE client_id = %(client_id)s AND enabled
"""

MADE_UNDER: LiteralString = """
    SELECT id, scopes FROM automations
    WHERE authorised_at <= %(ended_at)s AND (grant_id = %(grant_id)s
        OR made_for = %(user_id)s AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s))
    ORDER BY id FOR NO KEY UPDATE
"""
STOP: LiteralString = (
    "UPDATE automations SET enabled = false, authority_ended = true, updated_at = now(),"
    " disabled_reason = CASE WHEN enabled THEN %s ELSE disabled_reason END WHERE id = ANY(%s)"
)

# --- interest ---------------------------------------------------------------------------------------------------------------
# Locked before it is counted anew, so that of two changes at once the later sees the earlier.
LOCK_INTEREST: LiteralString = """
    INSERT INTO automation_interest (tenant_id) VALUES (%s)
    ON CONFLICT (tenant_id) DO UPDATE SET tenant_id = excluded.tenant_id RETURNING event_types
"""
INTEREST: LiteralString = """
    SELECT coalesce(array_agg(DISTINCT event_type ORDER BY event_type), '{}') FROM automations WHERE enabled
"""
SET_INTEREST: LiteralString = """
    UPDATE automation_interest SET version = version + 1, event_types = %s WHERE tenant_id = %s RETURNING version
"""

# --- runs -------------------------------------------------------------------------------------------------------------------
LIVE: LiteralString = (
    "SELECT "
    + COLUMNS
    + """, p.approved_events, p.graphql_bundles, p.requested_scopes, t.granted_scopes, t.environment
    FROM automations a JOIN apps p ON p.tenant_id = a.tenant_id AND p.client_id = a.client_id
        JOIN tenants t ON t.tenant_id = a.tenant_id
    WHERE a.enabled AND a.event_type = ANY(%s) AND p.status = 'active' AND t.status = 'active'
    ORDER BY a.id FOR NO KEY UPDATE OF a"""
)
ADD_RUN: LiteralString = (
    """
    INSERT INTO automation_runs AS r (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, traceparent)
    VALUES (%(id)s, %(tenant_id)s, %(automation_id)s, %(client_id)s, %(event_id)s, %(event_type)s, %(event)s, %(cause)s,
        %(traceparent)s)
    ON CONFLICT (tenant_id, automation_id, event_id) DO NOTHING RETURNING """
    + RUN_COLUMNS
)
# One minute's runs; the row of the automation is locked.
TAKE_PLACE: LiteralString = """
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
LOCK_RUN: LiteralString = "SELECT " + RUN_COLUMNS + " FROM automation_runs r WHERE r.id = %s FOR NO KEY UPDATE"
# Across tenants. The automation is locked by nobody here: it may be changed while its run is begun.
DUE: LiteralString = (
    "SELECT "
    + RUN_COLUMNS
    + """ FROM automation_runs r WHERE r.status IN ('queued', 'failed') AND r.next_attempt_at <= now()
    ORDER BY r.next_attempt_at LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED"""
)
LIVE_OF_RUN: LiteralString = (
    "SELECT "
    + COLUMNS
    + """, p.approved_events, p.graphql_bundles, p.requested_scopes, t.granted_scopes, t.environment
    FROM automations a JOIN apps p ON p.tenant_id = a.tenant_id AND p.client_id = a.client_id
        JOIN tenants t ON t.tenant_id = a.tenant_id
    WHERE a.id = %s AND a.enabled AND p.status = 'active' AND t.status = 'active'"""
)
GIVE_UP_UNANSWERED: LiteralString = """
    UPDATE automation_runs SET status = 'dead', error = 'no_answer', detail = 'Nothing was heard of the last attempt.', finished_at = now()
    WHERE id IN (SELECT id FROM automation_runs WHERE status = 'running' AND started_at < now() - make_interval(secs => %s)
        ORDER BY started_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""
# One portion; what another relay is deleting is left to it.
EXPIRE: LiteralString = """
    DELETE FROM automation_runs WHERE id IN (
        SELECT id FROM automation_runs WHERE created_at < now() - make_interval(days => %s)
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""
# Counts no further than 10,000 of each. In the order of an index each, or the planner reads the table from its beginning.
MEASURE: LiteralString = """
    SELECT (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status = 'dead' ORDER BY id LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status IN ('queued', 'failed')
            ORDER BY next_attempt_at LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status = 'running' ORDER BY started_at LIMIT 10000) AS counted)
"""
LIST_RUNS: LiteralString = (
    "SELECT "
    + RUN_COLUMNS
    + """ FROM automation_runs r WHERE (%(everyone)s OR r.client_id = %(client_id)s)
    AND (%(automation_id)s::text IS NULL OR r.automation_id = %(automation_id)s)
    AND (%(status)s::text IS NULL OR r.status = %(status)s) AND (%(after)s::text IS NULL OR r.id < %(after)s)
    ORDER BY r.id DESC LIMIT %(limit)s"""
)
FIND_RUN: LiteralString = (
    "SELECT "
    + RUN_COLUMNS
    + " FROM automation_runs r WHERE r.id = %(id)s AND (%(everyone)s OR r.client_id = %(client_id)s)"
)
LOCK_RUN_OF_CALLER: LiteralString = FIND_RUN + " FOR NO KEY UPDATE"
RETRY: LiteralString = (
    """
    UPDATE automation_runs r SET status = 'queued', rung = 0, next_attempt_at = now(), finished_at = NULL
    WHERE r.id = %s RETURNING """
    + RUN_COLUMNS
)
