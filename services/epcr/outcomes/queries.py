"""SQL of outcomes."""

from typing import LiteralString

COLUMNS: LiteralString = """
    encounter_id, version, tenant_id, identity, destination_id, content, client_id, recorded_at
"""
NEWEST: LiteralString = "SELECT " + COLUMNS + " FROM outcomes WHERE encounter_id = %s ORDER BY version DESC LIMIT 1"
# The newest one, unless the patient's identity was corrected since: then it is another patient's, and does not count.
CURRENT: LiteralString = (
    "SELECT * FROM (" + NEWEST + ") o WHERE identity = (SELECT identity FROM encounters WHERE id = o.encounter_id)"
)
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
