-- Nothing that a role of a web process writes into one webhook fills the memory of the workers, which read these columns for all organisations of a
-- batch, or makes an event of its organisation a dead letter. NOT VALID and never validated: rows from before are read as they are. A client ID has
-- at most 128 characters, and a webhook 50 types of at most 128.
ALTER TABLE subscriptions
    ADD CONSTRAINT listeners_are_short CHECK (octet_length(id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(client_id) <= 1024
        AND octet_length(events::text) <= 65536 AND octet_length(live_events::text) <= 16384) NOT VALID,
    ADD CONSTRAINT types_are_lists CHECK (coalesce(array_ndims(events), 1) = 1 AND array_position(events, NULL) IS NULL
        AND coalesce(array_ndims(live_events), 1) = 1 AND array_position(live_events, NULL) IS NULL) NOT VALID;
