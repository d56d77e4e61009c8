-- Numbers of one system tell two people apart, so that each is kept with a keyed digest of its system; rows of a release before have none,
-- and are written again when one of their encounters is next decided about. Only numbers of one person each have rows. The position of a
-- number that is too short to connect two encounters is below 0.
ALTER TABLE patient_numbers ADD COLUMN space bytea;
-- The systems that the organisation lists as those of one person each, such as the patient numbers of its hospitals.
ALTER TABLE senders ADD COLUMN person_systems text[] NOT NULL DEFAULT '{}';
