-- When a proven domain's record was looked for last, and since when it is not there.
ALTER TABLE saml_domains
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN missing_since timestamptz;
CREATE INDEX saml_domains_to_check ON saml_domains (coalesce(checked_at, verified_at)) WHERE verified_at IS NOT NULL;

-- What we will sign requests with next: identity providers learn the certificate from our metadata before it is used.
ALTER TABLE saml_connections
    ADD COLUMN next_key bytea,
    ADD COLUMN next_certificate text,
    ADD CHECK ((next_key IS NULL) = (next_certificate IS NULL));
