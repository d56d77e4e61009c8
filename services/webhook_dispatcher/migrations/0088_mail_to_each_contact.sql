-- The places of the contacts that a mail has reached, as bits: it is sent again to the others alone.
ALTER TABLE mails ADD COLUMN reached integer NOT NULL DEFAULT 0;
