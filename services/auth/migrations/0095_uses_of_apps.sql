-- Who made an app: a person, or the app that called. Null for apps from before, and for those that operators made.
ALTER TABLE apps ADD COLUMN created_by text;
-- The endpoint that refused the call; '' for calls from before.
ALTER TABLE app_events ADD COLUMN endpoint text NOT NULL DEFAULT '';
