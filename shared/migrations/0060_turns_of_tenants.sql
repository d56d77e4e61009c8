-- concurrently
-- From one tenant with new messages for a consumer to the next, and to its oldest: a claim gives each its part, however many one has.
DROP INDEX CONCURRENTLY IF EXISTS outbox_turns;
CREATE INDEX CONCURRENTLY outbox_turns ON outbox (consumer, tenant_id, send_at) WHERE acknowledged_at IS NULL AND attempts = 0;
