"""How much an organisation may store: the deployment's number, or the one in `tenant_limits` that an operator set for it."""

from typing import Any, LiteralString

import psycopg

from shared.storage import audit
from shared.storage.database import set_tenant
from shared.web.identity import Caller

SET_LIMIT: LiteralString = """
    INSERT INTO tenant_limits (tenant_id, name, most) VALUES (current_tenant(), %(name)s, %(most)s)
    ON CONFLICT (tenant_id, name) DO UPDATE SET most = excluded.most
"""
DELETE_LIMIT: LiteralString = "DELETE FROM tenant_limits WHERE tenant_id = current_tenant() AND name = %(name)s"


def set_limit(conn: psycopg.Connection[Any], tenant_id: str, name: str, most: int | None) -> None:
    """Sets the tenant's allowance; None restores the deployment's. `conn` is the worker's. Things beyond a lower number stay."""
    with conn.transaction():
        set_tenant(conn, tenant_id)
        conn.execute(DELETE_LIMIT if most is None else SET_LIMIT, {"name": name, "most": most})
        caller = Caller(tenant_id=tenant_id, client_id="operator")
        conn.execute(audit.RECORD, audit.entry(caller, "tenant.limit_set", tenant_id, {"name": name, "most": most}))
