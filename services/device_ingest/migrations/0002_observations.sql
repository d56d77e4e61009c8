-- The readings of devices, and the counts of them that the next events to subscribers carry.

-- One row per reading, by day of observation. The device is checked by the insert itself, which is why no foreign key locks it each time.
CREATE TABLE observations (
    id text COLLATE "C" NOT NULL,
    tenant_id text NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    mdc_code text NOT NULL,
    mdc_code10 integer NOT NULL,
    value numeric,
    unit_code text,
    data_absent_reason text,
    observed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    encounter_id text,
    encounter_link text CHECK (encounter_link IN ('pending', 'linked', 'unknown')),
    flags text[] NOT NULL,
    test boolean NOT NULL,
    PRIMARY KEY (id, observed_at),
    CHECK ((value IS NULL) <> (data_absent_reason IS NULL)),
    CHECK ((encounter_id IS NULL) = (encounter_link IS NULL))
) PARTITION BY RANGE (observed_at);
-- The columns by which a reading is the same as another one. It also serves the list of a device by time.
CREATE UNIQUE INDEX observations_same ON observations
    (device_id, observed_at, mdc_code10, value, unit_code, data_absent_reason) NULLS NOT DISTINCT;
SELECT tenant_table('observations');
SELECT ensure_partition('observations', current_date + day) FROM generate_series(-8, 8) AS day;
-- The first to write on a day makes its partitions, should no relay have.
GRANT EXECUTE ON FUNCTION ensure_partitions_around_today(regclass) TO {{app}};

-- Observations that are recorded and in no event to subscribers yet, counted per commit, device and encounter. Only appended to and
-- emptied: a row to count in would make commits of the same device wait for one another.
-- Emptied every second: vacuumed long before a fifth of it has changed.
CREATE TABLE announcements (
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    encounter_id text,
    observations integer NOT NULL,
    first_observed_at timestamptz NOT NULL,
    last_observed_at timestamptz NOT NULL,
    -- Whether all that it counts was a test.
    test boolean NOT NULL DEFAULT false,
    traceparent text,
    -- Since when it waits, for its turn and for the gauge.
    written_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
-- From one tenant with waiting announcements to the next, and to its oldest ones.
CREATE INDEX announcements_of_tenant ON announcements (tenant_id, written_at);
-- The oldest of all.
CREATE INDEX announcements_oldest ON announcements (written_at);
SELECT tenant_table('announcements'), worker_writes_all('announcements');
