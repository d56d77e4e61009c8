-- Since when an announcement waits, for its turn and for the gauge. Rows from before count from now on.
ALTER TABLE announcements ADD COLUMN written_at timestamptz NOT NULL DEFAULT now();
-- Emptied every second: vacuumed long before a fifth of it has changed.
ALTER TABLE announcements SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
