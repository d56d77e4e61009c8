"""Pages of a person's second factor: setting up an authenticator app, recovery codes, removal."""

import time
from typing import NamedTuple

import msgspec
import segno
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.auth.oauth.clients import read_form
from services.auth.signin import codes, cookies, factors, hashing, pages, passwords, queries, sessions, throttle
from services.auth.signin.models import Session, User
from services.auth.signin.returning import AUTHENTICATOR, to_sign_in
from services.auth.signin.throttle import Attempt
from shared.storage import audit
from shared.storage.database import AsyncConnection, aset_tenant, transaction

ENROLMENT_SECONDS = 900
ENROLMENT_CONTEXT = b"second factor being set up"


class Enrolment(msgspec.Struct, frozen=True):
    """A secret that is shown but not confirmed. Only its form holds it, encrypted for one user in one browser."""

    user_id: str
    secret: str
    expires_at: float
    browser: str


class Change(NamedTuple):
    """A change by a signed-in user. `attempt` counts as failed until it has succeeded."""

    session: Session
    user: User
    values: dict[str, str]
    attempt: Attempt


async def authenticator_page(request: Request) -> Response:
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        user = await factors.find_user(conn, session.email) if session is not None else None
        if session is None or user is None:
            return _to_sign_in()
        return await _page(request, conn, session, user)


def _to_sign_in() -> Response:
    return RedirectResponse(to_sign_in(AUTHENTICATOR), 303, pages.headers())


async def _page(
    request: Request, conn: AsyncConnection, session: Session, user: User, problem: str = "", status: int = 200
) -> Response:
    """The page: a code to scan if there is no authenticator, else the possible changes."""
    if user.password_hash is None or user.totp_secret is not None:
        left = await (await conn.execute(queries.RECOVERY_CODES_LEFT, (user.user_id,))).fetchone()
        return pages.render(
            request,
            "authenticator.html",
            status,
            session=session,
            has_password=user.password_hash is not None,
            left=left[0] if left else 0,
            alert=problem,
        )
    secret = codes.new_secret()
    enrolment = Enrolment(user.user_id, secret, time.time() + ENROLMENT_SECONDS, _browser(request))
    return _enrolling(request, session, enrolment, problem, status)


def _browser(request: Request) -> str:
    return cookies.read(request, cookies.BROWSER)


def _enrolling(
    request: Request, session: Session, enrolment: Enrolment, problem: str = "", status: int = 200
) -> Response:
    uri = codes.otpauth_uri(enrolment.secret, session.email)
    return pages.render(
        request,
        "enrol.html",
        status,
        session=session,
        enrolment=pages.sealed(request, enrolment, ENROLMENT_CONTEXT),
        uri=uri,
        drawing=segno.make_qr(uri, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None, light="#fff"),
        secret=[enrolment.secret[start : start + 4] for start in range(0, len(enrolment.secret), 4)],
        alert=problem,
    )


def _unseal(request: Request, user: User, text: str) -> Enrolment | None:
    """The secret that was shown to this user in this browser, unless it has expired."""
    enrolment = pages.unsealed(request, text, Enrolment, ENROLMENT_CONTEXT)
    if enrolment is None or (enrolment.user_id, enrolment.browser) != (user.user_id, _browser(request)):
        return None
    return enrolment if enrolment.expires_at > time.time() else None


async def change_authenticator(request: Request) -> Response:
    """Sets up an authenticator, renews the recovery codes, or removes it. Each needs the password and a code; guesses are limited."""
    values = dict((await read_form(request)).values)
    words = pages.words(request)
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        user = await factors.find_user(conn, session.email) if session is not None else None
        if session is None or user is None:
            return _to_sign_in()
        if not cookies.is_own_form(request, values.get("csrf", "")) or user.password_hash is None:
            return await _page(request, conn, session, user, words["form_expired"], 403)
        attempt = await throttle.take_in_session(conn, request.state.keyring, session.session_id)
    change = Change(session, user, values, attempt)
    if attempt.wait:
        refused = await _again(request, change, words["too_many"].format(seconds=attempt.wait), 429)
        refused.headers["retry-after"] = str(attempt.wait)
        return refused
    if not await hashing.verify(request, user.password_hash, values.get("password", ""), known=True):
        return await _refuse(request, change, words["wrong_password"])
    asked = values.get("do", "")
    return await (_set_up if asked == "set up" else _change)(request, change, asked)


async def _refuse(request: Request, change: Change, problem: str) -> Response:
    """Records a wrong password or code in the audit trail, as at sign-in."""
    async with transaction(request) as conn:
        await aset_tenant(conn, change.user.tenant_id)
        await _record(conn, request, change, "user.second_factor_refused")
    return await _again(request, change, problem)


async def _again(request: Request, change: Change, problem: str, status: int = 422) -> Response:
    """The page again, with the same secret if one was scanned."""
    enrolment = _unseal(request, change.user, change.values.get("enrolment", ""))
    if enrolment is not None and change.user.totp_secret is None:
        return _enrolling(request, change.session, enrolment, problem, status)
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        user = await factors.find_user(conn, change.session.email)
        if session is None or user is None:
            return _to_sign_in()
        return await _page(request, conn, session, user, problem, status)


async def _set_up(request: Request, change: Change, asked: str) -> Response:
    """Stores the secret after a correct code. The user's other sessions end, so that each new sign-in needs the code."""
    user, words, keyring = change.user, pages.words(request), request.state.keyring
    enrolment = _unseal(request, user, change.values.get("enrolment", ""))
    if enrolment is None:
        return await _again(request, change, words["form_expired"], 403)
    step = codes.step_of(enrolment.secret, change.values.get("code", ""))
    if step is None:
        return await _refuse(request, change, words["wrong_code"])
    sealed = keyring.encrypt(enrolment.secret.encode(), codes.secret_context(user.user_id))
    async with transaction(request) as conn:
        session = await _session_of(request, conn, change)
        if isinstance(session, Response):
            return session
        if not (await conn.execute(queries.ENROL_TOTP, (sealed, step, user.user_id))).rowcount:
            return await _page(request, conn, session, user, words["already_set_up"], 409)
        await conn.execute(queries.END_OTHER_SESSIONS, (user.user_id, session.session_id))
        await conn.execute(queries.NOTE_SECOND_FACTOR, (session.session_id,))
        await conn.execute(queries.FORGET_DEVICES, (user.user_id,))
        renewed = await factors.renew_recovery_codes(conn, keyring, user.tenant_id, user.user_id)
        await _done(conn, request, change, "user.second_factor_enrolled")
    return _show_codes(request, session, renewed, words["done_set_up"])


async def _session_of(request: Request, conn: AsyncConnection, change: Change) -> Session | Response:
    """The session, with the user locked for writing; or an answer if session or user have changed since the check."""
    await aset_tenant(conn, change.user.tenant_id)
    unchanged = await factors.is_unchanged(conn, change.user, to_write=True)
    session = await sessions.current(request, conn)
    user = await factors.find_user(conn, session.email) if session is not None else None
    if session is None or user is None or user.user_id != change.user.user_id:
        return _to_sign_in()
    if unchanged:
        return session
    words, is_new = pages.words(request), change.user.totp_secret is None and user.totp_secret is not None
    return await _page(request, conn, session, user, words["already_set_up" if is_new else "form_expired"], 409)


async def _change(request: Request, change: Change, asked: str) -> Response:
    user, words = change.user, pages.words(request)
    codes: list[str] = []
    async with transaction(request) as conn:
        session = await _session_of(request, conn, change)
        if isinstance(session, Response):
            return session
        if asked not in ("renew", "remove") or not await factors.use(
            request, conn, user, change.values.get("code", "")
        ):
            await _record(conn, request, change, "user.second_factor_refused")
            return await _page(request, conn, session, user, words["wrong_code"], 422)
        if asked == "remove" and len(change.values.get("password", "")) < passwords.MIN_LENGTH:
            return await _page(request, conn, session, user, words["password_alone"], 422)
        if asked == "remove":
            await conn.execute(queries.REMOVE_TOTP, (user.user_id,))
            await conn.execute(queries.DELETE_RECOVERY_CODES, (user.user_id,))
            await _done(conn, request, change, "user.second_factor_removed")
        else:
            codes = await factors.renew_recovery_codes(conn, request.state.keyring, user.tenant_id, user.user_id)
            await _done(conn, request, change, "user.recovery_codes_renewed")
    if asked == "renew":
        return _show_codes(request, session, codes, words["done_renewed"])
    return RedirectResponse("/v1/auth/sessions?done=removed", 303, pages.headers())


async def _done(conn: AsyncConnection, request: Request, change: Change, action: str) -> None:
    await throttle.succeed(conn, change.attempt)
    await _record(conn, request, change, action)


async def _record(conn: AsyncConnection, request: Request, change: Change, action: str) -> None:
    user = change.user
    await audit.record(conn, sessions.actor(request, user.tenant_id, user.user_id), action, user.user_id)


def _show_codes(request: Request, session: Session, codes: list[str], notice: str) -> Response:
    return pages.render(request, "recovery_codes.html", session=session, codes=codes, notice=notice)
