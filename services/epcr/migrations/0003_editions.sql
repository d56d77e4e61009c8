-- Apps that are shown moved times read each encounter as it stood at an earlier day, in an order that says nothing of when it was made.
-- `shuffled` is that order. `anchor` is the record's: what moved times are counted from, absent from what was written before; then the
-- record is opened for it. `amended` is the encounter's with that version, absent where an older process wrote it: then it is the encounter's.
ALTER TABLE encounters ADD COLUMN shuffled uuid, ADD COLUMN anchor timestamptz;
ALTER TABLE encounters ALTER COLUMN shuffled SET DEFAULT gen_random_uuid();
ALTER TABLE encounter_versions ADD COLUMN amended boolean;
