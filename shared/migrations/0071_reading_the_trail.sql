-- concurrently
-- An organisation reads its own entries: all of them, or those of a record, a person, an app, an action or a trace, newest first. Longer
-- values are in no index, because an entry must not fail for its length.
DROP INDEX CONCURRENTLY IF EXISTS audit_by_time;
CREATE INDEX CONCURRENTLY audit_by_time ON audit (tenant_id, at, id) WHERE octet_length(tenant_id) <= 256;
DROP INDEX CONCURRENTLY IF EXISTS audit_by_subject;
CREATE INDEX CONCURRENTLY audit_by_subject ON audit (tenant_id, subject_id, at, id)
    WHERE octet_length(tenant_id) <= 256 AND octet_length(subject_id) <= 256;
DROP INDEX CONCURRENTLY IF EXISTS audit_by_actor;
CREATE INDEX CONCURRENTLY audit_by_actor ON audit (tenant_id, actor, at, id)
    WHERE octet_length(tenant_id) <= 256 AND octet_length(actor) <= 256;
DROP INDEX CONCURRENTLY IF EXISTS audit_by_client;
CREATE INDEX CONCURRENTLY audit_by_client ON audit (tenant_id, client_id, at, id)
    WHERE octet_length(tenant_id) <= 256 AND octet_length(client_id) <= 256;
DROP INDEX CONCURRENTLY IF EXISTS audit_by_action;
CREATE INDEX CONCURRENTLY audit_by_action ON audit (tenant_id, action, at, id)
    WHERE octet_length(tenant_id) <= 256 AND octet_length(action) <= 256;
DROP INDEX CONCURRENTLY IF EXISTS audit_by_trace;
CREATE INDEX CONCURRENTLY audit_by_trace ON audit (tenant_id, trace_id, at, id)
    WHERE octet_length(tenant_id) <= 256 AND octet_length(trace_id) <= 256;
