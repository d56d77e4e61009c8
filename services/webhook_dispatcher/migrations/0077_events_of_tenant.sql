-- concurrently
-- A filter is tried on the newest events of its organisation. One partition at a time, each in a transaction of its own: only that of
-- today is written to, and waits for about a second for each million events of today.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'events'::regclass ORDER BY inhrelid::regclass::text LOOP
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (tenant_id, id)', partition::text || '_tenant_id_id_idx', partition);
        COMMIT;
    END LOOP;
END $$;
CREATE INDEX IF NOT EXISTS events_of_tenant ON events (tenant_id, id);
