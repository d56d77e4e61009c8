-- The list of a hospital's arrivals reads a page, however many encounters the hospital had.

-- `counted_from` is when the days of reading begin: when the destination was named or, later, when the encounter ended. `listed_until` is
-- the end of reading by the days that the destination has; absent once it is over, and for a cancelled encounter. Triggers write both, so
-- that they hold for bindings of the release before, too.
ALTER TABLE encounter_destinations ADD COLUMN counted_from timestamptz, ADD COLUMN listed_until timestamptz;
GRANT UPDATE (counted_from, listed_until) ON encounter_destinations TO {{app}}, {{worker}};
SELECT worker_writes_all('encounter_destinations'), worker_reads_all('destinations');

CREATE FUNCTION count_days_of_reading() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.counted_from := greatest(NEW.named_at, (
        SELECT min(written_at) FROM public.encounter_versions
        WHERE encounter_id = NEW.encounter_id AND status IN ('completed', 'handed_over')
    ));
    NEW.listed_until := NEW.counted_from + (
        SELECT make_interval(days => readable_days) FROM public.destinations WHERE id = NEW.destination_id
    );
    RETURN NEW;
END $$;
CREATE TRIGGER count_days_of_reading BEFORE INSERT ON encounter_destinations FOR EACH ROW EXECUTE FUNCTION count_days_of_reading();

CREATE FUNCTION count_days_from_the_end() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ended timestamptz := (
        SELECT min(written_at) FROM public.encounter_versions
        WHERE encounter_id = NEW.encounter_id AND status IN ('completed', 'handed_over')
    );
BEGIN
    UPDATE public.encounter_destinations n SET counted_from = greatest(n.named_at, ended),
        listed_until = CASE WHEN NEW.status <> 'cancelled' THEN greatest(n.named_at, ended) + make_interval(days => d.readable_days) END
    FROM public.destinations d
    WHERE n.encounter_id = NEW.encounter_id AND n.ended_at IS NULL AND d.id = n.destination_id
        AND (NEW.status = 'cancelled' OR n.counted_from IS DISTINCT FROM greatest(n.named_at, ended));
    RETURN NULL;
END $$;
CREATE TRIGGER count_days_from_the_end AFTER INSERT ON encounter_versions FOR EACH ROW
    WHEN (NEW.status IN ('completed', 'handed_over', 'cancelled')) EXECUTE FUNCTION count_days_from_the_end();

-- Destinations whose days of reading changed. The relay writes `listed_until` of their encounters anew, in portions after `place`.
CREATE TABLE relistings (
    destination_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    place text NOT NULL DEFAULT '',
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX relistings_turn ON relistings (turn_at);
CREATE INDEX relistings_marked ON relistings (marked_at);
SELECT tenant_table('relistings'), worker_writes_all('relistings');
REVOKE DELETE ON relistings FROM {{app}};

CREATE FUNCTION list_encounters_anew() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.relistings (destination_id, tenant_id) VALUES (NEW.id, NEW.tenant_id)
    ON CONFLICT (destination_id) DO UPDATE SET place = '';
    RETURN NULL;
END $$;
CREATE TRIGGER list_encounters_anew AFTER UPDATE OF readable_days ON destinations FOR EACH ROW
    WHEN (OLD.readable_days <> NEW.readable_days) EXECUTE FUNCTION list_encounters_anew();

-- The disclosures of each patient, by the basis of the patient's pseudonyms: those of an encounter under every basis that it had or has.
CREATE TABLE patient_disclosures (
    tenant_id text NOT NULL,
    patient_basis bytea NOT NULL,
    disclosure_id text NOT NULL REFERENCES disclosures,
    PRIMARY KEY (tenant_id, patient_basis, disclosure_id)
);
SELECT tenant_table('patient_disclosures');
REVOKE UPDATE, DELETE ON patient_disclosures FROM {{app}}, {{worker}};

CREATE FUNCTION list_for_the_patient() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.patient_disclosures (tenant_id, patient_basis, disclosure_id)
    SELECT NEW.tenant_id, patient_basis, NEW.id FROM public.encounters WHERE id = NEW.encounter_id AND patient_basis IS NOT NULL
    UNION SELECT NEW.tenant_id, patient_basis, NEW.id FROM public.encounter_identities WHERE encounter_id = NEW.encounter_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER list_for_the_patient AFTER INSERT ON disclosures FOR EACH ROW EXECUTE FUNCTION list_for_the_patient();

CREATE FUNCTION list_for_the_other_patient() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.patient_disclosures (tenant_id, patient_basis, disclosure_id)
    SELECT NEW.tenant_id, NEW.patient_basis, id FROM public.disclosures WHERE encounter_id = NEW.encounter_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER list_for_the_other_patient AFTER INSERT ON encounter_identities FOR EACH ROW EXECUTE FUNCTION list_for_the_other_patient();
