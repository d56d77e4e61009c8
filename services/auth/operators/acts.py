"""The acts of operators on tenants, integration requests and signing keys: the operator's commands, carried out by the relay."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from services.auth.operators import queries
from services.auth.requests import deciding
from services.auth.requests.models import RequestRow
from services.auth.settings import Settings
from services.auth.tenants import operations
from shared.operators.acts import Handler
from shared.operators.models import Action, Asked
from shared.storage.database import AsyncConnection, Connection


def handlers(settings: Settings) -> Mapping[Action, Handler]:
    return {
        "tenant.suspend": partial(set_status, "suspended"),
        "tenant.resume": partial(set_status, "active"),
        "integration_request.approve": partial(approve, settings),
        "integration_request.decline": partial(decline, settings),
        "signing_keys.distrust": partial(distrust, settings),
    }


def figures(conn: Connection) -> Mapping[str, float]:
    """The requests that wait for a decision, up to 10,000."""
    (pending,) = conn.execute(queries.COUNT_PENDING).fetchone() or (0,)
    return {"pending_requests": pending}


def set_status(status: str, conn: Connection, asked: Asked) -> None:
    operations.set_status(conn, asked.subject_id, status, asked.why)


def approve(settings: Settings, conn: Connection, asked: Asked) -> str | None:
    decided = _decide(settings, lambda other: deciding.approve(other, asked.subject_id, asked.reason))
    if decided.demo_client_id is None:
        return None
    return f"the demo data of the sandbox are not written yet: requests seed {asked.subject_id}"


def decline(settings: Settings, conn: Connection, asked: Asked) -> None:
    _decide(settings, lambda other: deciding.decline(other, asked.subject_id, asked.reason))


def _decide(settings: Settings, work: Callable[[AsyncConnection], Awaitable[RequestRow]]) -> RequestRow:
    """In a transaction of its own, before the act's: an act that a crash then interrupts shows a request that is decided."""

    async def run() -> RequestRow:
        async with deciding.operating(settings) as conn:
            return await work(conn)

    return asyncio.run(run())


def distrust(settings: Settings, conn: Connection, asked: Asked) -> str:
    """Ends every token that was signed so far."""
    kid = operations.rotate_keys(conn, settings, emergency=True, distrust=True, why=asked.why)
    return f"the new key is {kid}"
