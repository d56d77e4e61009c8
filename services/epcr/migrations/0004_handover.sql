-- Where patients are brought, which app reads there who they are, and each time that it did.

-- How documents name the service that sends them.
CREATE TABLE senders (
    tenant_id text PRIMARY KEY,
    name text NOT NULL,
    code text,
    code_system text,
    phone text,
    -- The time zone in which texts for people show times; UTC without one.
    time_zone text,
    -- The systems that the organisation lists as those of one person each, such as the patient numbers of its hospitals.
    person_systems text[] NOT NULL DEFAULT '{}'
);
SELECT tenant_table('senders');

CREATE TABLE destinations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    code text NOT NULL,
    code_system text NOT NULL,
    type text NOT NULL,
    client_id text NOT NULL,
    legal_basis text NOT NULL,
    agreement text,
    readable_days integer NOT NULL CHECK (readable_days BETWEEN 1 AND 365),
    allows_break_glass boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    UNIQUE (tenant_id, code_system, code)
);
CREATE INDEX destinations_newest ON destinations (tenant_id, id DESC);
CREATE INDEX destinations_app ON destinations (tenant_id, client_id);
SELECT tenant_table('destinations'), worker_reads_all('destinations');

-- Each destination that an encounter had, in their order; the present one has no end.
CREATE TABLE encounter_destinations (
    encounter_id text NOT NULL REFERENCES encounters,
    position integer NOT NULL,
    tenant_id text NOT NULL,
    destination_id text NOT NULL REFERENCES destinations,
    named_by text NOT NULL,
    actor text,
    trace_id text NOT NULL,
    named_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    -- Why an administrator opened reading again.
    reopened text,
    -- When the days of reading begin, and the end of reading by the days that the destination has; absent once it is over, and for a cancelled encounter.
    -- The triggers below write both.
    counted_from timestamptz NOT NULL,
    listed_until timestamptz,
    PRIMARY KEY (encounter_id, position)
);
CREATE UNIQUE INDEX encounter_destinations_present ON encounter_destinations (encounter_id) WHERE ended_at IS NULL;
CREATE INDEX encounter_destinations_of ON encounter_destinations (destination_id, named_at);
CREATE INDEX encounter_destinations_bound ON encounter_destinations (destination_id, encounter_id) WHERE ended_at IS NULL;
-- The list of a hospital's arrivals reads a page, however many encounters the hospital had.
CREATE INDEX encounter_destinations_listed ON encounter_destinations (destination_id, encounter_id COLLATE "C" DESC) INCLUDE (counted_from)
    WHERE ended_at IS NULL AND listed_until IS NOT NULL;
CREATE INDEX encounter_destinations_over ON encounter_destinations (listed_until) WHERE ended_at IS NULL AND listed_until IS NOT NULL;
SELECT tenant_table('encounter_destinations'), worker_writes_all('encounter_destinations');
REVOKE UPDATE, DELETE ON encounter_destinations FROM {{app}}, {{worker}};
GRANT UPDATE (ended_at) ON encounter_destinations TO {{app}};
GRANT UPDATE (counted_from, listed_until) ON encounter_destinations TO {{app}}, {{worker}};

-- Naming a destination again does not begin its days of reading anew: they are counted from the end of the encounter or, until it ends, from
-- the first time that a destination of the app was named. An administrator may open reading again.
CREATE FUNCTION count_days_of_reading() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ended timestamptz := (
        SELECT min(written_at) FROM public.encounter_versions
        WHERE encounter_id = NEW.encounter_id AND status IN ('completed', 'handed_over')
    );
    first_named timestamptz := (
        SELECT min(n.named_at) FROM public.destinations named
        JOIN public.destinations d ON d.client_id = named.client_id AND d.tenant_id = named.tenant_id
        JOIN public.encounter_destinations n ON n.encounter_id = NEW.encounter_id AND n.destination_id = d.id
        WHERE named.id = NEW.destination_id
    );
BEGIN
    NEW.counted_from := CASE WHEN NEW.reopened IS NULL THEN coalesce(ended, first_named, NEW.named_at) ELSE NEW.named_at END;
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
    UPDATE public.encounter_destinations n SET counted_from = greatest(n.counted_from, ended),
        listed_until = CASE WHEN NEW.status <> 'cancelled' THEN greatest(n.counted_from, ended) + make_interval(days => d.readable_days) END
    FROM public.destinations d
    WHERE n.encounter_id = NEW.encounter_id AND n.ended_at IS NULL AND d.id = n.destination_id
        AND (NEW.status = 'cancelled' OR n.counted_from IS DISTINCT FROM greatest(n.counted_from, ended));
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

-- Emergency access to an encounter that is bound for another destination, or for none. `explanation` is ciphertext.
CREATE TABLE emergency_accesses (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    encounter_id text NOT NULL REFERENCES encounters,
    destination_id text NOT NULL REFERENCES destinations,
    client_id text NOT NULL,
    actor text,
    reason text NOT NULL,
    explanation bytea NOT NULL,
    trace_id text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL
);
CREATE INDEX emergency_accesses_encounter ON emergency_accesses (encounter_id, client_id, until);
CREATE INDEX emergency_accesses_destination ON emergency_accesses (destination_id);
CREATE INDEX emergency_accesses_newest ON emergency_accesses (tenant_id, id DESC);
CREATE INDEX emergency_accesses_app ON emergency_accesses (tenant_id, client_id, opened_at);
SELECT tenant_table('emergency_accesses');
REVOKE UPDATE, DELETE ON emergency_accesses FROM {{app}}, {{worker}};

-- Each time that an app got identified data: `digest` is SHA-256 of the bytes. `identity`, `version` and `revision` are the encounter's.
CREATE TABLE disclosures (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    encounter_id text NOT NULL REFERENCES encounters,
    identity integer NOT NULL,
    version integer NOT NULL,
    revision bigint NOT NULL,
    destination_id text NOT NULL REFERENCES destinations,
    client_id text NOT NULL,
    actor text,
    purpose text NOT NULL CHECK (purpose IN ('TREAT', 'BTG')),
    legal_basis text NOT NULL,
    emergency_id text REFERENCES emergency_accesses,
    content text NOT NULL,
    sections text[] NOT NULL,
    language text NOT NULL,
    digest bytea NOT NULL,
    -- Of an identified transaction: its Patient, by the identifier in the destination's name space, which the next one replaces; and the places of
    -- its readings, such as 150456|%/1, which a later one withdraws when it has fewer.
    patient text,
    readings text[],
    trace_id text NOT NULL,
    disclosed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((purpose = 'BTG') = (emergency_id IS NOT NULL))
);
CREATE INDEX disclosures_encounter ON disclosures (encounter_id, id DESC);
-- The foreign key looks for rows by it when an emergency access is deleted.
CREATE INDEX disclosures_emergency ON disclosures (emergency_id) WHERE emergency_id IS NOT NULL;
SELECT tenant_table('disclosures');
REVOKE UPDATE, DELETE ON disclosures FROM {{app}}, {{worker}};

-- The disclosures of each patient, by the basis of the patient's pseudonyms: those of an encounter under every basis that it had or has.
CREATE TABLE patient_disclosures (
    tenant_id text NOT NULL,
    patient_basis bytea NOT NULL,
    disclosure_id text NOT NULL REFERENCES disclosures,
    PRIMARY KEY (tenant_id, patient_basis, disclosure_id)
);
-- The foreign key looks for rows by it when a disclosure is deleted.
CREATE INDEX patient_disclosures_disclosure ON patient_disclosures (disclosure_id);
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

-- A correction of an identity writes one row for each patient whose list of disclosures grows, however many the encounter has had. The relay
-- lists them in portions after `place`; until then the list finds them by this row.
CREATE TABLE disclosures_to_list (
    tenant_id text NOT NULL,
    patient_basis bytea NOT NULL,
    encounter_id text NOT NULL,
    place text NOT NULL DEFAULT '',
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, patient_basis, encounter_id)
);
CREATE INDEX disclosures_to_list_turn ON disclosures_to_list (tenant_id, turn_at);
CREATE INDEX disclosures_to_list_marked ON disclosures_to_list (marked_at);
SELECT tenant_table('disclosures_to_list'), worker_writes_all('disclosures_to_list');
REVOKE UPDATE, DELETE ON disclosures_to_list FROM {{app}};

CREATE FUNCTION list_for_the_other_patient() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.disclosures_to_list (tenant_id, patient_basis, encounter_id)
    SELECT NEW.tenant_id, NEW.patient_basis, NEW.encounter_id
    WHERE EXISTS (SELECT FROM public.disclosures WHERE encounter_id = NEW.encounter_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER list_for_the_other_patient AFTER INSERT ON encounter_identities FOR EACH ROW EXECUTE FUNCTION list_for_the_other_patient();

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
CREATE TRIGGER note_taken AFTER INSERT ON disclosures FOR EACH ROW WHEN (NEW.patient IS NOT NULL) EXECUTE FUNCTION note_taken();
