CREATE TABLE devices (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    serial_number text NOT NULL,
    device_class text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    manufacturer text,
    model text,
    vehicle_id text,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, serial_number),
    CHECK (device_class IN ('defib', 'ecg', 'oximeter', 'bp', 'glucose', 'etco2', 'thermometer', 'multiparameter')),
    CHECK (status IN ('active', 'inactive', 'retired'))
);
CREATE INDEX devices_listed ON devices (tenant_id, id DESC);
CREATE INDEX devices_on_vehicle ON devices (tenant_id, vehicle_id, id DESC);
SELECT tenant_table('devices');

-- One row per reading, by day of observation. The device is checked by the insert itself, which is why no foreign key locks it each time.
CREATE TABLE observations (
    id text COLLATE "C" NOT NULL,
    tenant_id text NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    device_class text NOT NULL,
    mdc_code text NOT NULL,
    mdc_code10 integer NOT NULL,
    value numeric,
    unit_code text,
    data_absent_reason text,
    observed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    encounter_id text,
    encounter_link text,
    flags text[] NOT NULL,
    test boolean NOT NULL,
    PRIMARY KEY (id, observed_at),
    CHECK ((value IS NULL) <> (data_absent_reason IS NULL)),
    CHECK ((encounter_id IS NULL) = (encounter_link IS NULL)),
    CHECK (encounter_link IN ('pending', 'linked', 'unknown'))
) PARTITION BY RANGE (observed_at);
-- What makes a reading the same as another one. It also serves the list of a device by time.
CREATE UNIQUE INDEX observations_same ON observations
    (device_id, observed_at, mdc_code10, value, unit_code, data_absent_reason) NULLS NOT DISTINCT;
SELECT tenant_table('observations');
SELECT ensure_partition('observations', current_date + day) FROM generate_series(-8, 8) AS day;

-- Observations recorded and not yet told to subscribers, counted per commit, device and encounter. Only appended to and
-- emptied: a row to count in would make commits of the same device wait for one another.
CREATE TABLE announcements (
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    encounter_id text,
    observations integer NOT NULL,
    first_observed_at timestamptz NOT NULL,
    last_observed_at timestamptz NOT NULL,
    traceparent text
);
SELECT tenant_table('announcements'), worker_writes_all('announcements');
