-- concurrently
-- The sealer takes the entries that came first, and measures the age of the oldest.
DROP INDEX CONCURRENTLY IF EXISTS audit_waiting_arrival;
CREATE INDEX CONCURRENTLY audit_waiting_arrival ON audit_waiting (at, audit_id);
