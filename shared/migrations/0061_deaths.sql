-- The batches that workers apply now. A row that no transaction locks any more is one of a worker that ended while it applied the batch.
-- Not logged: a server that crashed ended its workers' transactions too, and none of them is a message's fault.
CREATE UNLOGGED TABLE begun (
    id uuid PRIMARY KEY,
    message_ids uuid[] NOT NULL,
    tenant_ids text[] NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX begun_oldest ON begun (begun_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON begun TO {{worker}};

-- How many workers ended while they applied the message alone; NULL if none ended with it, 0 if one ended with a batch that held it.
ALTER TABLE failures ADD COLUMN deaths integer;
