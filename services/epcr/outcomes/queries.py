"""SQL of outcomes."""

from typing import LiteralString

from services.epcr.encounters.queries import SAME_PATIENT

COLUMNS: LiteralString = """
    encounter_id, version, tenant_id, identity, destination_id, content, client_id, recorded_at
"""
# Since which identity the patient is the present one, and the earlier identities that are the present patient's.
PATIENT: LiteralString = (
    "SELECT patient_since AS since, ARRAY(" + SAME_PATIENT + ") AS same FROM encounters WHERE id = %(encounter_id)s"
)
# The newest version of each destination, the oldest first. Those of a former patient do not count; an identity may be another one of the
# same patient.
CURRENT: LiteralString = (
    """
    SELECT * FROM (
        SELECT DISTINCT ON (destination_id)
"""
    + COLUMNS
    + """
        FROM outcomes
        WHERE encounter_id = %(encounter_id)s
            AND (
                identity >= (SELECT patient_since FROM encounters WHERE id = %(encounter_id)s)
                OR identity IN (
"""
    + SAME_PATIENT
    + """
                )
            )
        ORDER BY destination_id, version DESC
    ) newest ORDER BY version
"""
)
# Versions count all reports about an encounter, so that no entity tag is that of another patient's outcome.
LAST_VERSION: LiteralString = """
    SELECT coalesce(max(version), 0), count(*) FILTER (WHERE destination_id = %(destination_id)s)
    FROM outcomes WHERE encounter_id = %(encounter_id)s
"""
INSERT: LiteralString = (
    """
    INSERT INTO outcomes (encounter_id, version, tenant_id, identity, destination_id, content, client_id, actor, trace_id)
    VALUES (%(encounter_id)s, %(version)s, current_tenant(), %(identity)s, %(destination_id)s, %(content)s, %(client_id)s, %(actor)s,
        %(trace_id)s)
    RETURNING
"""
    + COLUMNS
)
# Facts follow the revision of their encounter.
NEXT_REVISION: LiteralString = "UPDATE encounters SET revision = revision + 1 WHERE id = %s RETURNING revision"
