-- concurrently
-- The relay looks for due notices every few seconds.
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_unnoticed;
CREATE INDEX CONCURRENTLY subscriptions_unnoticed ON subscriptions (failing_since)
    WHERE failing_since IS NOT NULL AND noticed_failing_since IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_recovered;
CREATE INDEX CONCURRENTLY subscriptions_recovered ON subscriptions (recovered_at) WHERE recovered_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_exhausted;
CREATE INDEX CONCURRENTLY subscriptions_exhausted ON subscriptions (exhausted_noticed_at) WHERE exhausted > 0;
