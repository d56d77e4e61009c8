-- The length of a body as text, in bytes. It limits the claims of a relay: a number of ten bytes in the table may have 131,072 digits.
-- The trigger overwrites any value of the writer. Rows from before have none.
ALTER TABLE outbox ADD COLUMN length integer;

CREATE FUNCTION public.measure_message() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.length := octet_length(NEW.body::text);
    IF NEW.length > 4194304 THEN
        RAISE EXCEPTION 'the body of a message is at most 4 MiB' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.measure_message() FROM PUBLIC;
CREATE TRIGGER measure_message BEFORE INSERT OR UPDATE OF body ON outbox FOR EACH ROW EXECUTE FUNCTION public.measure_message();
DROP TRIGGER refuse_long_message ON outbox;
DROP FUNCTION public.refuse_long_message();
