-- concurrently
-- The oldest facts that did not fail for good.
DROP INDEX CONCURRENTLY IF EXISTS due_facts_oldest_sound;
CREATE INDEX CONCURRENTLY due_facts_oldest_sound ON due_facts (marked_at) WHERE failures < 5;
