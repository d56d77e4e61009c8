-- Medical devices, each with its last contact.

CREATE TABLE devices (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    serial_number text NOT NULL,
    device_class text NOT NULL CHECK (device_class IN ('defib', 'ecg', 'oximeter', 'bp', 'glucose', 'etco2', 'thermometer', 'multiparameter')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'retired')),
    manufacturer text,
    model text,
    vehicle_id text,
    -- Whether the device was enrolled in a sandbox. Nobody changes it, and only such devices may be erased.
    sandbox boolean NOT NULL DEFAULT false,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, serial_number)
);
CREATE INDEX devices_listed ON devices (tenant_id, id DESC);
CREATE INDEX devices_on_vehicle ON devices (tenant_id, vehicle_id, id DESC);
SELECT tenant_table('devices');

-- The last contact of each device. The relay writes it as it takes announcements, at most once a minute for a device, so that no request writes a row
-- more. There is no index of the times: each later write stays within its page (HOT).
CREATE TABLE device_contacts (
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
) WITH (fillfactor = 70);
SELECT tenant_table('device_contacts'), worker_writes_all('device_contacts');
REVOKE INSERT, UPDATE, DELETE ON device_contacts FROM {{app}};
