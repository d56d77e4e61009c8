"""SQL of stopped organisations. As the app's role, row-level security and the function show it to the platform's own tenant alone."""

from typing import LiteralString

LIST: LiteralString = "SELECT * FROM stopped_tenants_of_all(%(tenant_id)s, %(after)s, %(limit)s)"
# --- The relay, as the worker's role ----------------------------------------------------------------------------------
STOP: LiteralString = """
    INSERT INTO stopped_tenants (tenant_id, act_id, reason) VALUES (%(tenant_id)s, %(act_id)s, %(reason)s)
    ON CONFLICT DO NOTHING RETURNING tenant_id
"""
RESUME: LiteralString = "DELETE FROM stopped_tenants WHERE tenant_id = %s RETURNING tenant_id"
# There are few: each is an act of an operator.
MEASURE: LiteralString = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(stopped_at)), 0)::float8
    FROM (SELECT stopped_at FROM stopped_tenants LIMIT 10000) AS counted
"""
