-- concurrently
-- When an encounter was closed, also of one that was written again and again afterwards.
DROP INDEX CONCURRENTLY IF EXISTS encounter_versions_closed;
CREATE INDEX CONCURRENTLY encounter_versions_closed ON encounter_versions (encounter_id, written_at)
    WHERE status IN ('completed', 'handed_over');
