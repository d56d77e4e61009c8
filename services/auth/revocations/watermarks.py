"""Making tokens die before their time: a watermark in the transaction. `bell` tells the gateways after it."""

from collections.abc import Sequence
from typing import Literal

from services.auth.keys.schedule import LONGEST_TOKEN
from services.auth.revocations import queries
from shared.database import AsyncConnection

# What gateways keep: they look twice a second.
EFFECTIVE_WITHIN_SECONDS = 1
Kind = Literal["client", "grant", "tenant", "token"]
# No token lives longer, and a watermark outlives the tokens it refuses on slow clocks too.
LIVES_SECONDS = LONGEST_TOKEN.total_seconds() + 300


async def revoke(conn: AsyncConnection, kind: Kind, revoked: str, lives: float = LIVES_SECONDS) -> None:
    """Refuses every token of `revoked` made so far, once this transaction is committed and a gateway has heard of it.

    After `lives` seconds (a single token: after its making) no such token is alive anyway, and the watermark is forgotten;
    that of a grant sooner, since the database knows when its last token dies.
    """
    await revoke_all(conn, kind, [revoked], lives)


async def revoke_all(conn: AsyncConnection, kind: Kind, revoked: Sequence[str], lives: float = LIVES_SECONDS) -> None:
    """The same for many, in one statement: every other revocation waits from the first watermark until the commit."""
    if revoked:
        await conn.execute(queries.ADD_WATERMARKS, (kind, list(revoked), lives))


async def revoke_grants(conn: AsyncConnection, grant_ids: Sequence[str], why: str) -> int:
    """Ends families: no more refreshing, and their access tokens are refused. Returns how many had not ended before."""
    rows = await (await conn.execute(queries.REVOKE_GRANTS, (why, list(grant_ids)))).fetchall()
    await revoke_all(conn, "grant", [grant_id for (grant_id,) in rows])
    return len(rows)
