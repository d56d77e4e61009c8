"""Verifies webhooks (Standard Webhooks 1.0, schemes `v1` and `v1a`) and gives their events as typed models."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence

import msgspec

from ._model import convert, decode
from .errors import KnoginError
from .models import events, log

TOLERANCE_SECONDS = 300
# A check of a public key takes time, and the header comes from anyone.
MOST_SIGNATURES = 10
PREFIX, PUBLIC_PREFIX = "whsec_", "whpk_"


class InvalidWebhook(KnoginError):
    """The request is not a webhook of the platform for this secret. Answer it with 400; the message says which check fails."""


def verify(
    payload: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
) -> events.Event:
    """The event of a webhook. Raises `InvalidWebhook`, and nothing else.

    `payload` is the body as it arrived: never parse and encode it again first. `secret` is the subscription's secret or its public key
    (`whpk_…`, which needs `knogin[public-key]`), or several of them while one replaces another. `tolerance` is in seconds: an older or
    newer timestamp is refused. `webhook-id` is the same in every attempt: store it, and skip an event that you have already handled.
    The event of a thin webhook is an `events.UnknownEvent` with `thin`, whose data is its `event_id` alone.
    """
    body = payload.encode("utf-8", "replace") if isinstance(payload, str) else bytes(payload)
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise InvalidWebhook(f"the header {missing.args[0]} is missing") from None
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise InvalidWebhook("webhook-timestamp is not a number of seconds")
    if abs(time.time() - int(timestamp)) > tolerance:
        raise InvalidWebhook(f"webhook-timestamp is more than {tolerance:g} seconds from this machine's clock")
    content = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + body
    secrets = [secret] if isinstance(secret, str) else list(secret)
    symmetric, asymmetric = _signatures(signatures, "v1"), _signatures(signatures, "v1a")
    if not any(
        _has_signed(one, content, asymmetric)
        if one.startswith(PUBLIC_PREFIX)
        else any(hmac.compare_digest(hmac.digest(_key(one), content, hashlib.sha256), other) for other in symmetric)
        for one in secrets
    ):
        raise InvalidWebhook("no signature fits: the secret is another one, or the body was changed on its way")
    return _event(body)


def typed(event: log.StoredEvent | log.ReadEvent) -> events.Event:
    """An event of the log, or of a consumer, as the same model that a webhook's `verify` gives.

    An event whose content is past its retention is an `events.UnknownEvent` with empty data. Raises `ValueError` for data that break
    the contract.
    """
    parts = {"type": event.type, "timestamp": event.timestamp, "data": event.data or {}, "test": event.test}
    known = events.TYPES.get(event.type, events.UnknownEvent) if event.data is not None else events.UnknownEvent
    return convert(parts, known)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a body, as the platform makes it: for tests of a receiver, and for tools that pass events on."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        if not secret:
            raise InvalidWebhook("the secret is empty")
        return secret.encode()
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidWebhook("the text after whsec_ in the secret is not base64") from None
    if not key:
        raise InvalidWebhook("the secret is empty")
    return key


def _has_signed(public_key: str, content: bytes, signatures: Sequence[bytes]) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise InvalidWebhook("a public key needs another package: pip install cryptography") from None
    try:
        key = Ed25519PublicKey.from_public_bytes(
            base64.b64decode(public_key.removeprefix(PUBLIC_PREFIX), validate=True)
        )
    except (binascii.Error, ValueError):
        raise InvalidWebhook("the text after whpk_ in the public key is not base64 of 32 bytes") from None
    for one in signatures[:MOST_SIGNATURES]:
        try:
            key.verify(one, content)
        except InvalidSignature:
            continue
        return True
    return False


def _signatures(header: str, scheme: str) -> list[bytes]:
    """The signatures of the scheme; others, and unreadable ones, do not count."""
    found: list[bytes] = []
    for one in header.split():
        version, _, encoded = one.partition(",")
        if version == scheme:
            try:
                found.append(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _event(body: bytes) -> events.Event:
    try:
        envelope = decode(body, events.UnknownEvent)
        known = None if envelope.thin else events.TYPES.get(envelope.type)
        return envelope if known is None else decode(body, known)
    except msgspec.DecodeError as error:
        raise InvalidWebhook(f"the body is signed, but is not an event of the contract: {error}") from None
