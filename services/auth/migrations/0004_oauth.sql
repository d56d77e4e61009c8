-- Access of apps in the name of people: consents, the grants that refresh tokens belong to, and the codes for which an app or a device gets them.

CREATE TABLE consents (
    user_id text NOT NULL REFERENCES users,
    client_id text NOT NULL REFERENCES apps,
    tenant_id text NOT NULL,
    scopes text[] NOT NULL,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_of_client ON consents (client_id, user_id);
SELECT tenant_table('consents'), worker_writes_all('consents');

-- A refresh token is (grant, generation, MAC): the table does not grow with each refresh. `second_factor` is the session's in which the person allowed
-- the access, and `signed_in_at` when they had signed in to it: an app can demand a recent sign-in.
CREATE TABLE grants (
    grant_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    user_id text NOT NULL REFERENCES users,
    scopes text[] NOT NULL,
    audience text[] NOT NULL,
    offline boolean NOT NULL,
    seed bytea NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    second_factor boolean NOT NULL DEFAULT false,
    signed_in_at timestamptz NOT NULL,
    rotated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_because text,
    CONSTRAINT operators_have_a_second_factor CHECK (
        NOT scopes && '{platform:operate:read,platform:operate:write}'::text[]
        OR (tenant_id = 'org_00000000000000000000000000' AND second_factor))
);
CREATE INDEX grants_user ON grants (user_id, client_id);
CREATE INDEX grants_live_of_client ON grants (client_id, grant_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_expires ON grants (expires_at);
SELECT tenant_table('grants'), worker_writes_all('grants');

CREATE TABLE codes (
    code_mac bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    grant_id text NOT NULL REFERENCES grants ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    redirect_uri_named boolean NOT NULL,
    code_challenge text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX codes_grant ON codes (grant_id);
CREATE INDEX codes_expires ON codes (expires_at);
SELECT tenant_table('codes'), worker_writes_all('codes');

-- Devices that wait until a person allows them (RFC 8628). A row holds MACs of its two codes, never the codes. It is deleted when it has given
-- its tokens; the grant and its row of `codes` are made when the person allows.
CREATE TABLE device_codes (
    device_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL REFERENCES apps,
    device_mac bytea NOT NULL UNIQUE,
    user_mac bytea NOT NULL,
    scopes text[] NOT NULL,
    audience text[] NOT NULL,
    -- Shown to the person, who compares it with the own one.
    address text NOT NULL,
    network text NOT NULL,
    -- The block of networks around the device's (IPv4 /24, IPv6 /48): one subscriber's many networks share one turn.
    block text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied')),
    wait_seconds integer NOT NULL DEFAULT 5,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    polled_at timestamptz,
    expires_at timestamptz NOT NULL,
    UNIQUE (tenant_id, user_mac)
);
CREATE INDEX device_codes_client ON device_codes (client_id, made_at);
CREATE INDEX device_codes_expires ON device_codes (expires_at);
SELECT tenant_table('device_codes'), worker_writes_all('device_codes');
