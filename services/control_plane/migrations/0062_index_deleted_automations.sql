-- concurrently
-- From one tenant with deleted automations to the next, and to its oldest deletion.
DROP INDEX CONCURRENTLY IF EXISTS automations_deleted;
CREATE INDEX CONCURRENTLY automations_deleted ON automations (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;
