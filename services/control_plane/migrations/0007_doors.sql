-- The service that a run's last attempt went to: while nobody knows what became of it there, it goes to no other.
ALTER TABLE automation_runs ADD COLUMN sent_to text;
