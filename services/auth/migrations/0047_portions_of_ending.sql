-- concurrently
-- The next portion of a deleted app's grants and consents, and the waiting rows of each tenant.
DROP INDEX CONCURRENTLY IF EXISTS grants_live_of_client;
CREATE INDEX CONCURRENTLY grants_live_of_client ON grants (client_id, grant_id) WHERE revoked_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS consents_of_client;
CREATE INDEX CONCURRENTLY consents_of_client ON consents (client_id, user_id);
DROP INDEX CONCURRENTLY IF EXISTS consents_client;
DROP INDEX CONCURRENTLY IF EXISTS ended_authorities_tenant;
CREATE INDEX CONCURRENTLY ended_authorities_tenant ON ended_authorities (tenant_id, id);
