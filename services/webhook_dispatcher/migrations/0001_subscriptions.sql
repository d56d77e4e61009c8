-- Apps, their webhooks, and the notices about these. Ids sort by time only byte by byte: COLLATE "C".
-- The worker role fans events out and sends them for every tenant in one statement, so it reads and writes all rows of this service's tables.
-- Lengths, counts and times have limits: nothing that a role of a process writes stops the senders, the relay or the workers, which read rows of
-- all tenants in one statement, or fills their memory.

-- The state of an app and the event types that it may get, from auth.
CREATE TABLE apps (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    approved_events text[] NOT NULL,
    PRIMARY KEY (tenant_id, client_id),
    CONSTRAINT approvals_are_short CHECK (octet_length(approved_events::text) <= 65536)
);
SELECT tenant_table('apps'), worker_writes_all('apps');
REVOKE INSERT, UPDATE, DELETE ON apps FROM {{app}};

-- A client ID has at most 128 characters, and a webhook 50 types of at most 128.
CREATE TABLE subscriptions (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    -- Whether the tenant is a sandbox, as the token of the call that made or last changed it shows: its notices are then tests.
    rehearses boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    url text NOT NULL,
    description text,
    headers bytea,
    header_names text[] NOT NULL DEFAULT '{}',
    payload text NOT NULL DEFAULT 'full',
    -- The most deliveries a second that it takes.
    max_per_second integer,
    -- `live_events` are those of `events` that are approved now.
    events text[] NOT NULL,
    live_events text[] NOT NULL,
    -- The number of events that the filter has held back since it was set, and the last of them.
    filter jsonb,
    filtered bigint NOT NULL DEFAULT 0,
    last_filtered_event text,
    last_filtered_type text,
    last_filtered_at timestamptz,
    -- The `older_…` are the secrets and keys before `previous_…` that still sign: each until the end that was stated for it, newest first.
    secret bytea NOT NULL,
    secret_fingerprint text NOT NULL,
    previous_secret bytea,
    previous_secret_fingerprint text,
    previous_secret_expires_at timestamptz,
    older_secrets bytea[] NOT NULL DEFAULT '{}',
    older_secret_fingerprints text[] NOT NULL DEFAULT '{}',
    older_secret_ends timestamptz[] NOT NULL DEFAULT '{}',
    -- The Ed25519 key, encrypted, and its public key as the owner sees it. While a key replaces another, both sign.
    signing_key bytea,
    public_key text,
    previous_signing_key bytea,
    previous_public_key text,
    previous_public_key_expires_at timestamptz,
    older_signing_keys bytea[] NOT NULL DEFAULT '{}',
    older_public_keys text[] NOT NULL DEFAULT '{}',
    older_public_key_ends timestamptz[] NOT NULL DEFAULT '{}',
    -- Proofs of our identity for a receiver, beside the signature: a client certificate with its key, and a grant of client credentials. Both are
    -- encrypted; their owner sees the other columns.
    client_certificate bytea,
    certificate_fingerprint text,
    certificate_expires_at timestamptz,
    oauth bytea,
    oauth_shown jsonb,
    -- Held (not enabled, paused or recovering), its deliveries wait in their places.
    enabled boolean NOT NULL DEFAULT true,
    disabled_reason text,
    disabled_at timestamptz,
    -- Why an operator stopped it, and with which act. Its organisation reads the reason; operators read both, and the host of its address.
    stop_act text CHECK (octet_length(stop_act) <= 64),
    stop_reason text CHECK (char_length(stop_reason) <= 500),
    paused boolean NOT NULL DEFAULT false,
    recovering boolean NOT NULL DEFAULT false,
    held boolean NOT NULL GENERATED ALWAYS AS (NOT enabled OR paused OR recovering) STORED,
    recovery_rate integer NOT NULL DEFAULT 1,
    -- When a recovery last released deliveries; with `restarts_ladder` they climb the retry ladder from its foot.
    stepped_at timestamptz,
    restarts_ladder boolean NOT NULL DEFAULT false,
    -- Numbers its deliveries without gaps.
    last_sequence bigint NOT NULL DEFAULT 0,
    -- A receiver that nobody knows yet gets one delivery at a time; each success adds one. So a good one is at full speed in a moment, and a
    -- hundred new ones that all hang do not take every slot.
    concurrency integer NOT NULL DEFAULT 1,
    slowed_until timestamptz,
    failing_since timestamptz,
    last_failure_at timestamptz,
    -- The failure of which `webhook.failing` was sent, until `webhook.recovered` is; and the deliveries given up since `delivery.exhausted` was sent.
    noticed_failing_since timestamptz,
    recovered_at timestamptz,
    exhausted bigint NOT NULL DEFAULT 0,
    exhausted_delivery text,
    exhausted_type text,
    exhausted_noticed_at timestamptz,
    CONSTRAINT counts_are_small CHECK (concurrency BETWEEN 1 AND 64 AND recovery_rate BETWEEN 1 AND 1000000),
    CONSTRAINT texts_are_short CHECK (octet_length(url) <= 8192 AND octet_length(secret) <= 65536
        AND octet_length(previous_secret) <= 65536 AND octet_length(headers) <= 262144),
    CONSTRAINT keys_are_short CHECK (octet_length(signing_key) <= 256 AND octet_length(previous_signing_key) <= 256),
    CONSTRAINT older_secret_ends_is_finite CHECK ('0001-01-01' <= ALL (older_secret_ends) AND '9999-12-31' > ALL (older_secret_ends)),
    CONSTRAINT older_public_key_ends_is_finite
        CHECK ('0001-01-01' <= ALL (older_public_key_ends) AND '9999-12-31' > ALL (older_public_key_ends)),
    CONSTRAINT older_secrets_are_few CHECK (
        cardinality(older_secrets) <= 3 AND cardinality(older_signing_keys) <= 3
        AND cardinality(older_secret_fingerprints) = cardinality(older_secrets) AND cardinality(older_secret_ends) = cardinality(older_secrets)
        AND cardinality(older_public_keys) = cardinality(older_signing_keys) AND cardinality(older_public_key_ends) = cardinality(older_signing_keys)
        AND coalesce(array_ndims(older_secrets), 1) = 1 AND array_position(older_secrets, NULL) IS NULL
        AND coalesce(array_ndims(older_signing_keys), 1) = 1 AND array_position(older_signing_keys, NULL) IS NULL
        AND octet_length(older_secrets::text) <= 65536 AND octet_length(older_signing_keys::text) <= 65536
        AND octet_length(older_secret_fingerprints::text) <= 1024 AND octet_length(older_public_keys::text) <= 1024),
    CONSTRAINT filtered_is_small CHECK (filtered BETWEEN 0 AND 1000000000000000000 AND octet_length(filter::text) <= 65536
        AND isfinite(last_filtered_at)),
    CONSTRAINT notices_are_small CHECK (exhausted BETWEEN 0 AND 1000000000000000 AND octet_length(exhausted_delivery) <= 256
        AND octet_length(exhausted_type) <= 256
        AND noticed_failing_since BETWEEN '0001-01-01 00:00Z' AND '9999-12-30 00:00Z'
        AND recovered_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-30 00:00Z'),
    CONSTRAINT pace_is_small CHECK (max_per_second BETWEEN 1 AND 1000 AND payload IN ('full', 'thin')),
    CONSTRAINT access_is_short CHECK (octet_length(client_certificate) <= 65536 AND octet_length(oauth) <= 16384),
    CONSTRAINT listeners_are_short CHECK (octet_length(id) <= 256 AND octet_length(tenant_id) <= 1024 AND octet_length(client_id) <= 1024
        AND octet_length(events::text) <= 65536 AND octet_length(live_events::text) <= 16384),
    CONSTRAINT types_are_lists CHECK (coalesce(array_ndims(events), 1) = 1 AND array_position(events, NULL) IS NULL
        AND coalesce(array_ndims(live_events), 1) = 1 AND array_position(live_events, NULL) IS NULL)
) WITH (fillfactor = 70);
CREATE INDEX subscriptions_of_app ON subscriptions (tenant_id, client_id, id);
CREATE INDEX subscriptions_recovering ON subscriptions (id) WHERE recovering;
CREATE INDEX subscriptions_failing ON subscriptions (failing_since) WHERE failing_since IS NOT NULL;
-- The relay looks for due notices every few seconds.
CREATE INDEX subscriptions_unnoticed ON subscriptions (failing_since) WHERE failing_since IS NOT NULL AND noticed_failing_since IS NULL;
CREATE INDEX subscriptions_recovered ON subscriptions (recovered_at) WHERE recovered_at IS NOT NULL;
CREATE INDEX subscriptions_exhausted ON subscriptions (exhausted_noticed_at) WHERE exhausted > 0;
-- The webhooks that need somebody (`troubled=true`), which are few: an organisation with thousands finds its failing one at once.
CREATE INDEX subscriptions_troubled ON subscriptions (tenant_id, id)
    WHERE failing_since IS NOT NULL OR disabled_reason IS NOT NULL OR NOT events <@ live_events;
-- Webhooks that operators stopped, for the list of all of them.
CREATE INDEX stopped_webhooks ON subscriptions (id) WHERE disabled_reason = 'stopped_by_operator';
SELECT tenant_table('subscriptions'), worker_writes_all('subscriptions');

-- As event_types.is_approved. A claim asks this of every delivery that it looks at. The usual patterns (`incident.updated`, `incident.*`, `*`) are
-- compared in place, since a function without a subquery becomes part of the statement that calls it; only the others are gone through one by one.
CREATE FUNCTION event_approved_below(name text, patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN EXISTS (SELECT 1 FROM unnest(patterns) AS pattern
        WHERE right(pattern, 2) = '.*' AND starts_with(name, left(pattern, -1)));
CREATE FUNCTION event_approved(name text, patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN name = ANY(patterns) OR '*' = ANY(patterns) OR left(name, strpos(name, '.')) || '*' = ANY(patterns)
        OR event_approved_below(name, patterns);
GRANT EXECUTE ON FUNCTION event_approved_below(text, text[]), event_approved(text, text[]) TO {{app}}, {{worker}};

-- Addresses that an app named for mail about its webhooks, encrypted.
CREATE TABLE contacts (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    emails bytea NOT NULL,
    number smallint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, client_id),
    CONSTRAINT contacts_are_few CHECK (octet_length(emails) <= 8192 AND number BETWEEN 1 AND 5)
);
SELECT tenant_table('contacts'), worker_writes_all('contacts');

-- Mail to send, and that of the last two days, by which an app's and a tenant's are counted. The event makes it once. `reached` has the places of
-- the contacts that the mail has reached, as bits: it is sent again to the others alone.
CREATE TABLE mails (
    event_id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    webhook_id text NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    test boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    reached integer NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX mails_due ON mails (due_at) WHERE NOT done;
CREATE INDEX mails_of_app ON mails (tenant_id, client_id, created_at);
CREATE INDEX mails_by_age ON mails (created_at);
SELECT tenant_table('mails'), worker_writes_all('mails');
REVOKE INSERT, UPDATE, DELETE ON mails FROM {{app}};
