-- Facts that a later release of epcr sends again have the same version and a higher extent. The default rewrites no row.
ALTER TABLE acqi_facts ADD COLUMN extent integer NOT NULL DEFAULT 1;
