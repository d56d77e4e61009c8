"""Traffic of every kind at a steady rate. Each request is repeated until it succeeds, and every second is recorded."""

import asyncio
import math
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp
import msgspec

from shared.primitives.ids import new_id
from tests.soak import asking
from tests.soak.asking import Ask
from tests.soak.integration import BUNDLES, SCOPES, Heard, Integration
from tests.support.receiver import Behaviour, Received
from tests.support.stack import Stack

PER_SECOND = 2.0
"""Requests of each kind."""
PATIENCE = 10
PAUSE = 0.5
MOST_OF_KIND = 25
# All forms of "try again": the service or a part of it is busy, limited or away.
AGAIN = frozenset({409, 429, 502, 503, 504})
SIP = {"host": "trunk.carrier.example", "username": "knogin", "password": "chaos-chaos"}


class Ears(Heard):
    """Counts deliveries by event id, and those whose timestamp a partner would refuse."""

    TOLERANCE = 300

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.times: list[float] = []
        self.untimely = 0

    def _hear(self) -> Behaviour:
        hear = super()._hear()

        async def behave(request: Received, writer: Any) -> bool:
            if abs(time.time() - int(request.headers["webhook-timestamp"])) > self.TOLERANCE:
                self.untimely += 1
                writer.write(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n")
                return True
            self.times.append(time.monotonic())
            self.counts[request.headers["webhook-id"]] += 1
            return await hear(request, writer)

        return behave

    def within(self, seconds: float) -> int:
        """Deliveries of the last `seconds` seconds."""
        now = time.monotonic()
        return sum(at > now - seconds for at in self.times)

    @property
    def duplicates(self) -> int:
        return self.deliveries - len(self.counts)


class Partner(Integration):
    """An integration that also routes calls."""

    scopes: ClassVar = [*SCOPES, "argus:telephony:write"]
    bundles: ClassVar = [*BUNDLES, "telephony-admin"]

    def __init__(self, stack: Stack, receiver: Heard) -> None:
        super().__init__(stack, receiver)
        self.revoked: list[str] = []
        with stack.client("api", self.token) as client:

            def perform(name: str, /, **given: Any) -> Any:
                query = {"query": self.documents[name], "variables": {"input": given}}
                answer = client.post("/graphql", json=query).raise_for_status().json()
                assert "errors" not in answer, answer
                (made,) = answer["data"].values()
                return made

            provider = perform("CreateTelephonyProvider", name="Main", carrier={"sip": SIP})
            perform("CreateTelephonyRoute", providerId=provider["id"], phoneNumber="+39*", targetSubsystem="psap")

    def token_minted(self, body: dict[str, Any]) -> None:
        self.token = body["access_token"]


def _token(it: Partner) -> Ask:
    form = {"client_id": it.app.client_id, "client_secret": it.app.client_secret}
    form |= {"grant_type": "client_credentials", "scope": " ".join(it.scopes)}
    return Ask("POST", "auth", "/v1/oauth/token", form=form, then=it.token_minted)


def _route_call(it: Partner) -> Ask:
    return asking.graphql(it, "ResolveTelephonyRoute", {"phoneNumber": "+390612345678"})


def _create_incident(it: Partner) -> Ask:
    ask = asking.create_incident(it)
    ask.headers = {"idempotency-key": new_id("key")}
    return ask


KINDS: dict[str, Callable[[Any], Ask]] = {
    "token": _token,
    "create encounter": asking.create_encounter,
    "FHIR bundle": asking.of_encounter("/fhir-bundle"),
    "observation": asking.observe,
    "acqiMetrics": asking.metrics,
    "create incident": _create_incident,
    "route a call": _route_call,
    "deliveries": asking.KINDS["deliveries"][1],
    "packages": asking.KINDS["packages"][1],
}
ALL = (*KINDS, "revoke")


@dataclass
class Second:
    """The requests that ended in one second, by kind."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def whole(self) -> bool:
        return not self.wrong and all(self.right[kind] for kind in ALL)


class Traffic:
    """`seconds` has an entry for each whole second of `time.monotonic()`; `faults` are answers that no outage excuses, such as a 500."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.seconds: dict[int, Second] = defaultdict(Second)
        self.faults: Counter[str] = Counter()
        self.excuses: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.revoking = 0
        self._stop = threading.Event()
        stack = partner.stack
        self._hosts = {name: f"{host}:{stack.port}" for name, host in stack.described["hosts"].items()}

    async def run(self) -> None:
        connector = aiohttp.TCPConnector(limit=500)
        options: Any = {"base_url": self.partner.stack.described["gateway"], "connector": connector}
        timeout = aiohttp.ClientTimeout(PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout, **options) as self._session, asyncio.TaskGroup() as tasks:
            for number, kind in enumerate(ALL):
                tasks.create_task(self._pace(kind, number / len(ALL) / PER_SECOND, tasks))

    def stop(self) -> None:
        self._stop.set()

    async def _pace(self, kind: str, offset: float, tasks: asyncio.TaskGroup) -> None:
        await asyncio.sleep(offset)
        while not self._stop.is_set():
            if self.waiting[kind] < MOST_OF_KIND:
                tasks.create_task(self._one(kind))
            await asyncio.sleep(random.uniform(0.9, 1.1) / PER_SECOND)

    async def _one(self, kind: str) -> None:
        """Repeats one request until it succeeds; requests that change data have an idempotency key."""
        self.waiting[kind] += 1
        try:
            if kind == "revoke":
                await self._revoke()
            else:
                await self._until_right(kind, KINDS[kind](self.partner))
        finally:
            self.waiting[kind] -= 1

    async def _revoke(self) -> None:
        """Mints a token and revokes it; the judge then checks that it is refused."""
        made: list[str] = []
        mint = _token(self.partner)
        mint.then = lambda body: made.append(body["access_token"])
        await self._until_right("token", mint)
        form = {"client_id": self.partner.app.client_id, "client_secret": self.partner.app.client_secret}
        if made:
            ask = Ask("POST", "auth", "/v1/oauth/revoke", form=form | {"token": made[0]})
            ask.then = lambda _: self.partner.revoked.append(made[0])
            await self._until_right("revoke", ask)

    async def _until_right(self, kind: str, ask: Ask) -> None:
        while True:
            if ask.token:
                ask.token = self.partner.token
            trouble = await self._attempt(kind, ask)
            second = self.seconds[int(time.monotonic())]
            if not trouble:
                second.right[kind] += 1
                return
            second.wrong[kind] += 1
            if self._stop.is_set():
                return
            await asyncio.sleep(PAUSE)

    async def _attempt(self, kind: str, ask: Ask) -> str:
        """The failure, or an empty text after success."""
        headers = {"Host": self._hosts[ask.host], **ask.headers}
        if ask.token:
            headers["Authorization"] = f"Bearer {ask.token}"
        try:
            async with self._session.request(
                ask.method, ask.path, json=ask.body, data=ask.form, headers=headers
            ) as answer:
                status, text = answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return self._excused(kind, type(error).__name__)
        if status in AGAIN:
            return self._excused(kind, str(status))
        if status not in (200, 201, 204) or (ask.path == "/graphql" and b'"errors"' in text):
            if b"UNAVAILABLE" in text:
                return self._excused(kind, "UNAVAILABLE")
            self.faults[f"{kind}: {status} {text[:300].decode(errors='replace')}"] += 1
            return "fault"
        try:
            if ask.then is not None:
                ask.then(msgspec.json.decode(text) if text else None)
        except (LookupError, TypeError, msgspec.DecodeError) as error:
            self.faults[f"{kind}: {error!r} {text[:300].decode(errors='replace')}"] += 1
            return "fault"
        return ""

    def _excused(self, kind: str, reason: str) -> str:
        self.excuses[f"{kind}: {reason}"] += 1
        return reason

    def first_whole_second(self, after: float) -> float | None:
        """The start of the first second after `after` in which every kind succeeded and none failed; the present second does not count."""
        now = int(time.monotonic())
        return next((float(at) for at in range(math.ceil(after), now) if self.seconds[at].whole), None)


@contextmanager
def flowing(partner: Partner) -> Iterator[Traffic]:
    """Runs traffic in its own thread."""
    traffic = Traffic(partner)
    thread = threading.Thread(target=_run, args=(traffic.run,))
    thread.start()
    try:
        yield traffic
    finally:
        traffic.stop()
        thread.join()


def _run(main: Callable[[], Awaitable[None]]) -> None:
    with suppress(asyncio.CancelledError):
        asyncio.run(main())  # type: ignore[arg-type]
