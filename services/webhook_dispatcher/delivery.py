"""A claimed delivery as the request that goes out, signed, and in the trace of its event."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from services.webhook_dispatcher import custom_headers, signing
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.models import Due, Outcome
from services.webhook_dispatcher.pool import Exchange
from shared import tracing
from shared.clock import clock
from shared.crypto import Keyring

USER_AGENT = "Knogin-Webhooks/1.0 (+https://knogin.com/api/docs)"


class Sent(msgspec.Struct, kw_only=True):
    """One attempt that is over: what was sent, when, and what came back."""

    due: Due
    outcome: Outcome
    at: float
    headers: dict[str, str]
    custom: frozenset[str]
    timestamp: int
    keys: Sequence[bytes]
    trace_id: str | None
    exchange: Exchange | None = None

    def shown_headers(self) -> dict[str, str]:
        return custom_headers.shown(self.headers, self.custom)


class Vault:
    """Encrypts what subscriptions keep secret, and remembers what it decrypted lately."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self.key = lru_cache(4096)(self._key)
        self.headers = lru_cache(4096)(self._headers)

    def seal_secret(self, subscription_id: str, secret: str) -> bytes:
        return self._keyring.encrypt(signing.signing_key(secret), _context(subscription_id, "secret"))

    def seal_headers(self, subscription_id: str, headers: dict[str, str]) -> bytes | None:
        return (
            self._keyring.encrypt(msgspec.json.encode(headers), _context(subscription_id, "headers"))
            if headers
            else None
        )

    def _key(self, subscription_id: str, sealed: bytes) -> bytes:
        return self._keyring.decrypt(sealed, _context(subscription_id, "secret"))

    def _headers(self, subscription_id: str, sealed: bytes) -> dict[str, str]:
        return msgspec.json.decode(
            self._keyring.decrypt(sealed, _context(subscription_id, "headers")), type=dict[str, str]
        )


async def deliver(client: Client, vault: Vault, due: Due) -> Sent:
    """Sends one delivery once. Raises shared.crypto.UnreadableCiphertext if its secret was sealed by a key we no longer have."""
    keys = [
        vault.key(due.subscription_id, sealed) for sealed in (due.secret, due.previous_secret) if sealed is not None
    ]
    custom = vault.headers(due.subscription_id, due.headers) if due.headers is not None else {}
    span = _span(due)
    at = clock.now()  # the receiver refuses what is signed by a clock that is wrong
    body = (due.body or "").encode()
    headers = request_headers(due.event_id, int(at), keys, body) | custom
    context = span.get_span_context()
    if context.is_valid:
        headers["traceparent"] = tracing.format_traceparent(context)
    outcome, exchange = await client.post(due.url, headers, body)
    _finish(span, outcome)
    return Sent(
        due=due,
        outcome=outcome,
        at=at,
        headers=headers,
        custom=frozenset(custom),
        timestamp=int(at),
        keys=keys,
        trace_id=format(context.trace_id, "032x") if context.is_valid else None,
        exchange=exchange,
    )


def request_headers(event_id: str, timestamp: int, keys: Sequence[bytes], body: bytes) -> dict[str, str]:
    """The headers of an attempt; `timestamp` is the attempt's own, `webhook-id` the event's in every attempt."""
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.signature_header(keys, event_id, timestamp, body),
    }


def _span(due: Due) -> Span:
    parent = tracing.context_of(due.traceparent) if due.traceparent else tracing.new_root()
    attributes = {
        "webhook.id": due.subscription_id,
        "webhook.event_type": due.event_type,
        "webhook.attempt": due.attempt,
    }
    span = tracing.start("deliver", kind=SpanKind.CLIENT, parent=parent, attributes=attributes)
    return span if span.get_span_context().is_valid else trace.get_current_span(parent)


def _finish(span: Span, outcome: Outcome) -> None:
    if span.is_recording():
        if outcome.status is not None:
            span.set_attribute("http.response.status_code", outcome.status)
        if not outcome.succeeded:
            span.set_status(Status(StatusCode.ERROR, (outcome.error or "").partition(":")[0]))
    span.end()


def _context(subscription_id: str, what: str) -> bytes:
    return f"webhook {subscription_id} {what}".encode()
