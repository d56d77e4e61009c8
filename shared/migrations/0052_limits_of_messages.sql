-- Nothing that a role of a process writes into its outbox stops the relay. When a message was written, and how often it was sent, is not the
-- writer's to say. NOT VALID and never validated: the relay sets rows from before aside that it cannot send.
REVOKE INSERT, UPDATE, DELETE ON outbox FROM {{app}};
REVOKE INSERT, UPDATE ON outbox FROM {{worker}};
GRANT INSERT (id, tenant_id, consumer, name, body, traceparent) ON outbox TO {{app}}, {{worker}};
GRANT UPDATE (send_at, attempts, acknowledged_at) ON outbox TO {{worker}};

ALTER TABLE outbox ADD CONSTRAINT texts_are_short CHECK (octet_length(tenant_id) <= 1024 AND octet_length(consumer) <= 256
    AND octet_length(name) <= 256 AND octet_length(traceparent) <= 1024) NOT VALID;

-- As text: a number of ten bytes may have 131,072 digits. A trigger and not a CHECK, which every sending would evaluate again.
CREATE FUNCTION public.refuse_long_message() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the body of a message is at most 4 MiB' USING ERRCODE = 'check_violation';
END $$;
REVOKE EXECUTE ON FUNCTION public.refuse_long_message() FROM PUBLIC;
CREATE TRIGGER refuse_long_message BEFORE INSERT OR UPDATE OF body ON outbox FOR EACH ROW
    WHEN (octet_length(NEW.body::text) > 4194304) EXECUTE FUNCTION public.refuse_long_message();
