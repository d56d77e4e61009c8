-- Of the crews at an incident, the one with the smallest arrival counts for it. Seconds of the epoch, 1e12 where no arrival is known;
-- NULL where the encounter does not count.
ALTER TABLE acqi_facts ADD COLUMN incident text, ADD COLUMN arrival double precision;
