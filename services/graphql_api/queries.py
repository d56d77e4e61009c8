"""SQL of granted bundles, and of effects of automations' runs."""

from typing import LiteralString

GRANTED: LiteralString = "SELECT bundles FROM graphql_apps WHERE client_id = %s AND status = 'active'"
# An app's state from auth. An older one never overwrites a newer one.
STORE_APP: LiteralString = """
    INSERT INTO graphql_apps AS kept (client_id, tenant_id, version, status, bundles) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (client_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, bundles = excluded.bundles
    WHERE kept.version < excluded.version AND kept.tenant_id = excluded.tenant_id
"""
# The row of a run is written in the transaction of its effect.
ADD_EFFECT: LiteralString = """
    INSERT INTO automation_effects (run_id, tenant_id, result) VALUES (%s, %s, %s::jsonb) ON CONFLICT DO NOTHING RETURNING run_id
"""
SET_EFFECT: LiteralString = "UPDATE automation_effects SET result = %s::jsonb WHERE run_id = %s"
FIND_EFFECT: LiteralString = "SELECT result FROM automation_effects WHERE run_id = %s"
