"""Places in the event log as opaque texts. They are encrypted: positions count all events of an organisation, of which an app sees some."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_decode, base64url_encode
from shared.web.identity import Caller

LONGEST = 256
LIST = b"place in the list of events"
_EPOCH = datetime.fromtimestamp(0, UTC)


class Place(NamedTuple):
    """A place in the log of a tenant: the time at which its event was accepted, and its number."""

    at: datetime
    position: int


class Handed(NamedTuple):
    """A place that a lease of a consumer handed out."""

    lease: int
    place: Place


class UnreadableCursor(Exception):
    """The text is no cursor that this platform made for this reader."""


BEGINNING = Place(datetime.min.replace(tzinfo=UTC), -1)
END = Place(datetime(9999, 12, 30, tzinfo=UTC), 2**63 - 1)


def seal(request: Request, place: Place) -> str:
    """For the list of events."""
    return _seal(request, LIST, 0, place)


def open_sealed(request: Request, text: str) -> Place:
    """Raises UnreadableCursor."""
    return _open(request, LIST, text).place


def seal_handed(request: Request, caller: Caller, name: str, lease: int, place: Place) -> str:
    """For the consumer `name` of the caller's app."""
    return _seal(request, _consumer(caller, name), lease, place)


def open_handed(request: Request, caller: Caller, name: str, text: str) -> Handed:
    """Raises UnreadableCursor."""
    return _open(request, _consumer(caller, name), text)


def _consumer(caller: Caller, name: str) -> bytes:
    return f"place of consumer {caller.tenant_id} {caller.client_id} {name}".encode()


def _seal(request: Request, context: bytes, lease: int, place: Place) -> str:
    keyring: Keyring = request.state.keyring
    packed = msgspec.msgpack.encode((lease, (place.at - _EPOCH) // timedelta(microseconds=1), place.position))
    return base64url_encode(keyring.encrypt(packed, context))


def _open(request: Request, context: bytes, text: str) -> Handed:
    keyring: Keyring = request.state.keyring
    try:
        packed = keyring.decrypt(base64url_decode(text[: LONGEST + 1]), context)
    except (ValueError, UnreadableCiphertext):
        raise UnreadableCursor from None
    lease, microseconds, position = msgspec.msgpack.decode(packed, type=tuple[int, int, int])
    return Handed(lease, Place(_EPOCH + timedelta(microseconds=microseconds), position))
