"""One POST to a receiver nobody trusts: checked address, no redirects, a deadline over everything, bounded memory."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from services.webhook_dispatcher import ladder, pool
from services.webhook_dispatcher.addresses import Policy, RefusedTarget, Target
from services.webhook_dispatcher.connection import Answer, Broken
from services.webhook_dispatcher.models import Outcome
from services.webhook_dispatcher.pool import Exchange
from services.webhook_dispatcher.resolver import Resolver, UnknownName

DEADLINE = 15.0
SWEEP_SECONDS = 1.0
HEADERS_KEPT = 40


class Client:
    """Keeps connections to receivers. Use it with `async with`, in the loop that sends."""

    def __init__(self, policy: Policy, resolver: Resolver, ca_file: str = "", deadline: float | None = None) -> None:
        self.policy = policy
        self.deadline = deadline or DEADLINE
        self._pool = pool.Pool(policy, resolver, pool.tls_context(ca_file))

    async def __aenter__(self) -> Self:
        self._sweeping = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sweeping.cancel()
        self._pool.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Outcome, Exchange | None]:
        """Sends once and says what became of it. Nothing a receiver does raises; only cancelling does."""
        began = time.monotonic()
        try:
            exchange = Exchange(self.policy.check_url(url))
        except RefusedTarget as error:
            return Outcome(error=f"address_refused: {error}"), None
        exchange.moments["began"] = began
        answer = Answer()
        error, timed_out = await self._attempt(exchange, request_bytes(exchange.target, headers, body), answer)
        exchange.mark("ended")
        outcome = Outcome(
            error=error or _refusal(answer.status),
            timed_out=timed_out,
            address=exchange.address,
            duration_ms=round((exchange.moments["ended"] - began) * 1000, 3),
        )
        if answer.status:
            exchange.moments["answered"] = answer.came
            outcome.status = answer.status
            outcome.headers = _kept_headers(answer)
            outcome.retry_after = ladder.retry_after_seconds(answer.header("retry-after"))
            outcome.body, outcome.truncated = answer.text, answer.truncated
        return outcome, exchange

    async def _attempt(self, exchange: Exchange, request: bytes, answer: Answer) -> tuple[str | None, bool]:
        """What went wrong, and whether that was a time-out: in our words, since the system's may name what is ours."""
        try:
            async with asyncio.timeout(self.deadline):
                await self._exchange(exchange, request, answer)
        except RefusedTarget as error:
            return f"address_refused: {error}", False
        except UnknownName as error:
            silent = "its name servers did not answer" if error.timed_out else "the name has no address"
            return f"dns_error: {silent}", error.timed_out
        except TimeoutError:
            if "connected" not in exchange.moments:
                return f"timeout: no connection within {min(self.deadline, pool.CONNECT_SECONDS):g} seconds", True
            return f"timeout: no complete answer within {self.deadline:g} seconds", True
        except Broken as error:
            return str(error), False
        except ssl.SSLCertVerificationError as error:
            return f"tls_error: {error.verify_message or 'the certificate is not valid'}", False
        except ssl.SSLError:
            return "tls_error: the TLS handshake failed", False
        except OSError:
            return "connection_error: no connection could be made", False
        return None, False

    async def _exchange(self, exchange: Exchange, request: bytes, answer: Answer) -> None:
        connection = await self._pool.take(exchange)
        try:
            await connection.post(request, answer)
        except Broken as error:
            if not error.stale:
                raise
            # It was closed while it was idle: nothing has been answered, and `webhook-id` tells a receiver what it has seen.
            connection = await self._pool.take(exchange, fresh=True)
            await connection.post(request, answer)
        self._pool.give_back(exchange.target, connection)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._pool.sweep()


def request_bytes(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request as it goes out; `headers` without `host` and `content-length`."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {target.resource} HTTP/1.1\r\nhost: {target.authority}\r\n{fields}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _refusal(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return "redirect: register the final URL; redirects are not followed"
    return f"http_status: the receiver answered {status}"


def _kept_headers(answer: Answer) -> dict[str, str]:
    return {
        name[:64]: value.replace("\0", "\ufffd")[:256]
        for name, value in answer.headers[:HEADERS_KEPT]
        if name.lower() != "set-cookie"
    }
