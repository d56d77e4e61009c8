-- concurrently
-- One suppressed run for each automation, reason and minute.
DROP INDEX CONCURRENTLY IF EXISTS automation_runs_suppressed;
CREATE UNIQUE INDEX CONCURRENTLY automation_runs_suppressed ON automation_runs (tenant_id, automation_id, error, suppressed_minute)
    WHERE suppressed_minute IS NOT NULL;
-- From one tenant with waiting runs to the next, and to its first due run.
DROP INDEX CONCURRENTLY IF EXISTS automation_runs_due_of_tenant;
CREATE INDEX CONCURRENTLY automation_runs_due_of_tenant ON automation_runs (tenant_id, next_attempt_at)
    WHERE status IN ('queued', 'failed');
-- The automations of one event type in portions, in the order of their ids.
DROP INDEX CONCURRENTLY IF EXISTS automations_live_by_id;
CREATE INDEX CONCURRENTLY automations_live_by_id ON automations (tenant_id, event_type, id) WHERE enabled;
