-- concurrently
-- The deliveries of one event, over all webhooks of an organisation. One partition at a time, each in a transaction of its own: only that of
-- today is written to, and waits for about a second for each million deliveries of today.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'deliveries'::regclass ORDER BY inhrelid::regclass::text
    LOOP
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (event_id)', partition::text || '_event_id_idx', partition);
        COMMIT;
    END LOOP;
END $$;
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event_id);
