"""SQL of encounters, observations and apps. A web statement sees the tenant of its transaction; workers' statements also name it."""

from typing import LiteralString

from shared.storage.turns import tenants_of

HEAD: LiteralString = """
    id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, test, version, revision, identity, amended,
    patient_basis, pseudonym_version, moved_by, created_at, updated_at, anchor
"""
_NO_RECORD: LiteralString = ", ''::bytea AS record"
_BRIEFLY: LiteralString = ", brief" + _NO_RECORD
INSERT_ENCOUNTER: LiteralString = (
    """
    INSERT INTO encounters (id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, test, pseudonym_version,
        record, brief, created_at, updated_at, anchor)
    VALUES (%(id)s, %(tenant_id)s, %(care_model)s, %(status)s, %(vehicle_id)s, %(cad_incident_id)s, %(patient_number)s, %(test)s,
        %(pseudonym_version)s, %(record)s, %(brief)s, %(created_at)s, %(updated_at)s, %(anchor)s)
    ON CONFLICT (tenant_id, cad_incident_id, vehicle_id, patient_number) DO NOTHING RETURNING
"""
    + HEAD
    + _BRIEFLY
)
FIND_TWIN: LiteralString = """
    SELECT id FROM encounters
    WHERE cad_incident_id = %(cad_incident_id)s AND vehicle_id = %(vehicle_id)s AND patient_number = %(patient_number)s
"""
FIND_ENCOUNTER: LiteralString = "SELECT " + HEAD + ", brief, record FROM encounters WHERE id = ANY(%s)"
FIND_BRIEF: LiteralString = "SELECT " + HEAD + _BRIEFLY + " FROM encounters WHERE id = ANY(%s)"
LOCK_ENCOUNTER: LiteralString = FIND_BRIEF + " FOR UPDATE"
# Waits for a change of the encounter under way, and a change waits for it.
HOLD_ENCOUNTER: LiteralString = FIND_BRIEF + " ORDER BY id FOR KEY SHARE"
# Others of its incident: those of the same patient first, as far as that is known, then the newest. A dispatch system counts from one
# again: encounters of one number that began more than 48 hours apart are of two incidents.
OTHERS_OF_INCIDENT: LiteralString = (
    "SELECT "
    + HEAD
    + _BRIEFLY
    + """
    FROM encounters WHERE tenant_id = current_tenant() AND cad_incident_id = %(cad_incident_id)s AND id <> %(id)s AND test = %(test)s
        AND anchor BETWEEN %(begun)s::timestamptz - interval '48 hours' AND %(begun)s::timestamptz + interval '48 hours'
    ORDER BY patient_basis IS NOT DISTINCT FROM %(patient_basis)s::bytea DESC, id DESC LIMIT %(most)s
"""
)
# The planner does not know the tenant of the policy, and would read the newest encounters of all where there are few large tenants.
LIST_ENCOUNTERS: LiteralString = (
    "SELECT "
    + HEAD
    + _NO_RECORD
    + """
    FROM encounters
    WHERE tenant_id = current_tenant() AND (%(cad_incident_id)s::text IS NULL OR cad_incident_id = %(cad_incident_id)s)
        AND (%(vehicle_id)s::text IS NULL OR vehicle_id = %(vehicle_id)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
)
# For apps with moved times. A brief is read where it is opened for the patient's basis, which `moves` the times, as long as those that were
# opened before it have fewer than `bytes`.
LIST_SHUFFLED: LiteralString = (
    "WITH page AS (SELECT "
    + HEAD
    + """
            , brief, shuffled, %(moves)s AND patient_basis IS NULL AS opens
        FROM encounters
        WHERE tenant_id = current_tenant() AND created_at < %(latest)s AND shuffled > %(place)s::uuid AND shuffled < %(end)s::uuid
        ORDER BY shuffled LIMIT %(limit)s
    ), opening AS (
        SELECT *, opens AND sum(octet_length(brief)) FILTER (WHERE opens) OVER in_turn - octet_length(brief) < %(bytes)s AS is_opened
        FROM page WINDOW in_turn AS (ORDER BY shuffled)
    )
    SELECT """
    + HEAD
    + """, CASE WHEN is_opened THEN brief END AS brief, ''::bytea AS record
    FROM opening ORDER BY shuffled
"""
)
FIND_PLACE: LiteralString = "SELECT shuffled FROM encounters WHERE id = %s"
# The place of the row of that number in the random order, if there is one: it shows how many rows there are, about.
PLACE_OF_NUMBER: LiteralString = """
    SELECT (array_agg(shuffled ORDER BY shuffled))[%(number)s::integer] FROM (
        SELECT shuffled FROM encounters WHERE tenant_id = current_tenant() ORDER BY shuffled LIMIT %(number)s
    ) first
"""
# Each encounter in its last version before a moment of its own.
_STATES: LiteralString = """
    e.id, e.tenant_id, v.care_model, v.status, e.vehicle_id, e.cad_incident_id, e.patient_number, e.test, v.version,
        v.version::bigint AS revision, coalesce(i.identity, e.identity) AS identity, v.amended,
        coalesce(i.patient_basis, e.patient_basis) AS patient_basis, e.pseudonym_version, e.moved_by, e.created_at,
        v.written_at AS updated_at, e.anchor
"""
_BEFORE_THEIR_ENDS: LiteralString = """
    FROM unnest(%s::text[], %s::timestamptz[]) AS asked (id, until)
    JOIN encounters e ON e.id = asked.id AND e.created_at < asked.until
    CROSS JOIN LATERAL (
        SELECT * FROM encounter_versions WHERE encounter_id = e.id AND written_at < asked.until ORDER BY version DESC LIMIT 1
    ) v
    LEFT JOIN LATERAL (
        SELECT identity, patient_basis FROM encounter_identities
        WHERE encounter_id = e.id AND began_at < asked.until ORDER BY identity DESC LIMIT 1
    ) i ON e.identity > 1
"""
STATES_BEFORE: LiteralString = "SELECT" + _STATES + _NO_RECORD + _BEFORE_THEIR_ENDS
RECORDS_BEFORE: LiteralString = "SELECT" + _STATES + ", v.record" + _BEFORE_THEIR_ENDS
UPDATE_ENCOUNTER: LiteralString = """
    UPDATE encounters SET care_model = %(care_model)s, status = %(status)s, amended = %(amended)s, record = %(record)s,
        brief = %(brief)s, version = %(version)s, revision = revision + 1, updated_at = %(updated_at)s
    WHERE id = %(id)s RETURNING revision
"""
INSERT_VERSION: LiteralString = """
    INSERT INTO encounter_versions (encounter_id, version, tenant_id, care_model, status, amended, record, client_id, actor, trace_id,
        written_at)
    VALUES (%(id)s, %(version)s, %(tenant_id)s, %(care_model)s, %(status)s, %(amended)s, %(record)s, %(client_id)s, %(actor)s,
        %(trace_id)s, %(updated_at)s)
"""
# Of one tenant: a correction and a first disclosure wait for each other. The lock comes before all locks of encounters.
LOCK_IDENTITIES: LiteralString = (
    "SELECT pg_advisory_xact_lock(hashtextextended('epcr identities ' || current_tenant(), 0))"
)
# One statement for a whole page locks the rows in the order of their ids, as the worker does: in the list's own order a reader and a
# batch could deadlock.
FIX_BASES: LiteralString = """
    WITH locked AS (
        SELECT e.id, fresh.basis, fresh.version FROM encounters e
        JOIN unnest(%s::text[], %s::bytea[], %s::integer[]) AS fresh (id, basis, version) USING (id)
        ORDER BY e.id FOR NO KEY UPDATE OF e
    )
    UPDATE encounters e SET patient_basis = coalesce(e.patient_basis, locked.basis),
        pseudonym_version = coalesce(e.pseudonym_version, locked.version)
    FROM locked WHERE e.id = locked.id
    RETURNING e.id, e.patient_basis, e.pseudonym_version, e.identity, e.moved_by
"""
# For a reader of many encounters in one transaction: it never waits for a lock while it holds others.
FIX_FREE_BASES: LiteralString = """
    WITH locked AS (
        SELECT e.id, fresh.basis, fresh.version FROM encounters e
        JOIN unnest(%s::text[], %s::bytea[], %s::integer[]) AS fresh (id, basis, version) USING (id)
        FOR NO KEY UPDATE OF e SKIP LOCKED
    )
    UPDATE encounters e SET patient_basis = coalesce(e.patient_basis, locked.basis),
        pseudonym_version = coalesce(e.pseudonym_version, locked.version)
    FROM locked WHERE e.id = locked.id
    RETURNING e.id, e.patient_basis, e.pseudonym_version, e.identity, e.moved_by
"""
ADD_NUMBERS: LiteralString = """
    INSERT INTO patient_numbers (encounter_id, number, tenant_id, position, space)
    SELECT encounter_id, number, current_tenant(), position, space
    FROM unnest(%s::text[], %s::bytea[], %s::integer[], %s::bytea[]) AS new (encounter_id, number, position, space)
    ON CONFLICT DO NOTHING
"""
FORGET_NUMBERS: LiteralString = "DELETE FROM patient_numbers WHERE encounter_id = ANY(%s)"
NUMBERS_OF: LiteralString = """
    SELECT encounter_id, number, space, position FROM patient_numbers WHERE encounter_id = ANY(%s) ORDER BY encounter_id, abs(position)
"""
# Encounters with the bases that encounters with one of the numbers have, or that are one of the numbers: at most `most` of each.
ALIKE: LiteralString = """
    WITH bases AS (
        SELECT DISTINCT held.patient_basis FROM unnest(%(numbers)s::bytea[]) AS asked (number) CROSS JOIN LATERAL (
            SELECT e.patient_basis FROM patient_numbers n JOIN encounters e ON e.id = n.encounter_id
            WHERE n.tenant_id = current_tenant() AND n.number = asked.number AND n.encounter_id <> ALL(%(leaving)s)
                AND e.patient_basis IS NOT NULL
            ORDER BY n.encounter_id LIMIT %(most)s
        ) held
        UNION SELECT unnest(%(numbers)s::bytea[])
    )
    SELECT alike.id, alike.identity, alike.version, alike.test, alike.patient_basis
    FROM bases CROSS JOIN LATERAL (
        SELECT id, identity, version, test, patient_basis FROM encounters
        WHERE tenant_id = current_tenant() AND patient_basis = bases.patient_basis AND id <> ALL(%(leaving)s)
        LIMIT %(most)s
    ) alike
"""
FIND_PERSON_SYSTEMS: LiteralString = "SELECT person_systems FROM senders"
# An encounter and at most `most` that share its basis, in the order of their ids.
LOCK_GROUP: LiteralString = """
    SELECT id FROM encounters WHERE id = ANY(%(id)s::text || ARRAY(
        SELECT id FROM encounters
        WHERE tenant_id = current_tenant() AND patient_basis = (SELECT patient_basis FROM encounters WHERE id = %(id)s)
        LIMIT %(most)s
    )) ORDER BY id FOR UPDATE
"""
FIND_GROUP: LiteralString = """
    SELECT id, identity, version, test FROM encounters
    WHERE tenant_id = current_tenant() AND patient_basis = %(patient_basis)s AND pseudonym_version = %(pseudonym_version)s
    LIMIT %(most)s
"""
# The hospitals' reports about the same person stay: a number that was learned, or a wrong one elsewhere, makes nobody another patient.
CORRECT_IDENTITY: LiteralString = """
    UPDATE encounters SET patient_basis = %(basis)s, identity = %(identity)s,
        patient_since = CASE WHEN %(is_another)s THEN %(identity)s ELSE patient_since END,
        moved_by = coalesce(moved_by, %(former)s), revision = revision + 1, updated_at = greatest(updated_at, clock_timestamp())
    WHERE id = %(id)s RETURNING clock_timestamp()
"""
# The identities of an encounter before a correction.
IDENTITIES_OF: LiteralString = (
    "SELECT identity, patient, marks FROM encounter_identities WHERE encounter_id = %s ORDER BY identity"
)
# The identities of an encounter with the patient of its present one: those with one basis, or one `patient`. Then a number was learned,
# or a correction was corrected. All others are of other people.
SAME_PATIENT: LiteralString = """
    SELECT i.identity FROM encounters e JOIN encounter_identities i ON i.encounter_id = e.id
        JOIN encounter_identities present ON present.encounter_id = e.id AND present.identity = e.identity
    WHERE e.id = %(encounter_id)s AND (i.patient = present.patient OR i.patient_basis = present.patient_basis)
"""
ADD_IDENTITIES: LiteralString = """
    INSERT INTO encounter_identities (encounter_id, identity, tenant_id, patient_basis, began_at, patient, marks)
    VALUES (%(id)s, %(identity)s - 1, %(tenant_id)s, %(former)s, '0001-01-01T00:00:00Z', %(left)s, %(marks)s),
        (%(id)s, %(identity)s, %(tenant_id)s, %(basis)s, %(began_at)s, %(patient)s, '{}')
    ON CONFLICT (encounter_id, identity) DO UPDATE SET marks = excluded.marks
"""
RECIPIENTS_OF: LiteralString = """
    SELECT DISTINCT client_id FROM recipients WHERE encounter_id = %s AND identity = %s AND mode = 'exact' ORDER BY client_id
"""
HAS_RECIPIENT: LiteralString = """
    SELECT 1 FROM recipients
    WHERE encounter_id = %(encounter_id)s AND identity = %(identity)s AND client_id = %(client_id)s AND domain = %(domain)s
        AND mode = %(mode)s AND coalesce(revision, 0) >= coalesce(%(revision)s::bigint, 0) AND forms @> %(forms)s::text[]
"""
# Returns a row only if the identity still holds. The lock waits for a correction under way, and a correction waits for it.
ADD_RECIPIENT: LiteralString = """
    WITH held AS (
        SELECT id, tenant_id FROM encounters
        WHERE id = %(encounter_id)s AND (%(mode)s <> 'exact' OR identity = %(identity)s) FOR KEY SHARE
    ), added AS (
        INSERT INTO recipients (encounter_id, identity, client_id, domain, mode, tenant_id, version, revision, until, forms)
        SELECT id, %(identity)s, %(client_id)s, %(domain)s, %(mode)s, tenant_id, %(version)s, %(revision)s, %(until)s, %(forms)s::text[]
        FROM held
        ON CONFLICT (encounter_id, identity, client_id, domain, mode) DO UPDATE
        SET version = greatest(recipients.version, excluded.version), revision = greatest(recipients.revision, excluded.revision),
            until = greatest(recipients.until, excluded.until),
            forms = CASE WHEN recipients.forms @> excluded.forms THEN recipients.forms ELSE recipients.forms || excluded.forms END
        WHERE excluded.revision IS NOT NULL
    )
    SELECT 1 FROM held
"""
# The newest bundle that this app, or another of its domain, fetched under each former identity.
SENT_BEFORE: LiteralString = """
    SELECT r.identity, r.domain, i.patient_basis, max(r.version) AS version, max(r.revision) AS revision, max(r.until) AS until,
        array_agg(DISTINCT form) AS forms
    FROM recipients r JOIN encounter_identities i USING (encounter_id, identity) CROSS JOIN unnest(r.forms) AS form
    WHERE r.encounter_id = %(encounter_id)s AND r.identity < %(identity)s AND r.mode = %(mode)s AND r.revision IS NOT NULL
        AND (r.domain = %(domain)s OR r.client_id = %(client_id)s)
    GROUP BY r.identity, r.domain, i.patient_basis ORDER BY r.identity, r.domain
"""
FIND_VERSION: LiteralString = """
    SELECT e.id, e.tenant_id, v.care_model, v.status, e.vehicle_id, e.cad_incident_id, e.patient_number, e.test, v.version,
        %(revision)s::bigint AS revision, %(identity)s::integer AS identity, v.amended, %(patient_basis)s::bytea AS patient_basis,
        e.pseudonym_version, e.moved_by, v.record, e.created_at, v.written_at AS updated_at, e.anchor
    FROM encounters e JOIN encounter_versions v ON v.encounter_id = e.id AND v.version = %(version)s WHERE e.id = %(encounter_id)s
"""
FIND_APP: LiteralString = "SELECT pseudonym_domain, deidentification FROM apps WHERE client_id = %s"
# The first, lowest, highest and last reading of each metric and unit, and the highest before and since the airway: all that facts need,
# however many there are. Observations are only added, each with the revision that it made: a reader of one revision gets no later ones.
EXTREMES_OF: LiteralString = """
    SELECT id, device_id, device_class, mdc_code, mdc_code10, value, unit_code, data_absent_reason, observed_at, flags, test, revision
    FROM (
        SELECT id,
            lag(id) OVER by_time IS NULL OR lead(id) OVER by_time IS NULL OR lag(id) OVER by_value IS NULL
                OR lead(id) OVER by_value IS NULL OR lead(id) OVER by_airway IS NULL AS is_extreme
        FROM observations
        WHERE encounter_id = %(id)s AND tenant_id = %(tenant_id)s AND revision <= %(revision)s AND mdc_code = ANY(%(metrics)s)
            AND value IS NOT NULL AND NOT test AND flags = '{}'
        WINDOW by_time AS (PARTITION BY mdc_code, unit_code ORDER BY observed_at, id COLLATE "C"),
            by_value AS (PARTITION BY mdc_code, unit_code ORDER BY value, observed_at, id COLLATE "C"),
            by_airway AS (PARTITION BY mdc_code, unit_code, observed_at >= %(airway_at)s ORDER BY value, observed_at, id COLLATE "C")
    ) AS ranked JOIN observations USING (id)
    WHERE is_extreme ORDER BY observed_at, id
"""
# One portion in the order of time and id, as one JSON text, which costs the event loop less than rows. `end` is the revision, or the
# moment, up to which observations are visible. With time and id of the last one, where more may follow.
_PORTION: LiteralString = """
    SELECT coalesce(json_agg(portion), '[]')::text, CASE WHEN count(*) = %(limit)s THEN max(observed_at) END, (array_agg(id))[count(*)]
    FROM (
        SELECT id, device_id, device_class, mdc_code, mdc_code10, value, unit_code, data_absent_reason, observed_at, flags, test, revision
        FROM observations
        WHERE encounter_id = %(id)s AND tenant_id = %(tenant_id)s AND revision IS NOT NULL AND (observed_at, id) > (%(at)s, %(after)s)
"""
# A series is one device's readings of one metric and unit.
_SERIES: LiteralString = "hashtextextended(concat_ws('|', device_id, mdc_code10, mdc_code, unit_code, test), 0)"
_SHAPES: LiteralString = (
    """
    SELECT device_id, device_class, mdc_code, mdc_code10, unit_code, data_absent_reason, flags, test, value IS NOT NULL AS has_value,
        count(*) AS count, min(observed_at) AS first, max(observed_at) AS last, """
    + _SERIES
    + " AS series"
)
_SEEN: LiteralString = (
    " FROM observations WHERE encounter_id = %(id)s AND tenant_id = %(tenant_id)s AND revision IS NOT NULL"
)
# The median of the times between the readings of each series. It sorts two numbers of each reading, which fit in memory, and no more:
# with all columns it takes three times as long.
_STEPS: LiteralString = (
    """
    SELECT series, percentile_disc(0.5) WITHIN GROUP (ORDER BY step) FROM (
        SELECT series, observed_at - lag(observed_at) OVER (PARTITION BY series ORDER BY observed_at) AS step
        FROM (SELECT """
    + _SERIES
    + " AS series, observed_at"
)
_OF_REVISION: LiteralString = " AND revision <= %(end)s "
_BEFORE: LiteralString = " AND received_at < %(end)s "
_IN_PORTIONS: LiteralString = " ORDER BY observed_at, id LIMIT %(limit)s) AS portion"
_BY_SHAPE: LiteralString = " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY min(observed_at), min(id) LIMIT %(most)s"
_BY_SERIES: LiteralString = ") AS seen) AS steps GROUP BY series"
PORTION_OF: LiteralString = _PORTION + _OF_REVISION + _IN_PORTIONS
PORTION_BEFORE: LiteralString = _PORTION + _BEFORE + _IN_PORTIONS
SHAPES_OF: LiteralString = _SHAPES + _SEEN + _OF_REVISION + _BY_SHAPE
SHAPES_BEFORE: LiteralString = _SHAPES + _SEEN + _BEFORE + _BY_SHAPE
STEPS_OF: LiteralString = _STEPS + _SEEN + _OF_REVISION + _BY_SERIES
STEPS_BEFORE: LiteralString = _STEPS + _SEEN + _BEFORE + _BY_SERIES
COUNT_OBSERVATIONS_BEFORE: LiteralString = """
    SELECT count(*) FROM observations WHERE encounter_id = %s AND tenant_id = %s AND revision IS NOT NULL AND received_at < %s
"""

# Workers
UPSERT_APP: LiteralString = """
    INSERT INTO apps (tenant_id, client_id, version, status, pseudonym_domain, deidentification) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, client_id) DO UPDATE SET version = excluded.version, status = excluded.status,
        pseudonym_domain = excluded.pseudonym_domain, deidentification = excluded.deidentification
    WHERE apps.version < excluded.version
"""
UPSERT_DEVICE: LiteralString = """
    INSERT INTO devices (tenant_id, device_id, manufacturer, model, described_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, device_id) DO UPDATE
    SET manufacturer = excluded.manufacturer, model = excluded.model, described_at = excluded.described_at
    WHERE devices.described_at < excluded.described_at
"""
# Locked in the order of their ids, so that two batches wait for each other without a deadlock.
LOCK_KNOWN: LiteralString = """
    SELECT e.tenant_id, e.id, e.revision, e.readings FROM encounters e
    JOIN (SELECT DISTINCT * FROM unnest(%s::text[], %s::text[]) AS named (tenant_id, id)) named USING (tenant_id, id)
    ORDER BY e.id FOR NO KEY UPDATE OF e
"""
# Fields of an observation in INSERT_OBSERVATIONS, in its order, between the encounter's columns and `flags` and `test`.
OBSERVATION = (
    "id",
    "device_id",
    "device_class",
    "mdc_code",
    "mdc_code10",
    "value",
    "unit_code",
    "data_absent_reason",
    "observed_at",
)
# One statement for a whole batch, of any tenants and encounters. Flags are words without commas.
INSERT_OBSERVATIONS: LiteralString = """
    INSERT INTO observations (tenant_id, encounter_id, revision, id, device_id, device_class, mdc_code, mdc_code10, value, unit_code,
        data_absent_reason, observed_at, flags, test)
    SELECT tenant_id, encounter_id, revision, id, device_id, device_class, mdc_code, mdc_code10, value, unit_code,
        data_absent_reason, observed_at, string_to_array(flags, ','), test
    FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::numeric[],
        %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::boolean[])
        AS new (tenant_id, encounter_id, revision, id, device_id, device_class, mdc_code, mdc_code10, value, unit_code,
            data_absent_reason, observed_at, flags, test)
    ON CONFLICT (id) DO NOTHING RETURNING tenant_id, encounter_id, revision
"""
# Counts the readings' bytes, marks the facts of finished encounters as due, also those that failed five times, and returns the handed-over
# ones, without their records.
TOUCH_ENCOUNTERS: LiteralString = """
    WITH touched AS (
        UPDATE encounters e SET revision = revision + 1, updated_at = greatest(updated_at, now()), readings = readings + linked.count
        FROM unnest(%s::text[], %s::integer[]) AS linked (encounter_id, count) WHERE e.id = linked.encounter_id
        RETURNING id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, test, version, revision, identity,
            amended, patient_basis, pseudonym_version, moved_by, ''::bytea AS record, created_at, updated_at, anchor,
            linked.count
    ), counted AS (
        INSERT INTO stored_bytes_added (tenant_id, bytes) SELECT tenant_id, %s * sum(count) FROM touched GROUP BY tenant_id
    ), due AS (
        INSERT INTO due_facts AS d (encounter_id, tenant_id, revision)
        SELECT id, tenant_id, revision FROM touched WHERE status IN ('completed', 'handed_over')
        ON CONFLICT (encounter_id) DO UPDATE SET revision = excluded.revision,
            failures = CASE WHEN d.failures < 5 THEN d.failures ELSE 0 END,
            marked_at = CASE WHEN d.failures < 5 THEN d.marked_at ELSE clock_timestamp() END,
            due_at = CASE WHEN d.failures < 5 THEN d.due_at ELSE clock_timestamp() END
    )
    SELECT id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, test, version, revision, identity,
        amended, patient_basis, pseudonym_version, moved_by, record, created_at, updated_at, anchor
    FROM touched WHERE status = 'handed_over' ORDER BY id
"""
# One encounter of each of four tenants. A tenant with many has no more turns than another. A relay that dies loses its turn for a minute.
TAKE_DUE_FACTS: LiteralString = (
    tenants_of("due_facts")
    + """, taken AS (
        SELECT due.encounter_id FROM tenants t CROSS JOIN LATERAL (
            SELECT encounter_id FROM due_facts
            WHERE tenant_id = t.tenant_id AND due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
        ) due
        ORDER BY random() LIMIT 4
    )
    UPDATE due_facts d SET due_at = clock_timestamp() + interval '1 minute' FROM taken WHERE d.encounter_id = taken.encounter_id
    RETURNING d.encounter_id
"""
)
FORGET_DUE_FACTS: LiteralString = "DELETE FROM due_facts WHERE encounter_id = %s AND revision <= %s"
# Where readings came while the facts were computed.
FACTS_DUE_AGAIN: LiteralString = """
    UPDATE due_facts SET marked_at = clock_timestamp(), due_at = clock_timestamp() + interval '5 seconds', failures = 0
    WHERE encounter_id = %s
"""
# From the fifth failure on they wait for a day.
FACTS_FAILED: LiteralString = """
    UPDATE due_facts SET failures = least(failures + 1, 5),
        due_at = CASE WHEN failures < 4 THEN due_at ELSE clock_timestamp() + interval '1 day' END
    WHERE encounter_id = %s RETURNING failures
"""
DUE_FACTS_BEHIND: LiteralString = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(marked_at)), 0)::float8 FROM due_facts WHERE failures < 5
"""
# At most 20 encounters, one of each organisation before a second of any, those that have been due longest first.
DUE_LATE_LINKS: LiteralString = (
    tenants_of("late_links")
    + """, due AS (
        SELECT l.encounter_id, l.look_at, row_number() OVER (PARTITION BY t.tenant_id ORDER BY l.look_at) AS turn
        FROM tenants t CROSS JOIN LATERAL (
            SELECT encounter_id, look_at FROM late_links
            WHERE tenant_id = t.tenant_id AND look_at <= clock_timestamp() ORDER BY look_at LIMIT 20
        ) l
    )
    SELECT tenant_id, encounter_id FROM late_links
    WHERE encounter_id = ANY (ARRAY(SELECT encounter_id FROM due ORDER BY turn, look_at LIMIT 20)) AND look_at <= clock_timestamp()
    FOR UPDATE SKIP LOCKED
"""
)
LINK_LATE: LiteralString = """
    WITH early AS (
        SELECT o.id, known.revision FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS known (tenant_id, encounter_id, revision)
        CROSS JOIN LATERAL (
            SELECT id FROM observations
            WHERE encounter_id = known.encounter_id AND tenant_id = known.tenant_id AND revision IS NULL
            ORDER BY id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
        ) o
    )
    UPDATE observations o SET revision = early.revision FROM early WHERE o.id = early.id
    RETURNING o.tenant_id, o.encounter_id, o.id
"""
# Again at once where a portion was full; otherwise every ten seconds until no early observation can be left.
LOOK_AGAIN: LiteralString = """
    UPDATE late_links SET look_at = clock_timestamp() + CASE WHEN encounter_id = ANY(%s) THEN interval '0' ELSE interval '10 seconds' END
    WHERE encounter_id = ANY(%s)
"""
LOOK_LATER: LiteralString = """
    UPDATE late_links SET look_at = clock_timestamp() + interval '1 hour' WHERE tenant_id = %s AND encounter_id = %s
"""
FORGET_LATE_LINKS: LiteralString = """
    DELETE FROM late_links
    WHERE encounter_id = ANY(%s) AND encounter_id <> ALL(%s) AND created_at < clock_timestamp() - interval '2 minutes'
"""
LATE_LINKS_BEHIND: LiteralString = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(look_at)), 0)::float8 FROM late_links WHERE look_at <= clock_timestamp()
"""
UNREPORTED: LiteralString = "revision IS NULL AND NOT reported_unknown"
# At most 1,000, one of each organisation before a second of any, those that came first first.
REPORT_UNKNOWN: LiteralString = (
    tenants_of("observations", UNREPORTED)
    + """, due AS (
        SELECT o.id, o.received_at, row_number() OVER (PARTITION BY t.tenant_id ORDER BY o.received_at) AS turn
        FROM tenants t CROSS JOIN LATERAL (
            SELECT id, received_at FROM observations
            WHERE tenant_id = t.tenant_id AND revision IS NULL AND NOT reported_unknown
              AND received_at < now() - make_interval(secs => %(after_seconds)s)
            ORDER BY received_at LIMIT %(of_tenant)s
        ) o
    ), waiting AS (
        SELECT id FROM observations WHERE id = ANY (ARRAY(SELECT id FROM due ORDER BY turn, received_at LIMIT 1000))
          AND revision IS NULL AND NOT reported_unknown FOR UPDATE SKIP LOCKED
    )
    UPDATE observations o SET reported_unknown = true FROM waiting WHERE o.id = waiting.id
    RETURNING o.tenant_id, o.encounter_id, o.id
"""
)
# The age in seconds of the oldest observation whose encounter is unknown and that was not reported yet.
OLDEST_UNREPORTED: LiteralString = (
    tenants_of("observations", UNREPORTED)
    + """
    SELECT coalesce(extract(epoch FROM now() - min(o.received_at)), 0)::float8 FROM tenants t CROSS JOIN LATERAL (
        SELECT received_at FROM observations WHERE tenant_id = t.tenant_id AND revision IS NULL AND NOT reported_unknown
        ORDER BY received_at LIMIT 1) o
"""
)
