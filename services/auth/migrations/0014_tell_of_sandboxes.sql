-- Webhook-dispatcher hears of every tenant at its next change; of the sandboxes there are already, now.
INSERT INTO outbox (id, tenant_id, consumer, name, body)
SELECT uuidv7(), tenant_id, 'webhook_dispatcher', 'webhook_dispatcher.tenant_changed.v1', jsonb_build_object(
    'name', 'webhook_dispatcher.tenant_changed.v1', 'tenant_id', tenant_id, 'environment', environment)
FROM tenants WHERE environment = 'sandbox';
