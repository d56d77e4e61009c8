"""Every SQL statement of the service. Row-level security limits each to the tenant of its transaction."""

from typing import LiteralString, cast

from msgspec import UNSET, structs

from services.device_ingest.models import Enrolment

# The optional columns of a device, named by the optional fields of an enrolment. Every statement about devices gets them from here.
DETAILS = cast(
    "tuple[LiteralString, ...]", tuple(field.name for field in structs.fields(Enrolment) if field.default is UNSET)
)
COLUMNS: LiteralString = f"id, serial_number, device_class, status, {', '.join(DETAILS)}, enrolled_at, updated_at"
LAST_CONTACT: LiteralString = (
    "(SELECT c.last_at FROM device_contacts c WHERE c.device_id = devices.id) AS last_contact_at"
)
DEVICE: LiteralString = f"{COLUMNS}, {LAST_CONTACT}"

# Details that are not in `given` keep their value. `old` is null for a new device.
ENROL_DEVICE: LiteralString = f"""
    INSERT INTO devices (id, tenant_id, serial_number, device_class, sandbox, {", ".join(DETAILS)})
    VALUES (%(id)s, current_tenant(), %(serial_number)s, %(device_class)s, %(sandbox)s, {", ".join(f"%({name})s" for name in DETAILS)})
    ON CONFLICT (tenant_id, serial_number) DO UPDATE SET
        device_class = excluded.device_class, status = 'active', updated_at = now(),
        {", ".join(f"{name} = CASE WHEN '{name}' = ANY(%(given)s) THEN excluded.{name} ELSE devices.{name} END" for name in DETAILS)}
    RETURNING {", ".join("new." + column.strip() for column in COLUMNS.split(","))}, {LAST_CONTACT}, old.id IS NULL AS is_new,
        (old.status, old.device_class, old.vehicle_id) IS DISTINCT FROM (new.status, new.device_class, new.vehicle_id)
            AS must_notify
"""

HAS_DEVICE: LiteralString = "SELECT FROM devices WHERE tenant_id = current_tenant() AND serial_number = %s"
COUNT_DEVICES: LiteralString = "SELECT count(*) FROM devices WHERE tenant_id = current_tenant()"
FIND_DEVICE: LiteralString = f"SELECT {DEVICE} FROM devices WHERE id = %s"
LOCK_DEVICE: LiteralString = f"SELECT {DEVICE} FROM devices WHERE id = %s FOR UPDATE"

CHANGE_DEVICE: LiteralString = f"""
    UPDATE devices SET status = %(status)s, {", ".join(f"{name} = %({name})s" for name in DETAILS)}, updated_at = now()
    WHERE id = %(id)s RETURNING {DEVICE}
"""

# The planner does not know the tenant of the policy, and would sort all devices of one that has many more than others.
LIST_DEVICES: LiteralString = f"""
    SELECT {DEVICE} FROM devices
    WHERE tenant_id = current_tenant() AND (%(after)s::text IS NULL OR id < %(after)s)
        AND (%(vehicle_id)s::text IS NULL OR vehicle_id = %(vehicle_id)s)
        AND (%(device_class)s::text IS NULL OR device_class = %(device_class)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(silent_since)s::timestamptz IS NULL OR enrolled_at < %(silent_since)s AND NOT EXISTS (
            SELECT FROM device_contacts c WHERE c.device_id = devices.id AND c.last_at >= %(silent_since)s))
    ORDER BY id DESC LIMIT %(limit)s
"""

# The vehicles that devices are on, in the order of their ids. Retired devices do not count.
LIST_VEHICLES: LiteralString = """
    SELECT d.vehicle_id, count(*) AS devices, max(c.last_at) AS last_contact_at
    FROM devices d LEFT JOIN device_contacts c ON c.device_id = d.id
    WHERE d.status <> 'retired' AND d.vehicle_id > %(after)s
    GROUP BY d.vehicle_id ORDER BY d.vehicle_id LIMIT %(limit)s
"""

OBSERVATION: LiteralString = """
    id, device_id, mdc_code, mdc_code10, value, unit_code, data_absent_reason, observed_at, recorded_at,
    encounter_id, encounter_link, flags, test
"""

# The observations of one tenant as a JSON array: one parameter, whose numbers keep their digits. The join demands that the device is
# active now and has the class of the check, and the condition that the tenant has not used its allowance. The result lacks observations
# that exist already, have no such device or find no room.
RECORD_OBSERVATIONS: LiteralString = """
    WITH r AS (
        SELECT * FROM json_to_recordset(%s::json) AS r (id text, device_id text, device_class text, mdc_code text, mdc_code10 int,
            value numeric, unit_code text, data_absent_reason text, observed_at timestamptz, recorded_at timestamptz, encounter_id text,
            flags text[], test bool, traceparent text)
    ), recorded AS (
        INSERT INTO observations (id, tenant_id, device_id, mdc_code, mdc_code10, value, unit_code, data_absent_reason,
            observed_at, recorded_at, encounter_id, encounter_link, flags, test)
        SELECT r.id, current_tenant(), r.device_id, r.mdc_code, r.mdc_code10, r.value, r.unit_code, r.data_absent_reason,
            r.observed_at, r.recorded_at, r.encounter_id, CASE WHEN r.encounter_id IS NOT NULL THEN 'pending' END, r.flags, r.test
        FROM r JOIN devices d ON d.id = r.device_id AND d.status = 'active' AND d.device_class = r.device_class
        WHERE coalesce((SELECT observations FROM stored_observations WHERE tenant_id = current_tenant()), 0)
            < coalesce((SELECT most FROM tenant_limits WHERE tenant_id = current_tenant() AND name = 'observations'), %s::bigint)
        ON CONFLICT DO NOTHING
        RETURNING id
    ), counted AS (
        INSERT INTO announcements (tenant_id, device_id, encounter_id, observations, first_observed_at, last_observed_at, test, traceparent)
        SELECT current_tenant(), device_id, encounter_id, count(*), min(observed_at), max(observed_at), bool_and(test), min(traceparent)
        FROM recorded JOIN r USING (id) GROUP BY device_id, encounter_id
    )
    SELECT id FROM recorded
"""

# The existing rows of repeated observations, each with the unused new id. The bounds exclude most partitions.
FIND_SAME: LiteralString = """
    SELECT r.id AS unused_id, o.id, o.device_id, o.mdc_code, o.mdc_code10, o.value, o.unit_code, o.data_absent_reason, o.observed_at,
        o.recorded_at, o.encounter_id, o.encounter_link, o.flags, o.test
    FROM json_to_recordset(%s::json) AS r (id text, device_id text, mdc_code10 int, value numeric, unit_code text,
        data_absent_reason text, observed_at timestamptz)
    JOIN observations o ON o.device_id = r.device_id AND o.observed_at = r.observed_at AND o.mdc_code10 = r.mdc_code10
        AND o.value IS NOT DISTINCT FROM r.value AND o.unit_code IS NOT DISTINCT FROM r.unit_code
        AND o.data_absent_reason IS NOT DISTINCT FROM r.data_absent_reason
    WHERE o.observed_at BETWEEN %s AND %s
"""

# For an observation that is sent again with its encounter. No row where another encounter has it by now.
NAME_ENCOUNTER: LiteralString = f"""
    UPDATE observations SET encounter_id = %(encounter_id)s, encounter_link = coalesce(encounter_link, 'pending')
    WHERE id = %(id)s AND observed_at = %(observed_at)s AND coalesce(encounter_id, %(encounter_id)s) = %(encounter_id)s
    RETURNING {OBSERVATION}
"""

# The next tenants with waiting announcements, and how many, counted up to `share`. Steps from tenant to tenant, however many one has.
WAITING_TENANTS: LiteralString = """
    WITH RECURSIVE walk AS (
        (SELECT tenant_id, 1 AS step FROM announcements WHERE tenant_id > %(after)s ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT a.tenant_id FROM announcements a WHERE a.tenant_id > w.tenant_id ORDER BY a.tenant_id LIMIT 1), w.step + 1
        FROM walk w WHERE w.tenant_id IS NOT NULL AND w.step < %(tenants)s
    )
    SELECT tenant_id, (SELECT count(*) FROM (
        SELECT FROM announcements a WHERE a.tenant_id = w.tenant_id ORDER BY a.tenant_id, written_at LIMIT %(share)s) AS counted)
    FROM walk w WHERE tenant_id IS NOT NULL
"""
# Also counts the observations that each tenant stores, and writes the last contact of each device where the row is a minute old.
TAKE_ANNOUNCEMENTS: LiteralString = """
    WITH taken AS (
        DELETE FROM announcements WHERE ctid = ANY(ARRAY(
            SELECT oldest.ctid FROM unnest(%s::text[], %s::bigint[]) AS turn (tenant_id, most) CROSS JOIN LATERAL (
                SELECT ctid FROM announcements a WHERE a.tenant_id = turn.tenant_id ORDER BY a.tenant_id, written_at LIMIT turn.most
            ) AS oldest
        )) RETURNING *
    ), of_days AS (
        INSERT INTO stored_by_day AS s (day, tenant_id, observations)
        SELECT (last_observed_at AT TIME ZONE 'UTC')::date, tenant_id, sum(observations) FROM taken GROUP BY 1, 2
        ON CONFLICT (day, tenant_id) DO UPDATE SET observations = s.observations + excluded.observations
    ), in_all AS (
        INSERT INTO stored_observations AS s (tenant_id, observations)
        SELECT tenant_id, sum(observations) FROM taken GROUP BY 1
        ON CONFLICT (tenant_id) DO UPDATE SET observations = s.observations + excluded.observations
    ), heard AS (
        SELECT tenant_id, device_id, max(written_at) AS last_at FROM taken GROUP BY 1, 2
    ), contacts AS (
        INSERT INTO device_contacts AS c (tenant_id, device_id, last_at)
        SELECT h.tenant_id, h.device_id, h.last_at
        FROM heard h LEFT JOIN device_contacts known ON (known.tenant_id, known.device_id) = (h.tenant_id, h.device_id)
        WHERE known.last_at IS NULL OR known.last_at <= h.last_at - interval '1 minute'
        ORDER BY h.tenant_id, h.device_id
        ON CONFLICT (tenant_id, device_id) DO UPDATE SET last_at = greatest(c.last_at, excluded.last_at)
    )
    SELECT tenant_id, device_id, encounter_id, sum(observations), min(first_observed_at), max(last_observed_at), bool_and(test),
        min(traceparent)
    FROM taken GROUP BY tenant_id, device_id, encounter_id
"""
# One statement for all rows: `outbox.ADD` for each row takes half as long again.
ADD_EVENTS: LiteralString = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, traceparent)
    SELECT id, tenant_id, consumer, name, body::jsonb, traceparent
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
        AS new (id, tenant_id, consumer, name, body, traceparent)
"""
# The age in seconds of the oldest announcement that waits.
OLDEST_ANNOUNCEMENT: LiteralString = """
    SELECT coalesce(extract(epoch FROM now() - (SELECT written_at FROM announcements ORDER BY written_at LIMIT 1)), 0)::float8
"""

# A code that the device does not send would read all that is kept of the device: each call looks at the next 10,000 observations alone.
_OF_DEVICE: LiteralString = f"""
    SELECT {OBSERVATION} FROM observations
    WHERE device_id = %(device_id)s AND observed_at >= %(since)s AND observed_at < %(until)s
        AND (%(after_id)s::text IS NULL OR (observed_at, id) < (%(after_time)s, %(after_id)s))
    ORDER BY observed_at DESC, id DESC
"""
LIST_OBSERVATIONS: LiteralString = f"""
    SELECT * FROM ({_OF_DEVICE} LIMIT 10000) looked WHERE (%(mdc_code10)s::int IS NULL OR mdc_code10 = %(mdc_code10)s)
    ORDER BY observed_at DESC, id DESC LIMIT %(limit)s
"""
# The last observation that such a call looked at, where there may be more.
REACHED: LiteralString = f"{_OF_DEVICE} OFFSET 9999 LIMIT 1"

# The caller compares the device: with its id the planner may prefer the index of its times, and read all that it sent in these days.
FIND_OBSERVATION: LiteralString = f"""
    SELECT {OBSERVATION} FROM observations WHERE id = %(id)s AND observed_at BETWEEN %(earliest)s AND %(latest)s
"""

# A late encounter turns `unknown` into `linked`. `linked` is final.
LINK_OBSERVATIONS: LiteralString = """
    UPDATE observations o SET encounter_link = r.link
    FROM unnest(%s::text[], %s::text[], %s::text[]) AS r (id, encounter_id, link)
    WHERE o.id = r.id AND o.encounter_id = r.encounter_id AND o.observed_at BETWEEN %s AND %s
        AND o.encounter_link <> r.link AND o.encounter_link <> 'linked'
"""

# --- sandboxes --------------------------------------------------------------------------------------------------------
INSERT_SANDBOX_DEVICES: LiteralString = """
    INSERT INTO devices (id, tenant_id, serial_number, device_class, manufacturer, model, vehicle_id, sandbox, enrolled_at, updated_at)
    SELECT id, current_tenant(), serial_number, device_class, 'Sandbox', model, vehicle_id, true, enrolled_at, enrolled_at
    FROM json_to_recordset(%s::json) AS new (id text, serial_number text, device_class text, model text, vehicle_id text,
        enrolled_at timestamptz)
    ON CONFLICT DO NOTHING
"""
# As RECORD_OBSERVATIONS with the contacts that the relay writes, but without an event.
INSERT_SANDBOX_OBSERVATIONS: LiteralString = """
    WITH recorded AS (
        INSERT INTO observations (id, tenant_id, device_id, mdc_code, mdc_code10, value, unit_code, observed_at, recorded_at,
            encounter_id, encounter_link, flags, test)
        SELECT r.id, current_tenant(), r.device_id, r.mdc_code, r.mdc_code10, r.value, r.unit_code, r.observed_at,
            r.recorded_at, r.encounter_id, 'pending', '{}', true
        FROM json_to_recordset(%s::json) AS r (id text, device_id text, mdc_code text, mdc_code10 int, value numeric,
            unit_code text, observed_at timestamptz, recorded_at timestamptz, encounter_id text)
        JOIN devices d ON d.id = r.device_id AND d.sandbox
        ON CONFLICT DO NOTHING RETURNING id, device_id, recorded_at
    ), contacts AS (
        INSERT INTO device_contacts AS c (tenant_id, device_id, last_at)
        SELECT current_tenant(), device_id, max(recorded_at) FROM recorded GROUP BY device_id ORDER BY device_id
        ON CONFLICT (tenant_id, device_id) DO UPDATE SET last_at = greatest(c.last_at, excluded.last_at)
    )
    SELECT id FROM recorded
"""
ERASE_SANDBOX_DEVICES: LiteralString = "SELECT erase_sandbox_devices(%s)"
