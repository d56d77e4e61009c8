-- The readings of devices, their links to encounters, and the facts that late readings change.

-- The maker and model of devices, in words that device-ingest lets pass: no serial number is among them.
CREATE TABLE devices (
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    manufacturer text,
    model text,
    described_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
);
CREATE INDEX devices_described ON devices (tenant_id, described_at);
SELECT tenant_table('devices');
REVOKE INSERT, UPDATE, DELETE ON devices FROM {{app}};

-- The readings. `revision` is the encounter's when it came in, so that a reader who saw that revision sees no later one.
-- It is null while the encounter is not known here: a message reports `unknown` to device-ingest after a while, `linked` if it appears after all.
CREATE TABLE observations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    encounter_id text NOT NULL,
    device_id text NOT NULL,
    device_class text NOT NULL,
    mdc_code text NOT NULL,
    mdc_code10 bigint NOT NULL,
    value numeric,
    unit_code text,
    data_absent_reason text,
    observed_at timestamptz NOT NULL,
    flags text[] NOT NULL DEFAULT '{}',
    test boolean NOT NULL DEFAULT false,
    revision bigint,
    reported_unknown boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX observations_encounter ON observations (encounter_id, observed_at, id) WHERE revision IS NOT NULL;
CREATE INDEX observations_waiting ON observations (received_at) WHERE revision IS NULL;
CREATE INDEX observations_waiting_for ON observations (encounter_id, id) WHERE revision IS NULL;
-- From one organisation with readings of unknown encounters to the next: each has its turn, however many one has.
CREATE INDEX observations_unreported_turns ON observations (tenant_id, received_at) WHERE revision IS NULL AND NOT reported_unknown;
SELECT tenant_table('observations'), worker_writes_all('observations');
REVOKE INSERT, UPDATE, DELETE ON observations FROM {{app}};

-- Readings can come before their encounter. New encounters drive the search for them, so that readings whose encounter never comes
-- cost nothing while they wait. A row stays for two minutes, longer than any transaction that did not see the encounter can last.
CREATE TABLE late_links (
    encounter_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    look_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX late_links_due ON late_links (look_at);
-- From one organisation with late links to the next, and to those that are due: each has its turn, however many one has.
CREATE INDEX late_links_turns ON late_links (tenant_id, look_at);
SELECT tenant_table('late_links'), worker_writes_all('late_links');

-- A trigger, so that encounters count however they are written.
CREATE FUNCTION look_for_late_readings() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.late_links (encounter_id, tenant_id) VALUES (NEW.id, NEW.tenant_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER look_for_late_readings AFTER INSERT ON encounters FOR EACH ROW EXECUTE FUNCTION look_for_late_readings();

-- Finished encounters whose facts for the indicators are due again, because late readings came. A relay computes them apart from the
-- batch that brought the readings. `revision` is the newest one that is due. A relay that takes a row moves `due_at` ahead, so that a row
-- whose relay died comes again. `failures` are the attempts that failed: after five the facts are due once a day, and nothing waits for them.
CREATE TABLE due_facts (
    encounter_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    revision bigint NOT NULL,
    failures smallint NOT NULL DEFAULT 0,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '5 seconds'
);
CREATE INDEX due_facts_turn ON due_facts (tenant_id, due_at);
-- The oldest facts that did not fail for good.
CREATE INDEX due_facts_oldest_sound ON due_facts (marked_at) WHERE failures < 5;
SELECT tenant_table('due_facts'), worker_writes_all('due_facts');
REVOKE INSERT, UPDATE, DELETE ON due_facts FROM {{app}};
