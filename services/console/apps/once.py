"""Answers with a secret are shown once: not by a reload, not by going back, and not by sending the same form again.

The form's own id (`once`) is the key of the call's repeat at the platform and of the row here. A posted form goes on to a page that
shows the row's secret and empties it.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal, LiteralString

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.console.apps import twofold
from services.console.pages.visit import ONCE, Fault, Visit
from services.console.session import store
from services.console.session.models import Session
from services.console.upstream.errors import Refused
from shared.primitives.ids import uuid7
from shared.storage.database import aset_tenant, transaction

BEGIN: LiteralString = """
    INSERT INTO shown_once (once_hash, tenant_id, session_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
KEEP: LiteralString = "UPDATE shown_once SET sealed = %s WHERE once_hash = %s AND shown_at IS NULL"
FORGET: LiteralString = "DELETE FROM shown_once WHERE once_hash = %s AND shown_at IS NULL AND sealed IS NULL"
FIND: LiteralString = """
    SELECT sealed, shown_at IS NOT NULL, made_at > clock_timestamp() - interval '10 minutes' FROM shown_once
    WHERE once_hash = %s AND session_id = %s FOR UPDATE
"""
SHOWN: LiteralString = "UPDATE shown_once SET sealed = NULL, shown_at = clock_timestamp() WHERE once_hash = %s"
CONTEXT = "shown_once.sealed"


class Value(msgspec.Struct, frozen=True):
    """One line: the text `shown.<name>` and the value. `is_secret` lines are the reason for the page."""

    name: str
    value: str
    is_secret: bool = False


class Shown(msgspec.Struct, frozen=True):
    """`kind` chooses the texts `shown.<kind>.…`; `back` is the page to go on to."""

    kind: str
    values: list[Value]
    back: str


class Full(msgspec.Struct, frozen=True):
    """The platform's refusal of one more secret while as many live as may."""

    next_rotation_at: datetime


State = Literal["waiting", "shown", "unknown"]


def _hash(session: Session, once: str) -> bytes:
    return hashlib.sha256(f"{session.session_id} {once}".encode()).digest()


def id_of(visit: Visit) -> str:
    """The form's own id; a new one for a form that has none."""
    once = visit.form("once")
    return once if ONCE.fullmatch(once) else str(uuid7())


async def only_once(visit: Visit, make: Callable[[], Awaitable[Shown]], page: str = "/shown") -> Response:
    """Makes the secret unless this form was sent before, and goes on to the page that shows it. `make` may raise Refused."""
    once = id_of(visit)
    key, session, request = _hash(visit.session, once), visit.session, visit.request
    onward = visit.redirect(f"{page}/{once}")
    if not await _write(request, session, BEGIN, key, session.tenant_id, session.session_id):
        return onward
    try:
        shown = await make()
    except BaseException:
        await _write(request, session, FORGET, key)
        raise
    sealed = twofold.seal(request.state.keyring, once, msgspec.json.encode(shown), CONTEXT)
    await _write(request, session, KEEP, sealed, key)
    return onward


def no_room(visit: Visit, refused: Refused) -> list[Fault]:
    """The fault of the form's box `force` where as many secrets live as may. Raises `refused` where it has another reason."""
    if "next_rotation_at" not in refused.document:
        raise refused
    at = msgspec.convert(refused.document, Full).next_rotation_at.astimezone(UTC)
    return [Fault("force", visit.t("no_room", when=at.strftime("%Y-%m-%d %H:%M UTC")))]


async def take(visit: Visit, once: str) -> Shown | State:
    """The secret, for this one time, or why there is none."""
    if not ONCE.fullmatch(once):
        return "unknown"
    key, session, request = _hash(visit.session, once), visit.session, visit.request
    async with transaction(request, store.as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        row = await (await conn.execute(FIND, (key, session.session_id))).fetchone()
        if row is None:
            return "unknown"
        sealed, was_shown, is_fresh = row
        if sealed is None or was_shown or not is_fresh:
            return "shown" if was_shown or not is_fresh else "waiting"
        if request.method == "HEAD" or "sec-purpose" in request.headers:
            return "waiting"
        await conn.execute(SHOWN, (key,))
    opened = twofold.unseal(request.state.keyring, once, sealed, CONTEXT)
    return msgspec.json.decode(opened, type=Shown) if opened is not None else "unknown"


async def _write(request: Request, session: Session, statement: LiteralString, *parameters: object) -> bool:
    async with transaction(request, store.as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        return bool((await conn.execute(statement, parameters)).rowcount)


async def show(visit: Visit) -> Response:
    found = await take(visit, visit.ids["once"])
    state = "" if isinstance(found, Shown) else found
    return visit.page("apps/shown.html", shown=found if isinstance(found, Shown) else None, state=state)
