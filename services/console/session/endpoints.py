"""Signing in at auth and out again: the OAuth client's side."""

import hmac
import logging
import time
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.console import metrics
from services.console.pages import links, render, serve
from services.console.pages.limits import Limiter
from services.console.pages.texts import LANGUAGES
from services.console.pages.visit import Form
from services.console.session import cookies, store
from services.console.session.models import Session, Tokens
from services.console.upstream.errors import Refused, UpstreamFailure
from services.console.upstream.gateway import stranger
from services.console.upstream.oauth import OAuth
from shared.primitives import ids
from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_decode, base64url_encode
from shared.storage.database import transaction
from shared.web.identity import Caller, client_network
from shared.web.identity import caller as caller_of

BEGUN_SECONDS = 900
LEEWAY_SECONDS = 60.0
"""By which the clocks of auth's database and of this machine may differ."""
BEGUN_CONTEXT = b"cookie begun"
LONGEST_CODE = 512
log = logging.getLogger(__name__)


class Begun(msgspec.Struct, frozen=True):
    """A sign-in that this browser began, in its cookie, encrypted. `to` is the page to go on to.

    `since`: a sign-in to auth that is older begins no session. `is_asked`: auth was asked for a new one.
    """

    state: str
    verifier: str
    to: str
    until: float
    since: float
    is_asked: bool


async def sign_in(request: Request) -> Response:
    """Sends the browser to auth. `to` is the page that the person wanted; `again` asks for another account, or for a second factor.

    Auth's own session outlives the console's. Where one of the console ended in this browser, auth asks for the password again. The
    person can take that wish out of the address, and the cookies out of the browser: `_begin_session` checks when they signed in.
    """
    is_again = request.query_params.get("again") == "1"
    to = request.query_params.get("to", "/")
    to = links.without_notice(to) if links.is_own_page(to) else "/"
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        # The strict cookie of a session that is over does not come with it, so the page begins the navigation anew.
        onward = links.with_query("/sign-in", {"to": to if to != "/" else "", "again": "1" if is_again else ""})
        return render.html(request, "onward.html", "common", refresh_to=onward)
    if not is_again and await store.current(request) is not None:
        return render.redirect(to)
    was_here = bool(cookies.read(request, cookies.SESSION) or cookies.read(request, cookies.ENDED))
    if (wait := _wait_of(request)) > 0:
        return serve.message(request, None, "too_many", 429, seconds=wait)
    oauth: OAuth = request.state.oauth
    asked = oauth.request(render.language_of(request, None))
    is_asked = is_again or was_here
    location = asked.location + ("&prompt=login" if is_asked else "")
    now, idle_seconds = time.time(), request.state.settings.idle_seconds
    since = now - LEEWAY_SECONDS - (0 if is_asked else idle_seconds)
    begun = Begun(asked.state, asked.verifier, to, now + BEGUN_SECONDS, since, is_asked)
    sealed = base64url_encode(request.state.keyring.encrypt(msgspec.json.encode(begun), BEGUN_CONTEXT))
    response = render.redirect(location)
    # Lax: the answer may come from an organisation's own identity provider, which is another site.
    cookies.give(request, response, cookies.BEGUN, sealed, max_age=BEGUN_SECONDS, strict=False)
    return response


async def signed_in(request: Request) -> Response:
    """Takes auth's answer (RFC 6749 §4.1.2, RFC 9207), and starts a session under a new id."""
    begun = read_begun(request.state.keyring, cookies.read(request, cookies.BEGUN))
    to, outcome = (begun.to, await _outcome(request, begun)) if begun is not None else ("/", Outcome("foreign"))
    metrics.sign_ins.labels(outcome.word).inc()
    if outcome.word == "stale" and begun is not None and not begun.is_asked:
        response = render.redirect(links.with_query("/sign-in", {"again": "1", "to": to if to != "/" else ""}))
    elif outcome.token:
        # Not a redirect: a strict cookie is not sent on a navigation that began on another site.
        response = render.html(request, "onward.html", "common", refresh_to=to)
        cookies.give(request, response, cookies.SESSION, outcome.token, max_age=None, strict=True)
    else:
        key, status = MESSAGES[outcome.word]
        known = {"trace_id": outcome.trace_id} if outcome.trace_id else {}
        response = serve.message(request, None, key, status, seconds=outcome.seconds, **known)
    over = (cookies.BEGUN, cookies.PORTAL, *((cookies.ENDED,) if outcome.token else ()))
    for cookie in over:
        cookies.take(request, response, cookie)
    return response


class Outcome(NamedTuple):
    """Of a sign-in: a word of `MESSAGES`, or `ok` with the id of the new session. `stale`: the sign-in to auth is too old."""

    word: str
    token: str = ""
    trace_id: str = ""
    seconds: int = 0


# The common text and the status of each outcome. `foreign`: another tab began later, the page was open for too long, or another site
# sent the browser here.
MESSAGES = {
    "foreign": ("sign_in_again", 400),
    "denied": ("sign_in_denied", 403),
    "refused": ("sign_in_again", 400),
    "stale": ("sign_in_anew", 403),
    "limited": ("too_many", 429),
    "unavailable": ("sign_in_unavailable", 503),
}


async def _outcome(request: Request, begun: Begun) -> Outcome:
    asked = request.query_params
    is_ours = hmac.compare_digest(begun.state.encode(), asked.get("state", "").encode())
    if not is_ours or asked.get("iss") != request.state.settings.issuer:
        return Outcome("foreign")
    if "error" in asked:
        return Outcome("denied" if asked["error"] == "access_denied" else "refused")
    code, client_id = asked.get("code", ""), asked.get("client_id", "")
    if not ids.is_id(client_id, "app") or not 0 < len(code) <= LONGEST_CODE:
        return Outcome("refused")
    if (wait := _wait_of(request)) > 0:
        return Outcome("limited", seconds=wait)
    try:
        token = await _begin_session(request, client_id, code, begun)
        return Outcome("ok", token) if token else Outcome("stale")
    except Refused as refused:
        log.warning("auth refused a sign-in: %s", refused)
        return Outcome("refused")
    except UpstreamFailure as error:
        return Outcome("unavailable", trace_id=error.trace_id)


async def _begin_session(request: Request, client_id: str, code: str, begun: Begun) -> str:
    """The new session's id; "" if the person's sign-in to auth is older than it may be. A session that the browser had before ends,
    with its tokens.
    """
    oauth: OAuth = request.state.oauth
    before = await store.current(request)
    person = stranger(caller_of(request).address)
    tokens = await oauth.redeem(person, client_id, code, begun.verifier)
    profile, signed_in_at = await oauth.profile(person, tokens)
    if signed_in_at < begun.since:
        await give_back(request, [tokens])
        return ""
    caller = Caller(tenant_id=profile.tenant_id, client_id=profile.user_id, address=caller_of(request).address)
    async with transaction(request, caller) as conn:
        token, displaced = await store.start(request, conn, tokens, profile)
    if before is not None:
        await store.end(request, before)
        if not before.profile.is_portal:
            displaced.append(before.tokens)
    await give_back(request, displaced)
    return token


async def sign_out(request: Request, session: Session, form: Form) -> Response:
    await store.end(request, session)
    if not session.profile.is_portal:  # the link stays good, and its token is the app's
        await give_back(request, [session.tokens])
    response = serve.signed_out(request)
    cookies.take(request, response, cookies.PORTAL)
    return response


async def give_back(request: Request, ended: list[Tokens]) -> None:
    """Ends the grants of sessions that are over."""
    oauth: OAuth = request.state.oauth
    for tokens in ended:
        if not await oauth.give_back(stranger(caller_of(request).address), tokens):
            log.warning("auth did not take back the tokens of a session; they end by themselves")


def signed_out_before(request: Request) -> Response:
    """For the form of a session that is over already. Another site's form takes no cookie."""
    return serve.signed_out(request) if cookies.is_own_origin(request) else render.redirect("/signed-out")


async def signed_out_page(request: Request) -> Response:
    """`why=ended`: the page found that the session is over. `to` is that page, for the sign-in."""
    is_ended, to = request.query_params.get("why") == "ended", request.query_params.get("to", "")
    to = links.without_notice(to) if links.is_own_page(to) and to != "/" else ""
    if is_ended and await store.current(request) is not None:
        return render.redirect(to or "/")
    if is_ended and cookies.read(request, cookies.PORTAL):
        return serve.portal_closed(request)
    sign_in_again = links.with_query("/sign-in", {"again": "1", "to": to})
    context: dict[str, Any] = {"why": "ended" if is_ended else "", "issuer": request.state.settings.issuer}
    return render.html(request, "signed_out.html", "common", sign_in_again=sign_in_again, **context)


async def change_preferences(request: Request, session: Session, form: Form) -> Response:
    """Language, theme and pause of a person, in every browser."""
    if form("language") in LANGUAGES:
        session.language = "it" if form("language") == "it" else "en"
    if "theme" in form:
        chosen = form("theme")
        session.theme = chosen if chosen == "light" or chosen == "dark" else None
    if "paused" in form:
        session.paused = form("paused") == "1"
    await store.prefer(request, session)
    here = form("here")
    return render.redirect(here if links.is_own_page(here) else "/")


def _wait_of(request: Request) -> int:
    limiter: Limiter = request.state.strangers
    return limiter.take(client_network(caller_of(request).address))


def read_begun(keyring: Keyring, sealed: str) -> Begun | None:
    """None for a cookie that is not the console's own, or too old."""
    try:
        begun = msgspec.json.decode(keyring.decrypt(base64url_decode(sealed), BEGUN_CONTEXT), type=Begun)
    except (ValueError, UnreadableCiphertext, msgspec.DecodeError):
        return None
    return begun if time.time() < begun.until else None
