-- The secrets and signing keys before `previous_…` that still sign: each until the end that was stated for it, newest first.
ALTER TABLE subscriptions
    ADD COLUMN older_secrets bytea[] NOT NULL DEFAULT '{}',
    ADD COLUMN older_secret_fingerprints text[] NOT NULL DEFAULT '{}',
    ADD COLUMN older_secret_ends timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN older_signing_keys bytea[] NOT NULL DEFAULT '{}',
    ADD COLUMN older_public_keys text[] NOT NULL DEFAULT '{}',
    ADD COLUMN older_public_key_ends timestamptz[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT older_secret_ends_is_finite CHECK ('0001-01-01' <= ALL (older_secret_ends) AND '9999-12-31' > ALL (older_secret_ends)),
    ADD CONSTRAINT older_public_key_ends_is_finite
        CHECK ('0001-01-01' <= ALL (older_public_key_ends) AND '9999-12-31' > ALL (older_public_key_ends)),
    ADD CONSTRAINT older_secrets_are_few CHECK (
        cardinality(older_secrets) <= 3 AND cardinality(older_signing_keys) <= 3
        AND cardinality(older_secret_fingerprints) = cardinality(older_secrets) AND cardinality(older_secret_ends) = cardinality(older_secrets)
        AND cardinality(older_public_keys) = cardinality(older_signing_keys) AND cardinality(older_public_key_ends) = cardinality(older_signing_keys)
        AND coalesce(array_ndims(older_secrets), 1) = 1 AND array_position(older_secrets, NULL) IS NULL
        AND coalesce(array_ndims(older_signing_keys), 1) = 1 AND array_position(older_signing_keys, NULL) IS NULL
        AND octet_length(older_secrets::text) <= 65536 AND octet_length(older_signing_keys::text) <= 65536
        AND octet_length(older_secret_fingerprints::text) <= 1024 AND octet_length(older_public_keys::text) <= 1024) NOT VALID;
