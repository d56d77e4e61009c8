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
