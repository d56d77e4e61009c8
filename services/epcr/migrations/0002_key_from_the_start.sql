-- The key of an encounter's pseudonyms is fixed when it is begun, since its entries have pseudonyms before the patient is shown. What
-- the patient's are made from is still fixed when first shown. Encounters begun before this have no key until then.
ALTER TABLE encounters DROP CONSTRAINT encounters_check;
ALTER TABLE encounters ADD CHECK (patient_basis IS NULL OR pseudonym_version IS NOT NULL);
