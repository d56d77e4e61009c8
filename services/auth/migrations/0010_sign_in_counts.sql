-- Guessing is counted in buckets that leak, and devices that a person has signed in from are known.
-- `sign_in_failures` is read by the version before this one; a later migration drops it.

-- Exempt from row-level security: attempts are counted before anyone knows whose they are. Keys are MACs.
CREATE TABLE sign_in_counts (
    key bytea PRIMARY KEY,
    level double precision NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX sign_in_counts_at ON sign_in_counts (at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_counts TO {{app}}, {{worker}};

-- A MAC of the cookie of a browser in which a person has fully signed in. `wrong_codes` since its last right one.
CREATE TABLE known_devices (
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    device_mac bytea NOT NULL,
    wrong_codes integer NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, device_mac)
);
CREATE INDEX known_devices_last ON known_devices (last_at);
SELECT tenant_table('known_devices'), worker_writes_all('known_devices');

-- Wrong second factors typed in devices that are not known, since the last right one.
ALTER TABLE users ADD COLUMN wrong_codes integer NOT NULL DEFAULT 0;
