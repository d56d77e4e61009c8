-- concurrently
-- The job that adds briefs finds the rows without one by it.
DROP INDEX CONCURRENTLY IF EXISTS encounters_without_brief;
CREATE INDEX CONCURRENTLY encounters_without_brief ON encounters (id) WHERE brief_version IS DISTINCT FROM version;
