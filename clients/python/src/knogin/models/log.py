"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class Commit(Model, kw_only=True):
    """The end of the events that are handled"""

    cursor: str
    """The cursor of the last event that is handled, or of the whole read"""


class Committed(Model, kw_only=True):
    """`moved` is false for a place that was committed before. `leased_until` is null once everything that was handed
    out is committed.
    """

    moved: bool
    """Whether this commit moved the consumer; false if it was committed already"""
    leased_until: datetime | None
    """When the lease of these events ends; null without one"""


class Consumer(Model, kw_only=True):
    """A named reader of an app. `event_types` is null for every type that the app is approved for.

    `expired`: events it has not read are past their retention, and reading is refused until it seeks. `unread` is
    in the answer to
    reading one consumer, of the calling app's own.
    """

    name: str
    """Its name, unique within the app"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    event_types: list[str] | None
    """The types that it reads; null for every type that the app is approved for"""
    unapproved_events: list[str]
    """Those of `event_types` for which the app has no approval: they are not read"""
    committed_until: datetime | None
    """When the last event that it committed or passed was accepted; null before the organisation's first event"""
    leased_until: datetime | None
    """Until when a read holds it; null while no read does"""
    created_at: datetime
    """When it was made"""
    read_at: datetime | None
    """When it was last read"""
    committed_at: datetime | None
    """When its last commit came"""
    expired: bool | None = None
    """Whether events that it has not read are past their retention: seek before reading on"""
    unread: Unread | None = None
    """The events that wait for it"""


class Consumers(Model, kw_only=True):
    """A page of consumers"""

    consumers: list[Consumer]
    """The items of this page, by name"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Events(Model, kw_only=True):
    """A page of events"""

    events: list[StoredEvent]
    """The items of this page, in the order that was asked for"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Extend(Model, kw_only=True):
    """0 seconds give the events back at once."""

    cursor: str
    """A cursor of the read whose lease is extended"""
    lease_seconds: int | UnsetType = UNSET
    """Seconds from now until the lease ends; 0 gives the events back"""


class Extended(Model, kw_only=True):
    """The new end of a lease"""

    leased_until: datetime
    """When the lease of these events ends; null without one"""


class NewConsumer(Model, kw_only=True):
    """A consumer to create"""

    name: str
    """Unique within the app: lower-case letters, digits, dots, dashes and underscores"""
    event_types: list[str] | UnsetType | None = UNSET
    """Types of the catalogue in full, without `*`; without them every type that the app is approved for"""
    start: Literal["beginning", "end"] | UnsetType = UNSET
    """Begin after the newest event, or with the oldest that is kept"""
    since: datetime | UnsetType | None = UNSET
    """Begin at the first event accepted at this time or later, instead of at `start`"""


class ReadEvent(Model, kw_only=True):
    """An event with its place: to commit its cursor commits it and all before it."""

    id: str
    """The id"""
    type: str
    """The type"""
    key: str | None
    """The id of the event's subject, such as an encounter: events of one key come in their order"""
    timestamp: datetime
    """When it happened"""
    accepted_at: datetime
    """When the platform accepted the event; events are listed and read in this order"""
    data: dict[str, Any] | None
    """The event's data, in the form of its type; null where they are past their retention"""
    test: bool | None = None
    """Whether it is a demonstration or of a sandbox"""
    cursor: str
    """To commit this event and all before it"""


class ReadEvents(Model, kw_only=True):
    """How much to read, and how long to wait for it"""

    limit: int | UnsetType = UNSET
    """The highest number of events"""
    wait: int | UnsetType = UNSET
    """Seconds to wait for an event where there is none"""
    lease_seconds: int | UnsetType = UNSET
    """Seconds for which the events are held for this read"""
    reader: str | UnsetType | None = UNSET
    """A name of this program alone, the same in each of its reads: it then gets the events of its own lease again at
    once, as after an answer that was lost or a restart
    """


class Reading(Model, kw_only=True):
    """The next events of a consumer, in order. Commit `cursor` once all of them are handled, before `leased_until`, or
    they come again.

    Both are null without events. `more`: further events wait already.
    """

    events: list[ReadEvent]
    """The next events, in the order of acceptance"""
    cursor: str | None
    """To commit all of these events; null without events"""
    leased_until: datetime | None
    """When the lease of these events ends; null without one"""
    more: bool
    """Whether further events wait already"""


class Seek(Model, kw_only=True):
    """One of the three."""

    to: Literal["beginning", "end"] | UnsetType | None = UNSET
    """The oldest event that is kept, or after the newest"""
    since: datetime | UnsetType | None = UNSET
    """To go on at the first event accepted at this time or later"""
    cursor: str | UnsetType | None = UNSET
    """To go on after the event of this cursor"""


class StoredEvent(Model, kw_only=True):
    """An event as a webhook gets it, with its id, its key and the time at which it was accepted.

    `data` is null where the event happened long before it was accepted, and its day is past its retention.
    """

    id: str
    """The id"""
    type: str
    """The type"""
    key: str | None
    """The id of the event's subject, such as an encounter: events of one key come in their order"""
    timestamp: datetime
    """When it happened"""
    accepted_at: datetime
    """When the platform accepted the event; events are listed and read in this order"""
    data: dict[str, Any] | None
    """The event's data, in the form of its type; null where they are past their retention"""
    test: bool | None = None
    """Whether it is a demonstration or of a sandbox"""


class Unread(Model, kw_only=True):
    """How many events wait, counted up to 1,000 (`more`), and since when the first of them."""

    number: int
    """The number of events, at most 1,000"""
    more: bool
    """Whether more than 1,000 wait"""
    oldest_at: datetime | None
    """When the first of them was accepted"""
