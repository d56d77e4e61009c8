-- `brief` is a small ciphertext beside the record, with the values that decisions about identities and moved times need, so that a list
-- opens no record. It is that of the version `brief_version`; an older process writes a version without it, and a job of the relay adds it.
ALTER TABLE encounters ADD COLUMN brief bytea, ADD COLUMN brief_version integer;
