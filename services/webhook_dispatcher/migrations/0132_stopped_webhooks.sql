-- concurrently
-- Webhooks that operators stopped, for the list of all of them.
DROP INDEX CONCURRENTLY IF EXISTS stopped_webhooks;
CREATE INDEX CONCURRENTLY stopped_webhooks ON subscriptions (id) WHERE disabled_reason = 'stopped_by_operator';
