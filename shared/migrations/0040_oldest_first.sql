-- concurrently
-- Retention takes the oldest failures first, and an operator lists the newest dead letters; neither reads the rest.
DROP INDEX CONCURRENTLY IF EXISTS failures_oldest;
CREATE INDEX CONCURRENTLY failures_oldest ON failures (failed_at);
DROP INDEX CONCURRENTLY IF EXISTS dead_letters_newest;
CREATE INDEX CONCURRENTLY dead_letters_newest ON dead_letters (died_at);
