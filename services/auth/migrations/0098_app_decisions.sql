-- Who decided that an app has a scope, an event type, a bundle, or one of its rules as it is now; `reason` is in that person's words. Older
-- decisions have no row. A withdrawn scope, event type or bundle has none either: the audit trail keeps it.
CREATE TABLE app_decisions (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('scope', 'event', 'bundle', 'rule')),
    item text NOT NULL,
    decided_by text NOT NULL,
    decided_through text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text,
    trace_id text NOT NULL,
    PRIMARY KEY (client_id, kind, item)
);
SELECT tenant_table('app_decisions'), worker_writes_all('app_decisions');
