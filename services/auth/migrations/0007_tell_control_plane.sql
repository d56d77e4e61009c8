-- Control-plane hears of every app at its next change; of those there are already, now.
INSERT INTO outbox (id, tenant_id, consumer, name, body)
SELECT uuidv7(), tenant_id, 'control_plane', 'control_plane.app_changed.v1', jsonb_build_object(
    'name', 'control_plane.app_changed.v1', 'client_id', client_id, 'version', version, 'status', status,
    'approved_events', approved_events, 'graphql_bundles', graphql_bundles, 'requested_scopes', requested_scopes)
FROM apps WHERE status <> 'deleted';
