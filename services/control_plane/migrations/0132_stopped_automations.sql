-- concurrently
-- Automations that operators stopped, for the list of all of them.
DROP INDEX CONCURRENTLY IF EXISTS stopped_automations;
CREATE INDEX CONCURRENTLY stopped_automations ON automations (id)
    WHERE disabled_reason = 'stopped_by_operator' AND deleted_at IS NULL;
