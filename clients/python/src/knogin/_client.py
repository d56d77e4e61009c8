"""`Knogin` and `AsyncKnogin`: they send, wait and lock; `_transport` decides."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Self, TypedDict, TypeVar, Unpack

import httpx2

from ._paging import AsyncPages, Page, Pages
from ._transport import Answer, Call, Credentials, Operation, Road, Send, Steps, Tokens, Wait, located
from .errors import ConfigurationError
from .resources import AsyncResources, Resources

T = TypeVar("T")
H = TypeVar("H", httpx2.Client, httpx2.AsyncClient)
ENVIRONMENTS = {"production": "https://api.knogin.com", "local": "http://api.localhost:8080"}
_sleep, _sleep_async = time.sleep, asyncio.sleep
CONNECT_SECONDS, SECONDS = 5.0, 30.0
LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=20.0)


class Request(TypedDict, total=False):
    """Of a raw call: `body` is sent as JSON, `timeout` is in seconds. With an `idempotency_key` it may be repeated."""

    query: Mapping[str, Any]
    headers: Mapping[str, str | None]
    body: Any
    idempotency_key: str
    timeout: float


def _address(base_url: str | None, environment: str | None) -> tuple[httpx2.URL, str]:
    """The URL to connect to, and the host and port to name."""
    if environment and environment not in ENVIRONMENTS:
        raise ConfigurationError(f"environment is one of {', '.join(ENVIRONMENTS)}")
    address = ENVIRONMENTS[environment] if environment else base_url or os.environ.get("KNOGIN_BASE_URL")
    return located(address or ENVIRONMENTS["production"])


def _propagated() -> Mapping[str, str]:
    """The `traceparent` of the caller's span, where OpenTelemetry is installed."""
    headers: dict[str, str] = {}
    if _inject is not None:
        _inject(headers)
    return headers


try:
    from opentelemetry.propagate import inject as _inject
except ImportError:
    _inject = None


class _Client(Generic[H]):
    """The platform, as an app uses it. Close it, or use it in a `with` block: it keeps one pool of connections.

    `client_secret` and `token` may be functions, which are called whenever a value is needed: a rotated secret is then picked up.
    `private_key` is in PEM (RSA, P-256 or Ed25519). `scopes` narrows the tokens to them; without, a token has all scopes of the app.
    `timeout` is in seconds, for each attempt. `http` is a pool of your own (proxies, certificates), which you close. Without
    credentials and address, KNOGIN_CLIENT_ID, KNOGIN_CLIENT_SECRET, KNOGIN_TOKEN and KNOGIN_BASE_URL are read.
    """

    _new_lock: Callable[[], Any]
    _new_http: Callable[..., H]

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | Callable[[], str] | None = None,
        *,
        private_key: str | bytes | None = None,
        key_id: str | None = None,
        token: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        environment: str | None = None,
        scopes: Sequence[str] = (),
        timeout: float = SECONDS,
        max_retries: int = 2,
        http: H | None = None,
        on_request: Callable[[httpx2.Request], None] | None = None,
        on_response: Callable[[httpx2.Request, Answer], None] | None = None,
        trace_headers: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        named = os.environ.get
        if not (client_secret or private_key or token):
            client_secret, token = named("KNOGIN_CLIENT_SECRET"), named("KNOGIN_TOKEN")
        client_id = client_id or named("KNOGIN_CLIENT_ID")
        if max_retries < 0 or timeout <= 0:
            raise ConfigurationError("max_retries is 0 or more, timeout more than 0 seconds")
        if base_url and environment:
            raise ConfigurationError("give base_url or environment, not both")
        url, host = _address(base_url, environment)
        self._road = Road(
            url,
            host,
            Credentials(client_id or "", client_secret or "", private_key or b"", key_id or "", token or ""),
            Tokens(self._new_lock),
            " ".join(scopes),
            httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            max_retries,
            trace_headers or _propagated,
        )
        self._on_request, self._on_response = on_request, on_response
        self._owns_http = http is None
        self._http = http if http is not None else self._new_http(limits=LIMITS, timeout=self._road.timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._road.host!r}, {self._road.credentials!r})"

    def with_scopes(self, *scopes: str) -> Self:
        """The same client, connections and tokens, with tokens of these scopes. Close the original, not this."""
        view = object.__new__(type(self))
        view.__dict__.update({name: value for name, value in vars(self).items() if name.startswith("_")})
        view._road, view._owns_http = self._road._replace(scope=" ".join(scopes)), False
        return view

    def _requested(self, step: Send) -> None:
        if step.hooked and self._on_request:
            self._on_request(step.request)

    def _answered(self, step: Send, response: httpx2.Response, parts: list[bytes]) -> Answer:
        answer = Answer(response.status_code, response.headers, b"".join(parts))
        if step.hooked and self._on_response:
            self._on_response(step.request, answer)
        return answer


class Knogin(_Client[httpx2.Client], Resources):
    __doc__ = f"{_Client.__doc__}\n    Threads may share it.\n    "
    _new_lock = staticmethod(threading.Lock)
    _new_http = staticmethod(httpx2.Client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        if self._owns_http:
            self._http.close()

    def request(self, method: str, path: str, **given: Unpack[Request]) -> Answer:
        """Any call, with its headers and raw answer: for an ETag, or a call that this version does not know."""
        return self._run(self._road.answer(_raw(method, path, given)))

    def _call(self, call: Call) -> Any:
        return self._run(self._road.value(call))

    def _pages(self, call: Call) -> Pages[Any]:
        def fetch(cursor: str | None) -> Page[Any]:
            return self._run(self._road.page(call._replace(query={**call.query, "cursor": cursor})))

        return Pages(fetch, call.query.get("cursor"))

    def _run(self, steps: Steps[T]) -> T:
        result: Any = None
        failure: BaseException | None = None
        while True:
            try:
                step = steps.send(result) if failure is None else steps.throw(failure)
            except StopIteration as ended:
                return ended.value
            result, failure = None, None
            try:
                if isinstance(step, Send):
                    result = self._send(step)
                elif isinstance(step, Wait):
                    _sleep(step.seconds)
                else:
                    step.lock.acquire()
            except BaseException as error:
                failure = error

    def _send(self, step: Send) -> Answer:
        ends_at = time.monotonic() + step.seconds
        self._requested(step)
        response = self._http.send(step.request, stream=True)
        try:
            parts: list[bytes] = []
            for part in response.iter_bytes():
                parts.append(part)
                _check(ends_at, step)
        finally:
            response.close()
        return self._answered(step, response, parts)


class AsyncKnogin(_Client[httpx2.AsyncClient], AsyncResources):
    __doc__ = f"{_Client.__doc__}\n    For `asyncio`: tasks of one event loop may share it.\n    "
    _new_lock = staticmethod(asyncio.Lock)
    _new_http = staticmethod(httpx2.AsyncClient)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        if self._owns_http:
            await self._http.aclose()

    async def request(self, method: str, path: str, **given: Unpack[Request]) -> Answer:
        """Any call, with its headers and raw answer: for an ETag, or a call that this version does not know."""
        return await self._run(self._road.answer(_raw(method, path, given)))

    async def _call(self, call: Call) -> Any:
        return await self._run(self._road.value(call))

    def _pages(self, call: Call) -> AsyncPages[Any]:
        def fetch(cursor: str | None) -> Awaitable[Page[Any]]:
            return self._run(self._road.page(call._replace(query={**call.query, "cursor": cursor})))

        return AsyncPages(fetch, call.query.get("cursor"))

    async def _run(self, steps: Steps[T]) -> T:
        result: Any = None
        failure: BaseException | None = None
        while True:
            try:
                step = steps.send(result) if failure is None else steps.throw(failure)
            except StopIteration as ended:
                return ended.value
            result, failure = None, None
            try:
                if isinstance(step, Send):
                    result = await self._send(step)
                elif isinstance(step, Wait):
                    await _sleep_async(step.seconds)
                else:
                    await step.lock.acquire()
            except BaseException as error:
                failure = error

    async def _send(self, step: Send) -> Answer:
        ends_at = time.monotonic() + step.seconds
        self._requested(step)
        response = await self._http.send(step.request, stream=True)
        try:
            parts: list[bytes] = []
            async for part in response.aiter_bytes():
                parts.append(part)
                _check(ends_at, step)
        finally:
            await response.aclose()
        return self._answered(step, response, parts)


def _raw(method: str, path: str, given: Request) -> Call:
    key = given.get("idempotency_key")
    escaped = path.replace("{", "%7B").replace("}", "%7D")
    operation = Operation(
        f"{method} {path}", method.upper(), escaped, dict.fromkeys(range(200, 300)), "json", keyed=bool(key)
    )
    headers = {**given.get("headers", {}), "Idempotency-Key": key}
    return Call(operation, (), given.get("query", {}), headers, given.get("body"), given.get("timeout"))


def _check(ends_at: float, step: Send) -> None:
    """A body that comes by drops ends here."""
    if time.monotonic() > ends_at:
        raise httpx2.ReadTimeout(f"the answer was not complete after {step.seconds:g} s", request=step.request)
