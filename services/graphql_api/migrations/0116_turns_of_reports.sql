-- The relay takes reports and schedules in turns: `turn_of` is the organisation, or '' for all together that have no case counted. A role of a
-- web process that names organisations of its own invention so has one turn, and few slots. Such a role makes no row due before now.
ALTER TABLE quality_reports ADD COLUMN turn_of text COLLATE "C", ADD COLUMN slot integer;
ALTER TABLE report_schedules ADD COLUMN turn_of text COLLATE "C", ADD COLUMN slot integer;
CREATE UNIQUE INDEX quality_reports_slots ON quality_reports (turn_of, slot) WHERE slot IS NOT NULL;
CREATE UNIQUE INDEX report_schedules_slots ON report_schedules (turn_of, slot) WHERE slot IS NOT NULL;

-- The turn of a row of that organisation.
CREATE FUNCTION public.turn_of(tenant_id text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN quote_ident(session_user)::regrole = '{{app}}'::regrole
        AND NOT EXISTS (SELECT FROM public.acqi_tenants a WHERE a.tenant_id = $1) THEN '' ELSE $1 END
$$;
REVOKE EXECUTE ON FUNCTION public.turn_of(text) FROM PUBLIC;

-- Web processes have no right to update reports. The relay's own reports are of schedules, whose number is bounded.
CREATE FUNCTION public.bound_quality_reports() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.slot := NULL;
        NEW.turn_of := public.turn_of(NEW.tenant_id);
        IF NEW.due_at IS NOT NULL AND quote_ident(session_user)::regrole = '{{app}}'::regrole THEN
            NEW.due_at := clock_timestamp();
            NEW.slot := public.free_slot('public.quality_reports', NEW.turn_of, 1000);
        END IF;
    ELSIF NEW.due_at IS NULL THEN
        NEW.slot := NULL;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.bound_quality_reports() FROM PUBLIC;
CREATE TRIGGER bound_quality_reports BEFORE INSERT OR UPDATE OF due_at ON quality_reports
    FOR EACH ROW EXECUTE FUNCTION public.bound_quality_reports();

-- A schedule has its slot while it is paused too. A run that is due stays due while its row is changed.
CREATE FUNCTION public.bound_report_schedules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.slot := NULL;
        NEW.turn_of := public.turn_of(NEW.tenant_id);
    ELSE
        NEW.slot := OLD.slot;
        NEW.turn_of := OLD.turn_of;
    END IF;
    IF quote_ident(session_user)::regrole = '{{app}}'::regrole THEN
        IF TG_OP = 'INSERT' OR NEW.next_run_at IS DISTINCT FROM OLD.next_run_at THEN
            NEW.next_run_at := CASE WHEN NEW.next_run_at IS NOT NULL THEN greatest(NEW.next_run_at, clock_timestamp()) END;
        END IF;
        NEW.slot := coalesce(NEW.slot, public.free_slot('public.report_schedules', coalesce(NEW.turn_of, NEW.tenant_id), 200));
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.bound_report_schedules() FROM PUBLIC;
CREATE TRIGGER bound_report_schedules BEFORE INSERT OR UPDATE ON report_schedules
    FOR EACH ROW EXECUTE FUNCTION public.bound_report_schedules();
