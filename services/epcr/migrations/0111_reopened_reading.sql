-- Naming a destination again does not begin its days of reading anew: they are counted from the end of the encounter or, until it ends, from
-- the first time that a destination of the app was named. An administrator may open reading again, with a reason: `reopened`.
ALTER TABLE encounter_destinations ADD COLUMN reopened text;

CREATE OR REPLACE FUNCTION count_days_of_reading() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Bindings of the release before keep the days that they have, unless the encounter ends after them.
CREATE OR REPLACE FUNCTION count_days_from_the_end() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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
