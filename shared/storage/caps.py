"""Caps on the number of things an organisation can create. A count under a lock in the creating transaction prevents races."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple

from psycopg.errors import CheckViolation, UniqueViolation

from shared.storage import locks
from shared.storage.database import AsyncConnection
from shared.web import problems

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


def refusal(cap: Cap) -> problems.Problem:
    return problems.Problem(409, "Limit reached", str(cap), extra={"resource": cap.things, "limit": cap.most})


@contextmanager
def slots(cap: Cap | None = None) -> Iterator[None]:
    """For a statement that takes a slot of the database (`free_slot`).

    Raises a Problem: if none is free, 409 of the cap, or 503 without one; where another transaction takes the same one, 503.
    """
    try:
        yield
    except (CheckViolation, UniqueViolation) as error:
        if not (error.diag.constraint_name or "").endswith("_slots"):
            raise
        if isinstance(error, CheckViolation) and cap is not None:
            raise refusal(cap) from None
        raise problems.unavailable("Too much of this kind waits at this moment; try again.") from None
