-- concurrently
-- From one tenant with waiting announcements to the next, and to its oldest ones.
DROP INDEX CONCURRENTLY IF EXISTS announcements_of_tenant;
CREATE INDEX CONCURRENTLY announcements_of_tenant ON announcements (tenant_id, written_at);
-- The oldest of all.
DROP INDEX CONCURRENTLY IF EXISTS announcements_oldest;
CREATE INDEX CONCURRENTLY announcements_oldest ON announcements (written_at);
