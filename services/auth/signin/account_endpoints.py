"""Pages of a person's sessions and allowed apps, and of choosing a password by an operator's link."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.auth.oauth.clients import read_form
from services.auth.revocations import bell, watermarks
from services.auth.signin import cookies, hashing, pages, passwords, queries, sessions, throttle
from services.auth.signin.models import AllowedApp, PasswordLink, Session, SessionRow
from services.auth.signin.returning import SESSIONS, first_sign_in, to_console, to_sign_in
from shared.fairness.places import NoPlace
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant, transaction

NOTICES = {"ended": "done_ended", "withdrawn": "done_withdrawn", "removed": "done_removed"}


async def sessions_page(request: Request) -> Response:
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        if session is None:
            return RedirectResponse(to_sign_in(SESSIONS), 303, pages.headers())
        signed_in = await database.every(conn, SessionRow, queries.SESSIONS, (session.user_id,))
        apps = await database.every(conn, AllowedApp, queries.ALLOWED_APPS, {"user_id": session.user_id})
        has_totp = await (await conn.execute(queries.HAS_TOTP, (session.user_id,))).fetchone()
    words = pages.words(request)
    return pages.render(
        request,
        "sessions.html",
        session=session,
        console=await to_console(request),
        has_second_factor=has_totp == (True,),
        sessions=[
            {
                "session_id": row.session_id,
                "browser": describe_browser(row.user_agent),
                "since": _time(row.signed_in_at),
                "current": row.session_id == session.session_id,
            }
            for row in signed_in
        ],
        apps=[{"client_id": app.client_id, "name": app.name, "since": _time(app.given_at)} for app in apps],
        notice=words[NOTICES[done]] if (done := request.query_params.get("done", "")) in NOTICES else "",
    )


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


async def change_sessions(request: Request) -> Response:
    """Ends one session or all, or withdraws an app's access."""
    values = (await read_form(request)).values
    if not cookies.is_own_form(request, values.get("csrf", "")):
        return RedirectResponse(SESSIONS, 303, pages.headers())
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        if session is None:
            return RedirectResponse(to_sign_in(SESSIONS), 303, pages.headers())
        done = await _end(conn, request, session, values.get("end", ""))
        done = await _withdraw(conn, request, session, values.get("withdraw", "")) or done
    if done == "withdrawn":
        await bell.ring(request.state.redis)
    return RedirectResponse(f"{SESSIONS}?done={done}" if done else SESSIONS, 303, pages.headers())


async def _end(conn: AsyncConnection, request: Request, session: Session, which: str) -> str:
    if which == "all":
        await sessions.end_all(conn, session.user_id)
    elif not which or not (await conn.execute(queries.END_SESSION, (which, session.user_id))).rowcount:
        return ""
    actor = sessions.actor(request, session.tenant_id, session.user_id)
    await audit.record(conn, actor, "session.ended", session.user_id, {"which": which})
    return "ended"


async def _withdraw(conn: AsyncConnection, request: Request, session: Session, client_id: str) -> str:
    """Ends every grant of the app, also without a stored consent, so that left-over grants can be withdrawn."""
    if not client_id:
        return ""
    forgotten = (await conn.execute(queries.WITHDRAW_CONSENT, (session.user_id, client_id))).rowcount
    whose = {"user_id": session.user_id, "client_id": client_id}
    ended = await watermarks.end_grants(conn, queries.LIVE_GRANTS, whose, "withdrawn by the user")
    if not forgotten and not ended:
        return ""
    actor = sessions.actor(request, session.tenant_id, session.user_id)
    await audit.record(conn, actor, "consent.withdrawn", client_id)
    await watermarks.revoke_all(conn, "grant", ended)
    return "withdrawn"


async def password_page(request: Request) -> Response:
    token = request.query_params.get("link", "")
    found = await _find_link(request, token)
    if found is None:
        return pages.error(request, "link_dead", 410)
    return _choose(request, token, *found)


class About(msgspec.Struct, frozen=True):
    """The person who chooses a password: texts it must not rest on, and whether it is their only factor."""

    name: str
    organisation: str
    has_second_factor: bool


def _choose(
    request: Request, token: str, link: PasswordLink, about: About, status: int = 200, alert: str = ""
) -> Response:
    shortest = passwords.MIN_LENGTH_WITH_SECOND_FACTOR if about.has_second_factor else passwords.MIN_LENGTH
    return pages.render(request, "password.html", status, link=token, email=link.email, shortest=shortest, alert=alert)


async def _find_link(request: Request, token: str) -> tuple[PasswordLink, About] | None:
    """The link, if it is still good, and the person it is for."""
    if len(token) != cookies.TOKEN_LENGTH or not token.isascii():
        return None
    async with transaction(request) as conn:
        for mac in request.state.keyring.macs(token.encode(), cookies.LINK_PURPOSE):
            if (link := await database.first(conn, PasswordLink, queries.FIND_PASSWORD_LINK, (mac,))) is not None:
                await aset_tenant(conn, link.tenant_id)
                about = await database.first(conn, About, queries.ABOUT_USER, (link.user_id,))
                return (link, about) if about is not None else None
    return None


async def set_password(request: Request) -> Response:
    values = (await read_form(request)).values
    token, password, words = values.get("link", ""), values.get("password", ""), pages.words(request)
    found = await _find_link(request, token)
    if found is None:
        return pages.error(request, "link_dead", 410)
    link, about = found
    context = (link.email, about.name, about.organisation)
    problem = passwords.problem_with(password, context, second_factor=about.has_second_factor) or (
        "" if values.get("again") == password else "password_differs"
    )
    if not cookies.is_own_form(request, values.get("csrf", "")):
        problem = "form_expired"
    if problem:
        return _choose(request, token, link, about, 422, words[problem])
    # The hash has the rank of known devices, so copies of one link may ask for few of them.
    async with transaction(request) as conn:
        attempt = await throttle.take_in_session(conn, request.state.keyring, token)
    if attempt.wait:
        refused = _choose(request, token, link, about, 429, words["too_many"].format(seconds=attempt.wait))
        refused.headers["retry-after"] = str(attempt.wait)
        return refused
    try:
        hashed = await hashing.hash_password(request, password)
    except NoPlace:
        async with transaction(request) as conn:
            await throttle.give_back(conn, attempt)
        raise
    async with transaction(request) as conn:
        await aset_tenant(conn, link.tenant_id)
        macs = request.state.keyring.macs(token.encode(), cookies.LINK_PURPOSE)
        if not (await conn.execute(queries.USE_PASSWORD_LINK, (macs,))).rowcount:
            return pages.error(request, "link_dead", 410)
        await conn.execute(queries.SET_PASSWORD, (hashed, link.user_id))
        await sessions.end_all(conn, link.user_id)
        whose = {"user_id": link.user_id}
        ended = await watermarks.end_grants(conn, queries.LIVE_GRANTS_OF_USER, whose, "password changed")
        actor = sessions.actor(request, link.tenant_id, link.user_id)
        await audit.record(conn, actor, "password.changed", link.user_id)
        await watermarks.revoke_all(conn, "grant", ended)
    await bell.ring(request.state.redis)
    return await first_sign_in(request, link.email, "password_saved")


# --- Names of browsers ------------------------------------------------------------------------------------------------

# The order matters: most browsers also name the ones after them.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe_browser(user_agent: str) -> str:
    """Such as `Firefox, Windows`; the beginning of the header if neither is known."""
    names = [next((name for mark, name in marks if mark in user_agent), "") for marks in (BROWSERS, SYSTEMS)]
    return ", ".join(name for name in names if name) or user_agent[:60]
