-- Whether all that an announcement counts was a test.

ALTER TABLE announcements ADD COLUMN test boolean NOT NULL DEFAULT false;
