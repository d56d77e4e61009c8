-- Readings can come before their encounter. New encounters drive the search for them, so that readings whose encounter never comes
-- cost nothing while they wait. A row stays for two minutes, longer than any transaction that did not see the encounter can last.
CREATE TABLE late_links (
    encounter_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    look_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX late_links_due ON late_links (look_at);
SELECT tenant_table('late_links'), worker_writes_all('late_links');

-- A trigger, so that encounters written by the version before, or restored, count too.
CREATE FUNCTION look_for_late_readings() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.late_links (encounter_id, tenant_id) VALUES (NEW.id, NEW.tenant_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER look_for_late_readings AFTER INSERT ON encounters FOR EACH ROW EXECUTE FUNCTION look_for_late_readings();

CREATE INDEX observations_waiting_for ON observations (encounter_id, id) WHERE revision IS NULL;
CREATE INDEX observations_unreported ON observations (received_at) WHERE revision IS NULL AND NOT reported_unknown;

INSERT INTO late_links (encounter_id, tenant_id)
SELECT DISTINCT e.id, e.tenant_id FROM observations o JOIN encounters e ON e.id = o.encounter_id AND e.tenant_id = o.tenant_id
WHERE o.revision IS NULL
ON CONFLICT DO NOTHING;

-- The list of a tenant's encounters of one status.
CREATE INDEX encounters_of_status ON encounters (tenant_id, status, id DESC);
