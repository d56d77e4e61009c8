"""SQL of facts and aggregates."""

from typing import LiteralString

from shared.storage.turns import tenants_of

# An older version changes nothing, nor does a lesser extent of the same. Returns the former day and outcomes, which must be subtracted.
STORE_FACTS: LiteralString = """
    INSERT INTO acqi_facts AS kept (tenant_id, encounter_id, version, extent, day, incident, arrival, facts, outcomes, reasons)
    VALUES (%(tenant_id)s, %(encounter_id)s, %(version)s, %(extent)s, %(day)s, %(incident)s, %(arrival)s,
        %(facts)s::jsonb, %(outcomes)s::jsonb, %(reasons)s::jsonb)
    ON CONFLICT (tenant_id, encounter_id) DO UPDATE
    SET version = excluded.version, extent = excluded.extent, day = excluded.day, incident = excluded.incident,
        arrival = excluded.arrival, facts = excluded.facts, outcomes = excluded.outcomes, reasons = excluded.reasons
    WHERE (kept.version, kept.extent) < (excluded.version, excluded.extent)
    RETURNING old.day, old.outcomes::text
"""
# One at a time: which crew of an incident was first depends on all of them.
LOCK_INCIDENTS: LiteralString = """
    SELECT pg_advisory_xact_lock(hashtext('acqi incident ' || %s), hashtext(incident)) FROM unnest(%s::text[]) AS incident
"""
OF_INCIDENTS: LiteralString = """
    SELECT encounter_id, version, extent, day, incident, arrival FROM acqi_facts WHERE tenant_id = %s AND incident = ANY(%s)
"""
# Of encounters that count for an incident and do not, or the other way round.
FACTS_TO_CHANGE: LiteralString = """
    SELECT encounter_id, facts::text, outcomes::text, encounter_id = ANY(%(firsts)s) FROM acqi_facts
    WHERE tenant_id = %(tenant_id)s AND incident = ANY(%(incidents)s) AND arrival IS NOT NULL
      AND (outcomes ?| %(names)s) <> (encounter_id = ANY(%(firsts)s))
    ORDER BY encounter_id FOR UPDATE
"""
# Shared for counting, exclusive for rebuilding a month.
LOCK_MONTH: LiteralString = "SELECT pg_advisory_xact_lock_shared(hashtext('acqi ' || %s), hashtext(%s))"
LOCK_MONTH_ALONE: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('acqi ' || %s), hashtext(%s))"
ADD_TALLY: LiteralString = """
    INSERT INTO acqi_aggregates AS kept (tenant_id, grain, period_start, indicator, met, not_met, excluded, unknown, bins)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, grain, period_start, indicator) DO UPDATE
    SET met = kept.met + excluded.met, not_met = kept.not_met + excluded.not_met,
        excluded = kept.excluded + excluded.excluded, unknown = kept.unknown + excluded.unknown,
        bins = CASE WHEN excluded.bins = '{}' THEN kept.bins ELSE add_bins(kept.bins, excluded.bins) END
"""
BUMP_VERSION: LiteralString = """
    INSERT INTO acqi_tenants AS kept (tenant_id) VALUES (%s)
    ON CONFLICT (tenant_id) DO UPDATE SET version = kept.version + 1
"""
SET_SUPPRESSION: LiteralString = """
    INSERT INTO acqi_tenants AS kept (tenant_id, suppress_small_cells) VALUES (%s, %s)
    ON CONFLICT (tenant_id) DO UPDATE
    SET suppress_small_cells = excluded.suppress_small_cells, version = kept.version + 1
"""
VERSION: LiteralString = "SELECT version FROM acqi_tenants WHERE tenant_id = %s"
# At least one row, so that the version is known also without aggregates.
SNAPSHOT: LiteralString = """
    SELECT t.version, t.suppress_small_cells, a.grain, a.period_start, a.indicator, a.met, a.not_met, a.excluded, a.unknown, a.bins
    FROM (VALUES (1)) AS one
    LEFT JOIN acqi_tenants t ON t.tenant_id = %(tenant_id)s
    LEFT JOIN acqi_aggregates a ON a.tenant_id = %(tenant_id)s
      AND ((a.grain = 'day' AND a.period_start = ANY(%(days)s)) OR (a.grain = 'month' AND a.period_start = ANY(%(months)s)))
"""
MONTHS_WITH_FACTS: LiteralString = """
    SELECT tenant_id, date_trunc('month', day)::date AS month, count(*) FROM acqi_facts
    WHERE %(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s GROUP BY 1, 2
    UNION SELECT tenant_id, period_start, 0 FROM acqi_aggregates
    WHERE grain = 'month' AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
    ORDER BY 1, 2, 3
"""
FACTS_OF_MONTH: LiteralString = """
    SELECT encounter_id, facts::text, outcomes::text, reasons::text, NOT EXISTS (
        SELECT FROM acqi_facts AS other WHERE other.tenant_id = one.tenant_id AND other.incident = one.incident
          AND other.day BETWEEN one.day - 2 AND one.day + 2
          AND (other.arrival, other.encounter_id) < (one.arrival, one.encounter_id)) AS is_first
    FROM acqi_facts AS one
    WHERE tenant_id = %s AND day >= %s AND day < %s ORDER BY encounter_id FOR UPDATE OF one
"""
SET_OUTCOMES: LiteralString = (
    "UPDATE acqi_facts SET outcomes = %s::jsonb, reasons = %s::jsonb WHERE tenant_id = %s AND encounter_id = %s"
)
FORGET_MONTH: LiteralString = """
    DELETE FROM acqi_aggregates WHERE tenant_id = %s AND grain = ANY('{day,month}') AND period_start >= %s AND period_start < %s
"""
# Skips encounters that counting holds: one that moves out of the month at this moment, whose lock it took before the month's.
FORGET_FACTS: LiteralString = """
    DELETE FROM acqi_facts WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM acqi_facts WHERE tenant_id = %s AND day >= %s AND day < %s LIMIT %s FOR UPDATE SKIP LOCKED))
"""
HAS_FACTS: LiteralString = "SELECT EXISTS (SELECT FROM acqi_facts WHERE tenant_id = %s AND day >= %s AND day < %s)"
# The oldest month of each tenant, in an order by chance. Whole months, because a month's row counts the facts of its days.
EXPIRED_MONTHS: LiteralString = f"""
    SELECT tenant_id, date_trunc('month', min(day))::date FROM (
        ({tenants_of("acqi_facts")}
        SELECT t.tenant_id, (SELECT f.day FROM acqi_facts f WHERE f.tenant_id = t.tenant_id ORDER BY f.day LIMIT 1) AS day FROM tenants t)
        UNION ALL
        ({tenants_of("acqi_aggregates")}
        SELECT t.tenant_id, (SELECT a.period_start FROM acqi_aggregates a
            WHERE a.tenant_id = t.tenant_id AND a.grain = 'day' ORDER BY a.period_start LIMIT 1) FROM tenants t)
    ) AS oldest
    WHERE day < date_trunc('month', current_date - %(days)s)::date GROUP BY tenant_id ORDER BY random()
"""
FACTS_OVERDUE: LiteralString = """
    SELECT extract(epoch FROM now() - (date_trunc('month', min(day)) + interval '1 month' + make_interval(days => %(days)s)))::float8
    FROM acqi_facts
"""
WITHHOLDS: LiteralString = "SELECT suppress_small_cells FROM acqi_tenants WHERE tenant_id = %s"
# A page looks at a bounded number of the encounters before a place, newest first. A time is a number of tenths of a minute.
_BEFORE: LiteralString = """
    SELECT encounter_id, day, outcomes -> %(name)s AS outcome, reasons ->> %(name)s AS reason FROM acqi_facts
    WHERE tenant_id = %(tenant_id)s AND day >= %(start)s AND day < %(end)s
      AND (day, encounter_id) < (%(before_day)s, %(before_id)s)
    ORDER BY day DESC, encounter_id DESC
"""
ENCOUNTERS: LiteralString = (
    "SELECT encounter_id, day, outcome::text AS outcome, reason FROM ("
    + _BEFORE
    + """ LIMIT %(looked)s) AS looked
    WHERE outcome = ANY(%(outcomes)s::jsonb[]) OR (%(is_time)s AND jsonb_typeof(outcome) = 'number')
    ORDER BY day DESC, encounter_id DESC LIMIT %(limit)s
"""
)
REACHED: LiteralString = "SELECT encounter_id, day FROM (" + _BEFORE + " OFFSET %(looked)s - 1 LIMIT 1) AS last"
# Only facts of encounters in a sandbox are erased.
TESTS: LiteralString = """
    SELECT encounter_id, date_trunc('month', day)::date FROM acqi_facts
    WHERE tenant_id = %s AND (facts ->> 'test')::boolean ORDER BY encounter_id LIMIT %s
"""
ERASE_TESTS: LiteralString = """
    DELETE FROM acqi_facts
    WHERE tenant_id = %s AND encounter_id = ANY(%s) AND (facts ->> 'test')::boolean AND date_trunc('month', day)::date = ANY(%s)
    RETURNING day, outcomes::text
"""
