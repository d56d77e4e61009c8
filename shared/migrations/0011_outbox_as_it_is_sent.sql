-- Not compressed, so that its size in the table, by which a relay bounds what it takes at a time, is about what it is in Redis.
ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL;
