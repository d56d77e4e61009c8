"""Revocations of tokens, as auth publishes them: kept in bounded memory and updated by differences.

Auth numbers every change of a watermark. A follower asks for the changes after its last number; auth holds the request until there are
some. A client's watermark covers all its tokens made before it, so watermarks of its single older tokens are dropped.

`Feed` is a service's connection to them: it sends signed requests, and refuses identity headers whose token is revoked.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Literal, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec
from starlette.middleware import Middleware

from shared.primitives.crypto import Signer
from shared.process import metrics
from shared.process.settings import Service, required
from shared.web import identity, responses
from shared.web.identity import IdentityMiddleware

WAIT_SECONDS = 20.0
"""Seconds for which auth may hold a request without changes; an idle follower asks at this interval."""
RETRY_SECONDS = 0.5
GRACE_SECONDS = 0.3
"""Seconds that a request may still take after the bell rang, before it is sent again on another connection."""
TENANT_MARKS = 20_000
"""Four times the number that auth itself keeps for a tenant before it folds them."""
TOTAL_MARKS = 1_000_000
SWEPT = 2_000
ALARM_EVERY = 30.0
log = logging.getLogger(__name__)


class Watermark(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Tokens of `kind` `id` made before `not_before_ms` (Unix milliseconds of their `jti`) are revoked; of a key all tokens.

    `tenant_id` and `client_id` are the owners of these tokens. A watermark without a client applies to its
    tenant, that of a key to all tenants.
    """

    kind: Literal["client", "grant", "tenant", "token", "key"]
    id: str
    not_before_ms: int
    expires_at: int
    tenant_id: str = ""
    client_id: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The changes up to number `sequence`. `more`: there are further changes; ask again. `keys` are the published keys' ids."""

    watermarks: list[Watermark]
    sequence: int
    more: bool = False
    keys: list[str] = []


class Mark(NamedTuple):
    """Tokens made before `not_before` (Unix milliseconds) are revoked; at `expires` (Unix seconds) all of them have expired."""

    not_before: int = 0
    expires: int = 0


NONE = Mark()


class _Client:
    __slots__ = ("every", "marks")

    def __init__(self) -> None:
        self.every = Mark()
        self.marks: dict[str, Mark] = {}


class _Tenant:
    __slots__ = ("clients", "count", "every")

    def __init__(self) -> None:
        self.every = Mark()
        self.count = 0
        self.clients: dict[str, _Client] = {}


class Marks:
    """The watermarks by tenant and client. `version` grows with every change.

    Memory is bounded. For a tenant with too many watermarks, all tokens made before its newest watermark are refused. If all tenants
    together have too many, the same happens to the tenant with the most. Tokens of other tenants are not affected.
    """

    def __init__(self) -> None:
        self.version = 0
        self.count = 0
        self._tenants: dict[str, _Tenant] = {}
        self._keys: dict[str, int] = {}
        self._sweeping: Iterator[None] = iter(())

    def covers(self, *, tenant: str, client: str, grant: str | None, token: str | None, made_ms: int, kid: str) -> bool:
        """Whether a token with that key, time, client and grant is revoked."""
        if kid in self._keys:
            return True
        of_tenant = self._tenants.get(tenant)
        if of_tenant is None:
            return False
        return made_ms < of_tenant.every.not_before or any(
            made_ms < held.every.not_before
            or made_ms < held.marks.get(grant or "", NONE).not_before
            or made_ms < held.marks.get(token or "", NONE).not_before
            for owner in (client, "")
            if (held := of_tenant.clients.get(owner)) is not None
        )

    def distrusts(self, kid: str) -> bool:
        """Whether tokens signed by this key are refused."""
        return kid in self._keys

    def add(self, watermarks: list[Watermark]) -> None:
        """Applies changes. A watermark never moves back."""
        for mark in watermarks:
            self._add(mark)
        if watermarks:
            self.version += 1
        while self.count > TOTAL_MARKS:
            self._fold(max(self._tenants.values(), key=lambda tenant: tenant.count))

    def forget_expired(self, now: float) -> None:
        """Drops some watermarks whose tokens have all expired. Repeated calls go through all watermarks."""
        if next(self._sweeping, True):
            self._sweeping = self._sweep(now)

    def _add(self, mark: Watermark) -> None:
        if mark.kind == "key":
            self._keys[mark.id] = mark.expires_at
            return
        tenant = self._tenants.setdefault(mark.tenant_id, _Tenant())
        held = Mark(mark.not_before_ms, mark.expires_at)
        if mark.kind == "tenant":
            tenant.every = max(tenant.every, held)
            for client in tenant.clients.values():
                self._thin(tenant, client, tenant.every.not_before)
            tenant.clients = {
                name: client
                for name, client in tenant.clients.items()
                if client.marks or client.every.not_before > tenant.every.not_before
            }
            return
        client = tenant.clients.setdefault(mark.id if mark.kind == "client" else mark.client_id, _Client())
        if mark.kind == "client":
            client.every = max(client.every, held)
            self._thin(tenant, client, client.every.not_before)
        elif held.not_before > max(client.every.not_before, tenant.every.not_before):
            new = mark.id not in client.marks
            client.marks[mark.id] = max(client.marks.get(mark.id, held), held)
            self._count(tenant, int(new))
            if tenant.count > TENANT_MARKS:
                self._fold(tenant)

    def _thin(self, tenant: _Tenant, client: _Client, not_before: int) -> None:
        """Drops watermarks that a wider one covers."""
        self._keep(tenant, client, {name: mark for name, mark in client.marks.items() if mark.not_before > not_before})

    def _keep(self, tenant: _Tenant, client: _Client, marks: dict[str, Mark]) -> None:
        self._count(tenant, len(marks) - len(client.marks))
        client.marks = marks

    def _count(self, tenant: _Tenant, more: int) -> None:
        tenant.count += more
        self.count += more

    def _fold(self, tenant: _Tenant) -> None:
        """Refuses all tokens of a tenant up to its newest watermark."""
        for client in tenant.clients.values():
            newest = max((client.every, *client.marks.values()))
            tenant.every = Mark(
                max(tenant.every.not_before, newest.not_before), max(tenant.every.expires, newest.expires)
            )
        self._count(tenant, -tenant.count)
        tenant.clients = {}
        log.error("a tenant has more revocations than are held: all its tokens up to the newest one are refused")

    def _sweep(self, now: float) -> Iterator[None]:
        """Goes through all tenants and yields after each `SWEPT` watermarks."""
        self._keys = {kid: expires for kid, expires in self._keys.items() if expires > now}
        swept = 0
        for name in list(self._tenants):
            tenant = self._tenants[name]
            swept += tenant.count + 1
            if tenant.every.expires <= now:
                tenant.every = Mark()
            for owner in list(tenant.clients):
                client = tenant.clients[owner]
                if client.every.expires <= now:
                    client.every = Mark()
                self._keep(tenant, client, {id: mark for id, mark in client.marks.items() if mark.expires > now})
                if not client.marks and not client.every.not_before:
                    del tenant.clients[owner]
            if not tenant.clients and not tenant.every.not_before:
                del self._tenants[name]
            if swept > SWEPT:
                swept = 0
                yield


class Follower:
    """Keeps `marks` up to date. `fetch(after, wait)` asks auth and raises if there is no valid answer.

    `confirmed_at` is the time up to which all revocations are known. `published` is called with the ids of the keys that auth publishes.
    """

    def __init__(
        self,
        marks: Marks,
        fetch: Callable[[int, float], Awaitable[Answer]],
        *,
        wait: float = WAIT_SECONDS,
        published: Callable[[list[str]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.marks = marks
        self.confirmed_at = float("-inf")
        self.learned = asyncio.Event()
        self.after = 0
        self._fetch = fetch
        self._wait = wait
        self._published = published
        self._clock = clock
        self._bell = asyncio.Event()
        self._asks_again = False
        self._alarmed_at = float("-inf")

    @property
    def age(self) -> float:
        """Seconds since all revocations were known; infinite before the first answer."""
        return self._clock() - self.confirmed_at

    def ring(self) -> None:
        """Redis reports a revocation: the next answer should come at once."""
        self._bell.set()

    async def run(self) -> None:
        while True:
            if not await self._ask():
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS * random.uniform(0.8, 1.2)):  # noqa: S311 spreads load
                        await self._bell.wait()
            self.marks.forget_expired(time.time())

    async def poll(self, wait: float = 0.0) -> bool:
        """Asks once. True if the next request may follow at once: this one brought changes, or auth held it long enough."""
        asked_at = self._clock()
        before = self.after
        try:
            answer = await self._fetch(self.after, wait)
        except Exception as error:  # the next round tries again
            now = self._clock()
            if now - self._alarmed_at >= ALARM_EVERY:
                self._alarmed_at = now
                age = self.age if self.age < 1e9 else None
                described = {"reason": type(error).__name__, "detail": str(error), "age": age}
                log.warning("revocations not confirmed by auth", extra=described)
            return False
        self._take(answer)
        self.confirmed_at = asked_at  # auth may have read its state when the request arrived
        if not self._asks_again:
            self.learned.set()
        return self._asks_again or self.after != before or self._clock() - asked_at > wait / 2 > 0

    async def _ask(self) -> bool:
        """Sends one request, and a second if the bell rings without an answer: the connection is dead, or auth missed the bell."""
        wait = self._wait if self.learned.is_set() and not self._asks_again else 0.0
        question = asyncio.ensure_future(self.poll(wait))
        bell = asyncio.ensure_future(self._bell.wait())
        try:
            await asyncio.wait({question, bell}, return_when=asyncio.FIRST_COMPLETED)
            if not question.done():
                await asyncio.wait({question}, timeout=GRACE_SECONDS)
            if question.done():
                return question.result()
        finally:
            self._bell.clear()
            bell.cancel()
            question.cancel()
        return await self.poll()

    def _take(self, answer: Answer) -> None:
        self.marks.add(answer.watermarks)
        # A smaller number means that auth's database was restored: ask for all its changes again, and drop nothing.
        self._asks_again = answer.more or answer.sequence < self.after
        self.after = 0 if answer.sequence < self.after else answer.sequence
        if self._published is not None and not answer.more:
            self._published(answer.keys)


ANSWER_SECONDS = 5.0
"""Seconds that an answer may take beyond the time that auth was asked to wait."""
Source = Callable[[int, float], Awaitable[Answer]]


class Feed:
    """The revocations that a service knows, updated inside `async with`; its middleware reads `marks`.

    Auth itself sets `source`; other services ask `REVOCATIONS_URL`. Without either, or while auth cannot be reached,
    an identity header is valid until it expires.
    """

    def __init__(self, settings: Service, service: str) -> None:
        self.marks = Marks()
        self.follower: Follower | None = None
        self.source: Source | None = None
        self._settings = settings
        self._service = service
        self._task: asyncio.Task[None] | None = None
        if settings.revocations_url:
            self._url = urlsplit(settings.revocations_url)
            self._signer = Signer(required(settings.service_signing_key, "SERVICE_SIGNING_KEY"))
            self.source = self._fetch

    def middleware(self, service_keys: str = "") -> Middleware:
        """Lets in only callers with an identity header of the gateway for this service, until their token is revoked.

        With `service_keys` services may call internal paths in their own name.
        """
        return Middleware(
            IdentityMiddleware,
            public_keys=self._settings.identity_public_keys,
            service=self._service,
            revoked=self.marks,
            service_keys=service_keys,
        )

    async def __aenter__(self) -> Self:
        if self.source is not None:
            follower = self.follower = Follower(self.marks, self.source)
            metrics.revocations_age.set_function(lambda: follower.age)
            self._task = asyncio.create_task(follower.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _fetch(self, after: int, wait: float) -> Answer:
        target = f"{self._url.path or '/'}?after={after}&wait={wait:g}"
        headers = {identity.SERVICE_HEADER: identity.sign_call(self._signer, self._service, "GET", target)}
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        secure = self._url.scheme == "https"
        async with asyncio.timeout(wait + ANSWER_SECONDS):
            status, body = await responses.get(self._url.hostname or "", port, target, headers, secure=secure)
        if status != 200:
            raise ConnectionError(f"auth answered {status}")
        return decode_answer(body)


def decode_answer(body: bytes) -> Answer:
    """Raises ValueError if `body` is not an answer of the feed."""
    try:
        return msgspec.json.decode(body, type=Answer)
    except msgspec.DecodeError as error:
        raise ValueError("not an answer of the feed") from error
