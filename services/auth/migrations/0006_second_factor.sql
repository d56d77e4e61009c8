-- For someone whose authenticator is lost: codes good once each, of which only a MAC is kept.
CREATE TABLE recovery_codes (
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    code_mac bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz,
    PRIMARY KEY (user_id, code_mac)
);
SELECT tenant_table('recovery_codes'), worker_writes_all('recovery_codes');
