-- Nothing that a role of a web process writes fills the memory of the relay or of the senders, which read these columns for all tenants. NOT
-- VALID and never validated: rows from before are read as they are.
ALTER TABLE apps ADD CONSTRAINT approvals_are_short CHECK (octet_length(approved_events::text) <= 65536) NOT VALID;
ALTER TABLE replays ADD CONSTRAINT places_are_short CHECK (octet_length(place) <= 256 AND octet_length(subscription_id) <= 256
    AND octet_length(tenant_id) <= 1024) NOT VALID;
