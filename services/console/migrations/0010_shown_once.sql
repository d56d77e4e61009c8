-- Answers with a secret, until their page was shown: once. The sealed answer opens with the server's key and the form's own id together.
CREATE TABLE shown_once (
    once_hash bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    sealed bytea,
    shown_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 day'
);
CREATE INDEX shown_once_expires ON shown_once (expires_at);
SELECT tenant_table('shown_once'), worker_writes_all('shown_once');
