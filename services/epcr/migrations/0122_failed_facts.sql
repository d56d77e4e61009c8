-- The attempts at which the facts of the encounter failed: after five they are due once a day, and nothing waits for them.
ALTER TABLE due_facts ADD COLUMN failures smallint NOT NULL DEFAULT 0;
