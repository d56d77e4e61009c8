"""SQL of automations and their runs. A statement sees the tenant of its transaction; the relay's statements see all tenants."""

from typing import LiteralString

from shared.storage.turns import tenants_of

AUTOMATION: LiteralString = """
    a.id, a.tenant_id, a.client_id, a.name, a.event_type, a.filter, a.action, a.scopes, a.enabled, a.disabled_reason, a.stop_reason,
    a.created_at, a.updated_at, a.grant_id, a.made_for, a.authorised_at, a.authority_ended
"""
LIVE_AUTOMATION: LiteralString = f"""
    {AUTOMATION}, p.approved_events, p.requested_scopes, t.granted_scopes, t.environment,
    CASE WHEN a.window_began > now() - interval '1 minute' THEN a.window_runs ELSE 0 END AS minute_runs
    FROM automations a JOIN apps p ON p.tenant_id = a.tenant_id AND p.client_id = a.client_id
        JOIN tenants t ON t.tenant_id = a.tenant_id
    WHERE a.enabled AND p.status = 'active' AND t.status = 'active'
"""
RUN: LiteralString = """
    r.id, r.automation_id, r.event_id, r.event_type, r.cause, r.status, r.error, r.detail, r.result, r.attempt, r.next_attempt_at,
    split_part(r.traceparent, '-', 2) AS trace_id, r.created_at, r.started_at, r.finished_at
"""
# The runs of a deleted automation are over for everybody. In a transaction with a tenant.
_OF_NO_DELETED: LiteralString = """
    r.automation_id COLLATE "C" <> ALL (ARRAY(
        SELECT id FROM automations WHERE tenant_id = current_tenant() AND deleted_at IS NOT NULL))
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
    SELECT {AUTOMATION} FROM automations a
    WHERE a.id = %(id)s AND a.deleted_at IS NULL AND (%(everyone)s OR a.client_id = %(client_id)s)
"""
LOCK: LiteralString = f"{FIND} FOR NO KEY UPDATE"
LIST: LiteralString = f"""
    SELECT {AUTOMATION} FROM automations a
    WHERE a.deleted_at IS NULL AND (%(client_id)s::text IS NULL OR a.client_id = %(client_id)s)
        AND (%(after)s::text IS NULL OR a.id < %(after)s)
    ORDER BY a.id DESC LIMIT %(limit)s
"""
UPDATE: LiteralString = f"""
    UPDATE automations a SET name = %(name)s, event_type = %(event_type)s, filter = %(filter)s, action = %(action)s,
        scopes = %(scopes)s, enabled = %(enabled)s, disabled_reason = %(disabled_reason)s, updated_at = now(),
        grant_id = %(grant_id)s, made_for = %(made_for)s, authorised_at = %(authorised_at)s, authority_ended = %(authority_ended)s
    WHERE a.id = %(id)s RETURNING {AUTOMATION}
"""
MARK_DELETED: LiteralString = """
    UPDATE automations SET enabled = false, deleted_at = clock_timestamp(), updated_at = now() WHERE id = %s
"""
STOP_THOSE_OF_APP: LiteralString = """
    UPDATE automations SET enabled = false, disabled_reason = %(reason)s, updated_at = now()
    WHERE client_id = %(client_id)s AND enabled
"""
TENANT_OF: LiteralString = "SELECT tenant_id FROM automations WHERE id = %s AND deleted_at IS NULL"
# One automation, or all of the transaction's tenant.
STOP_BY_OPERATOR: LiteralString = """
    UPDATE automations SET enabled = false, disabled_reason = 'stopped_by_operator', updated_at = now(), stopped_at = now(),
        stop_act = %(act)s, stop_reason = %(reason)s
    WHERE enabled AND (%(id)s::text IS NULL OR id = %(id)s)
"""
# Whose authority ended meanwhile waits for its organisation.
RESUME_BY_OPERATOR: LiteralString = """
    UPDATE automations SET enabled = true, disabled_reason = NULL, updated_at = now()
    WHERE id = %s AND NOT enabled AND disabled_reason = 'stopped_by_operator' AND NOT authority_ended
"""
# For the platform's own tenant, as the app's role.
OF_ALL: LiteralString = "SELECT * FROM automation_of_all(%s)"
STOPPED_OF_ALL: LiteralString = "SELECT * FROM stopped_automations_of_all(%(after)s, %(limit)s)"
FIND_MADE_UNDER: LiteralString = """
    SELECT id, scopes FROM automations
    WHERE deleted_at IS NULL AND authorised_at <= %(ended_at)s AND (grant_id = %(grant_id)s
        OR made_for = %(user_id)s AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s))
    ORDER BY id FOR NO KEY UPDATE
"""
STOP: LiteralString = """
    UPDATE automations SET enabled = false, authority_ended = true, updated_at = now(),
        disabled_reason = CASE WHEN enabled THEN %s ELSE disabled_reason END
    WHERE id = ANY(%s)
"""

# --- deleted automations ----------------------------------------------------------------------------------------------------
# For `Turns`: the first deletion of each tenant, the oldest first.
NEXT_DELETED: LiteralString = (
    tenants_of("automations", "deleted_at IS NOT NULL")
    + """
    SELECT t.tenant_id, t.tenant_id, d.id FROM tenants t CROSS JOIN LATERAL (
        SELECT id, deleted_at FROM automations WHERE tenant_id = t.tenant_id AND deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1) AS d
    WHERE t.tenant_id <> ALL (%(served)s::text[]) ORDER BY d.deleted_at LIMIT 1
"""
)
# The newest first, which lists would have to pass over.
DELETE_RUNS: LiteralString = """
    DELETE FROM automation_runs WHERE id = ANY (ARRAY(
        SELECT id FROM automation_runs WHERE tenant_id = %(tenant_id)s AND automation_id = %(id)s
        ORDER BY id DESC LIMIT %(most)s FOR UPDATE SKIP LOCKED))
"""
# Never with runs, which it would delete too, all at once.
DELETE: LiteralString = """
    DELETE FROM automations a WHERE a.id = %(id)s AND a.deleted_at IS NOT NULL
        AND (SELECT id FROM automation_runs WHERE tenant_id = %(tenant_id)s AND automation_id = %(id)s ORDER BY id LIMIT 1) IS NULL
"""
FORGET_RUN_OF_DELETED: LiteralString = """
    DELETE FROM automation_runs r USING automations a
    WHERE r.id = %s AND a.id = r.automation_id COLLATE "C" AND a.deleted_at IS NOT NULL
"""
OLDEST_DELETED: LiteralString = (
    tenants_of("automations", "deleted_at IS NOT NULL")
    + """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(d.deleted_at)), 0)::float8 FROM tenants t CROSS JOIN LATERAL (
        SELECT deleted_at FROM automations WHERE tenant_id = t.tenant_id AND deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1) AS d
"""
)

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

# --- waiting events ---------------------------------------------------------------------------------------------------------
# Waits for a portion of the tenant that is under way, which ends the turn where it finds no event.
BEGIN_TURN: LiteralString = """
    INSERT INTO automation_turns AS kept (tenant_id, turn_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (tenant_id) DO UPDATE SET turn_at = coalesce(kept.turn_at, excluded.turn_at)
"""
# Returns how many events had no room. Those that failed for good take no room from others, until there are as many.
STORE_EVENTS: LiteralString = """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(%(events)s::jsonb) AS given (
            event_id text, event_type text, event jsonb, cause text[], recipients text[], traceparent text)
    ), room AS (
        SELECT greatest(0, least(%(most)s - count(*) FILTER (WHERE failures < 5), 2 * %(most)s - count(*))) AS number
        FROM (SELECT failures FROM automation_events WHERE tenant_id = %(tenant_id)s ORDER BY event_id LIMIT 2 * %(most)s) AS kept
    ), stored AS (
        INSERT INTO automation_events (tenant_id, event_id, event_type, event, cause, recipients, traceparent)
        SELECT %(tenant_id)s, event_id, event_type, event, cause, recipients, traceparent
        FROM given ORDER BY event_id LIMIT (SELECT number FROM room)
        ON CONFLICT (tenant_id, event_id) DO NOTHING
    )
    SELECT greatest(0, (SELECT count(*) FROM given) - (SELECT number FROM room))
"""
# The service that performs a run, '' where it was never sent: as the index has it. With coalesce() row-level security keeps the planner
# from the index, since PostgreSQL does not know that coalesce() leaks nothing.
_BY: LiteralString = "(CASE WHEN sent_to IS NULL THEN '' ELSE sent_to END)"
# The runs of a tenant that a service has not answered, up to a limit.
_UNANSWERED: LiteralString = """
    SELECT FROM automation_runs WHERE status = 'running' AND tenant_id = {} AND sent_to = {} ORDER BY tenant_id, sent_to
    LIMIT %(unanswered)s
"""
# The tenant that waits longest, the runs that it has begun in this minute, and how many each service has not answered. The lock keeps other
# portions from its events and counts.
TAKE_TURN: LiteralString = f"""
    SELECT t.tenant_id, CASE WHEN t.window_began > now() - interval '1 minute' THEN t.window_runs ELSE 0 END, (
        SELECT jsonb_object_agg(performed.by, (SELECT count(*) FROM ({_UNANSWERED.format("t.tenant_id", "performed.by")}) AS counted))
        FROM unnest(%(services)s::text[]) AS performed (by))
    FROM automation_turns t
    WHERE t.turn_at <= clock_timestamp() ORDER BY t.turn_at LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED
"""
# To the end of the queue of tenants, or out of it where no event is left.
END_TURN: LiteralString = """
    UPDATE automation_turns SET turn_at = clock_timestamp() + make_interval(secs => %(wait)s),
        window_began = CASE WHEN window_began > now() - interval '1 minute' THEN window_began ELSE now() END,
        window_runs = CASE WHEN window_began > now() - interval '1 minute' THEN window_runs ELSE 0 END + %(begun)s
    WHERE tenant_id = %(tenant_id)s
"""
NEXT_EVENT: LiteralString = """
    SELECT tenant_id, event_id, event_type, event, cause, recipients, traceparent, after, now() AS at FROM automation_events
    WHERE tenant_id = %s AND failures < 5 ORDER BY event_id LIMIT 1
"""
# LIMIT counts the rows after they were locked. An automation that has a run for the event is passed over; the index of that has the
# default collation.
FIND_LIVE: LiteralString = f"""
    SELECT {LIVE_AUTOMATION} AND a.tenant_id = %(tenant_id)s AND a.event_type = %(event_type)s AND a.id > %(after)s
        AND NOT EXISTS (SELECT FROM automation_runs r
            WHERE r.tenant_id = a.tenant_id AND r.automation_id = a.id COLLATE "default" AND r.event_id = %(event_id)s)
    ORDER BY a.id LIMIT %(most)s FOR NO KEY UPDATE OF a
"""
MOVE_ON: LiteralString = "UPDATE automation_events SET after = %s WHERE tenant_id = %s AND event_id = %s"
FORGET_EVENT: LiteralString = "DELETE FROM automation_events WHERE tenant_id = %s AND event_id = %s"
COUNT_FAILURE: LiteralString = """
    UPDATE automation_events SET failures = failures + 1 WHERE tenant_id = %s AND event_id = %s RETURNING failures
"""
_NEW_RUNS: LiteralString = """
    FROM jsonb_to_recordset(%(new)s::jsonb) AS new (
            id text, automation_id text, client_id text, status text, error text, detail text, sent_to text)
        JOIN automation_events e ON e.tenant_id = %(tenant_id)s AND e.event_id = %(event_id)s
"""
ADD_RUNS: LiteralString = f"""
    INSERT INTO automation_runs (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, traceparent, status, error,
        detail, sent_to, attempt, next_attempt_at, started_at, finished_at)
    SELECT new.id, e.tenant_id, new.automation_id, new.client_id, e.event_id, e.event_type, e.event, e.cause, %(traceparent)s, new.status,
        new.error, new.detail, new.sent_to, (new.status = 'running')::integer, CASE WHEN new.status = 'queued' THEN now() END,
        CASE WHEN new.status = 'running' THEN now() END, CASE WHEN new.status NOT IN ('running', 'queued') THEN now() END
    {_NEW_RUNS}
"""
# One row for each automation, reason and minute, whose event is the first that was suppressed. The minute is that of the automation's
# runs, if it has begun any.
SUPPRESS: LiteralString = f"""
    INSERT INTO automation_runs AS kept (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, traceparent, status,
        error, detail, finished_at, suppressed, suppressed_minute)
    SELECT new.id, e.tenant_id, new.automation_id, new.client_id, e.event_id, e.event_type, e.event, e.cause, %(traceparent)s, 'suppressed',
        new.error, new.detail, now(), 1,
        (SELECT CASE WHEN window_began > now() - interval '1 minute' THEN window_began ELSE date_trunc('minute', now()) END
            FROM automations WHERE id = new.automation_id)
    {_NEW_RUNS}
    ON CONFLICT (tenant_id, automation_id, error, suppressed_minute) WHERE suppressed_minute IS NOT NULL DO UPDATE SET
        suppressed = kept.suppressed + 1, finished_at = excluded.finished_at,
        detail = rtrim(excluded.detail, '.') || '; ' || (kept.suppressed + 1) || ' events were suppressed in this minute.'
"""
# The runs of the current minute. FIND_LIVE has locked the rows.
COUNT_RUNS: LiteralString = """
    UPDATE automations SET
        window_began = CASE WHEN window_began > now() - interval '1 minute' THEN window_began ELSE now() END,
        window_runs = CASE WHEN window_began > now() - interval '1 minute' THEN window_runs + 1 ELSE 1 END
    WHERE tenant_id = %s AND id = ANY(%s)
"""

# --- runs -------------------------------------------------------------------------------------------------------------------
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
LOCK_RUN: LiteralString = (
    f"SELECT {RUN_ROW} FROM automation_runs r WHERE r.id = %s AND {_OF_NO_DELETED} FOR NO KEY UPDATE"
)
# Across tenants: the first due runs of each of the next hundred tenants with waiting runs after `after`, in turns. A loose index scan
# steps from tenant to tenant, so that the cost does not depend on how many runs of one tenant wait. Leaves the automations unlocked, so
# that they may change while their runs begin. The pairs are compared, and not their parts, so that no other index fits.
DUE_TENANTS: LiteralString = """
    WITH RECURSIVE walk AS (
        (SELECT tenant_id, 1 AS step FROM automation_runs WHERE status IN ('queued', 'failed') AND tenant_id > %(after)s
            ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT r.tenant_id FROM automation_runs r WHERE r.status IN ('queued', 'failed') AND r.tenant_id > w.tenant_id
            ORDER BY r.tenant_id LIMIT 1), w.step + 1
        FROM walk w WHERE w.tenant_id IS NOT NULL AND w.step < %(tenants)s
    )
    SELECT tenant_id FROM walk WHERE tenant_id IS NOT NULL
"""
# By the service that performs them, '' for runs that were never sent; of each no more than it may still get.
LOCK_DUE_RUNS: LiteralString = f"""
    WITH due AS MATERIALIZED (
        SELECT d.id, d.number FROM unnest(%(tenants)s::text[]) AS walked (tenant_id)
        CROSS JOIN unnest(%(services)s::text[] || ''::text) AS performed (by)
        CROSS JOIN LATERAL (SELECT count(*) AS number FROM ({_UNANSWERED.format("walked.tenant_id", "performed.by")}) AS counted) AS running
        CROSS JOIN LATERAL (
            SELECT id, row_number() OVER () AS number FROM (
                SELECT id FROM automation_runs WHERE status IN ('queued', 'failed')
                    AND (tenant_id, {_BY}, next_attempt_at) > (walked.tenant_id, performed.by, '-infinity')
                    AND (tenant_id, {_BY}, next_attempt_at) <= (walked.tenant_id, performed.by, now())
                ORDER BY tenant_id, {_BY}, next_attempt_at
                LIMIT %(of_tenant)s) AS first) AS d
        WHERE d.number <= %(unanswered)s - running.number
        ORDER BY d.number LIMIT %(most)s
    )
    SELECT {RUN_ROW} FROM due JOIN automation_runs r ON r.id = due.id
    WHERE r.status IN ('queued', 'failed') AND r.next_attempt_at <= now()
    ORDER BY due.number FOR NO KEY UPDATE OF r SKIP LOCKED
"""
FIND_LIVE_OF_RUN: LiteralString = f"SELECT {LIVE_AUTOMATION} AND a.id = %s"
GIVE_UP_UNANSWERED: LiteralString = """
    UPDATE automation_runs SET status = 'dead', error = 'no_answer', detail = 'The last attempt got no answer.', finished_at = now()
    WHERE id = ANY (ARRAY(SELECT id FROM automation_runs WHERE status = 'running' AND started_at < now() - make_interval(secs => %s)
        ORDER BY started_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
"""
# At most 10,000 of each, and the ages of the oldest waiting event, due run and unanswered attempt in seconds. The ORDER BY names an index's
# columns: without it the planner reads the whole table.
MEASURE: LiteralString = """
    SELECT (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status = 'dead' ORDER BY id LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status IN ('queued', 'failed')
            ORDER BY next_attempt_at LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM automation_runs WHERE status = 'running' ORDER BY started_at LIMIT 10000) AS counted),
        coalesce(extract(epoch FROM now() - (SELECT stored_at FROM automation_events WHERE failures < 5
            ORDER BY stored_at LIMIT 1)), 0)::float8,
        coalesce(extract(epoch FROM now() - (SELECT next_attempt_at FROM automation_runs WHERE status IN ('queued', 'failed')
            ORDER BY next_attempt_at LIMIT 1)), 0)::float8,
        coalesce(extract(epoch FROM now() - (SELECT started_at FROM automation_runs WHERE status = 'running'
            ORDER BY started_at LIMIT 1)), 0)::float8
"""
# A list that its filters leave empty would read everything kept of a tenant: each call looks at the next 10,000 runs alone, those that have
# one of `of_automation`, `of_status` and `of_app`, or all, each in the order of an index. It gives the last of them too, also where that
# does not fit: the next page begins there. In one statement, since the relay deletes runs meanwhile. The planner does not know the tenant
# of the policy, and would read the newest runs of all tenants where it takes each for large: so the condition is here as well.
LIST_RUNS: LiteralString = f"""
    SELECT r.fits, r.place = 10000, {RUN} FROM (
        SELECT r.*, row_number() OVER (ORDER BY r.id DESC) AS place,
            {_OF_NO_DELETED} AND (%(everyone)s OR r.client_id = %(client_id)s)
            AND coalesce(r.automation_id = %(automation_id)s::text, true) AND coalesce(r.status = %(status)s::text, true) AS fits
        FROM (
            SELECT * FROM automation_runs r
            WHERE r.tenant_id = current_tenant() AND (%(of_automation)s::text IS NULL OR r.automation_id = %(of_automation)s)
                AND (%(of_status)s::text IS NULL OR r.status = %(of_status)s)
                AND (%(of_app)s::text IS NULL OR r.client_id = %(of_app)s) AND (%(after)s::text IS NULL OR r.id < %(after)s)
            ORDER BY r.id DESC LIMIT 10000) r
    ) r WHERE r.fits OR r.place = 10000
    ORDER BY r.id DESC LIMIT %(limit)s
"""
FIND_RUN: LiteralString = f"""
    SELECT {RUN} FROM automation_runs r
    WHERE r.id = %(id)s AND {_OF_NO_DELETED} AND (%(everyone)s OR r.client_id = %(client_id)s)
"""
LOCK_RUN_OF_CALLER: LiteralString = f"{FIND_RUN} FOR NO KEY UPDATE"
RETRY: LiteralString = f"""
    UPDATE automation_runs r SET status = 'queued', rung = 0, next_attempt_at = now(), finished_at = NULL, suppressed_minute = NULL
    WHERE r.id = %s RETURNING {RUN}
"""
