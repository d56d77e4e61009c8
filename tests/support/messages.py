"""Messages between services as tests make them: sealed batches, their envelopes, and messages as handlers get them."""

import functools
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import msgspec

from shared.messaging import authenticity
from shared.messaging.authenticity import Envelope, Sealed
from shared.messaging.event_types import catalogue
from shared.messaging.messages import SERVICES, Message, Received
from shared.primitives import ids
from shared.primitives.crypto import Signer, base64url_encode
from shared.web import http


def signing_key(service: str, kid: str = "test-1") -> str:
    """The key of a service, the same in every process of the tests."""
    return f"{kid}:{base64url_encode(f'{service}/{kid}'.encode().ljust(32, b'.')[:32])}"


PUBLIC_KEYS = ",".join(Signer(signing_key(service)).public_text(service) for service in SERVICES)


def settings_of(service: str) -> dict[str, str]:
    """The settings with which a service signs and checks messages."""
    return {"service_signing_key": signing_key(service), "service_public_keys": PUBLIC_KEYS}


@functools.cache
def signer(service: str) -> Signer:
    return Signer(signing_key(service))


def sealed(producer: str, consumer: str, envelopes: Sequence[Envelope | dict[str, object]]) -> Sealed:
    """The arguments of the Celery call with which the producer's relay sends those messages."""
    return authenticity.seal(signer(producer), "batch", producer, consumer, msgspec.json.encode(envelopes).decode())


def acknowledgement(sender: str, ids: list[str], receiver: str = "epcr") -> Sealed:
    """The arguments of the Celery call with which a consumer's worker acknowledges messages."""
    return authenticity.seal(signer(sender), "acknowledgement", sender, receiver, json.dumps(ids))


def envelope(tenant_id: str, body: Message | dict[str, Any], traceparent: str | None = None) -> dict[str, object]:
    """A message in its wire form."""
    return {
        "id": str(ids.uuid7()),
        "tenant_id": tenant_id,
        "occurred_at": "2026-03-23T12:00:00Z",
        "traceparent": traceparent,
        "body": body if isinstance(body, dict) else json.loads(http.encode(body)),
    }


def received(tenant_id: str, body: Any, traceparent: str | None = None) -> Received[Any]:
    """A message as the worker hands it to a handler."""
    return Received(ids.uuid7(), tenant_id, datetime.now(UTC), traceparent, body)


def sandbox_fields() -> dict[str, Any]:
    """The fields that all tasks of one sandbox share."""
    return {
        "sandbox_id": ids.new_id("sbx"),
        "client_id": ids.new_id("app"),
        "generation": 1,
        "seed": 3,
        "until": datetime.now(UTC),
    }


def require_valid(event_type: str, data: Any) -> None:
    """Raises a ValidationError where `data`, plain values, breaks the schema of its type of event."""
    jsonschema_rs.Draft202012Validator(catalogue()[event_type].schema, validate_formats=True).validate(data)


def later(minutes: int = 1) -> int:
    """The version of a state that auth changes that many minutes from now: newer than all others, and not so high that it is refused."""
    return time.time_ns() // 1_000_000 + minutes * 60_000
