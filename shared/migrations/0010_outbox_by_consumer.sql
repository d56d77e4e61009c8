-- concurrently
-- Each consumer's rows apart, and of those the ones never sent apart: a million rows that wait for one consumer cost the others nothing.
-- A row is in two of these, as it was in two of those that go.
DROP INDEX CONCURRENTLY IF EXISTS outbox_first;
CREATE INDEX CONCURRENTLY outbox_first ON outbox (consumer, send_at) WHERE acknowledged_at IS NULL AND attempts = 0;
DROP INDEX CONCURRENTLY IF EXISTS outbox_again;
CREATE INDEX CONCURRENTLY outbox_again ON outbox (consumer, send_at) WHERE acknowledged_at IS NULL AND attempts > 0;
DROP INDEX CONCURRENTLY IF EXISTS outbox_unacknowledged;
CREATE INDEX CONCURRENTLY outbox_unacknowledged ON outbox (consumer, created_at) WHERE acknowledged_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS outbox_due;
DROP INDEX CONCURRENTLY IF EXISTS outbox_waiting;
