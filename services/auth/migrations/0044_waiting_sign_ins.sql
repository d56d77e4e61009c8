-- Whose sign-ins wait at an identity provider: of a browser that signed in before, and from which network. Of each kind few wait.
ALTER TABLE saml_requests
    ADD COLUMN is_returning boolean NOT NULL DEFAULT false,
    ADD COLUMN network text NOT NULL DEFAULT '';
