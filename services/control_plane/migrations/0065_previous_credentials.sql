-- The credential that an agent has until it first uses the one of its new enrolment.
ALTER TABLE agents ADD COLUMN previous_credential_mac bytea;
