-- The bundles whose documents an installation's automations run, which its consent named.
ALTER TABLE installations ADD COLUMN graphql_bundles text[] NOT NULL DEFAULT '{}';
