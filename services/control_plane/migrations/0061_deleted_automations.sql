-- An automation that was deleted: nobody sees it, and it never runs. The relay deletes its runs in portions, and then the row. One statement
-- would keep all its runs locked until the last one is gone.
ALTER TABLE automations ADD COLUMN deleted_at timestamptz;
ALTER TABLE automations ADD CONSTRAINT deleted_is_disabled CHECK (deleted_at IS NULL OR NOT enabled) NOT VALID;
