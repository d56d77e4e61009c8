-- The event types a tenant has live automations for, as control-plane told last: events of these are passed on to it.
CREATE TABLE automation_interest (
    tenant_id text PRIMARY KEY,
    version bigint NOT NULL,
    event_types text[] NOT NULL
);
SELECT tenant_table('automation_interest'), worker_writes_all('automation_interest');
REVOKE INSERT, UPDATE, DELETE ON automation_interest FROM {{app}};
