-- concurrently
-- From one organisation with late links to the next, and to those that are due: each has its turn, however many one has.
DROP INDEX CONCURRENTLY IF EXISTS late_links_turns;
CREATE INDEX CONCURRENTLY late_links_turns ON late_links (tenant_id, look_at);
