"""Signing keys of all services, and batches signed as their relays sign them."""

import functools
from collections.abc import Sequence

import msgspec

from shared.messaging import authenticity
from shared.messaging.authenticity import Envelope, Sealed
from shared.messaging.messages import SERVICES
from shared.primitives.crypto import Signer, base64url_encode


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
