-- concurrently
-- Administrators list the failed deliveries of all webhooks. One partition at a time, each in a transaction of its own: only that of today
-- is written to, and waits for about a second for each million failed deliveries of today.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'deliveries'::regclass ORDER BY inhrelid::regclass::text LOOP
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (tenant_id, status, id) WHERE troubled',
            partition::text || '_tenant_id_status_id_idx', partition);
        COMMIT;
    END LOOP;
END $$;
CREATE INDEX IF NOT EXISTS deliveries_troubled_of_tenant ON deliveries (tenant_id, status, id) WHERE troubled;
