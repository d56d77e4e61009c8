"""Queries, bodies, rows and answers of the event log and its consumers."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.reading.cursors import LONGEST, Place
from services.webhook_dispatcher.subscriptions.models import EventTypes
from shared.web import http
from shared.web.http import Page

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}\Z"
Name = Annotated[str, Meta(pattern=NAME)]
Cursor = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Reader = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
LeaseSeconds = Annotated[int, Meta(ge=1, le=900)]
MOST_AT_ONCE = 500
LONGEST_WAIT = 20


class EventPage(Page):
    """`event_types` are separated by commas."""

    event_types: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    key: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    since: http.Timestamp | None = None
    until: http.Timestamp | None = None
    order: Literal["newest", "oldest"] = "newest"


class NewConsumer(http.Body):
    name: Name
    event_types: EventTypes | None = None
    start: Literal["beginning", "end"] = "end"
    since: http.Timestamp | None = None


class ReadEvents(http.Body):
    limit: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 100
    wait: Annotated[int, Meta(ge=0, le=LONGEST_WAIT)] = 0
    lease_seconds: LeaseSeconds = 60
    reader: Reader | None = None


class Commit(http.Body):
    cursor: Cursor


class Extend(http.Body):
    """0 seconds give the events back at once."""

    cursor: Cursor
    lease_seconds: Annotated[int, Meta(ge=0, le=900)] = 60


class Seek(http.Body):
    """One of the three."""

    to: Literal["beginning", "end"] | None = None
    since: http.Timestamp | None = None
    cursor: Cursor | None = None


class StoredEvent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event as a webhook gets it, with its id, its key and the time at which it was accepted.

    `data` is null where the event happened long before it was accepted, and its day is past its retention.
    """

    id: str
    type: str
    key: str | None
    timestamp: datetime
    accepted_at: datetime
    data: dict[str, Any] | None
    test: bool = False


class ReadEvent(StoredEvent, kw_only=True):
    """An event with its place: to commit its cursor commits it and all before it."""

    cursor: str


class Events(msgspec.Struct):
    events: list[StoredEvent]
    next_cursor: str | None


class Reading(msgspec.Struct):
    """The next events of a consumer, in order. Commit `cursor` once all of them are handled, before `leased_until`, or they come again.

    Both are null without events. `more`: further events wait already.
    """

    events: list[ReadEvent]
    cursor: str | None
    leased_until: datetime | None
    more: bool


class Committed(msgspec.Struct):
    """`moved` is false for a place that was committed before. `leased_until` is null once everything that was handed out is committed."""

    moved: bool
    leased_until: datetime | None


class Extended(msgspec.Struct):
    leased_until: datetime


class Unread(msgspec.Struct):
    """How many events wait, counted up to 1,000 (`more`), and since when the first of them."""

    number: int
    more: bool
    oldest_at: datetime | None


class Consumer(msgspec.Struct, omit_defaults=True):
    """A named reader of an app. `event_types` is null for every type that the app is approved for.

    `expired`: events it has not read are past their retention, and reading is refused until it seeks. `unread` is in the answer to
    reading one consumer, of the calling app's own.
    """

    name: str
    client_id: str
    event_types: list[str] | None
    unapproved_events: list[str]
    committed_until: datetime | None
    leased_until: datetime | None
    created_at: datetime
    read_at: datetime | None
    committed_at: datetime | None
    expired: bool = False
    unread: Unread | None = None


class Consumers(msgspec.Struct):
    consumers: list[Consumer]
    next_cursor: str | None


class LogRow(msgspec.Struct, kw_only=True):
    """A place of the log with its event. Type and body are None where the event is gone."""

    at: datetime
    position: int
    id: str
    event_at: datetime
    type: str | None
    key: str | None
    body: str | None

    @property
    def place(self) -> Place:
        return Place(self.at, self.position)

    def shown(self) -> StoredEvent:
        return StoredEvent(**self._members())

    def handed_out(self, cursor: str) -> ReadEvent:
        return ReadEvent(**self._members(), cursor=cursor)

    def _members(self) -> dict[str, Any]:
        sent = None if self.body is None else _decode(self.body)
        return {
            "id": self.id,
            "type": self.type or "",
            "key": self.key,
            "timestamp": self.event_at if sent is None else sent.timestamp,
            "accepted_at": self.at,
            # The bytes that a delivery sends; numbers are not read and written again.
            "data": None if sent is None else cast("dict[str, Any]", sent.data),
            "test": sent is not None and sent.test,
        }


class ConsumerRow(msgspec.Struct, kw_only=True):
    """A row of `consumers`; `leased_seconds` are left of its lease, None without one. `reader` has that lease, if it gave a name."""

    client_id: str
    name: str
    event_types: list[str] | None
    at: datetime
    position: int
    lease: int
    lease_seconds: int
    leased_until: datetime | None
    handed: int
    created_at: datetime
    read_at: datetime | None
    committed_at: datetime | None
    leased_seconds: int | None
    reader: str | None
    approved: list[str] | None

    @property
    def place(self) -> Place:
        return Place(self.at, self.position)

    def is_held_from(self, reader: str | None) -> bool:
        """Whether a lease keeps the events from that reader: its own does not."""
        return bool(self.leased_seconds) and (reader is None or reader != self.reader)

    def shown(self, unread: Unread | None = None, *, expired: bool = False) -> Consumer:
        approved = event_types.DEFAULT if self.approved is None else self.approved
        return Consumer(
            name=self.name,
            client_id=self.client_id,
            event_types=self.event_types,
            unapproved_events=[name for name in self.event_types or () if not event_types.is_approved(name, approved)],
            committed_until=self.at if self.position or self.committed_at else None,
            leased_until=self.leased_until if self.leased_seconds else None,
            created_at=self.created_at,
            read_at=self.read_at,
            committed_at=self.committed_at,
            expired=expired,
            unread=unread,
        )


class _Sent(msgspec.Struct):
    timestamp: datetime
    data: msgspec.Raw
    test: bool = False


_decode = msgspec.json.Decoder(_Sent).decode
