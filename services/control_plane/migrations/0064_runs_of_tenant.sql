-- concurrently
-- The newest runs of a tenant. Without it the list reads the newest runs of all tenants.
DROP INDEX CONCURRENTLY IF EXISTS automation_runs_of_tenant;
CREATE INDEX CONCURRENTLY automation_runs_of_tenant ON automation_runs (tenant_id, id);
