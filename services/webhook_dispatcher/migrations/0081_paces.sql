-- The most deliveries a second that a webhook takes, and the form of its payloads. `paces` is of limited webhooks: `next_at` is when the next
-- delivery is free, after those that were claimed. Only claims write it, one at a time over all senders.
ALTER TABLE subscriptions
    ADD COLUMN max_per_second integer,
    ADD COLUMN payload text NOT NULL DEFAULT 'full',
    ADD CONSTRAINT pace_is_small CHECK (max_per_second BETWEEN 1 AND 1000 AND payload IN ('full', 'thin')) NOT VALID;
CREATE TABLE paces (
    subscription_id text COLLATE "C" PRIMARY KEY,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON paces TO {{worker}};
