-- Reports of the quality indicators, and the schedules that ask for them.

-- A report holds the indicators of a calendar month, quarter or year, as they were counted when it was made: the texts of its files are compressed.
-- The relay reads these rows for all tenants: nothing that a web process writes is long.
-- `due_at` is when the relay may make it; NULL: nothing is left to do. `withheld` says whether small counts were withheld in it.
CREATE TABLE quality_reports (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    period text NOT NULL CHECK (period IN ('month', 'quarter', 'year')),
    from_date date NOT NULL,
    to_date date NOT NULL,
    names text[],
    schedule_id text COLLATE "C",
    sandbox boolean NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    made_at timestamptz,
    withheld boolean,
    csv_en bytea,
    csv_it bytea,
    fhir bytea,
    CONSTRAINT a_ready_report_has_its_files CHECK (
        (state = 'ready') = (made_at IS NOT NULL AND withheld IS NOT NULL AND csv_en IS NOT NULL AND csv_it IS NOT NULL AND fhir IS NOT NULL)),
    CONSTRAINT only_a_waiting_report_is_due CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT texts_are_short CHECK (octet_length(id) <= 64 AND octet_length(tenant_id) <= 1024 AND octet_length(names::text) <= 16384
        AND octet_length(schedule_id) <= 64),
    CONSTRAINT files_are_small CHECK (octet_length(csv_en) <= 1048576 AND octet_length(csv_it) <= 1048576 AND octet_length(fhir) <= 4194304)
);
CREATE INDEX quality_reports_of_tenant ON quality_reports (tenant_id, id);
CREATE INDEX quality_reports_due ON quality_reports (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX quality_reports_oldest ON quality_reports (created_at);
SELECT tenant_table('quality_reports'), worker_writes_all('quality_reports');
-- The web process asks for reports and reads them; the relay makes them.
REVOKE UPDATE ON quality_reports FROM {{app}};

-- `day` is of the week (1 is Monday), of the month, or of the first month of a quarter. `next_run_at` is NULL while the schedule is paused.
CREATE TABLE report_schedules (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    every text NOT NULL CHECK (every IN ('week', 'month', 'quarter')),
    day integer NOT NULL CHECK (day BETWEEN 1 AND CASE every WHEN 'week' THEN 7 ELSE 28 END),
    time_zone text NOT NULL,
    period text NOT NULL CHECK (period IN ('month', 'quarter', 'year')),
    names text[],
    sandbox boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    next_run_at timestamptz,
    last_run_at timestamptz,
    last_report_id text COLLATE "C",
    last_error text CHECK (last_error IN ('too_many_reports', 'failed')),
    CONSTRAINT texts_are_short CHECK (octet_length(id) <= 64 AND octet_length(tenant_id) <= 1024 AND octet_length(time_zone) <= 64
        AND octet_length(names::text) <= 16384 AND octet_length(last_report_id) <= 64)
);
CREATE INDEX report_schedules_of_tenant ON report_schedules (tenant_id, id);
CREATE INDEX report_schedules_due ON report_schedules (next_run_at) WHERE next_run_at IS NOT NULL;
SELECT tenant_table('report_schedules'), worker_writes_all('report_schedules');
