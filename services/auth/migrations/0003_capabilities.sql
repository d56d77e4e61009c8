-- What a tenant was opened for beyond its scopes, and the moment it last changed, by which others tell old news from new.

ALTER TABLE tenants
    ADD COLUMN federation boolean NOT NULL DEFAULT false,
    ADD COLUMN version bigint NOT NULL DEFAULT 0;
