"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_EVENTS = Operation("listEvents", "GET", "/v1/events", {200: models.log.Events})
_GET_EVENT = Operation("getEvent", "GET", "/v1/events/{}", {200: models.log.StoredEvent})
_LIST_CONSUMERS = Operation("listConsumers", "GET", "/v1/consumers", {200: models.log.Consumers})
_CREATE_CONSUMER = Operation(
    "createConsumer", "POST", "/v1/consumers", {201: models.log.Consumer}, body="json", keyed=True
)
_GET_CONSUMER = Operation("getConsumer", "GET", "/v1/consumers/{}", {200: models.log.Consumer})
_DELETE_CONSUMER = Operation("deleteConsumer", "DELETE", "/v1/consumers/{}", {204: None})
_READ_EVENTS = Operation(
    "readEvents", "POST", "/v1/consumers/{}/read", {200: models.log.Reading}, body="json", repeatable=True
)
_COMMIT_EVENTS = Operation(
    "commitEvents", "POST", "/v1/consumers/{}/commit", {200: models.log.Committed}, body="json", repeatable=True
)
_EXTEND_LEASE = Operation(
    "extendLease", "POST", "/v1/consumers/{}/extend", {200: models.log.Extended}, body="json", repeatable=True
)
_SEEK_CONSUMER = Operation("seekConsumer", "POST", "/v1/consumers/{}/seek", {200: models.log.Consumer}, body="json")


class EventLog:
    """Events to fetch: lists for back-fill, and consumers for systems that receive nothing from outside."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_events(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        event_types: str | None = None,
        key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["newest", "oldest"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.log.StoredEvent]:
        """List events.

        The events that a webhook of the calling app could have got, by its approvals of now: whether or not there
        was one. They are kept for 30 days, for back-fill and for those that a receiver missed. Newest first, or
        with `order=oldest` in the order of acceptance. `since` (inclusive) and `until` (exclusive) are about
        `accepted_at`. `event_types` are separated by commas; `key` is the id of the event's subject, such as an
        encounter, incident or device. A page ends early after 1 MiB.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `event_types`: Only events of these types, separated by commas, such as `incident.created,incident.closed`.
        `key`: Only events about the resource with this id.
        `since`: Only events accepted at this time or later.
        `until`: Only events accepted before this time.
        `order`: The newest or the oldest first.
        """
        return self._client._pages(
            Call(
                _LIST_EVENTS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "event_types": event_types,
                    "key": key,
                    "since": since,
                    "until": until,
                    "order": order,
                },
                timeout=timeout,
                page="events",
            )
        )

    def get_event(self, event_id: str, *, timeout: float | None = None) -> models.log.StoredEvent:
        """Read an event.

        By the id that `webhook-id` and deliveries name.

        Scope: `webhooks:read`.

        `event_id`: The event's id, as in `webhook-id`.
        """
        return self._client._call(Call(_GET_EVENT, path=(event_id,), timeout=timeout))

    def list_consumers(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.log.Consumer]:
        """List consumers.

        Those of the calling app, by name. With the scope `platform:apps` those of every app, or of the app
        `client_id`.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app; of another than your own with the scope `platform:apps`.
        """
        return self._client._pages(
            Call(
                _LIST_CONSUMERS,
                query={"limit": limit, "cursor": cursor, "client_id": client_id},
                timeout=timeout,
                page="consumers",
            )
        )

    def create_consumer(
        self, body: models.log.NewConsumer, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.log.Consumer:
        """Create a consumer.

        A named reader of the app's events, for systems that nothing can send to. It begins at the `end`, at the
        `beginning` of those that are kept, or at the first event since a time. Without `event_types` it gets every
        type that the app is approved for.

        Scope: `webhooks:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_CONSUMER, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_consumer(self, consumer_name: str, *, timeout: float | None = None) -> models.log.Consumer:
        """Inspect a consumer.

        With the events that wait for it.

        Scope: `webhooks:read`.

        `consumer_name`: The consumer's name.
        """
        return self._client._call(Call(_GET_CONSUMER, path=(consumer_name,), timeout=timeout))

    def delete_consumer(self, consumer_name: str, *, timeout: float | None = None) -> None:
        """Delete a consumer.

        Its place is forgotten; the events stay.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return self._client._call(Call(_DELETE_CONSUMER, path=(consumer_name,), timeout=timeout))

    def read_events(
        self, consumer_name: str, body: models.log.ReadEvents | None = None, *, timeout: float | None = None
    ) -> models.log.Reading:
        """Read the next events.

        At least once, in the order of acceptance, and so in the order of each `key`. The events are leased to this
        read for `lease_seconds`: without a commit by then they are handed out again, and meanwhile any other read
        of this consumer waits or gets 409, but for one that names the same `reader`. With `wait` the answer comes
        with the first event, or empty after so many seconds.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return self._client._call(Call(_READ_EVENTS, path=(consumer_name,), body=body, timeout=timeout))

    def commit_events(
        self, consumer_name: str, body: models.log.Commit, *, timeout: float | None = None
    ) -> models.log.Committed:
        """Commit events.

        The event of that cursor and all before it are handled, and are not handed out again. A repeated commit
        changes nothing, and no commit moves the consumer back. A part of a read can be committed, which also
        extends its lease.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return self._client._call(Call(_COMMIT_EVENTS, path=(consumer_name,), body=body, timeout=timeout))

    def extend_lease(
        self, consumer_name: str, body: models.log.Extend, *, timeout: float | None = None
    ) -> models.log.Extended:
        """Extend a lease.

        For `lease_seconds` from now. 0 gives the events back: the next read gets them at once.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return self._client._call(Call(_EXTEND_LEASE, path=(consumer_name,), body=body, timeout=timeout))

    def seek_consumer(
        self, consumer_name: str, body: models.log.Seek, *, timeout: float | None = None
    ) -> models.log.Consumer:
        """Move a consumer.

        Forwards or backwards, to one of: `to` the `beginning` or the `end`, the first event `since` a time, or
        after the event of a `cursor`. A lease ends, and its events can no longer be committed.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return self._client._call(Call(_SEEK_CONSUMER, path=(consumer_name,), body=body, timeout=timeout))


class AsyncEventLog:
    """Events to fetch: lists for back-fill, and consumers for systems that receive nothing from outside."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_events(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        event_types: str | None = None,
        key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["newest", "oldest"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.log.StoredEvent]:
        """List events.

        The events that a webhook of the calling app could have got, by its approvals of now: whether or not there
        was one. They are kept for 30 days, for back-fill and for those that a receiver missed. Newest first, or
        with `order=oldest` in the order of acceptance. `since` (inclusive) and `until` (exclusive) are about
        `accepted_at`. `event_types` are separated by commas; `key` is the id of the event's subject, such as an
        encounter, incident or device. A page ends early after 1 MiB.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `event_types`: Only events of these types, separated by commas, such as `incident.created,incident.closed`.
        `key`: Only events about the resource with this id.
        `since`: Only events accepted at this time or later.
        `until`: Only events accepted before this time.
        `order`: The newest or the oldest first.
        """
        return self._client._pages(
            Call(
                _LIST_EVENTS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "event_types": event_types,
                    "key": key,
                    "since": since,
                    "until": until,
                    "order": order,
                },
                timeout=timeout,
                page="events",
            )
        )

    async def get_event(self, event_id: str, *, timeout: float | None = None) -> models.log.StoredEvent:
        """Read an event.

        By the id that `webhook-id` and deliveries name.

        Scope: `webhooks:read`.

        `event_id`: The event's id, as in `webhook-id`.
        """
        return await self._client._call(Call(_GET_EVENT, path=(event_id,), timeout=timeout))

    def list_consumers(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.log.Consumer]:
        """List consumers.

        Those of the calling app, by name. With the scope `platform:apps` those of every app, or of the app
        `client_id`.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app; of another than your own with the scope `platform:apps`.
        """
        return self._client._pages(
            Call(
                _LIST_CONSUMERS,
                query={"limit": limit, "cursor": cursor, "client_id": client_id},
                timeout=timeout,
                page="consumers",
            )
        )

    async def create_consumer(
        self, body: models.log.NewConsumer, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.log.Consumer:
        """Create a consumer.

        A named reader of the app's events, for systems that nothing can send to. It begins at the `end`, at the
        `beginning` of those that are kept, or at the first event since a time. Without `event_types` it gets every
        type that the app is approved for.

        Scope: `webhooks:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_CONSUMER, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_consumer(self, consumer_name: str, *, timeout: float | None = None) -> models.log.Consumer:
        """Inspect a consumer.

        With the events that wait for it.

        Scope: `webhooks:read`.

        `consumer_name`: The consumer's name.
        """
        return await self._client._call(Call(_GET_CONSUMER, path=(consumer_name,), timeout=timeout))

    async def delete_consumer(self, consumer_name: str, *, timeout: float | None = None) -> None:
        """Delete a consumer.

        Its place is forgotten; the events stay.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return await self._client._call(Call(_DELETE_CONSUMER, path=(consumer_name,), timeout=timeout))

    async def read_events(
        self, consumer_name: str, body: models.log.ReadEvents | None = None, *, timeout: float | None = None
    ) -> models.log.Reading:
        """Read the next events.

        At least once, in the order of acceptance, and so in the order of each `key`. The events are leased to this
        read for `lease_seconds`: without a commit by then they are handed out again, and meanwhile any other read
        of this consumer waits or gets 409, but for one that names the same `reader`. With `wait` the answer comes
        with the first event, or empty after so many seconds.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return await self._client._call(Call(_READ_EVENTS, path=(consumer_name,), body=body, timeout=timeout))

    async def commit_events(
        self, consumer_name: str, body: models.log.Commit, *, timeout: float | None = None
    ) -> models.log.Committed:
        """Commit events.

        The event of that cursor and all before it are handled, and are not handed out again. A repeated commit
        changes nothing, and no commit moves the consumer back. A part of a read can be committed, which also
        extends its lease.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return await self._client._call(Call(_COMMIT_EVENTS, path=(consumer_name,), body=body, timeout=timeout))

    async def extend_lease(
        self, consumer_name: str, body: models.log.Extend, *, timeout: float | None = None
    ) -> models.log.Extended:
        """Extend a lease.

        For `lease_seconds` from now. 0 gives the events back: the next read gets them at once.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return await self._client._call(Call(_EXTEND_LEASE, path=(consumer_name,), body=body, timeout=timeout))

    async def seek_consumer(
        self, consumer_name: str, body: models.log.Seek, *, timeout: float | None = None
    ) -> models.log.Consumer:
        """Move a consumer.

        Forwards or backwards, to one of: `to` the `beginning` or the `end`, the first event `since` a time, or
        after the event of a `cursor`. A lease ends, and its events can no longer be committed.

        Scope: `webhooks:write`.

        `consumer_name`: The consumer's name.
        """
        return await self._client._call(Call(_SEEK_CONSUMER, path=(consumer_name,), body=body, timeout=timeout))
