"""Making tokens die before their time: a watermark in the transaction. `bell` tells the gateways after it."""

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

    After `lives` seconds no such token is alive anyway, and the watermark is forgotten.
    """
    await conn.execute(queries.ADD_WATERMARK, (kind, revoked, lives))
