"""The page on which a person allows a device (RFC 8628 §3.3): sign-in, the code, consent.

A link fills the code in but never sends it (§5.4), so another site can neither spend a person's guesses nor lead past the page that shows
who asks.
"""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.auth.apps import scopes
from services.auth.oauth import devices, granting
from services.auth.oauth.clients import Client, load_client, read_form
from services.auth.oauth.devices import Waiting
from services.auth.oauth.granting import Asked
from services.auth.signin import cookies, metrics, pages, sessions, throttle
from services.auth.signin.models import Session
from services.auth.signin.returning import DEVICE, to_sign_in
from shared.primitives import ids
from shared.storage import audit
from shared.storage.database import transaction
from shared.web.identity import caller as caller_of
from shared.web.identity import client_network


async def device_page(request: Request) -> Response:
    """The form for the code, which `user_code` fills in."""
    typed = request.query_params.get("user_code", "")
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
    if session is None:
        return _to_sign_in(typed)
    return _form(request, session, typed)


def _page_of(typed: str) -> str:
    letters = devices.read_user_code(typed)
    return f"{DEVICE}?user_code={quote(devices.written(letters))}" if letters else DEVICE


def _to_sign_in(typed: str) -> Response:
    return RedirectResponse(to_sign_in(_page_of(typed)), 303, pages.headers())


def _form(request: Request, session: Session, typed: str = "", status: int = 200, **context: Any) -> Response:
    letters = devices.read_user_code(typed)
    shown = devices.written(letters) if letters else typed[: devices.LENGTH * 2]
    return pages.render(
        request, "device.html", status, session=session, code=shown, continue_to=_page_of(typed), **context
    )


async def device_step(request: Request) -> Response:
    """Takes the code, or the answer to the page that followed it."""
    values = (await read_form(request)).values
    typed, words = values.get("user_code", ""), pages.words(request)
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
    if session is None:
        return _to_sign_in(typed)
    if not cookies.is_own_form(request, values.get("csrf", "")):
        return _form(request, session, typed, 403, alert=words["form_expired"])
    if "decision" in values:
        return await _decide(request, session, values.get("device", ""), values["decision"], values.get("shown", ""))
    letters = devices.read_user_code(typed)
    if letters is None:
        return _form(request, session, typed, 400, alert=words["device_code_wrong"])
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        if session is None:
            return _to_sign_in(typed)
        keyring = request.state.keyring
        attempt = await throttle.take_user_code(conn, keyring, session.user_id)
        if attempt.wait:
            metrics.refused.labels("user_code_limit").inc()
            response = _form(request, session, typed, 429, alert=words["too_many"].format(seconds=attempt.wait))
            response.headers["retry-after"] = str(attempt.wait)
            return response
        waiting = await devices.find(conn, keyring, letters)
        if waiting is not None:
            await throttle.give_back(conn, attempt)
    if waiting is None:
        return _form(request, session, typed, 400, alert=words["device_code_wrong"])
    asked = _asked(waiting, await load_client(request, waiting.client_id))
    if asked is None:
        return pages.error(request, "device_app_gone")
    return _ask(request, session, waiting, asked)


def _asked(waiting: Waiting, client: Client | None) -> Asked | None:
    """The access that the person is asked for: the scopes for which the app is still approved. None without any."""
    if client is None or not client.is_live or not client.check_grant_type(devices.GRANT_TYPE):
        return None
    approved = [scope for scope in waiting.scopes if scopes.allows(client.approved_scopes, scope)]
    return Asked(client, approved, waiting.audience, waiting.device_id) if approved else None


def _ask(request: Request, session: Session, waiting: Waiting, asked: Asked) -> Response:
    same = client_network(caller_of(request).address) == waiting.network
    return pages.render(
        request,
        "device_consent.html",
        session=session,
        app_name=asked.client.row.name,
        mode=asked.client.row.deidentification,
        scopes=granting.shown_scopes(request, asked),
        since=f"{waiting.made_at:%H:%M} UTC",
        address=waiting.address,
        same_network=same,
        device=waiting.device_id,
        shown=granting.shown_mac(request.state.keyring, asked, session),
        continue_to=DEVICE,
    )


async def _decide(request: Request, session: Session, device_id: str, decision: str, shown: str) -> Response:
    """Checks everything anew. The form only holds the device's id, the MAC of the page, and the choice."""
    words = pages.words(request)
    gone = words["device_code_wrong"]
    if not ids.is_id(device_id, "dvc"):
        return _form(request, session, status=400, alert=gone)
    async with transaction(request) as conn:
        before = await sessions.current(request, conn)
        waiting = await devices.hold(conn, device_id) if before is not None else None
    if waiting is None:
        return _form(request, session, status=400, alert=gone)
    # Read before the transaction that decides, which must not wait for a second connection.
    asked = _asked(waiting, await load_client(request, waiting.client_id))
    if asked is None:
        return pages.error(request, "device_app_gone")
    async with transaction(request) as conn:
        current = await sessions.current(request, conn)
        if current is None:
            return _to_sign_in("")
        if await devices.hold(conn, device_id) is None:
            return _form(request, current, status=400, alert=gone)
        if not granting.was_shown(request.state.keyring, asked, current, shown):
            return _ask(request, current, waiting, asked)
        beyond = await granting.beyond_roles(conn, current, asked.scopes)
        if beyond is None:
            return _to_sign_in("")
        if beyond or decision != "allow":
            await devices.deny(conn, waiting.device_id)
            actor = sessions.actor(request, current.tenant_id, current.user_id)
            detail = {"device": waiting.device_id, "beyond_roles": beyond}
            await audit.record(conn, actor, "device.denied", waiting.client_id, detail)
            if beyond:
                return pages.error(request, "device_beyond_roles", 403)
            return _done(request, current, asked, "device_denied")
        if await granting.is_full_of_consents(request, conn, asked, current):
            return pages.error(request, "consents_full", 409)
        await granting.remember(request, conn, asked, current)
        await granting.insert(request, conn, asked, current, await devices.approve(conn, waiting.device_id))
        return _done(request, current, asked, "device_allowed")


def _done(request: Request, session: Session, asked: Asked, word: str) -> Response:
    return pages.render(
        request,
        "device_done.html",
        session=session,
        app_name=asked.client.row.name,
        title=word + "_title",
        text=word,
        allowed=word == "device_allowed",
        continue_to=DEVICE,
    )
