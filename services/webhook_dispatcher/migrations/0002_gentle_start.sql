-- A receiver that nobody knows yet gets few deliveries at a time: a success adds one, so that a good one is at full speed in a moment,
-- and a hundred new ones that all hang do not take every slot.
ALTER TABLE subscriptions ALTER COLUMN concurrency SET DEFAULT 4;
