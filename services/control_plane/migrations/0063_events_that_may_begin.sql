-- concurrently
-- The oldest event whose runs may still begin. Those that failed for good stay for a month.
DROP INDEX CONCURRENTLY IF EXISTS automation_events_unbegun;
CREATE INDEX CONCURRENTLY automation_events_unbegun ON automation_events (stored_at) WHERE failures < 5;
