-- Finished encounters whose facts for the indicators are due again, because late readings came. A relay computes them apart from the
-- batch that brought the readings. `revision` is the newest one that is due. A relay that takes a row moves `due_at` ahead, so that a row
-- whose relay died comes again.
CREATE TABLE due_facts (
    encounter_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    revision bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '5 seconds'
);
CREATE INDEX due_facts_turn ON due_facts (tenant_id, due_at);
CREATE INDEX due_facts_oldest ON due_facts (marked_at);
SELECT tenant_table('due_facts'), worker_writes_all('due_facts');
REVOKE INSERT, UPDATE, DELETE ON due_facts FROM {{app}};

-- The readings that were linked to the encounter since this migration; a bound holds for them.
ALTER TABLE encounters ADD COLUMN readings integer NOT NULL DEFAULT 0;
