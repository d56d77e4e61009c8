-- A correction may be corrected: the patient that an encounter had before is its patient again. `patient` is the first identity under which
-- the encounter had the patient of this one; rows of the release before have none. `marks` are keyed digests of the numbers of the patient
-- whom the encounter left, and of a full name with the date of birth. Outcomes of all identities of the present patient are its own.
ALTER TABLE encounter_identities ADD COLUMN patient integer, ADD COLUMN marks bytea[] NOT NULL DEFAULT '{}';
GRANT UPDATE (marks) ON encounter_identities TO {{app}};
