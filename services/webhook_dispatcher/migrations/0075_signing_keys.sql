-- The Ed25519 key of a webhook, encrypted, and its public key as its owner sees it. Webhooks from before have none until their owner asks
-- for one: their receivers go on getting one signature. While a key replaces another, both sign.
ALTER TABLE subscriptions
    ADD COLUMN signing_key bytea,
    ADD COLUMN public_key text,
    ADD COLUMN previous_signing_key bytea,
    ADD COLUMN previous_public_key text,
    ADD COLUMN previous_public_key_expires_at timestamptz,
    ADD CONSTRAINT keys_are_short CHECK (octet_length(signing_key) <= 256 AND octet_length(previous_signing_key) <= 256) NOT VALID;
