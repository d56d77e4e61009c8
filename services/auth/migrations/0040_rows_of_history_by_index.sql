-- concurrently
-- What a tenant's decision, or a person's, looks for among the rows of all others. Sessions that have ended are in none of these.
DROP INDEX CONCURRENTLY IF EXISTS consents_client;
CREATE INDEX CONCURRENTLY consents_client ON consents (client_id);
DROP INDEX CONCURRENTLY IF EXISTS password_links_user;
CREATE INDEX CONCURRENTLY password_links_user ON password_links (user_id) WHERE used_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS sessions_live;
CREATE INDEX CONCURRENTLY sessions_live ON sessions (tenant_id, user_id) WHERE ended_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS password_links_expires;
CREATE INDEX CONCURRENTLY password_links_expires ON password_links (expires_at);
