-- The maker and model of devices, in words that device-ingest lets pass: no serial number is among them.
CREATE TABLE devices (
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    manufacturer text,
    model text,
    described_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
);
CREATE INDEX devices_described ON devices (tenant_id, described_at);
SELECT tenant_table('devices');
REVOKE INSERT, UPDATE, DELETE ON devices FROM {{app}};
