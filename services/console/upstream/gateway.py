"""Bounded calls of the public API through the gateway: in time, in size, in number for each person and in all."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from services.console import metrics
from services.console.settings import Settings
from services.console.upstream.errors import Refused, Unavailable
from shared.fairness.places import NoPlace, Places
from shared.process import telemetry
from shared.web.identity import client_network

T = TypeVar("T")
CONNECT_SECONDS = 2
WAITING = 256
"""Calls that wait for their turn, in all."""
WAIT_SECONDS = 4
SHARES = (1.5, 4)
PROBLEM_BYTES = 64 << 10
USER_AGENT = "knogin-console"


class Person(NamedTuple):
    """For whom calls are counted: the people of an organisation share its turns. `address` is their browser's, for the gateway's limits."""

    tenant_id: str
    user_id: str
    address: str = ""

    @property
    def groups(self) -> tuple[str, str]:
        return self.tenant_id, self.user_id


def stranger(address: str) -> Person:
    """Somebody who signs in; a network counts as one person."""
    return Person("", client_network(address), address)


class Answer(NamedTuple):
    """An answer of success. `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    trace_id: str

    def read(self, kind: type[T]) -> T:
        """The JSON body. Fields that `kind` does not name are ignored. Raises Unavailable if the body has another form."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.DecodeError:
            raise Unavailable("faulty", self.trace_id) from None

    @property
    def next_cursor(self) -> str:
        """The cursor of the next page in the `Link` header (RFC 8288), "" on the last page."""
        for part in self.headers.get("link", "").split(","):
            target, _, rest = part.partition(";")
            if 'rel="next"' in rest:
                return httpx2.URL(target.strip().strip("<>")).params.get("cursor", "")
        return ""


class Gateway:
    """One for each process. `hosts` are the gateway's sites by name: `auth`, `api` and `docs`."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        origins = {"auth": settings.issuer, "api": settings.api_base_url, "docs": settings.docs_base_url}
        self._hosts = {name: urlsplit(origin).netloc for name, origin in origins.items()}
        self._places = Places(
            settings.upstream_at_once, shares=SHARES, waiting=WAITING, most=settings.upstream_of_person
        )

    async def send(
        self,
        person: Person,
        method: str,
        path: str,
        *,
        host: str = "api",
        token: str = "",
        query: Mapping[str, str | int | None] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, of any status from 200 to 304. Parameters that are None are left out. Raises Refused or Unavailable."""
        request = self._request(person, method, path, host, token, query, body=body, form=form, headers=headers)
        with metrics.call_seconds.time():
            try:
                async with self._turn(person):
                    answer = await self._exchange(request)
            except Unavailable as failed:
                metrics.calls.labels(failed.reason).inc()
                raise
            except Refused:
                metrics.calls.labels("refused").inc()
                raise
        metrics.calls.labels("ok").inc()
        return answer

    @asynccontextmanager
    async def stream(
        self, person: Person, path: str, *, token: str, query: Mapping[str, str | int | None], seconds: float
    ) -> AsyncIterator[httpx2.Response]:
        """The answer of a GET of 200, whose body the caller reads within so many seconds. It holds one turn meanwhile.

        Raises Refused or Unavailable, also where the body breaks off.
        """
        request = self._request(person, "GET", path, "api", token, query, headers={"accept": "*/*"})
        trace_id = telemetry.trace_id()
        async with self._turn(person):
            try:
                async with asyncio.timeout(seconds):
                    response = await self._http.send(request, stream=True)
                    try:
                        trace_id = response.headers.get("x-trace-id", trace_id)
                        if response.status_code != 200:
                            raise _failure(response, await self._read(response, trace_id), trace_id)
                        yield response
                    finally:
                        await response.aclose()
            except (TimeoutError, httpx2.TimeoutException):
                raise Unavailable("slow", trace_id) from None
            except httpx2.HTTPError:
                raise Unavailable("unreachable", trace_id) from None

    def _request(
        self,
        person: Person,
        method: str,
        path: str,
        host: str,
        token: str,
        query: Mapping[str, str | int | None] | None,
        *,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Request:
        fields = {"host": self._hosts[host], "user-agent": USER_AGENT, "accept": "application/json"} | dict(
            headers or {}
        )
        if traceparent := telemetry.traceparent():
            fields["traceparent"] = traceparent
        if person.address:
            # Else all people would share the rates of the console's own address.
            fields["x-forwarded-for"] = person.address
        if token:
            fields["authorization"] = f"Bearer {token}"
        asked = {name: str(value) for name, value in (query or {}).items() if value is not None and value != ""}
        content = None
        if body is not None:
            content, fields["content-type"] = msgspec.json.encode(body), "application/json"
        return self._http.build_request(
            method, path, params=asked or None, content=content, data=dict(form) if form else None, headers=fields
        )

    @asynccontextmanager
    async def _turn(self, person: Person) -> AsyncIterator[None]:
        """A turn at the platform for one call. Raises Unavailable (`busy`) if it does not come in time."""
        try:
            place = await self._places.enter(person.groups, WAIT_SECONDS)
        except NoPlace:
            raise Unavailable("busy", telemetry.trace_id()) from None
        try:
            yield
        finally:
            self._places.leave(place)

    async def _exchange(self, request: httpx2.Request) -> Answer:
        trace_id = telemetry.trace_id()
        try:
            async with asyncio.timeout(self._settings.upstream_seconds):
                response = await self._http.send(request, stream=True)
                try:
                    trace_id = response.headers.get("x-trace-id", trace_id)
                    body = await self._read(response, trace_id)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx2.TimeoutException):
            raise Unavailable("slow", trace_id) from None
        except httpx2.HTTPError:
            raise Unavailable("unreachable", trace_id) from None
        if response.status_code < 400:
            return Answer(response.status_code, dict(response.headers), body, trace_id)
        raise _failure(response, body, trace_id)

    async def _read(self, response: httpx2.Response, trace_id: str) -> bytes:
        most = self._settings.upstream_bytes if response.status_code < 400 else PROBLEM_BYTES
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > most:
                raise Unavailable("large", trace_id)
            parts.append(part)
        return b"".join(parts)


def _failure(response: httpx2.Response, body: bytes, trace_id: str) -> Refused | Unavailable:
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        content = None
    document: dict[str, Any] = content if isinstance(content, dict) else {}
    status = response.status_code
    if status == 429:
        retry = response.headers.get("retry-after", "")
        return Unavailable("limited", trace_id, int(retry) if retry.isdecimal() else 0)
    if status >= 500:
        return Unavailable("unreachable" if status == 503 else "faulty", trace_id)
    slug = str(document.get("type") or document.get("error") or "").rpartition("#")[2]
    detail = str(document.get("detail") or document.get("error_description") or "")
    faults = document.get("errors")
    errors = [fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []
    return Refused(status, slug, detail, str(document.get("trace_id") or trace_id), errors, document)


def path_of(template: str, **ids: str) -> str:
    """`path_of("/v1/platform/apps/{id}", id=…)`: each id is one escaped segment, so that no id leads to another path."""
    # Dots alone would climb.
    return template.format(**{name: quote(value, safe="") if value.strip(".") else "-" for name, value in ids.items()})
