-- The block of networks around that of a waiting device (IPv4 /24, IPv6 /48): one subscriber's many networks share one turn.
ALTER TABLE device_codes ADD COLUMN block text NOT NULL DEFAULT '';
