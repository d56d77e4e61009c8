"""The SQL of the event log and its consumers. Those of endpoints run under the caller's tenant."""

from typing import LiteralString

# One branch for each audience and kind that the app may read, each in the order of an index; the first rows of all of them are the page.
# A branch is ordered by its kind, which is the same in all its rows: no other index has that order. In a day with events of one kind the
# planner expects a page of every kind in the order of time, and would read the whole day for each kind that has none.
_BRANCHES: LiteralString = """
    SELECT page.at, page.position, page.event_id AS id, page.event_at, e.type, e.key, e.body FROM (
        SELECT found.* FROM unnest(%(audiences)s::text[], %(kinds)s::text[]) AS branch (audience, kind) CROSS JOIN LATERAL (
            SELECT at, position, event_id, event_at FROM event_log WHERE audience = branch.audience
"""
_BEFORE: LiteralString = """
    AND at >= %(since)s::timestamptz AND at < %(until)s::timestamptz
    AND at <= %(at)s::timestamptz AND kind >= branch.kind
    AND (kind, at, position) < (branch.kind, %(at)s::timestamptz, %(position)s::bigint)
    ORDER BY kind DESC, at DESC, position DESC LIMIT %(limit)s
"""
_AFTER: LiteralString = """
    AND at >= %(since)s::timestamptz AND at < %(until)s::timestamptz
    AND at >= %(at)s::timestamptz AND kind <= branch.kind
    AND (kind, at, position) > (branch.kind, %(at)s::timestamptz, %(position)s::bigint)
    ORDER BY kind, at, position LIMIT %(limit)s
"""
# The event of a place may be gone: it happened long before it was accepted, and its day is past its retention.
_EVENT: LiteralString = """
    ) page LEFT JOIN LATERAL (
        SELECT type, key, body FROM events WHERE id = page.event_id AND at = page.event_at LIMIT 1
    ) e ON true ORDER BY page.at
"""
_OF_KEY: LiteralString = " AND key = %(key)s::text "
NEWEST: LiteralString = (
    _BRANCHES
    + _BEFORE
    + ") found ORDER BY at DESC, position DESC LIMIT %(limit)s"
    + _EVENT
    + " DESC, page.position DESC"
)
OLDEST: LiteralString = (
    _BRANCHES + _AFTER + ") found ORDER BY at, position LIMIT %(limit)s" + _EVENT + ", page.position"
)
NEWEST_OF_KEY: LiteralString = (
    _BRANCHES
    + _OF_KEY
    + _BEFORE
    + ") found ORDER BY at DESC, position DESC LIMIT %(limit)s"
    + _EVENT
    + " DESC, page.position DESC"
)
OLDEST_OF_KEY: LiteralString = (
    _BRANCHES + _OF_KEY + _AFTER + ") found ORDER BY at, position LIMIT %(limit)s" + _EVENT + ", page.position"
)
FIND_EVENT: LiteralString = """
    SELECT accepted_at AS at, 0 AS position, id, at AS event_at, type, key, body FROM events
    WHERE id = %(id)s AND at = %(at)s AND audiences && %(audiences)s::text[] AND kind = ANY(%(kinds)s::text[])
"""

HEAD: LiteralString = "SELECT at, position FROM event_log_heads"
# The oldest place that is kept, and the first of a time. Days are read in their order.
FIRST_KEPT: LiteralString = "SELECT at, position FROM event_log ORDER BY at, position LIMIT 1"
FIRST_SINCE: LiteralString = """
    SELECT at, position FROM event_log WHERE at >= %(since)s::timestamptz ORDER BY at, position LIMIT 1
"""

# Collations that differ would hide the key of `apps` from the planner.
_COLUMNS: LiteralString = """
    client_id, name, event_types, at, position, lease, lease_seconds, leased_until, handed, created_at, read_at, committed_at,
    greatest(0, ceil(extract(epoch FROM leased_until - clock_timestamp())))::integer AS leased_seconds,
    reader,
    (SELECT approved_events FROM apps a
        WHERE a.tenant_id = consumers.tenant_id AND a.client_id = consumers.client_id COLLATE "default") AS approved
"""
COUNT_OF_APP: LiteralString = "SELECT count(*) FROM consumers WHERE tenant_id = current_tenant() AND client_id = %s"
COUNT_OF_TENANT: LiteralString = "SELECT count(*) FROM consumers WHERE tenant_id = current_tenant()"
INSERT_CONSUMER: LiteralString = (
    """
    INSERT INTO consumers (tenant_id, client_id, name, event_types, at, position)
    VALUES (%(tenant_id)s, %(client_id)s, %(name)s, %(event_types)s, %(at)s, %(position)s)
    ON CONFLICT DO NOTHING RETURNING """
    + _COLUMNS
)
FIND_CONSUMER: LiteralString = (
    "SELECT " + _COLUMNS + " FROM consumers WHERE client_id = %(client_id)s AND name = %(name)s"
)
LOCK_CONSUMER: LiteralString = FIND_CONSUMER + " FOR NO KEY UPDATE"
LIST_CONSUMERS: LiteralString = (
    "SELECT "
    + _COLUMNS
    + """ FROM consumers WHERE (%(everyone)s OR client_id = %(client_id)s) AND (client_id, name) > (%(after_app)s::text, %(after)s::text)
    ORDER BY client_id, name LIMIT %(limit)s"""
)
DELETE_CONSUMER: LiteralString = "DELETE FROM consumers WHERE client_id = %(client_id)s AND name = %(name)s"
DELETE_CONSUMERS_OF_APP: LiteralString = (
    "DELETE FROM consumers WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s"
)
# Whether a read of `reader` may find events, without a look into the log, and the seconds since the organisation's newest event.
LOOK: LiteralString = """
    SELECT coalesce(c.leased_until > clock_timestamp() AND (c.reader = %(reader)s) IS NOT TRUE, false),
        coalesce(h.position > c.position, false), extract(epoch FROM clock_timestamp() - h.at)::float8
    FROM consumers c LEFT JOIN event_log_heads h ON h.tenant_id = c.tenant_id WHERE c.client_id = %(client_id)s AND c.name = %(name)s
"""
# Passes events that are not for this consumer. It hands out nothing, so that a crash of the database costs another look.
GO_PAST: LiteralString = """
    UPDATE consumers SET at = %(at)s, position = %(position)s, read_at = now(), leased_until = NULL
    WHERE client_id = %(client_id)s AND name = %(name)s
"""
HAND_OUT: LiteralString = """
    UPDATE consumers SET lease = lease + 1, handed = %(handed)s, lease_seconds = %(seconds)s::integer, read_at = now(),
        reader = %(reader)s,
        leased_until = clock_timestamp() + %(seconds)s::integer * interval '1 second'
    WHERE client_id = %(client_id)s AND name = %(name)s RETURNING lease, leased_until
"""
# The lease ends with its last event.
COMMIT: LiteralString = """
    UPDATE consumers SET at = %(at)s, position = %(position)s, committed_at = now(),
        leased_until = CASE WHEN handed > %(position)s THEN clock_timestamp() + lease_seconds * interval '1 second' END
    WHERE client_id = %(client_id)s AND name = %(name)s RETURNING leased_until
"""
EXTEND: LiteralString = """
    UPDATE consumers SET leased_until = clock_timestamp() + %(seconds)s::integer * interval '1 second'
    WHERE client_id = %(client_id)s AND name = %(name)s RETURNING leased_until
"""
SEEK: LiteralString = (
    """
    UPDATE consumers SET at = %(at)s, position = %(position)s, lease = lease + 1, leased_until = NULL, reader = NULL, handed = 0
    WHERE client_id = %(client_id)s AND name = %(name)s RETURNING """
    + _COLUMNS
)
# How many events wait for a consumer, counted up to 1,000 of all kinds together, and when the first of them was accepted.
_UNREAD: LiteralString = """
    SELECT at FROM event_log WHERE audience = branch.audience AND at >= %(at)s::timestamptz AND kind <= branch.kind
        AND (kind, at, position) > (branch.kind, %(at)s::timestamptz, %(position)s::bigint)
    ORDER BY kind, at, position LIMIT
"""
UNREAD: LiteralString = (
    "SELECT (SELECT count(*) FROM (SELECT FROM unnest(%(audiences)s::text[], %(kinds)s::text[]) AS branch (audience, kind)"
    + (" CROSS JOIN LATERAL (" + _UNREAD + "1000) one LIMIT 1000) unread),")
    + " (SELECT min(oldest.at) FROM unnest(%(audiences)s::text[], %(kinds)s::text[]) AS branch (audience, kind)"
    + (" CROSS JOIN LATERAL (" + _UNREAD + "1) oldest)")
)
# Of the worker role, over all tenants. Those with nothing to read come first; the seconds are since the last place that was read.
MEASURE: LiteralString = """
    SELECT count(*) FILTER (WHERE seconds = 0), count(*) FILTER (WHERE seconds > 0 AND seconds <= 60),
        count(*) FILTER (WHERE seconds > 60 AND seconds <= 3600), count(*) FILTER (WHERE seconds > 3600 AND seconds <= 86400),
        count(*) FILTER (WHERE seconds > 86400 AND seconds <= %(days)s * 86400), count(*) FILTER (WHERE seconds > %(days)s * 86400),
        coalesce(max(seconds) FILTER (WHERE read_at > now() - interval '15 minutes'), 0)::float8
    FROM (
        SELECT read_at, CASE WHEN h.position > c.position THEN greatest(0, extract(epoch FROM now() - c.at))::float8 ELSE 0 END AS seconds
        FROM consumers c LEFT JOIN event_log_heads h ON h.tenant_id = c.tenant_id LIMIT 10000
    ) counted
"""
