-- Which installation an app belongs to, by the control plane's id; null for an app that somebody registered.
ALTER TABLE apps ADD COLUMN installation_id text;
