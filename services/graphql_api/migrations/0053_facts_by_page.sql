-- concurrently
-- A page of the encounters behind a count begins at a day and an id. It takes the place of the index by day alone.
DROP INDEX CONCURRENTLY IF EXISTS acqi_facts_page;
CREATE INDEX CONCURRENTLY acqi_facts_page ON acqi_facts (tenant_id, day, encounter_id);
DROP INDEX CONCURRENTLY IF EXISTS acqi_facts_day;
