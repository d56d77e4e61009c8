"""Server-rendered pages without scripts or frames. Caches store none, and forms lead only to this host and a validated redirect."""

from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from services.auth.signin import cookies, texts
from shared.primitives.crypto import UnreadableCiphertext, base64url_decode, base64url_encode

T = TypeVar("T")
FOLDER = Path(__file__).parent
STYLE = (FOLDER / "static" / "style.css").read_bytes()
TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=False
)


def words(request: Request) -> Any:
    return texts.TEXTS[texts.language(request.headers.get("accept-language", ""))]


def render(
    request: Request, name: str, status: int = 200, *, redirects_to: str = "", gives_cookie: bool = True, **context: Any
) -> Response:
    """The page in the browser's language. `redirects_to` is a validated redirect URI that its form may lead to.

    Sets the cookie to which forms are tied if the browser sent none. `gives_cookie` is False in the answer to another site's POST,
    which comes without the browser's cookie.
    """
    language = texts.language(request.headers.get("accept-language", ""))
    browser, is_new = cookies.browser_of(request)
    csrf = cookies.form_token(request.state.keyring, browser)
    known = {"alert": "", "notice": "", "app_name": "", "email": "", "continue_to": "", "refresh_to": ""}
    template = TEMPLATES.get_template(name)
    html = template.render(known | context, language=language, t=texts.TEXTS[language], csrf=csrf)
    response = Response(html, status, headers(redirects_to), "text/html; charset=utf-8")
    if is_new and gives_cookie:
        cookies.give(request, response, cookies.BROWSER, browser, max_age=None)
    return response


def headers(redirects_to: str = "") -> dict[str, str]:
    policy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    if redirects_to:  # Chromium applies form-action to redirects of the answer too
        parts = urlsplit(redirects_to)
        policy += f" {parts.scheme}://{parts.netloc}" if parts.netloc else f" {parts.scheme}:"
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "vary": "accept-language, cookie",
    }


def sealed(request: Request, value: msgspec.Struct, context: bytes) -> str:
    """The text of a form's hidden field, which only `unsealed` with the same context reads."""
    return base64url_encode(request.state.keyring.encrypt(msgspec.json.encode(value), context))


def unsealed(request: Request, text: str, kind: type[T], context: bytes) -> T | None:
    try:
        return msgspec.json.decode(request.state.keyring.decrypt(base64url_decode(text), context), type=kind)
    except (ValueError, UnreadableCiphertext, msgspec.DecodeError):
        return None


def error(request: Request, word: str, status: int = 400, *, gives_cookie: bool = True) -> Response:
    return render(request, "error.html", status, gives_cookie=gives_cookie, alert=words(request)[word])


async def style(request: Request) -> Response:
    return Response(
        STYLE, 200, {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}, "text/css"
    )
