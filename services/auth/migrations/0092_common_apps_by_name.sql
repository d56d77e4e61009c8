-- New keys of a common app reach the apps of all organisations at once.
CREATE INDEX apps_of_common ON apps (common_app) WHERE common_app IS NOT NULL;
