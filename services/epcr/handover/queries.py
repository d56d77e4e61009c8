"""SQL of destinations, identified reading and its disclosures. Each statement sees the tenant of its transaction."""

from typing import LiteralString

from services.epcr.encounters.queries import SAME_PATIENT
from shared.storage.turns import tenants_of

COLUMNS: LiteralString = """
    id, version, name, code, code_system, type, client_id, legal_basis, agreement, readable_days, allows_break_glass, active
"""
FIND_DESTINATION: LiteralString = "SELECT " + COLUMNS + " FROM destinations WHERE id = %s"
LOCK_DESTINATION: LiteralString = FIND_DESTINATION + " FOR UPDATE"
# For a decision that must not overlap a change of the destination.
HOLD_DESTINATION: LiteralString = FIND_DESTINATION + " FOR SHARE"
LIST_DESTINATIONS: LiteralString = (
    "SELECT "
    + COLUMNS
    + """
    FROM destinations
    WHERE (%(code)s::text IS NULL OR code = %(code)s) AND (%(active)s::boolean IS NULL OR active = %(active)s)
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
)
COUNT_DESTINATIONS: LiteralString = "SELECT count(*) FROM destinations"
INSERT_DESTINATION: LiteralString = (
    """
    INSERT INTO destinations (id, tenant_id, name, code, code_system, type, client_id, legal_basis, agreement, readable_days,
        allows_break_glass)
    VALUES (%(id)s, current_tenant(), %(name)s, %(code)s, %(code_system)s, %(type)s, %(client_id)s, %(legal_basis)s, %(agreement)s,
        %(readable_days)s, %(allows_break_glass)s)
    ON CONFLICT (tenant_id, code_system, code) DO NOTHING RETURNING
"""
    + COLUMNS
)
FIND_CODE: LiteralString = "SELECT id FROM destinations WHERE code_system = %(code_system)s AND code = %(code)s"
UPDATE_DESTINATION: LiteralString = (
    """
    UPDATE destinations SET name = %(name)s, code = %(code)s, code_system = %(code_system)s, type = %(type)s, client_id = %(client_id)s,
        legal_basis = %(legal_basis)s, agreement = %(agreement)s, readable_days = %(readable_days)s,
        allows_break_glass = %(allows_break_glass)s, active = %(active)s, version = version + 1
    WHERE id = %(id)s RETURNING
"""
    + COLUMNS
)
DELETE_DESTINATION: LiteralString = """
    DELETE FROM destinations WHERE id = %(id)s
        AND (SELECT count(*) FROM (SELECT FROM encounter_destinations WHERE destination_id = %(id)s LIMIT 1) named) = 0
        AND (SELECT count(*) FROM (SELECT FROM emergency_accesses WHERE destination_id = %(id)s LIMIT 1) opened) = 0
"""
FIND_APP: LiteralString = "SELECT status, deidentification FROM apps WHERE client_id = %s"
# The end of reading: some days after the encounter ended by this service's clock or, until then, after a destination of its app was first
# named; where reading was opened again, after that.
UNTIL: LiteralString = " n.counted_from + make_interval(days => d.readable_days) "
PRESENT_OF: LiteralString = (
    """
    SELECT n.encounter_id, n.destination_id, d.name, d.code, d.code_system, d.type, n.named_at,
"""
    + UNTIL
    + """
    AS readable_until
    FROM encounter_destinations n JOIN destinations d ON d.id = n.destination_id
    WHERE n.encounter_id = %s AND n.ended_at IS NULL
"""
)
LOCK_PRESENT: LiteralString = """
    SELECT n.position, n.destination_id, d.client_id FROM encounter_destinations n JOIN destinations d ON d.id = n.destination_id
    WHERE n.encounter_id = %s AND n.ended_at IS NULL FOR UPDATE OF n
"""
END_PRESENT: LiteralString = """
    UPDATE encounter_destinations SET ended_at = clock_timestamp() WHERE encounter_id = %s AND ended_at IS NULL
"""
NAME_DESTINATION: LiteralString = """
    INSERT INTO encounter_destinations (encounter_id, position, tenant_id, destination_id, named_by, actor, trace_id, reopened)
    SELECT %(encounter_id)s, 1 + count(*), current_tenant(), %(destination_id)s, %(named_by)s, %(actor)s, %(trace_id)s, %(reopened)s
    FROM encounter_destinations WHERE encounter_id = %(encounter_id)s
"""
COUNT_NAMED: LiteralString = "SELECT count(*) FROM encounter_destinations WHERE encounter_id = %s"
# The last time that the encounter was bound for a destination of the app.
RIGHT_OF: LiteralString = (
    """
    SELECT d.id, d.version, d.name, d.code, d.code_system, d.type, d.client_id, d.legal_basis, d.agreement, d.readable_days,
        d.allows_break_glass, d.active, n.ended_at, n.named_at,
"""
    + UNTIL
    + """
    AS until, clock_timestamp() AS now
    FROM encounter_destinations n JOIN destinations d ON d.id = n.destination_id
    WHERE n.encounter_id = %s AND d.client_id = %s
    ORDER BY n.position DESC LIMIT 1
"""
)
EMERGENCY_OF: LiteralString = """
    SELECT d.id, d.version, d.name, d.code, d.code_system, d.type, d.client_id, d.legal_basis, d.agreement, d.readable_days,
        d.allows_break_glass, d.active, e.until, e.id AS emergency_id
    FROM emergency_accesses e JOIN destinations d ON d.id = e.destination_id
    WHERE e.encounter_id = %(encounter_id)s AND e.client_id = %(client_id)s AND e.until > clock_timestamp()
        AND d.client_id = %(client_id)s AND d.active AND d.allows_break_glass
    ORDER BY e.until DESC LIMIT 1
"""
# The right holds until the end of the transaction: a change of the destination waits.
HELD_RIGHT_OF: LiteralString = RIGHT_OF + " FOR SHARE OF n, d"
HELD_EMERGENCY_OF: LiteralString = EMERGENCY_OF + " FOR SHARE OF d"
COUNT_EMERGENCIES: LiteralString = """
    SELECT count(*) FROM emergency_accesses
    WHERE tenant_id = current_tenant() AND client_id = %s AND opened_at > clock_timestamp() - interval '24 hours'
"""
INSERT_EMERGENCY: LiteralString = """
    INSERT INTO emergency_accesses (id, tenant_id, encounter_id, destination_id, client_id, actor, reason, explanation, trace_id, until)
    VALUES (%(id)s, current_tenant(), %(encounter_id)s, %(destination_id)s, %(client_id)s, %(actor)s, %(reason)s, %(explanation)s,
        %(trace_id)s, clock_timestamp() + make_interval(hours => %(hours)s))
    RETURNING id, encounter_id, destination_id, opened_at, until
"""
LIST_EMERGENCIES: LiteralString = """
    SELECT id, encounter_id, destination_id, opened_at, until, client_id, actor, reason, explanation FROM emergency_accesses
    WHERE %(after)s::text IS NULL OR id < %(after)s ORDER BY id DESC LIMIT %(limit)s
"""
# A page of each of the app's destinations, in the order of an index of the rows that may be listed. No other index has this collation:
# a walk through another, past the rows of other destinations or of readings that are over, is no choice.
ARRIVALS: LiteralString = (
    """
    SELECT bound.encounter_id, bound.destination_id, e.status, bound.named_at, bound.readable_until
    FROM destinations d CROSS JOIN LATERAL (
        SELECT n.encounter_id, n.destination_id, n.named_at,
"""
    + UNTIL
    + """
        AS readable_until
        FROM encounter_destinations n
        WHERE n.destination_id = d.id AND n.ended_at IS NULL AND n.listed_until IS NOT NULL
            AND n.counted_from > clock_timestamp() - make_interval(days => d.readable_days)
            AND (%(after)s::text IS NULL OR n.encounter_id COLLATE "C" < %(after)s)
        ORDER BY n.encounter_id COLLATE "C" DESC LIMIT %(limit)s
    ) bound JOIN encounters e ON e.id = bound.encounter_id
    WHERE d.tenant_id = current_tenant() AND d.client_id = %(client_id)s AND d.active
    ORDER BY bound.encounter_id COLLATE "C" DESC LIMIT %(limit)s
"""
)
ADD_DISCLOSURE: LiteralString = """
    INSERT INTO disclosures (id, tenant_id, encounter_id, identity, version, revision, destination_id, client_id, actor, purpose,
        legal_basis, emergency_id, content, sections, language, digest, patient,
        readings, trace_id)
    VALUES (%(id)s, current_tenant(), %(encounter_id)s, %(identity)s, %(version)s, %(revision)s, %(destination_id)s, %(client_id)s,
        %(actor)s, %(purpose)s, %(legal_basis)s, %(emergency_id)s, %(content)s, %(sections)s, %(language)s, %(digest)s, %(patient)s,
        %(readings)s, %(trace_id)s)
"""
# The newest transaction that the destination took under each former identity of the patient.
TAKEN_BEFORE: LiteralString = """
    SELECT t.identity, i.patient_basis, max(t.version) AS version, max(t.last_revision) AS revision
    FROM patients_taken t JOIN encounter_identities i USING (encounter_id, identity)
    WHERE t.encounter_id = %(encounter_id)s AND t.destination_id = %(destination_id)s AND t.identity < %(identity)s
    GROUP BY t.identity, i.patient_basis ORDER BY t.identity
"""
# The last Patients of the present patient that it took up to this revision, also under former identities of the same patient, the last one
# first: whether before this revision, and for which of the `others` it took them too.
_SHARING: LiteralString = """
    ARRAY(
        SELECT DISTINCT encounter_id FROM patients_taken k
        WHERE k.encounter_id = ANY(%(others)s) AND k.destination_id = %(destination_id)s AND k.patient = t.patient ORDER BY 1
    ) AS sharing
"""
PATIENTS_BEFORE: LiteralString = (
    "SELECT patient, min(first_revision) < %(revision)s AS is_before, "
    + _SHARING
    + """
    FROM patients_taken t
    WHERE encounter_id = %(encounter_id)s AND destination_id = %(destination_id)s AND first_revision <= %(revision)s
        AND (identity = %(identity)s OR identity IN (
"""
    + SAME_PATIENT
    + """
        ))
    GROUP BY patient ORDER BY max(last_revision) DESC, min(first_revision) DESC, patient LIMIT 100
"""
)
# The Patients that it took under identities of other people, and for which of the `others` it took them too.
FORMER_PATIENTS: LiteralString = (
    "SELECT DISTINCT patient, "
    + _SHARING
    + """
    FROM patients_taken t
    WHERE encounter_id = %(encounter_id)s AND destination_id = %(destination_id)s AND identity < %(identity)s AND identity NOT IN (
"""
    + SAME_PATIENT
    + """
    )
    ORDER BY patient LIMIT 500
"""
)
# The places of readings that it took, by identity; of the present one, with revisions before this one.
PLACES_BEFORE: LiteralString = """
    SELECT identity, array_agg(place ORDER BY place) FROM places_taken
    WHERE encounter_id = %(encounter_id)s AND destination_id = %(destination_id)s
        AND (identity < %(identity)s OR identity = %(identity)s AND first_revision < %(revision)s)
    GROUP BY identity
"""
_DISCLOSURES: LiteralString = """
    SELECT s.id, s.encounter_id, s.identity, s.version, s.revision, s.destination_id, d.name AS destination_name, s.client_id, s.actor,
        s.purpose, s.legal_basis, s.emergency_id, e.reason AS emergency_reason, s.content, s.sections, s.language,
        encode(s.digest, 'hex') AS sha256, s.trace_id, s.disclosed_at
    FROM page JOIN disclosures s USING (id) JOIN destinations d ON d.id = s.destination_id
        LEFT JOIN emergency_accesses e ON e.id = s.emergency_id
    ORDER BY s.id DESC
"""
DISCLOSURES_OF_ENCOUNTER: LiteralString = (
    """
    WITH page AS (
        SELECT id FROM disclosures WHERE encounter_id = %(encounter_id)s AND (%(after)s::text IS NULL OR id < %(after)s)
        ORDER BY id DESC LIMIT %(limit)s
    )
"""
    + _DISCLOSURES
)
# Of all encounters that have, or had, a basis of the patient; also those of encounters whose portions the relay has not listed yet.
DISCLOSURES_OF_PATIENT: LiteralString = (
    """
    WITH page AS (
        SELECT id FROM (
            (
                SELECT disclosure_id AS id FROM patient_disclosures
                WHERE tenant_id = current_tenant() AND patient_basis = %(patient_basis)s::bytea
                    AND (%(after)s::text IS NULL OR disclosure_id < %(after)s)
                ORDER BY disclosure_id DESC LIMIT %(limit)s
            ) UNION (
                SELECT unlisted.id FROM disclosures_to_list noted CROSS JOIN LATERAL (
                    SELECT id FROM disclosures
                    WHERE encounter_id = noted.encounter_id AND (%(after)s::text IS NULL OR id < %(after)s)
                    ORDER BY id DESC LIMIT %(limit)s
                ) unlisted
                WHERE noted.tenant_id = current_tenant() AND noted.patient_basis = %(patient_basis)s::bytea
            )
        ) found ORDER BY id DESC LIMIT %(limit)s
    )
"""
    + _DISCLOSURES
)
FIND_SENDER: LiteralString = "SELECT name, code, code_system, phone, time_zone, person_systems FROM senders"
SET_SENDER: LiteralString = """
    INSERT INTO senders (tenant_id, name, code, code_system, phone, time_zone, person_systems)
    VALUES (current_tenant(), %(name)s, %(code)s, %(code_system)s, %(phone)s, %(time_zone)s, %(person_systems)s)
    ON CONFLICT (tenant_id) DO UPDATE
    SET name = excluded.name, code = excluded.code, code_system = excluded.code_system, phone = excluded.phone,
        time_zone = excluded.time_zone, person_systems = excluded.person_systems
"""
MAKES_OF: LiteralString = "SELECT device_id, manufacturer, model FROM devices WHERE device_id = ANY(%s)"
# An entity tag depends on it: the newest description of any device of the organisation.
DESCRIBED_AT: LiteralString = "SELECT max(described_at) FROM devices WHERE tenant_id = current_tenant()"
CLOSED_AT: LiteralString = """
    SELECT min(written_at) FROM encounter_versions WHERE encounter_id = %s AND status IN ('completed', 'handed_over')
"""
# Whether an earlier identity was another person's.
WAS_ANOTHER: LiteralString = (
    """
    SELECT EXISTS (
        SELECT FROM encounters e JOIN encounter_identities i ON i.encounter_id = e.id AND i.identity < e.identity
        WHERE e.id = %(encounter_id)s AND i.identity NOT IN (
"""
    + SAME_PATIENT
    + "))"
)

# Workers
# Bindings whose days of reading are over leave the list, the oldest first.
UNLIST: LiteralString = """
    WITH portion AS (
        SELECT encounter_id, position FROM encounter_destinations
        WHERE ended_at IS NULL AND listed_until IS NOT NULL AND listed_until <= clock_timestamp()
        ORDER BY listed_until LIMIT %s FOR UPDATE SKIP LOCKED
    )
    UPDATE encounter_destinations n SET listed_until = NULL FROM portion p
    WHERE n.encounter_id = p.encounter_id AND n.position = p.position
"""
# Of the organisation whose last turn is the longest ago.
TAKE_RELISTING: LiteralString = """
    SELECT destination_id, place FROM relistings WHERE destination_id = (
        SELECT destination_id FROM (
            SELECT destination_id, turn_at, max(turn_at) OVER (PARTITION BY tenant_id) AS last FROM relistings) AS waiting
        WHERE destination_id <> ALL(%s) ORDER BY last, turn_at LIMIT 1)
    FOR UPDATE SKIP LOCKED
"""
RELIST: LiteralString = """
    WITH portion AS (
        SELECT encounter_id, position FROM encounter_destinations
        WHERE destination_id = %(destination_id)s AND ended_at IS NULL AND encounter_id > %(place)s
        ORDER BY encounter_id LIMIT %(limit)s FOR UPDATE
    ), listed AS (
        UPDATE encounter_destinations n
        SET listed_until = CASE WHEN e.status <> 'cancelled' AND n.counted_from > clock_timestamp() - d.readable
            THEN n.counted_from + d.readable END
        FROM portion p JOIN encounters e ON e.id = p.encounter_id,
            (SELECT make_interval(days => readable_days) AS readable FROM destinations WHERE id = %(destination_id)s) d
        WHERE n.encounter_id = p.encounter_id AND n.position = p.position
    )
    SELECT max(encounter_id), count(*) FROM portion
"""
MOVE_RELISTING: LiteralString = """
    UPDATE relistings SET place = %(place)s, turn_at = clock_timestamp() WHERE destination_id = %(destination_id)s
"""
END_RELISTING: LiteralString = "DELETE FROM relistings WHERE destination_id = %(destination_id)s"
# One encounter of a tenant at random: a tenant with many corrections has no more turns than another.
TAKE_UNLISTED: LiteralString = (
    tenants_of("disclosures_to_list")
    + """
    SELECT noted.* FROM (SELECT tenant_id FROM tenants WHERE tenant_id IS NOT NULL ORDER BY random()) t CROSS JOIN LATERAL (
        SELECT tenant_id, patient_basis, encounter_id, place FROM disclosures_to_list
        WHERE tenant_id = t.tenant_id AND encounter_id <> ALL(%s) ORDER BY turn_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) noted
    LIMIT 1
"""
)
LIST_DISCLOSURES: LiteralString = """
    WITH portion AS (
        SELECT id FROM disclosures WHERE encounter_id = %(encounter_id)s AND id > %(place)s ORDER BY id LIMIT %(limit)s
    ), listed AS (
        INSERT INTO patient_disclosures (tenant_id, patient_basis, disclosure_id)
        SELECT current_tenant(), %(patient_basis)s, id FROM portion
        ON CONFLICT DO NOTHING
    )
    SELECT max(id), count(*) FROM portion
"""
MOVE_UNLISTED: LiteralString = """
    UPDATE disclosures_to_list SET place = %(place)s, turn_at = clock_timestamp()
    WHERE tenant_id = current_tenant() AND patient_basis = %(patient_basis)s AND encounter_id = %(encounter_id)s
"""
END_UNLISTED: LiteralString = """
    DELETE FROM disclosures_to_list
    WHERE tenant_id = current_tenant() AND patient_basis = %(patient_basis)s AND encounter_id = %(encounter_id)s
"""
# The age in seconds of the oldest change of days or of a patient that is not done, or of the oldest end of reading that is still listed.
LISTS_BEHIND: LiteralString = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(marked_at) FROM relistings),
        (SELECT min(marked_at) FROM disclosures_to_list),
        (SELECT min(listed_until) FROM encounter_destinations WHERE ended_at IS NULL AND listed_until IS NOT NULL)
    )), 0)::float8
"""
