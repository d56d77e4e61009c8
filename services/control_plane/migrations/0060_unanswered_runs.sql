-- concurrently
-- The runs of a tenant that a service has not answered yet, which are limited.
DROP INDEX CONCURRENTLY IF EXISTS automation_runs_unanswered;
CREATE INDEX CONCURRENTLY automation_runs_unanswered ON automation_runs (tenant_id, sent_to) WHERE status = 'running';
-- A tenant's due runs by the service that performs them: where one service does not answer, the runs of the other go on.
DROP INDEX CONCURRENTLY IF EXISTS automation_runs_due_at_service;
CREATE INDEX CONCURRENTLY automation_runs_due_at_service
    ON automation_runs (tenant_id, (CASE WHEN sent_to IS NULL THEN '' ELSE sent_to END), next_attempt_at)
    WHERE status IN ('queued', 'failed');
