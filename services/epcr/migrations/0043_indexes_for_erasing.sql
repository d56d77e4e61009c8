-- concurrently
-- Foreign keys look for a row by these columns when the row that it names is deleted.
DROP INDEX CONCURRENTLY IF EXISTS patient_disclosures_disclosure;
CREATE INDEX CONCURRENTLY patient_disclosures_disclosure ON patient_disclosures (disclosure_id);
DROP INDEX CONCURRENTLY IF EXISTS disclosures_emergency;
CREATE INDEX CONCURRENTLY disclosures_emergency ON disclosures (emergency_id) WHERE emergency_id IS NOT NULL;
