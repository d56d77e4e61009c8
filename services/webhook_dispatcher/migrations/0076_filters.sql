-- The filter of a webhook, and the number of events that it has held back since it was set, with the last of them.
ALTER TABLE subscriptions
    ADD COLUMN filter jsonb,
    ADD COLUMN filtered bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_filtered_event text,
    ADD COLUMN last_filtered_type text,
    ADD COLUMN last_filtered_at timestamptz,
    ADD CONSTRAINT filtered_is_small CHECK (filtered BETWEEN 0 AND 1000000000000000000 AND octet_length(filter::text) <= 65536
        AND isfinite(last_filtered_at)) NOT VALID;
