"""Pages from templates, with the headers of every answer. All that a template shows is escaped."""

import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import Response

from services.console.pages import links, moments, texts
from services.console.pages.moments import Moment
from services.console.pages.texts import Texts
from services.console.session.models import Language, Session, Theme
from shared.primitives.ids import uuid7
from shared.process import telemetry

ROOT = Path(__file__).parents[1]
STATIC = Path(__file__).parent / "static"
TEMPLATES = Environment(
    loader=FileSystemLoader([ROOT / "pages" / "templates", *sorted(ROOT.glob("*/templates"))]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types console"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "vary": "accept-language, cookie",
}


# The id that makes a form count once is new each time a page is made: it does not change the page.
ONCE = re.compile(rb'name="once" value="[^"]*"')


ASSETS = {
    path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    for path in STATIC.iterdir()
    if path.is_file()
}


@pass_context
def _moment(context: Context, value: Any) -> Moment:
    return moments.moment(value, context["t"])


@pass_context
def _number(context: Context, value: float, digits: int | None = None) -> str:
    t: Texts = context["t"]
    return texts.number(value, t.language, digits)


TEMPLATES.filters |= {"moment": _moment, "number": _number, "without_values": links.without_values}
TEMPLATES.globals |= {"assets": ASSETS, "with_query": links.with_query, "once": lambda: str(uuid7())}


def language_of(request: Request, session: Session | None) -> Language:
    if session is not None and session.language is not None:
        return session.language
    return texts.accepted(request.headers.get("accept-language", ""))


def html(
    request: Request,
    template: str,
    area: str,
    *,
    session: Session | None = None,
    status: int = 200,
    refresh_to: str = "",
    **context: Any,
) -> Response:
    """`refresh_to` sends the browser on at once, as a navigation that this page began."""
    t = Texts(language_of(request, session), area)
    theme: Theme | None = session.theme if session is not None else None
    known = {"t": t, "theme": theme, "session": session, "refresh_to": refresh_to, "request_path": request.url.path}
    body = TEMPLATES.get_template(template).render(known | {"trace_id": telemetry.trace_id()} | context).encode()
    headers = dict(HEADERS)
    if status == 200 and request.method in ("GET", "HEAD"):
        headers["etag"] = etag = f'"{hashlib.sha256(ONCE.sub(b"", body)).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(None, 304, headers)
    return Response(body, status, headers, "text/html; charset=utf-8")


def redirect(path: str) -> Response:
    """303, to an address of the console or of auth that the caller made."""
    return Response(None, 303, HEADERS | {"location": path})
