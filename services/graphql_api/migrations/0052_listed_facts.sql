-- Why an encounter is excluded from indicators, by indicator; `rebuild-acqi` writes it for facts of before. The default rewrites no row.
ALTER TABLE acqi_facts ADD COLUMN reasons jsonb NOT NULL DEFAULT '{}';
-- The encounters behind a count are listed. The facts themselves stay closed to the web process.
GRANT SELECT (tenant_id, encounter_id, day, outcomes, reasons) ON acqi_facts TO {{app}};
