"""Caps on what a tenant can make: counted under a lock, in the transaction that makes one more, so that no race exceeds them."""

from typing import Any, LiteralString, NamedTuple

from shared import problems
from shared.database import AsyncConnection

LOCK: LiteralString = "SELECT pg_advisory_xact_lock(7410, hashtext(%s))"


class Cap(NamedTuple):
    """`whose` has at most `most` `things`; `instead` is what to do about it."""

    things: str
    most: int
    whose: str = "An organisation"
    instead: str = "delete some, or ask Knogin for more"

    def __str__(self) -> str:
        return f"{self.whose} has at most {self.most} {self.things}; {self.instead}."


async def is_full(conn: AsyncConnection, cap: Cap, owner: str, count: LiteralString, parameters: Any = ()) -> bool:
    """Whether `count`, a query for one number, has reached the cap. `owner` is whose things are counted, and nobody else's wait."""
    await conn.execute(LOCK, (f"{cap.things} {owner}",))
    row = await (await conn.execute(count, parameters)).fetchone()
    return row is None or row[0] >= cap.most


async def require_room(conn: AsyncConnection, cap: Cap, owner: str, count: LiteralString, parameters: Any = ()) -> None:
    """As `is_full`. Raises a 409 Problem `limit-reached` with the cap as `limit` and what is capped as `resource`."""
    if await is_full(conn, cap, owner, count, parameters):
        raise refusal(cap)


def refusal(cap: Cap) -> problems.Problem:
    return problems.Problem(409, "Limit reached", str(cap), extra={"resource": cap.things, "limit": cap.most})
