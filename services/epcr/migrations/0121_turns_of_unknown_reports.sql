-- concurrently
-- From one organisation with readings of unknown encounters to the next: each has its turn, however many one has.
DROP INDEX CONCURRENTLY IF EXISTS observations_unreported_turns;
CREATE INDEX CONCURRENTLY observations_unreported_turns ON observations (tenant_id, received_at) WHERE revision IS NULL AND NOT reported_unknown;
-- Beside it the planner reads the oldest readings of all and leaves those of others out. A relay of the release before sorts those that wait.
DROP INDEX CONCURRENTLY IF EXISTS observations_unreported;
