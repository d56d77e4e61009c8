-- The program that holds a lease, by a name of its own: the same program gets its events again at once, as after an answer that was lost. It holds
-- `reader_lease`: a process of the release before gives out leases and leaves both columns as they are.
ALTER TABLE consumers
    ADD COLUMN reader text,
    ADD COLUMN reader_lease bigint,
    ADD CONSTRAINT readers_are_short CHECK (octet_length(reader) <= 64) NOT VALID;
