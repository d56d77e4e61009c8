-- Nothing that a role of a process writes stops the senders, which claim for all tenants in one statement. NOT VALID and never validated:
-- the sender takes rows from before out of the queue that it cannot claim.
ALTER TABLE queue
    ADD CONSTRAINT counts_are_small CHECK (attempt BETWEEN 0 AND 1000000000 AND rung BETWEEN 0 AND 1000000000) NOT VALID,
    ADD CONSTRAINT texts_are_short CHECK (octet_length(delivery_id) <= 256 AND octet_length(tenant_id) <= 1024
        AND octet_length(subscription_id) <= 256 AND octet_length(event_id) <= 256 AND octet_length(event_type) <= 256) NOT VALID;
ALTER TABLE subscriptions
    ADD CONSTRAINT counts_are_small CHECK (concurrency BETWEEN 1 AND 64 AND recovery_rate BETWEEN 1 AND 1000000) NOT VALID,
    ADD CONSTRAINT texts_are_short CHECK (octet_length(url) <= 8192 AND octet_length(secret) <= 65536
        AND octet_length(previous_secret) <= 65536 AND octet_length(headers) <= 262144) NOT VALID;
ALTER TABLE events
    ADD CONSTRAINT texts_are_short CHECK (octet_length(id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(type) <= 256
        AND octet_length(body) <= 8388608 AND octet_length(traceparent) <= 1024) NOT VALID;

-- As before; a body that is no JSON is approved for nobody.
CREATE OR REPLACE FUNCTION firing_approved(event_id text, event_at timestamptz, patterns text[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM events e WHERE e.id = event_id AND e.at = event_at
        AND event_approved(e.body::jsonb #>> '{data,event_type}', patterns));
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN false;
END $$;
