"""Ends tokens before their expiry by a watermark in the transaction. `bell` wakes the gateways after it."""

import logging
from collections.abc import Sequence
from typing import Literal

from services.auth.keys.rotation import LONGEST_TOKEN
from services.auth.revocations import queries
from shared.storage import audit
from shared.storage.database import AsyncConnection
from shared.web.identity import Caller

log = logging.getLogger(__name__)
# Gateways follow within this time.
EFFECTIVE_WITHIN_SECONDS = 1
Kind = Literal["client", "grant", "tenant", "token"]
# No token lives longer, and a watermark outlives the tokens it refuses on slow clocks too.
LIVES_SECONDS = LONGEST_TOKEN.total_seconds() + 300
CLIENT_MOST, TENANT_MOST = 1_000, 5_000
"""The most watermarks of tokens and grants of one client, and of all kinds of one tenant. Beyond, the older half is folded into one."""
AUTH = "auth"


async def revoke(
    conn: AsyncConnection, kind: Kind, revoked: str, lives: float = LIVES_SECONDS, *, owner: str | None = None
) -> None:
    """Refuses every token of `revoked` made so far, once this transaction is committed and a gateway has read it.

    `lives` seconds later (for a single token: after its creation) all such tokens have expired, and the watermark is deleted. The
    watermark of a grant is deleted sooner, when its last token has expired. `owner` is the client of a single token.
    """
    await revoke_all(conn, kind, [revoked], lives, owner=owner)


async def revoke_all(
    conn: AsyncConnection,
    kind: Kind,
    revoked: Sequence[str],
    lives: float = LIVES_SECONDS,
    *,
    owner: str | None = None,
) -> None:
    """As `revoke` for many, in one statement, because every other revocation waits from the first watermark until the commit.

    Beyond `CLIENT_MOST` watermarks of a client the older half becomes one. It refuses all tokens of that client made before then, also
    those that were not revoked, and the audit trail records it. Likewise for a tenant.
    """
    if not revoked:
        return
    parameters = (kind, list(revoked), owner, lives, CLIENT_MOST, TENANT_MOST)
    for into, folded, before_ms in await (await conn.execute(queries.REVOKE_TOKENS, parameters)).fetchall():
        from services.auth.revocations import metrics  # commands also import this module and need no metrics

        metrics.folds.labels(into).inc()
        log.warning("revocations folded into one of the %s: all its tokens made before are refused", into)
        [(tenant_id,)] = await (await conn.execute(queries.TENANT)).fetchall()
        detail = {"kind": into, "made_before_ms": before_ms}
        await audit.record(conn, Caller(tenant_id=tenant_id, client_id=AUTH), "revocations.folded", folded, detail)


async def revoke_grants(conn: AsyncConnection, grant_ids: Sequence[str], why: str) -> int:
    """Ends families: no more refreshing, and their access tokens are refused. Returns how many had not ended before."""
    rows = await (await conn.execute(queries.REVOKE_GRANTS, (why, list(grant_ids)))).fetchall()
    await revoke_all(conn, "grant", [grant_id for (grant_id,) in rows])
    return len(rows)
