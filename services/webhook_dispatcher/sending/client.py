"""One signed POST to an untrusted receiver: a checked address, no redirects, a deadline over everything, bounded memory."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from services.webhook_dispatcher.sending import ladder, signing
from services.webhook_dispatcher.sending.access import NoToken, Tokens
from services.webhook_dispatcher.sending.addresses import Policy, RefusedTarget, Resolver, Target, UnknownName
from services.webhook_dispatcher.sending.connection import (
    CONNECT_SECONDS,
    Answer,
    Broken,
    Exchange,
    Outcome,
    Pool,
    tls_context,
)
from services.webhook_dispatcher.sending.contexts import Certificate, Contexts, UnusableCertificate
from services.webhook_dispatcher.sending.signing import Vault
from shared.process import telemetry
from shared.storage.database import clock

DEADLINE = 15.0
# Of these, for a token that the receiver asks for.
TOKEN_SECONDS = 5.0
SWEEP_SECONDS = 1.0
UNAUTHORIZED = 401
REDACTED = "(redacted)"


class Due(msgspec.Struct, kw_only=True):
    """A claimed delivery with everything that sending it needs.

    `body` is its JSON in UTF-8, None where the event is past its retention. `rung` counts the failed attempts of its ladder, `share` is its
    class of slots (lanes.py). Its lease runs from `leased_at` by the database's clock, the monotonic second `claimed` of this process.
    """

    delivery_id: str
    delivery_at: datetime
    tenant_id: str
    subscription_id: str
    event_id: str
    event_type: str
    attempt: int
    rung: int
    body: bytes | None
    traceparent: str | None
    url: str
    secret: bytes
    earlier_secrets: list[bytes] = []
    headers: bytes | None
    signing_key: bytes | None = None
    earlier_signing_keys: list[bytes] = []
    client_certificate: bytes | None = None
    oauth: bytes | None = None
    thin: bool = False
    """Whether it is sent without its data."""
    paced: bool = False
    """Whether its webhook has a rate."""
    concurrency: int
    failing: bool = False
    share: str = "asked"
    leased_at: datetime | None = None
    claimed: float = 0.0

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return len(self.body or b"")


class Sent(msgspec.Struct, kw_only=True):
    """One finished attempt: the request, its time, and its outcome."""

    due: Due
    outcome: Outcome
    at: float
    headers: dict[str, str]
    custom: frozenset[str]
    timestamp: int
    trace_id: str | None
    exchange: Exchange | None = None

    def shown_headers(self) -> dict[str, str]:
        return shown_headers(self.headers, self.custom)


class Client:
    """Keeps connections to receivers. Used with `async with`, in the loop that sends."""

    def __init__(self, policy: Policy, resolver: Resolver, ca_file: str = "", deadline: float | None = None) -> None:
        self.policy = policy
        self.deadline = deadline or DEADLINE
        self._pool = Pool(policy, resolver, tls_context(ca_file))
        self.contexts = Contexts(lambda: tls_context(ca_file), self._pool.forget)
        self.tokens = Tokens(self._post_for_token)

    async def __aenter__(self) -> Self:
        self._sweeping = asyncio.create_task(self._pool.keep_swept(SWEEP_SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sweeping.cancel()
        self._pool.close()

    async def _post_for_token(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        outcome, _ = await self.post(url, {"user-agent": signing.USER_AGENT} | headers, body, seconds=TOKEN_SECONDS)
        return outcome

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        seconds: float | None = None,
        certificate: Certificate | None = None,
    ) -> tuple[Outcome, Exchange | None]:
        """Sends once. Every fault of a receiver is in the outcome. Raises UnreadableCiphertext of the client certificate."""
        began, seconds = time.monotonic(), min(seconds or self.deadline, self.deadline)
        try:
            exchange = Exchange(self.policy.check_url(url), until=began + seconds)
        except RefusedTarget as error:
            return Outcome(error=f"address_refused: {error}"), None
        exchange.moments["began"] = began
        answer = Answer()
        head = request_head(exchange.target, headers, len(body))
        error, timed_out = await self._attempt(exchange, head, body, answer, certificate, seconds)
        exchange.mark("ended")
        if error is None and 300 <= answer.status < 400:
            error = "redirect: register the final URL; redirects are not followed"
        elif error is None and not 200 <= answer.status < 300:
            error = f"http_status: the receiver answered {answer.status}"
        outcome = Outcome(
            error=error,
            timed_out=timed_out,
            address=exchange.address,
            duration_ms=round((exchange.moments["ended"] - began) * 1000, 3),
        )
        if answer.status:
            exchange.moments["answered"] = answer.came
            outcome.status = answer.status
            outcome.headers = {
                name: value.replace("\0", "\ufffd") for name, value in answer.headers if name.lower() != "set-cookie"
            }
            outcome.retry_after = ladder.retry_after_seconds(answer.retry_after)
            outcome.body, outcome.truncated = answer.text, answer.truncated
        return outcome, exchange

    async def _attempt(
        self,
        exchange: Exchange,
        head: bytes,
        body: bytes,
        answer: Answer,
        certificate: Certificate | None,
        seconds: float,
    ) -> tuple[str | None, bool]:
        """The error, and whether it was a time-out. The text is our own, since the system's may name our addresses."""
        try:
            async with asyncio.timeout(seconds):
                if certificate is None:
                    await self._pool.post(exchange, head, body, answer)
                else:
                    async with self.contexts.lend(certificate) as exchange.tls:
                        await self._pool.post(exchange, head, body, answer)
        except RefusedTarget as error:
            return f"address_refused: {error}", False
        except UnknownName as error:
            silent = "its name servers did not answer" if error.timed_out else "the name has no address"
            return f"dns_error: {silent}", error.timed_out
        except UnusableCertificate:
            return "tls_error: the client certificate cannot be used", False
        except TimeoutError:
            if certificate is not None and exchange.tls is None:
                return f"timeout: no turn for the client certificate within {seconds:g} seconds", False
            if "connected" not in exchange.moments:
                return f"timeout: no connection within {min(seconds, CONNECT_SECONDS):g} seconds", True
            return f"timeout: no complete answer within {seconds:g} seconds", True
        except Broken as error:
            return str(error), False
        except ssl.SSLCertVerificationError as error:
            return f"tls_error: {error.verify_message or 'the certificate is not valid'}", False
        except ssl.SSLError:
            return "tls_error: the TLS handshake failed", False
        except OSError:
            return "connection_error: no connection could be made", False
        return None, False


async def deliver(client: Client, vault: Vault, due: Due) -> Sent:
    """Sends one delivery once, in the trace of its event. Raises UnreadableCiphertext if the key that sealed one of its secrets is gone."""
    parent = telemetry.context_of(due.traceparent) if due.traceparent else telemetry.new_root()
    attributes = {
        "webhook.id": due.subscription_id,
        "webhook.event_type": due.event_type,
        "webhook.attempt": due.attempt,
    }
    span = telemetry.start_span("deliver", kind=SpanKind.CLIENT, parent=parent, attributes=attributes)
    if not span.get_span_context().is_valid:
        span = trace.get_current_span(parent)
    access = await _access(client, vault, due)
    at = clock.now()  # a receiver refuses a signature whose time is wrong
    body = sent_body(due)
    custom = vault.headers(due.subscription_id, due.headers) if due.headers is not None else {}
    if due.oauth is not None:  # an access token replaces an `authorization` of the owner
        custom = {name: value for name, value in custom.items() if name.lower() != "authorization"}
    custom |= access.headers
    headers = _signed(vault, due, int(at), body) | custom
    context = span.get_span_context()
    if context.is_valid:
        headers["traceparent"] = telemetry.format_traceparent(context)
    if access.refused is None:
        left = max(1.0, client.deadline - access.seconds)
        certificate = None
        if (sealed := due.client_certificate) is not None:
            certificate = Certificate(due.tenant_id, sealed, lambda: vault.identity(due.subscription_id, sealed))
        outcome, exchange = await client.post(due.url, headers, body, seconds=left, certificate=certificate)
        outcome.duration_ms += round(access.seconds * 1000, 3)
    else:
        outcome, exchange = access.refused, None
    if outcome.status == UNAUTHORIZED and access.token:
        client.tokens.forget((due.subscription_id, due.oauth), access.token)
    if span.is_recording():
        if outcome.status is not None:
            span.set_attribute("http.response.status_code", outcome.status)
        if not outcome.succeeded:
            span.set_status(Status(StatusCode.ERROR, (outcome.error or "").partition(":")[0]))
    span.end()
    return Sent(
        due=due,
        outcome=outcome,
        at=at,
        headers=headers,
        custom=frozenset(custom),
        timestamp=int(at),
        trace_id=format(context.trace_id, "032x") if context.is_valid else None,
        exchange=exchange,
    )


def _signed(vault: Vault, due: Due, timestamp: int, body: bytes) -> dict[str, str]:
    keys = [vault.key(due.subscription_id, one) for one in (due.secret, *due.earlier_secrets)]
    sealed = (due.signing_key, *due.earlier_signing_keys)
    signers = [vault.signer(due.subscription_id, one) for one in sealed if one is not None]
    return signing.request_headers(due.event_id, timestamp, keys, body, signers)


class Access(NamedTuple):
    """The access token for the receiver, and the seconds that it took to get it. `refused` is the outcome without one."""

    headers: dict[str, str]
    token: str
    refused: Outcome | None
    seconds: float


async def _access(client: Client, vault: Vault, due: Due) -> Access:
    began, token, refused = time.monotonic(), "", None
    try:
        if due.oauth is not None:
            grant = vault.grant(due.subscription_id, due.oauth)
            token = await client.tokens.get((due.subscription_id, due.oauth), grant)
    except NoToken as error:
        refused = Outcome(error=str(error), timed_out=error.timed_out)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Access(headers, token, refused, time.monotonic() - began)


class _Envelope(msgspec.Struct, omit_defaults=True):
    type: str
    timestamp: str
    data: dict[str, str] = {}
    thin: bool = False
    test: bool = False


class _WithoutData(msgspec.Struct):
    type: str
    timestamp: str
    test: bool = False


_decode = msgspec.json.Decoder(_WithoutData).decode


def sent_body(due: Due) -> bytes:
    """The exact bytes of the request: the event's, or of a thin webhook its type, time and id, without its data."""
    body = due.body or b""
    return thin_body(due.event_id, body) if due.thin else body


def thin_body(event_id: str, body: bytes) -> bytes:
    whole = _decode(body)
    data = {"event_id": event_id}
    return msgspec.json.encode(
        _Envelope(type=whole.type, timestamp=whole.timestamp, data=data, thin=True, test=whole.test)
    )


def request_head(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    """The request before its body of `length` bytes. `headers` has neither `host` nor `content-length`."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {target.resource} HTTP/1.1\r\nhost: {target.authority}\r\n{fields}content-length: {length}\r\n\r\n"
    return head.encode()


def shown_headers(sent: Mapping[str, str], custom_names: frozenset[str]) -> dict[str, str]:
    """The headers of a request for its history: without the signature and the values of custom headers."""
    hidden = {name.lower() for name in custom_names} | {"webhook-signature"}
    return {name: REDACTED if name.lower() in hidden else value for name, value in sent.items()}
