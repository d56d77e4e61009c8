-- The Patients and the places of readings in all transactions that a destination took, by identity: a hospital may ask for the same transaction any
-- number of times, and the next one reads a row for each Patient and place. `first_revision` and `last_revision` are those of the transactions
-- with it, `version` is the newest. They go with the encounter; the disclosures themselves all stay. The trigger alone writes them, and the keys
-- have the tenant: a disclosure that names the encounter of another tenant meets no row of that tenant.
CREATE TABLE patients_taken (
    encounter_id text NOT NULL REFERENCES encounters ON DELETE CASCADE,
    destination_id text NOT NULL,
    identity integer NOT NULL,
    patient text NOT NULL,
    tenant_id text NOT NULL,
    first_revision bigint NOT NULL,
    last_revision bigint NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (encounter_id, destination_id, identity, patient, tenant_id)
);
SELECT tenant_table('patients_taken');
REVOKE INSERT, UPDATE, DELETE ON patients_taken FROM {{app}}, {{worker}};

CREATE TABLE places_taken (
    encounter_id text NOT NULL REFERENCES encounters ON DELETE CASCADE,
    destination_id text NOT NULL,
    identity integer NOT NULL,
    place text NOT NULL,
    tenant_id text NOT NULL,
    first_revision bigint NOT NULL,
    PRIMARY KEY (encounter_id, destination_id, identity, place, tenant_id)
);
SELECT tenant_table('places_taken');
REVOKE INSERT, UPDATE, DELETE ON places_taken FROM {{app}}, {{worker}};

-- The same transaction again writes nothing.
CREATE FUNCTION public.note_taken() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.patients_taken AS t (encounter_id, destination_id, identity, patient, tenant_id, first_revision, last_revision, version)
    SELECT NEW.encounter_id, NEW.destination_id, NEW.identity, NEW.patient, NEW.tenant_id, NEW.revision, NEW.revision, NEW.version
    WHERE NOT EXISTS (
        SELECT FROM public.patients_taken k
        WHERE k.encounter_id = NEW.encounter_id AND k.destination_id = NEW.destination_id AND k.identity = NEW.identity
            AND k.patient = NEW.patient AND k.tenant_id = NEW.tenant_id AND NEW.revision BETWEEN k.first_revision AND k.last_revision)
    ON CONFLICT (encounter_id, destination_id, identity, patient, tenant_id) DO UPDATE
    SET first_revision = least(t.first_revision, excluded.first_revision), last_revision = greatest(t.last_revision, excluded.last_revision),
        version = greatest(t.version, excluded.version);
    INSERT INTO public.places_taken AS t (encounter_id, destination_id, identity, place, tenant_id, first_revision)
    SELECT NEW.encounter_id, NEW.destination_id, NEW.identity, taken.place, NEW.tenant_id, NEW.revision
    FROM (SELECT DISTINCT place FROM unnest(NEW.readings) AS place) AS taken
    WHERE NOT EXISTS (
        SELECT FROM public.places_taken k
        WHERE k.encounter_id = NEW.encounter_id AND k.destination_id = NEW.destination_id AND k.identity = NEW.identity
            AND k.place = taken.place AND k.tenant_id = NEW.tenant_id AND k.first_revision <= NEW.revision)
    ORDER BY taken.place
    ON CONFLICT (encounter_id, destination_id, identity, place, tenant_id) DO UPDATE
    SET first_revision = least(t.first_revision, excluded.first_revision);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION public.note_taken() FROM PUBLIC;
CREATE TRIGGER note_taken AFTER INSERT ON disclosures FOR EACH ROW WHEN (NEW.patient IS NOT NULL) EXECUTE FUNCTION note_taken();
