-- concurrently
-- An app keeps its newest events of each kind.
DROP INDEX CONCURRENTLY IF EXISTS app_events_kind;
CREATE INDEX CONCURRENTLY app_events_kind ON app_events (client_id, kind, id);
