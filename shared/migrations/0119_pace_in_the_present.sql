-- The pace of acts counts those that are open now. A transaction of an isolation level with one snapshot, which one session can export to any
-- number of others, counts those that were open when the snapshot was made, and had neither pace nor limit.
CREATE OR REPLACE FUNCTION public.bound_operator_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    open_acts bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'acts of operators are written with the isolation level READ COMMITTED' USING ERRCODE = 'check_violation';
    END IF;
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
