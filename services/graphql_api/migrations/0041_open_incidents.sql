-- concurrently
-- Counts the open incidents of a tenant before each new one.
DROP INDEX CONCURRENTLY IF EXISTS incidents_open;
CREATE INDEX CONCURRENTLY incidents_open ON incidents (tenant_id) WHERE closed_at IS NULL;
