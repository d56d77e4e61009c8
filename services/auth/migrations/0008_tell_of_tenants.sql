-- Control-plane hears of every tenant at its next change; of those there are already, now.
UPDATE tenants SET version = greatest(version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000));
INSERT INTO outbox (id, tenant_id, consumer, name, body)
SELECT uuidv7(), tenant_id, 'control_plane', 'control_plane.tenant_changed.v1', jsonb_build_object(
    'name', 'control_plane.tenant_changed.v1', 'tenant_id', tenant_id, 'version', version, 'tenant_name', name,
    'status', status, 'environment', environment, 'granted_scopes', granted_scopes)
FROM tenants;
