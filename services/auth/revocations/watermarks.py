"""Ends tokens before their expiry by a watermark in the transaction; `bell.ring` wakes the gateways after it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, LiteralString, NamedTuple

import psycopg

from services.auth.apps import queries as app_queries
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
"""The most watermarks of tokens and grants of one client, and of all kinds of one tenant. Beyond, the older half is folded into one.

Few ids at a time are counted only every eighth time, on the average, so there may be some dozens more."""
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

    At most `CLIENT_MOST` get watermarks of their own; the clients with the most of the others get one each. Beyond `CLIENT_MOST`
    watermarks of a client the older half becomes one. Such a wider one refuses all tokens of that client made before then, also those
    that were not revoked, and the audit trail records it. Likewise for a tenant.
    """
    if not revoked:
        return
    parameters = (kind, list(revoked), owner, lives, CLIENT_MOST, TENANT_MOST)
    wider = await (await conn.execute(queries.REVOKE_TOKENS, parameters)).fetchall()
    if not wider:
        return
    from services.auth.revocations import metrics  # commands also import this module and need no metrics

    [(tenant_id,)] = await (await conn.execute(queries.TENANT)).fetchall()
    by = Caller(tenant_id=tenant_id, client_id=AUTH)
    entries: list[tuple[object, ...]] = []
    for into, folded, before_ms in wider:
        metrics.folds.labels(into).inc()
        log.warning("revocations folded into one of the %s: all its tokens made before are refused", into)
        detail = {"kind": into, "made_before_ms": before_ms}
        entries.append(audit.entry(by, "revocations.folded", folded, detail))
    async with conn.cursor() as cursor:
        await cursor.executemany(audit.RECORD, entries)


def revoke_at_once(conn: psycopg.Connection[Any], kind: Kind, revoked: Sequence[str]) -> None:
    """As `revoke_all`, for commands and workers, without entries of folds in the audit trail."""
    conn.execute(queries.REVOKE_TOKENS, (kind, list(revoked), None, LIVES_SECONDS, CLIENT_MOST, TENANT_MOST))


async def revoke_grants(conn: AsyncConnection, grant_ids: Sequence[str], why: str) -> int:
    """Ends families: no more refreshing, and their access tokens are refused. Returns how many had not ended before."""
    ended = await end(conn, grant_ids, why)
    await revoke_all(conn, "grant", ended)
    return len(ended)


async def end_grants(
    conn: AsyncConnection, which: LiteralString, parameters: Mapping[str, object], why: str
) -> list[str]:
    """Ends the grants that `which` selects, without their access tokens; `revoke_all` must follow in the same transaction.

    `which` selects live grants with an id above the parameter `after`, in the order of their ids, so that two calls that end the same
    grants cannot deadlock. Each statement ends `PORTION` of them.
    """
    ended: list[str] = []
    after = ""
    while True:
        held = await (await conn.execute(which + queries.NEXT_PORTION, {**parameters, "after": after})).fetchall()
        ended += await end(conn, [grant_id for (grant_id,) in held], why)
        if len(held) < queries.PORTION:
            return ended
        after = held[-1][0]


class Ended(NamedTuple):
    """Grants that a transaction ended, and apps that lose all their tokens with the grants that the relay ends later."""

    grants: list[str]
    apps: list[str]


async def end_grants_of_people(
    conn: AsyncConnection, people: LiteralString, parameters: Mapping[str, object], why: str
) -> Ended:
    """Ends the grants of the users whose ids `people` selects; `revoke_ended` must follow in the same transaction.

    More than `PORTION` grants end by a decision, in bounded time: a row of each person refuses all from before, and the relay ends them.
    """
    of_people = queries.OF_PEOPLE + "(" + people + ")"
    beyond = "SELECT 1 " + of_people + queries.BEYOND_A_PORTION
    if await (await conn.execute(beyond, parameters)).fetchone() is None:
        return Ended(await end_grants(conn, "SELECT grant_id " + of_people, parameters, why), [])
    decided = [user_id for (user_id,) in await (await conn.execute(people, parameters)).fetchall()]
    await conn.execute(queries.BEGIN_ENDING, {"people": sorted(decided), "why": why})
    apps = await (await conn.execute("SELECT DISTINCT client_id " + of_people, parameters)).fetchall()
    return Ended([], sorted(client_id for (client_id,) in apps))


async def revoke_ended(conn: AsyncConnection, ended: Ended) -> None:
    """Refuses the access tokens of ended grants. Service tokens of the apps end with their other tokens."""
    for client_id in ended.apps:
        await conn.execute(app_queries.REVOKE_SERVICE_TOKENS, (client_id,))
    await revoke_all(conn, "client", ended.apps)
    await revoke_all(conn, "grant", ended.grants)


async def end(conn: AsyncConnection, grant_ids: Sequence[str], why: str) -> list[str]:
    """Ends these grants without their access tokens. Returns those that had not ended before, for `revoke_all`."""
    if not grant_ids:
        return []
    rows = await (await conn.execute(queries.REVOKE_GRANTS, (why, list(grant_ids)))).fetchall()
    return [grant_id for (grant_id,) in rows]
