-- How far the clocks of sandboxes were advanced. `advances` counts for ever, so that each advance has a number of its own;
-- `advanced_seconds` is the sum since the last reset, `advancing_seconds` the last one. `work_since` is when the present work began, which
-- for an advance is not the end of the year of data.
ALTER TABLE sandboxes
    ADD COLUMN advances bigint NOT NULL DEFAULT 0,
    ADD COLUMN advanced_seconds bigint NOT NULL DEFAULT 0,
    ADD COLUMN advancing_seconds bigint NOT NULL DEFAULT 0,
    ADD COLUMN work_since timestamptz,
    DROP CONSTRAINT sandboxes_state_check,
    ADD CONSTRAINT sandboxes_state_check CHECK (state IN ('preparing', 'ready', 'resetting', 'advancing', 'deleting', 'deleted'));
GRANT UPDATE (advances, advanced_seconds, advancing_seconds, work_since) ON sandboxes TO {{app}};
