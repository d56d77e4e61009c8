-- Facts that a later release of epcr sends again have the same version and a higher edition. The default rewrites no row.
ALTER TABLE acqi_facts ADD COLUMN edition integer NOT NULL DEFAULT 1;
