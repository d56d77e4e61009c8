"""Caps on the number of things an organisation can create. A count under a lock in the creating transaction prevents races.

A cap is the deployment's number, or the one in `tenant_limits` that an operator set for the organisation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.errors import CheckViolation

from shared.storage import audit, locks
from shared.storage.database import AsyncConnection, set_tenant
from shared.web import problems
from shared.web.identity import Caller

LOCK: LiteralString = f"SELECT pg_advisory_xact_lock({locks.CAPS}, hashtext(%s))"


class Cap(NamedTuple):
    """`whose` has at most `most` `things`; `instead` is the advice in the error."""

    things: str
    most: int
    whose: str = "An organisation"
    instead: str = "delete some, or ask Knogin for more"

    def __str__(self) -> str:
        return f"{self.whose} has at most {self.most} {self.things}; {self.instead}."


async def is_full(conn: AsyncConnection, cap: Cap, owner: str, count: LiteralString, parameters: Any = ()) -> bool:
    """Whether the number that the query `count` returns has reached the cap. Only transactions of the same `owner` wait for the lock."""
    await conn.execute(LOCK, (f"{cap.things} {owner}",))
    row = await (await conn.execute(count, parameters)).fetchone()
    return row is None or row[0] >= cap.most


async def require_room(conn: AsyncConnection, cap: Cap, owner: str, count: LiteralString, parameters: Any = ()) -> None:
    """Raises a 409 Problem `limit-reached` if the cap is reached; its `limit` is the cap, its `resource` the things."""
    if await is_full(conn, cap, owner, count, parameters):
        raise refusal(cap)


def refusal(cap: Cap, **more: Any) -> problems.Problem:
    extra = {"resource": cap.things, "limit": cap.most} | more
    return problems.Problem(409, "Limit reached", str(cap), extra=extra)


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


@contextmanager
def slots(cap: Cap) -> Iterator[None]:
    """Raises the 409 Problem of the cap where the database refuses the statement by a constraint named `…_slots`."""
    try:
        yield
    except CheckViolation as error:
        if not (error.diag.constraint_name or "").endswith("_slots"):
            raise
        raise refusal(cap) from None
