"""A service behind the gateway: its pool of connections, its places, its circuit breaker."""

import asyncio
import logging
from collections import Counter, deque
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.connection import Connection, Slow, UpstreamError
from gateway.reads import SmallReads
from shared.fairness.places import Places

IDLE_SECONDS = 10.0
"""Less than half of the services' keep-alive (75 s), so that the gateway does not reuse a connection while the service closes it."""
SENDER_RECEIVING = 16
SHARES = (4, 8)
WAITING = 256
ANONYMOUS = "anonymous"
"""The organisation of all callers without a token; each network is one of its clients."""
FAILURES = 10
SENDER_FAILURES = 3
OPEN_SECONDS = 1.0
RETRY_SHARE = 0.1
RETRY_BURST = 10.0
log = logging.getLogger(__name__)


class Sender(NamedTuple):
    """The organisation and the client that a place counts for."""

    tenant: str
    client: str


class Unreachable(UpstreamError):
    """No connection could be made; no part of the request was sent."""


class Refused(UpstreamError):
    """The gateway does not try: the circuit is open or too many requests are in flight."""


class Breaker:
    """Opens after `FAILURES` failures in a row, then lets one request through every `OPEN_SECONDS` until one succeeds.

    Failed exchanges of one tenant count at most `SENDER_FAILURES` times, so a tenant whose calls hang does not stop others' calls.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._retry_at = 0.0
        self._senders: Counter[str] = Counter()

    def allows(self, now: float) -> bool:
        if self.failures < FAILURES:
            return True
        if now < self._retry_at:
            return False
        self._retry_at = now + OPEN_SECONDS
        return True

    def failed(self, now: float, sender: str | None = None) -> None:
        """`sender` is the tenant whose exchange failed; None when no connection could be made."""
        if sender is not None:
            if self._senders[sender] >= SENDER_FAILURES:
                return
            self._senders[sender] += 1
        self.failures += 1
        self._retry_at = now + OPEN_SECONDS

    def succeeded(self) -> None:
        if self.failures:
            self.failures = 0
            self._senders.clear()


class Upstream:
    def __init__(self, name: str, url: str, *, connect_timeout: float, patience: float, concurrency: int) -> None:
        parts = urlsplit(url)
        self.name = name
        self.host = parts.hostname or ""
        self.tls = parts.scheme == "https"
        self.port = parts.port or (443 if self.tls else 80)
        self.breaker = Breaker()
        self.active: set[Connection] = set()
        self.places = Places(concurrency, shares=SHARES, waiting=WAITING)
        # For exchanges whose body is still arriving. Their clients decide how long they last, so they may take a quarter of the places.
        self.receiving = Places(max(1, concurrency // 4), shares=SHARES, most=SENDER_RECEIVING)
        self._connect_timeout = connect_timeout
        self._patience = patience
        self._concurrency = concurrency
        self._connecting = 0
        self._idle: deque[Connection] = deque()
        self._retries = RETRY_BURST

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """A connection for one exchange, reused or new. Raises Refused or Unreachable."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if len(self.active) + self._connecting >= self._concurrency:
            raise Refused("too many requests in flight")
        if not self.breaker.allows(now):
            raise Refused("circuit open")
        connection: Connection | None = None
        while self._idle and connection is None and not fresh:
            kept = self._idle.pop()
            if kept.closed or now - kept.idle_since >= IDLE_SECONDS:
                kept.close()
            else:
                connection = kept
        if connection is None:
            self._connecting += 1
            try:
                async with asyncio.timeout(self._connect_timeout):
                    _, reads = await loop.create_connection(
                        lambda: SmallReads(Connection(loop, self._patience)), self.host, self.port, ssl=self.tls or None
                    )
                    connection = reads.protocol
            except OSError as error:  # refused, unresolvable, timed out, TLS
                self.breaker.failed(loop.time())
                raise Unreachable(type(error).__name__) from error
            finally:
                self._connecting -= 1
        self.active.add(connection)
        return connection

    def release(self, connection: Connection, now: float) -> None:
        """Takes a connection back, for reuse or to close it."""
        self.active.discard(connection)
        connection.busy = False
        if connection.reusable:
            connection.used = True
            connection.idle_since = now
            self._idle.append(connection)
            return
        connection.close()
        if connection.used and connection.announced_close:
            # The service restarts: it will close its idle connections, perhaps during the next request.
            self._close_idle()

    def may_retry(self) -> bool:
        """Takes one retry from the budget of a tenth of the requests, so that retries cannot increase an overload."""
        if self._retries < 1:
            return False
        self._retries -= 1
        return True

    def earn_retry(self) -> None:
        self._retries = min(RETRY_BURST, self._retries + RETRY_SHARE)

    def sweep(self, now: float) -> None:
        """Fails exchanges after their deadline and closes connections that are idle too long."""
        for connection in [active for active in self.active if active.deadline < now]:
            connection.fail(Slow(self.name))
        while self._idle and (self._idle[0].closed or now - self._idle[0].idle_since > IDLE_SECONDS):
            self._idle.popleft().close()

    def close(self) -> None:
        self._close_idle()
        for connection in self.active:
            connection.close()

    def _close_idle(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()
