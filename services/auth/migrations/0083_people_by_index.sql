-- concurrently
-- A page of one organisation's people, the connections of a person, and the service tokens minted in a person's name.
DROP INDEX CONCURRENTLY IF EXISTS users_page;
CREATE INDEX CONCURRENTLY users_page ON users (tenant_id, user_id);
DROP INDEX CONCURRENTLY IF EXISTS saml_identities_user;
CREATE INDEX CONCURRENTLY saml_identities_user ON saml_identities (user_id);
DROP INDEX CONCURRENTLY IF EXISTS service_tokens_minted_by;
CREATE INDEX CONCURRENTLY service_tokens_minted_by ON service_tokens (minted_by) WHERE minted_by IS NOT NULL AND revoked_at IS NULL;
