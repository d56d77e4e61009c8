-- concurrently
-- Lists the open incidents of a tenant without reading the closed ones. It takes the place of the index by tenant alone.
DROP INDEX CONCURRENTLY IF EXISTS incidents_open_by_id;
CREATE INDEX CONCURRENTLY incidents_open_by_id ON incidents (tenant_id, id) WHERE closed_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS incidents_open;
