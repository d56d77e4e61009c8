-- concurrently
-- The gauge of runs that were given up counts these every few seconds, up to a limit.
DROP INDEX CONCURRENTLY IF EXISTS automation_runs_dead;
CREATE INDEX CONCURRENTLY automation_runs_dead ON automation_runs (id) WHERE status = 'dead';
