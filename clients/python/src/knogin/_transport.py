"""The road of a call, without I/O: attempts, waits, tokens and errors. `Knogin` and `AsyncKnogin` carry its steps out.

A generator yields its next step (`Send`, `Wait`, `Acquire`) and gets the result back, so both clients share every rule.
"""

from __future__ import annotations

import base64
import logging
import platform
import random
import sys
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from ._answers import decoded
from ._keys import load
from ._model import encode, fingerprint, members
from ._paging import Page, next_cursor
from ._version import CONTRACT, VERSION
from .errors import APIError, ConfigurationError, ConnectionFailed, TimedOut, seconds_of
from .problems import class_of

log = logging.getLogger("knogin")
T = TypeVar("T")

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 8.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
# A token is renewed after this share of its life; until it ends it serves while one caller renews it.
RENEWED_AFTER = 0.8
# The call had no effect: the platform says so, or it never got the call.
HARMLESS = {408, 425, 429}
# The call may have had its effect: it is repeated only if that is safe.
UNCERTAIN = {500, 502, 503, 504}
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
HOPELESS = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
REPEATABLE_METHODS = {"GET", "PUT", "DELETE"}
MEDIA_TYPES = {"json": "application/json", "bytes": "application/octet-stream"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
USER_AGENT = f"knogin-python/{VERSION} (contract {CONTRACT}; python {platform.python_version()}; {sys.platform})"


class Operation(NamedTuple):
    """A call of the contract. `path` has `{}` for each value; `answers` gives the model for each status, None where there is no body."""

    id: str
    method: str
    path: str
    answers: Mapping[int, Any]
    body: str = ""
    keyed: bool = False
    repeatable: bool = False
    auth: str = "bearer"


class Call(NamedTuple):
    """An operation with its values. None in `headers` and `query` is not sent."""

    operation: Operation
    path: Sequence[str] = ()
    query: Mapping[str, Any] = {}
    headers: Mapping[str, str | None] = {}
    body: Any = None
    timeout: float | None = None
    page: str | None = None


class Caller:
    """A client, as its resources see it."""

    def _call(self, call: Call) -> Any:
        raise NotImplementedError

    def _pages(self, call: Call) -> Any:
        raise NotImplementedError


class Answer(NamedTuple):
    """The answer of one attempt, whole. `headers` are looked up in any case of letters."""

    status: int
    headers: httpx2.Headers
    content: bytes


class Send(NamedTuple):
    """`seconds` bounds the whole attempt."""

    request: httpx2.Request
    seconds: float
    hooked: bool


class Wait(NamedTuple):
    seconds: float


class Acquire(NamedTuple):
    """Gets the lock; the generator releases it."""

    lock: Any


Steps = Generator[Send | Wait | Acquire, Any, T]
Built = tuple[bytes, Mapping[str, str]]


class Held(NamedTuple):
    """A token; times are of the monotonic clock."""

    value: str
    renewed_at: float
    ends_at: float


class Credentials:
    """A token that is given, or a client with a secret or a private key that gets them."""

    def __init__(
        self,
        client_id: str,
        client_secret: str | Callable[[], str],
        private_key: str | bytes,
        key_id: str,
        token: str | Callable[[], str],
    ) -> None:
        if bool(token) + bool(client_secret) + bool(private_key) > 1:
            raise ConfigurationError(
                "give one of token (KNOGIN_TOKEN), client_secret (KNOGIN_CLIENT_SECRET) and private_key"
            )
        if (client_secret or private_key) and not client_id:
            raise ConfigurationError("client_secret and private_key need a client_id")
        self.client_id = client_id
        self._secret = client_secret
        self._token = token
        self._key_id = key_id
        self._key, self._algorithm = load(private_key) if private_key else (None, "")

    def __repr__(self) -> str:
        if self._key is not None:
            return f"client_id={self.client_id!r}, private_key=<secret>"
        if self._secret:
            shown = fingerprint(self._secret) if isinstance(self._secret, str) else "<callable>"
            return f"client_id={self.client_id!r}, client_secret={shown}"
        if self._token:
            return f"token={fingerprint(self._token) if isinstance(self._token, str) else '<callable>'}"
        return "no credentials"

    @property
    def given_token(self) -> str:
        return self._token() if callable(self._token) else self._token

    @property
    def has_client(self) -> bool:
        return bool(self._secret) or self._key is not None

    @property
    def signs(self) -> bool:
        return self._key is not None

    def proof(self, issuer: str) -> tuple[dict[str, str], dict[str, str]]:
        """Form members and headers that prove the client; a fresh assertion each time. `issuer` is its audience."""
        if self._key is None:
            secret = self._secret() if callable(self._secret) else self._secret
            pair = f"{quote(self.client_id, safe='')}:{quote(secret, safe='')}"
            return {}, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        import jwt

        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": issuer, "iat": now}
        claims |= {"exp": now + ASSERTION_SECONDS, "jti": uuid.uuid4().hex}
        assertion = jwt.encode(claims, self._key, self._algorithm, {"kid": self._key_id} if self._key_id else None)
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}, {}


class Tokens:
    """The tokens of one client, by scopes. `new_lock` makes a lock of `threading` or `asyncio`: one caller at a time gets a token."""

    def __init__(self, new_lock: Callable[[], Any]) -> None:
        self._new_lock = new_lock
        self._held: dict[str, Held] = {}
        self._locks: dict[str, Any] = {}
        self.issuer = ""

    def lock(self, scope: str) -> Any:
        return self._locks.setdefault(scope, self._new_lock())

    def current(self, scope: str) -> Held | None:
        held = self._held.get(scope)
        return held if held and time.monotonic() < held.ends_at else None

    def keep(self, scope: str, value: str, seconds: float) -> Held:
        now = time.monotonic()
        self._held[scope] = held = Held(value, now + RENEWED_AFTER * seconds, now + seconds)
        return held

    def drop(self, scope: str, value: str) -> None:
        """Forgets that token; one that has replaced it stays."""
        held = self._held.get(scope)
        if held and held.value == value:
            self._held.pop(scope, None)


def located(address: str) -> tuple[httpx2.URL, str]:
    """The URL to connect to, and the host and port to name."""
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        raise ConfigurationError(f"not an address: {address[:200]!r}") from None
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise ConfigurationError("the platform's base URL is not an http or https address")
    host = url.netloc.decode()
    # RFC 6761 §6.3: such names are this machine, but many resolvers do not know it.
    is_local = url.host == "localhost" or url.host.endswith(".localhost")
    return url.copy_with(host="127.0.0.1") if is_local else url, host


class TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float = 300.0


class Metadata(msgspec.Struct):
    issuer: str


TOKEN = Operation("createToken", "POST", "/v1/oauth/token", {200: TokenAnswer}, "form", auth="client")
METADATA = Operation(
    "getAuthorizationServerMetadata", "GET", "/.well-known/oauth-authorization-server", {200: Metadata}, auth="open"
)


class Road(NamedTuple):
    """Everything that the steps of a call need; shared by the views of one client."""

    base_url: httpx2.URL
    host: str
    credentials: Credentials
    tokens: Tokens
    scope: str
    timeout: httpx2.Timeout
    max_retries: int
    trace_headers: Callable[[], Mapping[str, str]]

    def value(self, call: Call) -> Steps[Any]:
        """The decoded answer, None for 304 and for an answer without a body."""
        answer = yield from self.answer(call)
        return decoded(call, answer)

    def page(self, call: Call) -> Steps[Page[Any]]:
        answer = yield from self.answer(call)
        read = decoded(call, answer)
        if call.page:
            return Page(getattr(read, call.page), read.next_cursor)
        return Page(read, next_cursor(answer.headers.get("link", "")))

    def answer(self, call: Call) -> Steps[Answer]:
        """The answer of success. Raises an `APIError` or a `ConnectionFailed`."""
        headers = {"accept": "application/json, */*;q=0.1", "user-agent": USER_AGENT}
        headers |= {name: value for name, value in call.headers.items() if value is not None}
        if call.operation.keyed:
            headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        content = _content(call)
        if content:
            headers.setdefault("content-type", MEDIA_TYPES[call.operation.body])
        if call.operation.auth == "client":
            return (yield from self._proven(call, headers))
        held = ""

        def built() -> Steps[Built]:
            nonlocal held
            held = yield from self._token(call.operation)
            return content, {**headers, "authorization": f"Bearer {held}"} if held else headers

        answer = yield from self._attempts(call, built)
        if self._ends(answer, held):
            self.tokens.drop(self.scope, held)
            answer = yield from self._attempts(call, built)
        if answer.status == 302 and call.operation.auth == "open":
            # A page of the other host: the same call there, without a token.
            url, host = located("/".join(answer.headers.get("location", "").split("/")[:3]))
            answer = yield from self._replace(base_url=url, host=host)._attempts(call, _bare)
        return self._judged(call, answer)

    def _ends(self, answer: Answer, token: str) -> bool:
        """Whether a refused token can be replaced by a fresh one."""
        challenge = answer.headers.get("www-authenticate", "")
        return answer.status == 401 and "invalid_token" in challenge and bool(token) and self.credentials.has_client

    def _token(self, operation: Operation) -> Steps[str]:
        if given := self.credentials.given_token:
            return given
        if operation.auth == "open":
            return ""
        if not self.credentials.has_client:
            raise ConfigurationError(
                f"{operation.id} needs credentials: KNOGIN_CLIENT_ID and KNOGIN_CLIENT_SECRET, or KNOGIN_TOKEN, in the"
                " environment, or client_id with client_secret or private_key, or token, as arguments"
            )
        held = self.tokens.current(self.scope)
        lock = self.tokens.lock(self.scope)
        if held and (time.monotonic() < held.renewed_at or lock.locked()):
            return held.value
        yield Acquire(lock)
        try:
            held = self.tokens.current(self.scope)
            if held and time.monotonic() < held.renewed_at:
                return held.value
            try:
                form = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
                answer = yield from self._proven(Call(TOKEN, body=form), {"user-agent": USER_AGENT})
            except (APIError, ConnectionFailed):
                if held is None:
                    raise
                log.warning("a token could not be renewed; the old one serves until it ends", exc_info=True)
                return held.value
            fresh: TokenAnswer = decoded(Call(TOKEN), answer)
            return self.tokens.keep(self.scope, fresh.access_token, fresh.expires_in).value
        finally:
            lock.release()

    def _proven(self, call: Call, headers: Mapping[str, str]) -> Steps[Answer]:
        """A call of the token endpoints, with the client's proof unless the form has its own."""
        form = members(call.body)
        proves = self.credentials.has_client and not form.keys() & {"client_id", "client_secret", "client_assertion"}
        if proves and self.credentials.signs and not self.tokens.issuer:
            found = yield from self._attempts(Call(METADATA), _bare)
            self.tokens.issuer = decoded(Call(METADATA), self._judged(Call(METADATA), found)).issuer

        def built() -> Steps[Built]:
            yield from ()
            more, proof = self.credentials.proof(self.tokens.issuer) if proves else ({}, {})
            encoded = str(httpx2.QueryParams(form | more)).encode()
            return encoded, {**headers, **proof, "content-type": "application/x-www-form-urlencoded"}

        answer = yield from self._attempts(call, built)
        return self._judged(call, answer)

    def _attempts(self, call: Call, build: Callable[[], Steps[Built]]) -> Steps[Answer]:
        """The last answer, of any status. `build` gives body and headers of each attempt."""
        operation = call.operation
        is_safe = operation.keyed or operation.repeatable or operation.auth == "client"
        safe = is_safe or operation.method in REPEATABLE_METHODS
        was_uncertain = False
        for attempt in range(self.max_retries + 1):
            content, headers = yield from build()
            send = self._send(call, content, headers)
            started = time.monotonic()
            answer, failure = None, None
            try:
                answer = yield send
            except httpx2.RequestError as error:
                failure = error
            _record(operation, attempt, answer, failure, time.monotonic() - started)
            if was_uncertain and answer and answer.status == 404 and operation.method == "DELETE":
                return answer._replace(status=204)  # the attempt whose answer was lost has deleted it
            wait = self._wait(answer, failure, attempt, safe)
            if wait is None:
                if answer is None:
                    kind = TimedOut if isinstance(failure, httpx2.TimeoutException) else ConnectionFailed
                    where = f"{self.base_url.scheme}://{self.host}"
                    raise kind(f"{operation.id}: {where}: {type(failure).__name__}: {failure}") from failure
                return answer
            was_uncertain = (
                was_uncertain
                or (failure is not None and not isinstance(failure, NOT_SENT))
                or (answer is not None and answer.status in UNCERTAIN)
            )
            yield Wait(wait)
        raise AssertionError("the last attempt ends the loop")

    def _wait(self, answer: Answer | None, failure: Exception | None, attempt: int, safe: bool) -> float | None:
        """The seconds to the next attempt; None if there is none."""
        if attempt >= self.max_retries or isinstance(failure, HOPELESS):
            return None
        asked: float | None = None
        if answer is None:
            if not safe and not isinstance(failure, NOT_SENT):
                return None
        else:
            asked = seconds_of(answer.headers.get("retry-after", ""))
            harmless = answer.status in HARMLESS or (answer.status == 409 and asked is not None)
            if not harmless and not (safe and answer.status in UNCERTAIN):
                return None
        backoff = random.uniform(0, min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt))  # noqa: S311 - spreads callers
        if asked is None:
            return backoff
        return None if asked > LONGEST_RETRY_AFTER_SECONDS else asked + min(backoff, 0.5)

    def _send(self, call: Call, content: bytes, headers: Mapping[str, str]) -> Send:
        path = call.operation.path.format(*(quote(str(value), safe="") for value in call.path))
        query = [pair for name, value in call.query.items() if value is not None for pair in _pairs(name, value)]
        url = self.base_url.copy_with(raw_path=self.base_url.raw_path.rstrip(b"/") + path.encode())
        if query:
            url = url.copy_with(query=str(httpx2.QueryParams(query)).encode())
        timeout = self.timeout if call.timeout is None else httpx2.Timeout(call.timeout, connect=min(5.0, call.timeout))
        extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
        if self.base_url.scheme == "https":
            extensions["sni_hostname"] = httpx2.URL(f"https://{self.host}").host
        sent = {"host": self.host, **self.trace_headers(), **headers}
        method = call.operation.method
        request = httpx2.Request(method, url, headers=sent, content=content or None, extensions=extensions)
        return Send(request, timeout.read or 30.0, call.operation.auth != "client")

    def _judged(self, call: Call, answer: Answer) -> Answer:
        if answer.status in call.operation.answers or answer.status in (204, 304):
            return answer
        error = APIError(call.operation.id, answer.status, answer.headers, answer.content)
        raise class_of(error.status, error.type)(error.operation, error.status, error.headers, error.body)


def _bare() -> Steps[Built]:
    yield from ()
    return b"", {"user-agent": USER_AGENT}


def _content(call: Call) -> bytes:
    if call.operation.body != "json" or call.body is None:
        return call.body if isinstance(call.body, bytes) else b""
    return encode(call.body)


def _pairs(name: str, value: Any) -> list[tuple[str, str | int | float | bool | None]]:
    if isinstance(value, list):
        return [pair for one in value for pair in _pairs(name, one)]
    if isinstance(value, str):
        return [(name, value)]
    return [(name, encode(value).decode().strip('"'))]  # true, 12, 2026-01-31T08:00:00Z


def _record(
    operation: Operation, attempt: int, answer: Answer | None, failure: Exception | None, seconds: float
) -> None:
    """A line without paths, bodies or tokens: those may hold identifiers."""
    outcome = answer.status if answer else type(failure).__name__
    trace = answer.headers.get("x-trace-id", "") if answer else ""
    log.debug("%s attempt=%d %s %.0f ms trace=%s", operation.id, attempt + 1, outcome, seconds * 1000, trace)
