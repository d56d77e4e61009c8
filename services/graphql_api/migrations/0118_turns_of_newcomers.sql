-- An organisation is known from its first app on, before it has a case counted: it has slots and a turn of its own. Schedules that it has of before
-- leave the slots and the turn that unknown organisations share.
CREATE FUNCTION public.is_known(tenant_id text) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.graphql_apps a WHERE a.tenant_id = $1) OR EXISTS (SELECT FROM public.acqi_tenants a WHERE a.tenant_id = $1)
$$;
REVOKE EXECUTE ON FUNCTION public.is_known(text) FROM PUBLIC;
CREATE INDEX graphql_apps_of_tenant ON graphql_apps (tenant_id);

CREATE OR REPLACE FUNCTION public.turn_of(tenant_id text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN quote_ident(session_user)::regrole = '{{app}}'::regrole AND NOT public.is_known($1) THEN '' ELSE $1 END
$$;

-- A schedule has its slot while it is paused too. A run that is due stays due while its row is changed. Where no slot of the organisation is free, a
-- schedule keeps the one that it has: no run of the relay fails for it. Of the slots of unknown organisations half are for first schedules alone.
CREATE OR REPLACE FUNCTION public.bound_report_schedules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.slot := NULL;
        NEW.turn_of := public.turn_of(NEW.tenant_id);
    ELSE
        NEW.slot := OLD.slot;
        NEW.turn_of := OLD.turn_of;
        IF OLD.turn_of = '' AND public.is_known(NEW.tenant_id) THEN
            BEGIN
                NEW.slot := public.free_slot('public.report_schedules', NEW.tenant_id, 200);
                NEW.turn_of := NEW.tenant_id;
            EXCEPTION WHEN check_violation THEN
                NULL;
            END;
        END IF;
    END IF;
    IF quote_ident(session_user)::regrole = '{{app}}'::regrole THEN
        IF TG_OP = 'INSERT' OR NEW.next_run_at IS DISTINCT FROM OLD.next_run_at THEN
            NEW.next_run_at := CASE WHEN NEW.next_run_at IS NOT NULL THEN greatest(NEW.next_run_at, clock_timestamp()) END;
        END IF;
        NEW.slot := coalesce(NEW.slot, public.free_slot('public.report_schedules', coalesce(NEW.turn_of, NEW.tenant_id), CASE
            WHEN NEW.turn_of = '' AND EXISTS (SELECT FROM public.report_schedules s WHERE s.tenant_id = NEW.tenant_id AND s.turn_of = '')
            THEN 100 ELSE 200 END));
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.move_report_schedules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE public.report_schedules SET turn_of = turn_of WHERE tenant_id = NEW.tenant_id AND turn_of = '';
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION public.move_report_schedules() FROM PUBLIC;
CREATE TRIGGER move_report_schedules AFTER INSERT ON graphql_apps FOR EACH ROW EXECUTE FUNCTION public.move_report_schedules();
CREATE TRIGGER move_report_schedules AFTER INSERT ON acqi_tenants FOR EACH ROW EXECUTE FUNCTION public.move_report_schedules();
UPDATE report_schedules SET turn_of = turn_of WHERE turn_of = '';
