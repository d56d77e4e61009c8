-- The failure of which `webhook.failing` was sent, until `webhook.recovered` is; and the deliveries given up since `delivery.exhausted` was sent.
ALTER TABLE subscriptions
    ADD COLUMN noticed_failing_since timestamptz,
    ADD COLUMN recovered_at timestamptz,
    ADD COLUMN exhausted bigint NOT NULL DEFAULT 0,
    ADD COLUMN exhausted_delivery text,
    ADD COLUMN exhausted_type text,
    ADD COLUMN exhausted_noticed_at timestamptz,
    ADD CONSTRAINT notices_are_small CHECK (exhausted BETWEEN 0 AND 1000000000000000 AND octet_length(exhausted_delivery) <= 256
        AND octet_length(exhausted_type) <= 256
        AND noticed_failing_since BETWEEN '0001-01-01 00:00Z' AND '9999-12-30 00:00Z'
        AND recovered_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-30 00:00Z') NOT VALID;
