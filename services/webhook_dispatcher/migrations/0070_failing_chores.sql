-- How often a chore has failed since its last portion. It is put off, so that the chores behind it have their turn.
ALTER TABLE chores ADD COLUMN failures integer NOT NULL DEFAULT 0;
