-- The time zone in which texts for people show times; UTC without one.
ALTER TABLE senders ADD COLUMN time_zone text;
