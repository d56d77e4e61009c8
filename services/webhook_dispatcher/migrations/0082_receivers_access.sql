-- Proofs of our identity for a receiver, beside the signature: a client certificate with its key, and a grant of client credentials. Both are
-- encrypted; their owner sees the other columns.
ALTER TABLE subscriptions
    ADD COLUMN client_certificate bytea,
    ADD COLUMN certificate_fingerprint text,
    ADD COLUMN certificate_expires_at timestamptz,
    ADD COLUMN oauth bytea,
    ADD COLUMN oauth_shown jsonb,
    ADD CONSTRAINT access_is_short CHECK (octet_length(client_certificate) <= 65536 AND octet_length(oauth) <= 16384) NOT VALID;
