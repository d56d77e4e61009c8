-- The first identity of the present patient: an encounter may have had other pseudonyms of the same person, when a number was learned or a
-- wrong number of another encounter went. Outcomes from it on are the present patient's. Empty: the present identity is the first.
ALTER TABLE encounters ADD COLUMN patient_since integer;
