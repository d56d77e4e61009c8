-- concurrently
-- Months past retention, found without reading those that are kept.
DROP INDEX CONCURRENTLY IF EXISTS acqi_facts_oldest;
CREATE INDEX CONCURRENTLY acqi_facts_oldest ON acqi_facts (day);
DROP INDEX CONCURRENTLY IF EXISTS acqi_aggregates_oldest;
CREATE INDEX CONCURRENTLY acqi_aggregates_oldest ON acqi_aggregates (period_start);
