"""Ends the access of one person: all of it when they leave, or the part beyond a narrower role. One transaction, so all or nothing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.auth.apps import scopes
from services.auth.people import queries
from services.auth.people.models import EndedAccess
from services.auth.revocations import watermarks
from services.auth.saml import queries as saml_queries
from services.auth.signin import queries as signin_queries
from services.auth.signin import sessions
from shared.storage.database import AsyncConnection

LEFT = "the person left"
BEYOND = "beyond the person's role"


class Ending(NamedTuple):
    """Counts for the answer, and the grants for `watermarks.revoke_all`, which is the transaction's last statement."""

    ended: EndedAccess = EndedAccess()
    grants: Sequence[str] = ()


async def count(conn: AsyncConnection, user_id: str) -> EndedAccess:
    """The access that ends when the person leaves."""
    whose = {"user_id": user_id}
    [grants, refresh_tokens] = await _row(conn, queries.COUNT_GRANTS, whose)
    [of_sessions] = await _row(conn, queries.COUNT_SESSIONS, whose)
    [service_tokens] = await _row(conn, queries.COUNT_SERVICE_TOKENS, whose)
    [invitations] = await _row(conn, queries.COUNT_INVITATIONS, whose)
    return EndedAccess(
        sessions=of_sessions,
        grants=grants,
        refresh_tokens=refresh_tokens,
        service_tokens=service_tokens,
        invitations=invitations,
    )


async def _row(conn: AsyncConnection, query: Any, parameters: Any) -> tuple[Any, ...]:
    row = await (await conn.execute(query, parameters)).fetchone()
    assert row is not None
    return row


async def everything(conn: AsyncConnection, user_id: str) -> Ending:
    """Ends sessions, sign-ins under way, grants with their refresh tokens, service tokens and pending invitations of a locked person."""
    ended = await count(conn, user_id)
    await sessions.end_all(conn, user_id)
    await conn.execute(queries.DELETE_TICKETS, {"user_id": user_id})
    await conn.execute(queries.END_PASSWORD_LINKS, (user_id,))
    await conn.execute(queries.WITHDRAW_INVITATIONS, (user_id,))
    grants = await watermarks.end_grants(conn, signin_queries.LIVE_GRANTS_OF_USER, {"user_id": user_id}, LEFT)
    of_tokens = await _service_tokens(conn, user_id, None)
    return Ending(ended, grants + of_tokens)


async def sessions_of(conn: AsyncConnection, user_id: str) -> Ending:
    """Ends sessions and sign-ins under way, and the grants of first-party apps, which are the platform's own pages."""
    [number] = await _row(conn, queries.COUNT_SESSIONS, {"user_id": user_id})
    await sessions.end_all(conn, user_id)
    await conn.execute(queries.DELETE_TICKETS, {"user_id": user_id})
    ended = await watermarks.end_grants(conn, queries.FIRST_PARTY_GRANTS, {"user_id": user_id}, "sessions ended")
    return Ending(EndedAccess(sessions=number, grants=len(ended)), ended)


async def beyond(conn: AsyncConnection, user_id: str, limit: Sequence[str] | None) -> Ending:
    """Ends grants and service tokens with scopes beyond `limit`, and all sessions."""
    [of_sessions] = await _row(conn, queries.COUNT_SESSIONS, {"user_id": user_id})
    await conn.execute(signin_queries.END_SESSIONS, (user_id,))
    await conn.execute(queries.DELETE_TICKETS, {"user_id": user_id})
    held = await (await conn.execute(saml_queries.LIVE_GRANTS, (user_id,))).fetchall()
    ended = await watermarks.end(
        conn, [grant_id for grant_id, granted in held if scopes.beyond(limit, granted)], BEYOND
    )
    of_tokens = await _service_tokens(conn, user_id, limit)
    counts = EndedAccess(sessions=of_sessions, grants=len(ended), service_tokens=len(of_tokens))
    return Ending(counts, ended + of_tokens)


async def _service_tokens(conn: AsyncConnection, user_id: str, limit: Sequence[str] | None) -> list[str]:
    """Ends the service tokens that were minted in the person's name, or those beyond `limit`. Returns their grants."""
    held = await (await conn.execute(queries.SERVICE_TOKENS, {"user_id": user_id})).fetchall()
    over = [token_id for token_id, granted in held if limit is None or scopes.beyond(limit, granted)]
    rows = await (await conn.execute(queries.REVOKE_SERVICE_TOKENS, (over,))).fetchall()
    return [grant_id for (grant_id,) in rows]
