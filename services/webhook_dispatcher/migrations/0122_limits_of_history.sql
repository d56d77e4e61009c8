-- Nothing that a role of a process writes stops the senders, which record for all tenants in one statement, or the relay, which adds up the books
-- of all. Lengths as in the queue (0050). NOT VALID and never validated: the sender forgets the rows from before that it cannot record.
ALTER TABLE deliveries
    ADD CONSTRAINT texts_are_short CHECK (octet_length(id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(subscription_id) <= 256
        AND octet_length(event_id) <= 256 AND octet_length(event_type) <= 256) NOT VALID;
ALTER TABLE attempts
    ADD CONSTRAINT texts_are_short CHECK (octet_length(delivery_id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(url) <= 8192
        AND octet_length(address) <= 1024 AND octet_length(response_body) <= 262144 AND octet_length(error) <= 32768
        AND octet_length(trace_id) <= 256) NOT VALID;

-- As before, of the kind alone. Only events from before 0072 have none: a long body of theirs is approved for nobody, since a claim, which asks this
-- of each delivery that it looks at, would take longer than it may.
CREATE OR REPLACE FUNCTION firing_approved(event_id text, event_at timestamptz, patterns text[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM (
        SELECT CASE WHEN e.kind IS NOT NULL THEN substring(e.kind FROM '^automation[.]fired/(.+)$')
            WHEN octet_length(e.body) <= 16384 THEN e.body::jsonb #>> '{data,event_type}' END AS trigger_type
        FROM events e WHERE e.id = event_id AND e.at = event_at
    ) fired WHERE trigger_type IS NOT NULL AND event_approved(trigger_type, patterns));
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN false;
END $$;
