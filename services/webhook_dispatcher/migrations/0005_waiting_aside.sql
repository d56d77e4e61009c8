-- 0006 rewrites `queue` while nobody can read it: five seconds for each million that waits. So a long queue steps aside before, and 0009
-- brings it back in portions. Deliveries made meanwhile go out at once; requests in flight at this moment may be sent twice.
-- A database that ran 0006 before this file existed keeps its queue.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'queue'::regclass AND attname = 'stage')
        OR (SELECT count(*) FROM (SELECT FROM queue LIMIT 20000) AS waiting) < 20000
    THEN
        RETURN;
    END IF;
    ALTER TABLE queue RENAME TO queue_aside;
    ALTER INDEX queue_pkey RENAME TO queue_aside_pkey;
    ALTER INDEX queue_due RENAME TO queue_aside_due;
    CREATE TABLE queue (LIKE queue_aside INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
        WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
    ALTER TABLE queue ADD PRIMARY KEY (delivery_id);
    CREATE INDEX queue_due ON queue (subscription_id, due_at, sequence);
    PERFORM tenant_table('queue'), worker_writes_all('queue');
    REVOKE ALL ON queue_aside FROM {{app}}, {{worker}};
END $$;
