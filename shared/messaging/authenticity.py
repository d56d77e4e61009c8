"""Checks who sent a batch or an acknowledgement, and whether its sender may send it.

A call is signed by its sender for one receiver. It is good for a day: a copy of it does nothing, since the receiver's inbox knows its
messages for 30. Clocks may be a quarter of an hour apart, in either direction, for batches as for versions; a later time
is refused until the time it names, and sent again until then.

A refused message is dropped: no effect, no acknowledgement, no dead letter. An honest producer loses nothing by it: a message without an
acknowledgement is sent again, for as long as it takes.
"""

import logging
import re
import threading
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, NamedTuple, get_args
from uuid import UUID

import msgspec

from shared.messaging.messages import (
    EVENT_TYPES,
    MESSAGES,
    PRODUCERS,
    SERVICES,
    TIMED,
    Event,
    Message,
    consumer_of,
    name_of,
)
from shared.primitives.crypto import PublicKeys, Signer
from shared.process import metrics

Reason = Literal["malformed", "producer", "signature", "stale", "early", "kind", "tenant", "version", "target"]
REFUSALS_LOG_SECONDS = 60
UNKNOWN_SENDER = "unknown"
log = logging.getLogger(__name__)
metrics.begin(metrics.messages_refused, get_args(Reason), [*SERVICES, UNKNOWN_SENDER])
_lock = threading.Lock()
_logged: dict[tuple[str, str], float] = {}


class Refusal(Exception):
    """A refused message: the reason, and the service that the message names as its sender."""

    def __init__(self, reason: Reason, sender: str) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.sender = sender if sender in SERVICES else UNKNOWN_SENDER


def count_refusal(refusal: Refusal, messages: int = 1) -> None:
    """Counts the refusal. Logs it once a minute for each reason and sender, because one attacker may forge millions of messages."""
    metrics.messages_refused.labels(refusal.reason, refusal.sender).inc(messages)
    key, now = (refusal.reason, refusal.sender), time.monotonic()
    with _lock:
        if now - _logged.get(key, -REFUSALS_LOG_SECONDS) < REFUSALS_LOG_SECONDS:
            return
        _logged[key] = now
    log.error("message refused: %s; it names %s as its sender", refusal.reason, refusal.sender)


Purpose = Literal["batch", "acknowledgement"]
MAX_AGE_SECONDS = 24 * 3600
MAX_AHEAD_SECONDS = 15 * 60
MAX_MESSAGES = 1000
# Changes of one thing, counted one by one.
MAX_COUNTED = 1_000_000
TENANT = re.compile(r"org_[0-9a-z]{1,26}")
KINDS: dict[str, type[Message]] = {name_of(kind): kind for kind in MESSAGES}
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Envelope(msgspec.Struct, frozen=True):
    """A message on its way: ids and trace beside the body's own JSON."""

    id: UUID
    tenant_id: str
    occurred_at: datetime
    traceparent: str | None
    body: msgspec.Raw


class Sealed(NamedTuple):
    """The arguments of a signed call, in their order."""

    sender: str
    sent_ns: int
    text: str
    signature: str


class Claims(msgspec.Struct):
    """The fields that a message of any kind has."""

    name: str
    type: str = ""
    version: int = 0
    tenant_id: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    timestamp: Moment | None = None
    ended_at: Moment | None = None
    day: date | None = None

    def is_early(self) -> bool:
        """Whether it names a time that no producer's clock can have reached."""
        limit = datetime.now(UTC) + timedelta(seconds=MAX_AHEAD_SECONDS)
        if self.day is not None and self.day > limit.date():
            return True
        return any(moment is not None and moment > limit for moment in (self.timestamp, self.ended_at))


class EventData(msgspec.Struct):
    organization_id: str | None = None


def seal(signer: Signer, purpose: Purpose, sender: str, receiver: str, text: str) -> Sealed:
    """The call that gives `text` to `receiver`."""
    sent_ns = time.time_ns()
    return Sealed(sender, sent_ns, text, signer.sign(purpose, sender, receiver, str(sent_ns), text))


def unseal(keys: PublicKeys, purpose: Purpose, receiver: str, call: Sequence[object]) -> Sealed:
    """The call, if `seal` made it for this receiver. Raises Refusal."""
    try:
        sealed = Sealed(*msgspec.convert(call, tuple[str, Nanoseconds, str, str]))
    except msgspec.ValidationError:
        raise Refusal("malformed", "unknown") from None
    signed = sealed.sender, receiver, str(sealed.sent_ns), sealed.text
    if not keys.verify(sealed.sender, sealed.signature, purpose, *signed):
        raise Refusal("signature", sealed.sender)
    age = (time.time_ns() - sealed.sent_ns) / 1e9
    if age > MAX_AGE_SECONDS:
        raise Refusal("stale", sealed.sender)
    if age < -MAX_AHEAD_SECONDS:
        raise Refusal("early", sealed.sender)
    return sealed


def envelopes(batch: Sealed) -> list[Envelope]:
    """The messages of a batch. Raises Refusal."""
    try:
        messages = msgspec.json.decode(batch.text, type=list[Envelope])
    except (msgspec.DecodeError, RecursionError):
        raise Refusal("malformed", batch.sender) from None
    if len(messages) > MAX_MESSAGES:
        raise Refusal("malformed", batch.sender)
    return messages


def acknowledged(acknowledgement: Sealed) -> list[UUID]:
    """The ids of the messages that are acknowledged. Raises Refusal."""
    try:
        return msgspec.json.decode(acknowledgement.text, type=list[UUID])
    except (msgspec.DecodeError, RecursionError):
        raise Refusal("malformed", acknowledgement.sender) from None


def objection(sender: str, receiver: str, envelope: Envelope) -> Reason | None:
    """Why this message cannot be: its sender may not send it, its tenant or version is none, or it names a time ahead."""
    try:
        claims = msgspec.json.decode(envelope.body, type=Claims)
        data = msgspec.json.decode(claims.data, type=EventData) if claims.type else EventData()
    except (msgspec.DecodeError, RecursionError):
        return "malformed"
    kind = KINDS.get(claims.name)
    if kind is None or consumer_of(kind) != receiver or sender not in PRODUCERS[kind]:
        return "kind"
    if kind is Event and claims.type not in EVENT_TYPES[sender]:
        return "kind"
    if not TENANT.fullmatch(envelope.tenant_id):
        return "tenant"
    if any(named not in (None, envelope.tenant_id) for named in (claims.tenant_id, data.organization_id)):
        return "tenant"
    if claims.is_early():
        return "early"
    return None if 0 <= claims.version <= highest_version(kind) else "version"


def highest_version(kind: type[Message]) -> int:
    """The highest that a message of this kind can have now."""
    return int((time.time() + MAX_AHEAD_SECONDS) * 1000) if kind in TIMED else MAX_COUNTED
