"""A person's visit of a page, for the view of an area. It reads the platform, and answers with a page or a redirect."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from services.console.pages import links, refusals, render
from services.console.pages.registry import FORM_BYTES, Entry
from services.console.pages.texts import Texts
from services.console.session import cookies
from services.console.session.models import Session
from services.console.upstream import calls
from services.console.upstream.errors import Refused, Unavailable, UpstreamFailure
from services.console.upstream.gateway import Answer, path_of
from shared.storage.idempotency import UNDER_WAY
from shared.web import http
from shared.web.strict_json import is_storable

T = TypeVar("T")
MOST_FIELDS = 500
BYTES_OF_ESCAPE = 8
"""At most one escape in so many bytes of the longest form: it costs as much as forty plain characters."""
NOT_SENT = ("busy", "limited")
"""Reasons of `Unavailable` for which a call had no effect."""
SPACES = " \t\r\n"
LONGEST_CURSOR = 1000
DONE = re.compile(r"[a-z_]{1,40}")
ONCE = re.compile(r"[0-9a-f-]{36}")


class Failure:
    """Why a part of a page is missing, for a person: `key` is a common text, `trace_id` finds the call."""

    def __init__(self, error: UpstreamFailure) -> None:
        self.trace_id = error.trace_id
        self.status = error.status if isinstance(error, Refused) else 503
        if isinstance(error, Unavailable):
            self.key = f"failure.{error.reason}"
        else:
            self.key = {403: "failure.forbidden", 404: "failure.missing"}.get(self.status, "failure.refused")


class Loaded(Generic[T]):
    """One part of a page: its value, or its failure. The other parts of the page are shown in any case."""

    def __init__(self, value: T | None, failure: Failure | None = None, next_cursor: str = "") -> None:
        self._value = value
        self.failure = failure
        self.next_cursor = next_cursor

    @property
    def value(self) -> T:
        """Ask for `failure` first."""
        assert self._value is not None
        return self._value


class UnreadableQuery(Exception):
    """A parameter of the address that is there and that the page cannot read. The page is then not made: without it, it covered more."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Fault:
    """A fault of a field of a form. `field` is its name, "" for the whole form; `language` that of the text where it is not the page's."""

    def __init__(self, field: str, text: str, language: str = "") -> None:
        self.field = field
        self.text = text
        self.language = language


class Form:
    """The fields of a POST. Each text is stripped but where `exact` is asked for; a field that was not sent is empty."""

    def __init__(self, pairs: list[tuple[str, str]] | None = None) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs or []:
            self._values.setdefault(name, []).append(value)

    def __call__(self, name: str, *, exact: bool = False) -> str:
        value = self._values.get(name, [""])[0]
        return value if exact else value.strip()

    def every(self, name: str) -> list[str]:
        """The values of boxes of the same name."""
        return [value.strip() for value in self._values.get(name, []) if value.strip()]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every field, so that the form can be sent again."""
        return [(name, value) for name, values in self._values.items() for value in values]

    def __contains__(self, name: str) -> bool:
        return name in self._values


class Visit:
    """`t` are the texts of the area. `form` is empty unless the page was posted. `ids` are the path's parameters."""

    def __init__(self, request: Request, session: Session, entry: Entry, form: Form) -> None:
        self.request = request
        self.session = session
        self.entry = entry
        self.form = form
        self.t = Texts(render.language_of(request, session), entry.area.name)
        self.ids: Mapping[str, str] = request.path_params
        self.is_unanswered = False
        """Whether a change was sent: if the visit then fails, it may have been made."""

    # --- Reading and changing the platform ----------------------------------------------------------------------------

    async def get(self, path: str, kind: type[T], **query: str | int | None) -> T:
        """The answer of a GET as `kind`, a Struct with the fields that the page shows. Raises Refused or Unavailable."""
        return (await self._call("GET", path, query)).read(kind)

    async def load(self, path: str, kind: type[T], **query: str | int | None) -> Loaded[T]:
        """The same as a part of a page, whose failure the page shows."""
        try:
            answer = await self._call("GET", path, query)
            return Loaded(answer.read(kind), next_cursor=answer.next_cursor)
        except UpstreamFailure as error:
            return Loaded(None, Failure(error))

    async def send(self, method: str, path: str, body: Any = None, **query: str | int | None) -> Answer:
        """A change. A form that is sent twice has one effect where the call takes an Idempotency-Key. Raises Refused or Unavailable."""
        once = self.form("once")
        headers = {"idempotency-key": once} if ONCE.fullmatch(once) and method == "POST" else None
        changes = "dry_run" not in query
        try:
            answer = await calls.call(self.request, self.session, method, path, query=query, body=body, headers=headers)
        except Unavailable as failed:
            self.is_unanswered |= changes and failed.reason not in NOT_SENT
            raise
        except Refused as refused:
            if refused.status != 409 or refused.detail != UNDER_WAY:
                raise
            self.is_unanswered = True  # the same form was sent before, and the platform is at it
            raise Unavailable("slow", refused.trace_id) from None
        self.is_unanswered |= changes  # a later call of the same form may fail
        return answer

    async def documentation(self, path: str, kind: type[T]) -> T:
        """A file of the docs host. Raises Refused or Unavailable."""
        return (await calls.read_documentation(self.request, self.session, path)).read(kind)

    async def together(self, *parts: Any) -> list[Any]:
        """Awaits parts at once: `apps, webhooks = await visit.together(visit.load(…), visit.load(…))`."""
        return list(await asyncio.gather(*parts))

    async def _call(self, method: str, path: str, query: Mapping[str, str | int | None]) -> Answer:
        return await calls.call(self.request, self.session, method, path, query=query)

    path_of = staticmethod(path_of)

    # --- The address --------------------------------------------------------------------------------------------------

    def query(self, name: str, allowed: tuple[str, ...] = (), most: int = 200, *, exact: bool = False) -> str:
        """A parameter of the address, without spaces around it unless `exact`; "" only if it is absent or empty.

        Raises UnreadableQuery for one that is blank, repeated, no text that the platform stores, longer than `most`, or not one of
        `allowed`. `exact` is for names that others gave, which may begin with a space.
        """
        given = self.request.query_params.getlist(name)
        if not any(given):
            return ""
        value = given[0] if exact else given[0].strip(SPACES)
        is_known = not allowed or value in allowed
        if len(given) > 1 or not value or len(value) > most or not is_storable(value) or not is_known:
            raise UnreadableQuery(name)
        return value

    def cursor(self) -> str:
        """Where the page of a list begins; "" for its first page."""
        return self.query("cursor", most=LONGEST_CURSOR)

    def may(self, scope: str) -> bool:
        """Whether the person has the scope."""
        return self.session.profile.has(scope)

    # --- Answers ------------------------------------------------------------------------------------------------------

    def page(self, template: str, *, status: int = 200, title: str = "", **context: Any) -> Response:
        """The template of the area, `title` in place of the page's own title."""
        done = self.request.query_params.get("done", "")
        if self.request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            done = ""  # a link from a mail or another site says nothing in the console's name
        notice = f"done.{done}" if DONE.fullmatch(done) and self.t.has(f"done.{done}") else ""
        context = {"title": title or self.t(f"title.{self.entry.page.name}"), "notice": notice, "faults": []} | context
        return answer(self.request, self.session, self.entry, template, status=status, **context)

    def redirect(self, path: str, *, done: str = "", **query: object) -> Response:
        """303 to another page of the console. It shows the text `done.<done>` of its area."""
        return render.redirect(links.with_query(path, query | {"done": done}))

    def faults(self, refused: Refused, **fields: str) -> list[Fault]:
        """The platform's faults as faults of the form, each once.

        `fields` name the form's field of each JSON pointer or of its beginning: `redirect_uris="uris"`, `**{"details/name": "name"}`.
        """
        found: dict[tuple[str, str], Fault] = {}
        for error in refused.errors:
            field = refusals.field_of(str(error.get("pointer", "")), fields)
            text, language = refusals.words(self.t, error)
            found.setdefault((field, text), Fault(field, text, language))
        return list(found.values()) or [self.refusal(refused)]

    def refusal(self, refused: Refused, field: str = "", text: str = "") -> Fault:
        """The whole refusal as one fault, in the words of the form if it has some, else in the platform's."""
        if text or not refused.detail:
            return Fault(field, text or self.t("failure.refused"))
        return Fault(field, refused.detail, "" if self.t.language == "en" else "en")


def answer(
    request: Request, session: Session, entry: Entry | None, template: str, *, status: int = 200, **context: Any
) -> Response:
    """A page of a signed-in person, with the navigation of their scopes."""
    keyring = request.state.keyring
    settings = request.state.settings
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    frame = {
        "csrf": cookies.form_token(keyring, session.token),
        "profile": session.profile,
        "entry": entry,
        "navigation": request.state.navigation(session.profile),
        "here": links.without_notice(target) if links.is_own_page(target) else "/",
        "docs_url": settings.docs_base_url,
        "account_url": f"{settings.issuer}/v1/auth/sessions",
        "idle_seconds": int(settings.idle_seconds),
        "notice": "",
        "faults": [],
    }
    area = entry.area.name if entry is not None else "common"
    return render.html(request, template, area, session=session, status=status, **(frame | context))


async def read_form(request: Request, most: int = FORM_BYTES) -> Form:
    """Raises a 413 Problem for a body that is too large, ValueError for one that is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise ValueError("no form")
    return parse_form(await http.read_body(request, most), most)


def parse_form(body: bytes, most: int = FORM_BYTES) -> Form:
    """Raises ValueError for a body that is no form of UTF-8, or has too many fields, or more escapes than one of `most` bytes may have."""
    if body.count(b"%") > most // BYTES_OF_ESCAPE:
        raise ValueError("too many escapes")
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    if any("\0" in part for pair in pairs for part in pair):
        raise ValueError("a zero byte")
    return Form(pairs)
