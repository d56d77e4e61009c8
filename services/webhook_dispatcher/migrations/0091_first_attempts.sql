-- The milliseconds of the phases of an attempt.
ALTER TABLE attempts ADD COLUMN timings jsonb;

-- The first attempts of a webhook's deliveries, counted in buckets of 5 minutes and of an hour (`minutes`). `durations` counts them by class of
-- duration (sending/statistics.py). A sender adds its counts every ten seconds; one that is killed loses them.
CREATE TABLE first_attempts (
    subscription_id text COLLATE "C" NOT NULL,
    minutes smallint NOT NULL,
    at timestamptz NOT NULL,
    tenant_id text NOT NULL,
    delivered bigint NOT NULL,
    failed bigint NOT NULL,
    durations bigint[] NOT NULL,
    PRIMARY KEY (subscription_id, minutes, at),
    CONSTRAINT counts_are_small CHECK (delivered BETWEEN 0 AND 1000000000000 AND failed BETWEEN 0 AND 1000000000000
        AND array_length(durations, 1) = 12)
) WITH (fillfactor = 50);
CREATE INDEX first_attempts_by_age ON first_attempts (at);
SELECT tenant_table('first_attempts'), worker_writes_all('first_attempts');
REVOKE INSERT, UPDATE, DELETE ON first_attempts FROM {{app}};
