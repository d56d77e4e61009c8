-- The relay carries out the act that the gateway's statement names: the statement has the digest of the request's body, and the row the
-- body itself. A statement proves one act: the relay stores its id before it acts.
ALTER TABLE operator_acts ADD COLUMN request bytea NOT NULL DEFAULT '', ADD COLUMN statement_id text;
CREATE UNIQUE INDEX operator_acts_statement ON operator_acts (statement_id);
GRANT INSERT (request) ON operator_acts TO {{app}};

-- No text that a web process writes keeps the relay from reading the acts that wait. NOT VALID: rows of before are read as they are.
ALTER TABLE operator_acts ADD CONSTRAINT texts_are_short CHECK (octet_length(id) <= 64 AND octet_length(action) <= 64
    AND octet_length(subject_id) <= 256 AND octet_length(reason) <= 2048 AND octet_length(client_id) <= 128 AND octet_length(asked_by) <= 128
    AND octet_length(identity) <= 32768 AND octet_length(request) <= 8192) NOT VALID;

-- Few acts wait at a time, also of a stranger with the role of web processes: an operator's act is in no endless line.
CREATE FUNCTION public.bound_operator_acts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM public.operator_acts WHERE state IN ('waiting', 'begun') LIMIT 500) AS open) >= 500 THEN
        RAISE EXCEPTION 'at most 500 acts of operators wait' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION public.bound_operator_acts() FROM PUBLIC;
CREATE TRIGGER bound_operator_acts BEFORE INSERT ON operator_acts FOR EACH ROW EXECUTE FUNCTION public.bound_operator_acts();
