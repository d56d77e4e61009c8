-- concurrently
DROP INDEX CONCURRENTLY IF EXISTS acqi_facts_incident;
CREATE INDEX CONCURRENTLY acqi_facts_incident ON acqi_facts (tenant_id, incident);
