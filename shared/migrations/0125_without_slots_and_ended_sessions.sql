DROP FUNCTION public.end_sessions_in_the_way();
DROP TABLE ended_sessions, sessions_in_the_way;
DROP FUNCTION public.free_slot(regclass, text, integer);

-- The length of a body as text, in bytes. It limits the claims of a relay: a number of ten bytes in the table may have 131,072 digits.
DROP TRIGGER measure_message ON outbox;
DROP FUNCTION public.measure_message();
ALTER TABLE outbox DROP COLUMN length;
ALTER TABLE outbox ADD COLUMN length integer GENERATED ALWAYS AS (octet_length(body::text)) STORED
    CONSTRAINT body_is_short CHECK (length <= 4194304);
