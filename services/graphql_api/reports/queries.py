"""SQL of reports and their schedules."""

from typing import LiteralString

REPORT: LiteralString = """
    id, tenant_id, period, from_date, to_date, names, schedule_id, sandbox, state, withheld, created_at, made_at
"""
SCHEDULE: LiteralString = """
    id, tenant_id, every, day, time_zone, period, names, sandbox, created_at, next_run_at, last_run_at, last_report_id, last_error
"""
COUNT: LiteralString = "SELECT count(*) FROM quality_reports WHERE tenant_id = %s"
ADD: LiteralString = f"""
    INSERT INTO quality_reports (id, tenant_id, period, from_date, to_date, names, schedule_id, sandbox)
    VALUES (%(id)s, %(tenant_id)s, %(period)s, %(from_date)s, %(to_date)s, %(names)s, %(schedule_id)s, %(sandbox)s)
    RETURNING {REPORT}
"""
LIST: LiteralString = f"""
    SELECT {REPORT} FROM quality_reports
    WHERE tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
      AND (%(schedule_id)s::text IS NULL OR schedule_id = %(schedule_id)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
FIND: LiteralString = f"SELECT {REPORT} FROM quality_reports WHERE tenant_id = %s AND id = %s"
CONTENT: dict[tuple[str, str], LiteralString] = {
    ("csv", "en"): "SELECT csv_en FROM quality_reports WHERE tenant_id = %s AND id = %s",
    ("csv", "it"): "SELECT csv_it FROM quality_reports WHERE tenant_id = %s AND id = %s",
    ("fhir", "en"): "SELECT fhir FROM quality_reports WHERE tenant_id = %s AND id = %s",
    ("fhir", "it"): "SELECT fhir FROM quality_reports WHERE tenant_id = %s AND id = %s",
}
DELETE: LiteralString = f"DELETE FROM quality_reports WHERE tenant_id = %s AND id = %s RETURNING {REPORT}"

COUNT_SCHEDULES: LiteralString = "SELECT count(*) FROM report_schedules WHERE tenant_id = %s"
ADD_SCHEDULE: LiteralString = f"""
    INSERT INTO report_schedules (id, tenant_id, every, day, time_zone, period, names, sandbox, next_run_at)
    VALUES (%(id)s, %(tenant_id)s, %(every)s, %(day)s, %(time_zone)s, %(period)s, %(names)s, %(sandbox)s, %(next_run_at)s)
    RETURNING {SCHEDULE}
"""
LIST_SCHEDULES: LiteralString = f"""
    SELECT {SCHEDULE} FROM report_schedules
    WHERE tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
FIND_SCHEDULE: LiteralString = f"SELECT {SCHEDULE} FROM report_schedules WHERE tenant_id = %s AND id = %s"
LOCK_SCHEDULE: LiteralString = f"SELECT {SCHEDULE} FROM report_schedules WHERE tenant_id = %s AND id = %s FOR UPDATE"
CHANGE_SCHEDULE: LiteralString = f"""
    UPDATE report_schedules SET every = %(every)s, day = %(day)s, time_zone = %(time_zone)s, period = %(period)s, names = %(names)s,
        next_run_at = %(next_run_at)s
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING {SCHEDULE}
"""
DELETE_SCHEDULE: LiteralString = f"DELETE FROM report_schedules WHERE tenant_id = %s AND id = %s RETURNING {SCHEDULE}"

# The relay's work. It finds rows of all tenants; then it sets the tenant of the row that it has locked.
DUE_SCHEDULE: LiteralString = """
    SELECT tenant_id, id FROM report_schedules
    WHERE next_run_at <= now() AND tenant_id <> ALL (%(served)s::text[])
    ORDER BY next_run_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
TAKE_SCHEDULE: LiteralString = f"SELECT {SCHEDULE} FROM report_schedules WHERE id = %s FOR UPDATE"
RAN: LiteralString = """
    UPDATE report_schedules SET next_run_at = %(next_run_at)s, last_run_at = %(run_at)s,
        last_report_id = coalesce(%(report_id)s, last_report_id), last_error = %(error)s
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s
"""
PUT_OFF_SCHEDULE: LiteralString = """
    UPDATE report_schedules SET next_run_at = now() + interval '1 hour', last_error = 'failed'
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s
"""
DUE_REPORT: LiteralString = """
    SELECT tenant_id, id FROM quality_reports
    WHERE due_at <= now() AND tenant_id <> ALL (%(served)s::text[])
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
TAKE: LiteralString = f"SELECT {REPORT} FROM quality_reports WHERE id = %s FOR UPDATE"
MADE: LiteralString = """
    UPDATE quality_reports SET state = 'ready', due_at = NULL, made_at = %(made_at)s, withheld = %(withheld)s, csv_en = %(csv_en)s,
        csv_it = %(csv_it)s, fhir = %(fhir)s
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s
"""
# After 1, 2, 4 … minutes, until it is given up.
PUT_OFF: LiteralString = """
    UPDATE quality_reports SET attempts = attempts + 1,
        state = CASE WHEN attempts + 1 < %(most)s THEN 'waiting' ELSE 'failed' END,
        due_at = CASE WHEN attempts + 1 < %(most)s THEN now() + power(2, attempts) * interval '1 minute' END
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s
"""
NOTE_FAILURE: LiteralString = """
    UPDATE report_schedules SET last_error = 'failed'
    WHERE tenant_id = %(tenant_id)s AND id = %(schedule_id)s AND last_report_id = %(id)s
      AND EXISTS (SELECT FROM quality_reports WHERE id = %(id)s AND state = 'failed')
"""
BEHIND: LiteralString = """
    SELECT greatest(0, extract(epoch FROM now() - least(
        (SELECT min(due_at) FROM quality_reports WHERE due_at IS NOT NULL),
        (SELECT min(next_run_at) FROM report_schedules WHERE next_run_at IS NOT NULL))))::float8
"""
ERASE_OF_SANDBOX: LiteralString = "DELETE FROM quality_reports WHERE tenant_id = %s AND sandbox"
END_OF_SANDBOX: LiteralString = "DELETE FROM report_schedules WHERE tenant_id = %s AND sandbox"
