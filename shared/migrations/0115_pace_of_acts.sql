-- A role of a web process that writes acts of operators without end keeps no operator from asking: from the 50th open act on each further one waits
-- two seconds before it is written, and a transaction writes one. The relay ends those that nobody asked for much faster than all connections
-- together write them.
ALTER TABLE operator_acts ADD COLUMN written_in xid8;

CREATE OR REPLACE FUNCTION public.bound_operator_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    open_acts bigint;
BEGIN
    SELECT count(*) INTO open_acts FROM (SELECT FROM public.operator_acts WHERE state IN ('waiting', 'begun') LIMIT 500) AS open;
    IF open_acts >= 500 THEN
        RAISE EXCEPTION 'at most 500 acts of operators wait' USING ERRCODE = 'check_violation', CONSTRAINT = 'operator_acts_slots';
    END IF;
    IF quote_ident(session_user)::regrole = '{{app}}'::regrole THEN
        NEW.written_in := pg_current_xact_id();
        IF EXISTS (SELECT FROM public.operator_acts WHERE state IN ('waiting', 'begun') AND written_in = NEW.written_in) THEN
            RAISE EXCEPTION 'a transaction writes one act of operators' USING ERRCODE = 'check_violation';
        END IF;
        IF open_acts >= 50 THEN
            PERFORM pg_sleep(2);
        END IF;
    END IF;
    RETURN NEW;
END $$;
