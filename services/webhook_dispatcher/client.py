"""One POST to a receiver nobody trusts: checked address, no redirects, a deadline over everything, bounded memory."""

import asyncio
import socket
import ssl
import time
import zlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult

from services.webhook_dispatcher import ladder
from services.webhook_dispatcher.addresses import Policy, RefusedTarget, Target
from services.webhook_dispatcher.models import Outcome
from services.webhook_dispatcher.resolver import Resolver, UnknownName

DEADLINE = 15.0
CONNECT_SECONDS = 10.0
BODY_KEPT = 16 * 1024
HEADERS_KEPT = 40


@dataclass
class Exchange:
    """What is seen of one request on its way; `moments` are monotonic seconds of its phases."""

    target: Target
    address: str | None = None
    certificate: dict[str, Any] | None = None
    tls_version: str | None = None
    moments: dict[str, float] = field(default_factory=dict)

    def mark(self, moment: str) -> None:
        self.moments[moment] = time.monotonic()


_exchange: ContextVar[Exchange] = ContextVar("exchange")


class PinnedResolver(AbstractResolver):
    """Resolves for a connection that is being made, and lets it be made only to what the policy allows."""

    def __init__(self, policy: Policy, resolver: Resolver) -> None:
        self.policy = policy
        self.resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        exchange = _exchange.get()
        exchange.mark("dns_began")
        addresses = await self.resolver.addresses(host)
        exchange.mark("dns_ended")
        self.policy.check_addresses(exchange.target, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close: the resolver outlives its connections."""


class CheckedConnector(aiohttp.TCPConnector):
    """Looks at the far end of every connection, new or used before, in the moment it is about to carry a request."""

    def __init__(self, policy: Policy, **options: Any) -> None:
        super().__init__(**options)
        self.policy = policy

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 (aiohttp's signature)
        exchange = _exchange.get()
        connection = await super().connect(req, traces, timeout)
        exchange.mark("connected")
        transport = connection.transport
        peer = transport.get_extra_info("peername") if transport is not None else None
        if peer is None:
            connection.close()
            raise aiohttp.ServerDisconnectedError
        exchange.address = str(peer[0])
        try:
            self.policy.check_peer(exchange.target, exchange.address)
        except RefusedTarget:
            connection.close()
            raise
        _note_tls(exchange, transport)
        return connection


class Client:
    """Keeps connections to receivers. Use it with `async with`, in the loop that sends."""

    def __init__(self, policy: Policy, resolver: Resolver, ca_file: str = "", deadline: float | None = None) -> None:
        self.policy = policy
        self.deadline = deadline or DEADLINE
        connector = CheckedConnector(
            policy,
            resolver=PinnedResolver(policy, resolver),
            ssl=_tls(ca_file),
            limit=0,
            limit_per_host=0,
            use_dns_cache=False,
            # Shorter than what servers commonly grant, so that a request seldom meets a connection closing under it.
            keepalive_timeout=4,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
            auto_decompress=False,
            trust_env=False,
            raise_for_status=False,
            read_bufsize=BODY_KEPT,
            max_line_size=4096,
            max_field_size=4096,
            max_headers=64,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[Outcome, Exchange | None]:
        """Sends once and says what became of it. Nothing a receiver does raises; only cancelling does."""
        began = time.monotonic()
        try:
            exchange = Exchange(self.policy.check_url(url))
        except RefusedTarget as error:
            return Outcome(error=f"address_refused: {error}"), None
        _exchange.set(exchange)
        exchange.mark("began")
        outcome = await self._attempt(exchange, headers, body)
        exchange.mark("ended")
        outcome.address = exchange.address
        outcome.duration_ms = round((time.monotonic() - began) * 1000, 3)
        return outcome, exchange

    async def _attempt(self, exchange: Exchange, headers: dict[str, str], body: bytes) -> Outcome:
        outcome = Outcome()
        try:
            async with asyncio.timeout(self.deadline):
                await self._exchange(exchange, headers, body, outcome)
        except RefusedTarget as error:
            outcome.error = f"address_refused: {error}"
        except UnknownName as error:
            outcome.timed_out = error.timed_out
            silent = "its name servers did not answer" if error.timed_out else "the name has no address"
            outcome.error = f"dns_error: {silent}"
        except TimeoutError:
            outcome.timed_out = True
            outcome.error = f"timeout: no complete answer within {self.deadline:g} seconds"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome.error = _describe(error)
        return outcome

    async def _exchange(self, exchange: Exchange, headers: dict[str, str], body: bytes, outcome: Outcome) -> None:
        async with self._session.post(
            exchange.target.url, data=body, headers=headers, allow_redirects=False
        ) as response:
            exchange.mark("answered")
            outcome.status = response.status
            outcome.headers = _kept_headers(response)
            outcome.retry_after = ladder.retry_after_seconds(response.headers.get("retry-after"))
            outcome.body, outcome.truncated = await _read(response)
        if 300 <= response.status < 400:
            outcome.error = "redirect: register the final URL; redirects are not followed"
        elif not 200 <= response.status < 300:
            outcome.error = f"http_status: the receiver answered {response.status}"


async def _read(response: aiohttp.ClientResponse) -> tuple[str, bool]:
    """The first 16 KiB of the decoded body as text, and whether there was more. Never holds more than that."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    inflate = zlib.decompressobj(47) if encoding in ("gzip", "x-gzip", "deflate") else None
    kept = bytearray()
    async for chunk in response.content.iter_any():
        room = BODY_KEPT + 1 - len(kept)
        try:
            kept += inflate.decompress(chunk, room) if inflate is not None else chunk[:room]
        except zlib.error:
            response.close()
            return "(a body that is not the gzip it says)", True
        if len(kept) > BODY_KEPT:
            # The rest may be endless: drop the connection rather than drain it.
            response.close()
            break
    return _text(bytes(kept[:BODY_KEPT])), len(kept) > BODY_KEPT


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\0", "\ufffd")


def _kept_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    pairs = list(response.headers.items())[:HEADERS_KEPT]
    return {
        _text(name.encode("utf-8", "replace"))[:64]: _text(value.encode("utf-8", "replace"))[:256]
        for name, value in pairs
        if name.lower() != "set-cookie"
    }


def _describe(error: Exception) -> str:
    """What went wrong in words for the receiver's owner; the library's own words may name what is ours."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"tls_error: {_certificate_fault(error)}"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls_error: the TLS handshake failed"
        case aiohttp.ClientConnectorError() | ConnectionRefusedError():
            return "connection_error: no connection could be made"
        case aiohttp.ClientPayloadError():
            return "connection_error: the answer broke off in its body"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | OSError():
            return "connection_error: the connection was closed before an answer"
        case aiohttp.ClientResponseError():
            return "protocol_error: the answer is not HTTP, or its headers are too large"
        case _:
            return "protocol_error: the exchange failed"


def _certificate_fault(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return getattr(cause, "verify_message", "") or "the certificate is not valid"


def _note_tls(exchange: Exchange, transport: Any) -> None:
    tls = transport.get_extra_info("ssl_object")
    if tls is not None:
        exchange.certificate = tls.getpeercert()
        exchange.tls_version = tls.version()


def _tls(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or later, the public authorities, and those of WEBHOOK_CA_FILE where one is set."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
