-- The live credentials of an agent, oldest first: the one that it last used, and those that it was given since.
ALTER TABLE agents ADD COLUMN credential_macs bytea[] NOT NULL DEFAULT '{}', DROP COLUMN credential_mac, DROP COLUMN previous_credential_mac;
