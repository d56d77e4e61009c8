-- People whose grants from before a decision are over, such as the enforcement of their organisation's own sign-in. The row refuses the
-- grants at once; the relay ends them in portions and deletes the row.
CREATE TABLE ending_grants (
    user_id text PRIMARY KEY REFERENCES users,
    tenant_id text NOT NULL,
    why text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz
);
CREATE INDEX ending_grants_tenant ON ending_grants (tenant_id, user_id);
SELECT tenant_table('ending_grants'), worker_writes_all('ending_grants');
