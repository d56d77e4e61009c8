-- Web processes never write the copies of apps: auth's messages do.
REVOKE INSERT, UPDATE, DELETE ON apps FROM {{app}};

-- The relay takes replays and chores in turns: `turn_of` is the organisation, or '' for all together of which auth has sent no app. A role of a web
-- process that names organisations of its own invention so has one turn, and few slots. Such a role sets no time: the database does.
ALTER TABLE replays ADD COLUMN turn_of text COLLATE "C", ADD COLUMN slot integer;
ALTER TABLE chores ADD COLUMN turn_of text COLLATE "C", ADD COLUMN slot integer;
CREATE UNIQUE INDEX replays_slots ON replays (turn_of, slot) WHERE slot IS NOT NULL;
CREATE UNIQUE INDEX chores_slots ON chores (turn_of, slot) WHERE slot IS NOT NULL;

-- The turn of a row of that organisation.
CREATE FUNCTION public.turn_of(tenant_id text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN quote_ident(session_user)::regrole = '{{app}}'::regrole
        AND NOT EXISTS (SELECT FROM public.apps a WHERE a.tenant_id = $1) THEN '' ELSE $1 END
$$;
REVOKE EXECUTE ON FUNCTION public.turn_of(text) FROM PUBLIC;

-- The most rows of a turn is the trigger's argument. A row without `due_at` has no slot.
CREATE FUNCTION public.bound_turns() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.slot := NULL;
        NEW.turn_of := public.turn_of(NEW.tenant_id);
    ELSE
        NEW.slot := OLD.slot;
        NEW.turn_of := OLD.turn_of;
    END IF;
    IF NEW.due_at IS NULL THEN
        NEW.slot := NULL;
    ELSIF quote_ident(session_user)::regrole = '{{app}}'::regrole THEN
        IF TG_OP = 'INSERT' OR NEW.due_at IS DISTINCT FROM OLD.due_at THEN
            NEW.due_at := clock_timestamp();
        END IF;
        NEW.slot := coalesce(NEW.slot, public.free_slot(TG_RELID, coalesce(NEW.turn_of, NEW.tenant_id), TG_ARGV[0]::integer));
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.bound_turns() FROM PUBLIC;
CREATE TRIGGER bound_turns BEFORE INSERT OR UPDATE ON replays FOR EACH ROW EXECUTE FUNCTION public.bound_turns(200);
CREATE TRIGGER bound_turns BEFORE INSERT OR UPDATE ON chores FOR EACH ROW EXECUTE FUNCTION public.bound_turns(5000);

-- The relay takes webhooks that fail, recovered or gave deliveries up, oldest first over all organisations: senders note these times and counts. A
-- web process can only forget them.
CREATE FUNCTION public.keep_results_of_senders() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.exhausted = 0 AND num_nonnulls(NEW.failing_since, NEW.last_failure_at, NEW.noticed_failing_since, NEW.recovered_at,
        NEW.stepped_at, NEW.exhausted_noticed_at) = 0 THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.exhausted <= OLD.exhausted
        AND (NEW.failing_since IS NULL OR NEW.failing_since IS NOT DISTINCT FROM OLD.failing_since)
        AND (NEW.last_failure_at IS NULL OR NEW.last_failure_at IS NOT DISTINCT FROM OLD.last_failure_at)
        AND (NEW.noticed_failing_since IS NULL OR NEW.noticed_failing_since IS NOT DISTINCT FROM OLD.noticed_failing_since)
        AND (NEW.recovered_at IS NULL OR NEW.recovered_at IS NOT DISTINCT FROM OLD.recovered_at)
        AND (NEW.stepped_at IS NULL OR NEW.stepped_at IS NOT DISTINCT FROM OLD.stepped_at)
        AND NEW.exhausted_noticed_at IS NOT DISTINCT FROM OLD.exhausted_noticed_at THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'senders note the results of a webhook' USING ERRCODE = 'check_violation';
END $$;
REVOKE EXECUTE ON FUNCTION public.keep_results_of_senders() FROM PUBLIC;
CREATE TRIGGER keep_results_of_senders BEFORE INSERT OR UPDATE ON subscriptions FOR EACH ROW
    WHEN (current_user = trim(BOTH '"' FROM '{{app}}')) EXECUTE FUNCTION public.keep_results_of_senders();
