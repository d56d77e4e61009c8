"""SQL of operators. As the app's role, row-level security and the functions show it to the platform's own tenant alone."""

from typing import LiteralString

COLUMNS: LiteralString = "id, action, subject_id, reason, state, asked_by, asked_at, ended_at, outcome"
ASK: LiteralString = (
    """
    INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by)
    VALUES (%(id)s, %(tenant_id)s, %(action)s, %(subject_id)s, %(reason)s, %(client_id)s, %(asked_by)s)
    RETURNING """
    + COLUMNS
)
OPEN: LiteralString = "SELECT count(*) FROM operator_acts WHERE state IN ('waiting', 'begun')"
ACT: LiteralString = "SELECT " + COLUMNS + " FROM operator_acts WHERE id = %s"
ACTS: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM operator_acts
    WHERE (%(after)s::text IS NULL OR id < %(after)s) AND (%(subject_id)s::text IS NULL OR subject_id = %(subject_id)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
)
DEAD_LETTERS: LiteralString = "SELECT * FROM dead_letters_of_all(%(tenant_id)s, %(after)s::uuid, %(limit)s)"
FIGURES: LiteralString = "SELECT measured_at, figures FROM operator_figures"

# --- The relay, as the worker's role ----------------------------------------------------------------------------------
CLAIM: LiteralString = """
    UPDATE operator_acts SET state = 'begun', begun_at = clock_timestamp() WHERE id = (
        SELECT id FROM operator_acts WHERE state = 'waiting' ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, action, subject_id, reason, client_id, asked_by
"""
# Their process ended while it carried them out. None of them is tried again: an act may be the reason.
INTERRUPT: LiteralString = """
    UPDATE operator_acts SET state = 'interrupted', ended_at = clock_timestamp()
    WHERE state = 'begun' AND begun_at < clock_timestamp() - interval '10 minutes'
    RETURNING id, action, subject_id, reason, client_id, asked_by
"""
END: LiteralString = """
    UPDATE operator_acts SET state = %s, outcome = left(%s, 1000), ended_at = clock_timestamp() WHERE id = %s
"""
# In the order of the keys, so that the planner reads no whole table.
MEASURE: LiteralString = """
    SELECT (SELECT count(*) FROM (SELECT FROM failures ORDER BY message_id LIMIT 10000) AS counted),
        (SELECT count(*) FROM (SELECT FROM dead_letters ORDER BY message_id LIMIT 10000) AS counted)
"""
STORE_FIGURES: LiteralString = """
    INSERT INTO operator_figures (measured_at, figures) VALUES (clock_timestamp(), %s::jsonb)
    ON CONFLICT (one) DO UPDATE SET measured_at = excluded.measured_at, figures = excluded.figures
"""
TENANT_OF_DEAD_LETTER: LiteralString = "SELECT tenant_id, name FROM dead_letters WHERE message_id = %s::uuid"
