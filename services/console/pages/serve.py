"""Serves the pages of the registry: session, limits, the form's token, the scope; and an answer to each way in which a view may fail."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.console import metrics
from services.console.pages import labels, links, registry, render
from services.console.pages.limits import Limiter
from services.console.pages.registry import FORM_BYTES, Entry, View
from services.console.pages.visit import Failure, Form, UnreadableQuery, Visit, answer, read_form
from services.console.session import cookies, store
from services.console.session.models import PORTAL_AREA, Profile, Session
from services.console.upstream.errors import Refused, SessionEnded, UpstreamFailure
from shared.process import telemetry
from shared.storage.database import UNAVAILABLE
from shared.web import problems

Endpoint = Callable[[Request], Awaitable[Response]]
Act = Callable[[Request, Session, Form], Awaitable[Response]]
SECRETS = ("headers", "oauth_secret", "private_key")
"""Fields of which a page never shows the value."""
log = logging.getLogger(__name__)


def navigation_of(entries: tuple[Entry, ...]) -> Callable[[Profile], list[Entry]]:
    """The pages in the navigation of a person."""
    shown = [entry for entry in entries if entry.page.in_navigation]
    return lambda profile: [entry for entry in shown if entry.is_shown_to(profile)]


def reading(entry: Entry, view: View) -> Endpoint:
    async def serve(request: Request) -> Response:
        session = await store.current(request)
        if session is None:
            return stranger(request)
        return refused_early(request, session) or await _view(request, session, entry, view, Form())

    return serve


def acting(
    entry: Entry | None, view: View | None, act: Act | None = None, without: Callable[[Request], Response] | None = None
) -> Endpoint:
    """A POST of a form that this session was shown. A page outside the registry has an `act` in place of an entry and a view.

    `without` answers a browser without a session, in place of the way to the sign-in.
    """

    async def serve(request: Request) -> Response:
        session = await store.current(request)
        if session is None:
            return (without or stranger)(request)
        if (early := refused_early(request, session)) is not None:
            return early
        most = FORM_BYTES
        if entry is not None and session.profile.has(entry.page.scope):
            most = entry.page.most_bytes  # long forms are read for those alone who may send them
        try:
            form = await read_form(request, most)
        except problems.Problem as problem:
            return message(request, session, "too_large" if problem.status == 413 else "busy", problem.status)
        except ValueError:
            return message(request, session, "unreadable", 400)
        if not cookies.is_own_form(request, session.token, form("csrf")):
            metrics.forms_refused.inc()
            log.warning("a form of another page was refused")
            return message(request, session, "foreign_form", 403)
        if act is not None:
            return await act(request, session, form)
        assert entry is not None
        assert view is not None
        return await _view(request, session, entry, view, form)

    return serve


async def _view(request: Request, session: Session, entry: Entry, view: View, form: Form) -> Response:
    if not session.profile.sees(entry.area.name):
        if entry.page.path == "/" and request.method in ("GET", "HEAD"):
            return render.redirect(f"/{PORTAL_AREA}")
        return message(request, session, "outside_portal", 403)
    if not session.profile.has(entry.page.scope):
        return message(request, session, "forbidden", 403, scope=entry.page.scope)
    visit = Visit(request, session, entry, form)
    try:
        return await view(visit)
    except UnreadableQuery as unreadable:
        return message(request, session, "unreadable_query", 422, name=unreadable.name)
    except SessionEnded:
        await store.end(request, session)
        return portal_closed(request) if session.profile.is_portal else signed_out(request, "ended")
    except Refused as refused:
        status = refused.status if refused.status in (403, 404, 409) else 502
        return message(request, session, "", status, failure=Failure(refused), detail=refused.detail)
    except UpstreamFailure as error:
        if visit.is_unanswered and request.method == "POST":
            return unanswered(visit, error.trace_id)
        return message(request, session, "", 503, failure=Failure(error))
    except (problems.Problem, *UNAVAILABLE):
        raise
    except Exception:
        log.exception("unhandled")
        return message(request, session, "unexpected", 500)


def refused_early(request: Request, session: Session) -> Response | None:
    limiter: Limiter = request.state.people
    wait = limiter.take(session.user_id)
    if not wait:
        return None
    response = message(request, session, "too_many", 429, seconds=wait)
    response.headers["retry-after"] = str(wait)
    return response


def stranger(request: Request) -> Response:
    """Sends a browser without a session to the sign-in, and afterwards back to the same page.

    A strict cookie is not sent when another site led here, such as a link in a mail: the page then begins the navigation anew.
    """
    here = links.without_notice(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    if store.POLL in request.headers:
        return Response(None, 401, render.HEADERS)
    reads = request.method in ("GET", "HEAD")
    if cookies.read(request, cookies.PORTAL):
        return portal_closed(request)
    if reads and request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and links.is_own_page(here):
        return render.html(request, "onward.html", "common", refresh_to=here)
    return render.redirect(links.with_query("/sign-in", {"to": here if reads and here != "/" else ""}))


def portal_closed(request: Request) -> Response:
    """For a browser whose portal link is over. Its person seldom has an account; the next request of one who has leads to the sign-in."""
    if store.POLL in request.headers:
        return Response(None, 401, render.HEADERS)
    response = render.html(request, "portal/closed.html", "apps", status=403)
    for cookie in (cookies.SESSION, cookies.PORTAL):
        cookies.take(request, response, cookie)
    cookies.give(request, response, cookies.ENDED, "1", max_age=None, strict=False)
    return response


def signed_out(request: Request, why: str = "") -> Response:
    if store.POLL in request.headers:
        response = Response(None, 401, render.HEADERS)
    else:
        response = render.redirect(links.with_query("/signed-out", {"why": why}))
    cookies.take(request, response, cookies.SESSION)
    cookies.give(request, response, cookies.ENDED, "1", max_age=None, strict=False)
    return response


def unanswered(visit: Visit, trace_id: str) -> Response:
    """For a form that was sent and got no answer. It is kept as it was, with its `once`, so that sending it again has one effect."""
    pairs = [(name, value) for name, value in visit.form.pairs if name != "csrf"]
    keys = labels.of_page(visit.entry.area.name, visit.entry.page.name)
    entered = [(visit.t(keys[name]), value) for name, value in pairs if value and name in keys and name not in SECRETS]
    context = {"pairs": pairs, "entered": entered, "look_at": _above(visit), "trace_id": trace_id}
    return answer(visit.request, visit.session, visit.entry, "unanswered.html", status=503, **context)


def _above(visit: Visit) -> str:
    """The page that shows the effect of an act, as far as addresses tell: the nearest one above it."""
    shown = {one.page.path for one in registry.entries() if one.page.read is not None}
    place = visit.entry.page.path.rpartition("/")[0]
    while place and place not in shown:
        place = place.rpartition("/")[0]
    if place:
        return visit.path_of(place, **visit.ids)
    return visit.request.url.path if visit.entry.page.read is not None else "/"


def message(request: Request, session: Session | None, key: str, status: int, **context: Any) -> Response:
    """A page with one message of the common texts (`message.<key>`), or a failure of the platform; with the trace id."""
    known: dict[str, Any] = {
        "key": key,
        "failure": None,
        "detail": "",
        "scope": "",
        "name": "",
        "seconds": 0,
        "trace_id": telemetry.trace_id(),
    }
    context = known | context
    if session is None:
        return render.html(request, "message.html", "common", status=status, **context)
    return answer(request, session, None, "message.html", status=status, **context)
