-- concurrently
-- Whether a worker ended with any message, which is asked every few seconds.
DROP INDEX CONCURRENTLY IF EXISTS failures_deaths;
CREATE INDEX CONCURRENTLY failures_deaths ON failures (message_id) WHERE deaths IS NOT NULL;
