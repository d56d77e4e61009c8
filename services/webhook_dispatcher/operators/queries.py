"""SQL of stopped organisations and webhooks. As the app's role, functions show them to the platform's own tenant alone."""

from typing import LiteralString

from services.webhook_dispatcher.subscriptions.queries import BEGIN_RECOVERY

LIST: LiteralString = "SELECT * FROM stopped_tenants_of_all(%(tenant_id)s, %(after)s, %(limit)s)"
WEBHOOK: LiteralString = "SELECT * FROM webhook_of_all(%s)"
STOPPED_WEBHOOKS: LiteralString = "SELECT * FROM stopped_webhooks_of_all(%(after)s, %(limit)s)"
# --- The relay, as the worker's role ----------------------------------------------------------------------------------
STOP: LiteralString = """
    INSERT INTO stopped_tenants (tenant_id, act_id, reason) VALUES (%(tenant_id)s, %(act_id)s, %(reason)s)
    ON CONFLICT DO NOTHING RETURNING tenant_id
"""
RESUME: LiteralString = "DELETE FROM stopped_tenants WHERE tenant_id = %s RETURNING tenant_id"
RESUME_WEBHOOK: LiteralString = (
    BEGIN_RECOVERY + " AND NOT enabled AND disabled_reason = 'stopped_by_operator' RETURNING id"
)
# There are few: each is an act of an operator.
MEASURE: LiteralString = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(stopped_at)), 0)::float8
    FROM (SELECT stopped_at FROM stopped_tenants LIMIT 10000) AS counted
"""
