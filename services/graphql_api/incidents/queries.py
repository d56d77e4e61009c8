"""SQL of incidents."""

from typing import LiteralString

NEXT_NUMBER: LiteralString = """
    INSERT INTO incident_numbers AS kept (tenant_id, year, last) VALUES (%s, %s, 1)
    ON CONFLICT (tenant_id, year) DO UPDATE SET last = kept.last + 1 RETURNING last
"""
INSERT: LiteralString = """
    INSERT INTO incidents (id, tenant_id, number, type, priority, status, latitude, longitude, units, cad_incident_id,
        closed_reason, sandbox, version, created_at, updated_at, closed_at)
    VALUES (%(id)s, %(tenant_id)s, %(number)s, %(type)s, %(priority)s, %(status)s, %(latitude)s, %(longitude)s, %(units)s,
        %(cad_incident_id)s, %(closed_reason)s, %(sandbox)s, %(version)s, %(created_at)s, %(updated_at)s, %(closed_at)s)
    ON CONFLICT (tenant_id, cad_incident_id) WHERE cad_incident_id IS NOT NULL DO NOTHING
    RETURNING id
"""
UPDATE: LiteralString = """
    UPDATE incidents SET type = %(type)s, priority = %(priority)s, status = %(status)s, latitude = %(latitude)s,
        longitude = %(longitude)s, units = %(units)s, closed_reason = %(closed_reason)s, version = %(version)s,
        updated_at = %(updated_at)s, closed_at = %(closed_at)s
    WHERE id = %(id)s
"""
FIND: LiteralString = "SELECT * FROM incidents WHERE id = %s"
FIND_TO_CHANGE: LiteralString = "SELECT * FROM incidents WHERE id = %s FOR UPDATE"
FIND_BY_CAD: LiteralString = "SELECT id FROM incidents WHERE cad_incident_id = %s"
_FROM: LiteralString = "FROM incidents WHERE tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR id < %(after)s)"
_OPEN: LiteralString = " AND closed_at IS NULL"
_FILTERS: LiteralString = """
    AND (%(status)s::text[] IS NULL OR status = ANY(%(status)s))
    AND (%(type)s::text[] IS NULL OR type = ANY(%(type)s))
    AND (%(priority)s::text[] IS NULL OR priority = ANY(%(priority)s))
"""
_PAGE: LiteralString = " AND (%(reached)s::text IS NULL OR id >= %(reached)s) ORDER BY id DESC LIMIT %(limit)s"
LIST: LiteralString = "SELECT * " + _FROM + _FILTERS + _PAGE
LIST_OPEN: LiteralString = "SELECT * " + _FROM + _OPEN + _FILTERS + _PAGE
LIST_BY_CAD: LiteralString = "SELECT * " + _FROM + _FILTERS + " AND cad_incident_id = %(cad_incident_id)s"
# A filter that fits few would read everything kept of a tenant: each call looks at the next 10,000 incidents alone. The last of them is
# read before the list, which so leaves none of them out that is made meanwhile.
_REACHED: LiteralString = " ORDER BY id DESC OFFSET 9999 LIMIT 1"
REACHED: LiteralString = "SELECT id " + _FROM + _REACHED
REACHED_OPEN: LiteralString = "SELECT id " + _FROM + _OPEN + _REACHED
ADD_ENTRY: LiteralString = """
    INSERT INTO incident_timeline (id, tenant_id, incident_id, at, version, kind, was, became)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
COUNT_ENTRIES: LiteralString = """
    SELECT count(*)::int AS number, coalesce(sum(octet_length(was)), 0)::int + coalesce(sum(octet_length(became)), 0)::int AS bytes
    FROM incident_timeline WHERE tenant_id = %s AND incident_id = %s
"""
REMOVE_NEWEST_ENTRY: LiteralString = """
    DELETE FROM incident_timeline WHERE id = (
        SELECT id FROM incident_timeline WHERE tenant_id = %s AND incident_id = %s AND kind = %s ORDER BY id DESC LIMIT 1)
    RETURNING was
"""
# The newest entries of each incident before the second newest, and so on, so that each incident gets its part of the whole.
TIMELINES: LiteralString = """
    SELECT id, incident_id, at, version, kind, was, became, found FROM (
        SELECT ranked.*, row_number() OVER fairly AS place,
            sum(coalesce(octet_length(was), 0) + coalesce(octet_length(became), 0)) OVER fairly AS bytes
        FROM (
            SELECT entry.*, row_number() OVER (PARTITION BY incident_id ORDER BY id DESC) AS rank,
                count(*) OVER (PARTITION BY incident_id) AS found
            FROM unnest(%(incident_ids)s::text[]) AS wanted (incident) CROSS JOIN LATERAL (
                SELECT id, incident_id, at, version, kind, was, became FROM incident_timeline
                WHERE tenant_id = %(tenant_id)s AND incident_id = incident ORDER BY id DESC LIMIT %(of_one)s + 1
            ) AS entry
        ) AS ranked
        WINDOW fairly AS (ORDER BY rank, incident_id)
    ) AS placed
    WHERE rank <= %(of_one)s AND place <= %(together)s AND bytes <= %(bytes)s ORDER BY id
"""
# No further than the cap.
COUNT_OPEN: LiteralString = """
    SELECT count(*) FROM (SELECT FROM incidents WHERE tenant_id = %s AND closed_at IS NULL LIMIT %s) AS counted
"""
# Only incidents that were opened in a sandbox are erased.
ERASE_OF_SANDBOX: LiteralString = """
    DELETE FROM incidents WHERE tenant_id = %(tenant_id)s AND id = ANY (ARRAY(
        SELECT id FROM incidents WHERE tenant_id = %(tenant_id)s AND sandbox ORDER BY id LIMIT %(portion)s))
"""
