-- concurrently
-- Brings back the queue that stepped aside before 0006, oldest first, in portions that commit by themselves; after a kill it goes on.
-- Deliveries of webhooks that were deleted meanwhile are forgotten, as the deletion would have done.
DO $$
DECLARE
    place text COLLATE "C" := '';
BEGIN
    IF to_regclass('queue_aside') IS NULL THEN
        RETURN;
    END IF;
    LOOP
        WITH portion AS (
            DELETE FROM queue_aside WHERE delivery_id = ANY (ARRAY(
                SELECT delivery_id FROM queue_aside WHERE delivery_id > place ORDER BY delivery_id LIMIT 10000
            )) RETURNING *
        ), back AS (
            INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at,
                leased, attempt, rung)
            SELECT delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at,
                leased, attempt, rung
            FROM portion WHERE EXISTS (SELECT FROM subscriptions s WHERE s.id = portion.subscription_id)
            ON CONFLICT DO NOTHING
        )
        SELECT max(delivery_id) INTO place FROM portion;
        COMMIT;
        EXIT WHEN place IS NULL;
    END LOOP;
END $$;
DROP TABLE IF EXISTS queue_aside;
