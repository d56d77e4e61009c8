-- When the person signed in to auth, in the session in which they allowed the access. An app can demand a recent sign-in with it.
-- Grants from before, and those of the previous release, have none.
ALTER TABLE grants ADD COLUMN signed_in_at timestamptz;
