"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, overload

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_WEBHOOKS = Operation("listWebhooks", "GET", "/v1/webhooks", {200: models.webhooks.Webhooks})
_CREATE_WEBHOOK = Operation(
    "createWebhook", "POST", "/v1/webhooks", {201: models.webhooks.Webhook}, body="json", keyed=True
)
_TRY_WEBHOOK_FILTER = Operation(
    "tryWebhookFilter", "POST", "/v1/webhooks/try-filter", {200: models.webhooks.FilterTried}, body="json"
)
_GET_WEBHOOK = Operation("getWebhook", "GET", "/v1/webhooks/{}", {200: models.webhooks.Webhook})
_UPDATE_WEBHOOK = Operation("updateWebhook", "PUT", "/v1/webhooks/{}", {200: models.webhooks.Webhook}, body="json")
_DELETE_WEBHOOK = Operation("deleteWebhook", "DELETE", "/v1/webhooks/{}", {204: None})
_GET_WEBHOOK_HEALTH = Operation("getWebhookHealth", "GET", "/v1/webhooks/{}/health", {200: models.webhooks.Health})
_GET_WEBHOOK_ADDRESSES = Operation(
    "getWebhookAddresses", "GET", "/v1/webhooks/addresses", {200: models.webhooks.Addresses}
)
_ROTATE_SIGNING_KEY = Operation(
    "rotateSigningKey",
    "POST",
    "/v1/webhooks/{}/rotate-signing-key",
    {200: models.webhooks.Webhook},
    body="json",
    keyed=True,
)
_LIST_ALL_DELIVERIES = Operation("listAllDeliveries", "GET", "/v1/deliveries", {200: models.webhooks.AppDeliveries})
_LIST_DELIVERIES = Operation("listDeliveries", "GET", "/v1/webhooks/{}/deliveries", {200: models.webhooks.Deliveries})
_GET_DELIVERY = Operation("getDelivery", "GET", "/v1/webhooks/{}/deliveries/{}", {200: models.webhooks.DeliveryHistory})
_RETRY_DELIVERY = Operation(
    "retryDelivery", "POST", "/v1/webhooks/{}/deliveries/{}/retry", {202: models.webhooks.Queued}, keyed=True
)
_RECOVER_DELIVERIES = Operation(
    "recoverDeliveries", "POST", "/v1/webhooks/{}/recover", {202: models.webhooks.Recovering}, keyed=True
)
_SEND_TEST_WEBHOOK = Operation(
    "sendTestWebhook",
    "POST",
    "/v1/webhooks/{}/test",
    {200: models.webhooks.Diagnosis, 202: models.webhooks.Queued},
    keyed=True,
)
_GET_RECONCILIATION = Operation(
    "getReconciliation", "GET", "/v1/webhooks/{}/reconciliation", {200: models.webhooks.Reconciliation}
)
_START_REPLAY = Operation(
    "startReplay",
    "POST",
    "/v1/webhooks/{}/replays",
    {200: models.webhooks.ReplayCounted, 201: models.webhooks.Replay},
    body="json",
    keyed=True,
)
_LIST_REPLAYS = Operation("listReplays", "GET", "/v1/webhooks/{}/replays", {200: models.webhooks.Replays})
_GET_REPLAY = Operation("getReplay", "GET", "/v1/webhooks/{}/replays/{}", {200: models.webhooks.Replay})
_STOP_REPLAY = Operation("stopReplay", "POST", "/v1/webhooks/{}/replays/{}/stop", {200: models.webhooks.Replay})
_RESUME_REPLAY = Operation("resumeReplay", "POST", "/v1/webhooks/{}/replays/{}/resume", {200: models.webhooks.Replay})
_GET_WEBHOOK_CONTACTS = Operation("getWebhookContacts", "GET", "/v1/webhooks/contacts", {200: models.webhooks.Contacts})
_REPLACE_WEBHOOK_CONTACTS = Operation(
    "replaceWebhookContacts", "PUT", "/v1/webhooks/contacts", {200: models.webhooks.Contacts}, body="json"
)


class Webhooks:
    """Subscriptions to events. Each event is delivered by a signed POST, and repeated until the receiver answers 2xx."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_webhooks(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        statistics: bool | None = None,
        troubled: bool | None = None,
        timeout: float | None = None,
    ) -> Pages[models.webhooks.Webhook]:
        """List webhooks.

        Those of the calling app, newest first. With the scope `platform:apps` those of every app, or of the app
        `client_id`: an administrator may read and change each of them. `statistics=true` adds to each how the first
        attempts of its deliveries fared. `troubled=true` lists those alone that fail, were switched off for it, or
        have an event type that nobody approved.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app; of another than your own with the scope `platform:apps`.
        `statistics`: Adds to each webhook how its first attempts fared.
        `troubled`: Whether the list has those webhooks alone that fail, were switched off for it, or have an event
        type that nobody approved.
        """
        return self._client._pages(
            Call(
                _LIST_WEBHOOKS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "client_id": client_id,
                    "statistics": statistics,
                    "troubled": troubled,
                },
                timeout=timeout,
                page="webhooks",
            )
        )

    def create_webhook(
        self, body: models.webhooks.NewWebhook, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Webhook:
        """Create a webhook.

        Deliveries are signed as Standard Webhooks 1.0 says: with the `secret` (`v1`), and with a key of this
        webhook whose `public_key` verifies them (`v1a`). Without a `secret` one is made and shown this once.

        Scope: `webhooks:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_WEBHOOK, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def try_webhook_filter(
        self, body: models.webhooks.FilterTrial, *, timeout: float | None = None
    ) -> models.webhooks.FilterTried:
        """Try a filter on past events.

        Applies the filter to the data of the newest 100 events of these types, and creates nothing. Events that are
        for named apps alone are not among them.

        Scope: `webhooks:write`.
        """
        return self._client._call(Call(_TRY_WEBHOOK_FILTER, body=body, timeout=timeout))

    def get_webhook(self, webhook_id: str, *, timeout: float | None = None) -> models.webhooks.Webhook:
        """Inspect a webhook.

        With its backlog: how many deliveries wait.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        """
        return self._client._call(Call(_GET_WEBHOOK, path=(webhook_id,), timeout=timeout))

    def update_webhook(
        self, webhook_id: str, body: models.webhooks.WebhookChange, *, timeout: float | None = None
    ) -> models.webhooks.Webhook:
        """Update a webhook.

        Changes the fields it names. A new `secret` signs beside the old one for 24 hours, and each earlier one
        signs until the end that was stated for it. At most 5 sign: one more is 409, which names the earlier ones as
        `pending_secrets`, and as `next_rotation_at` the time when the first of them ends, unless `force` ends the
        oldest. `enabled: true` ends a disablement, and a webhook that is failing or slowed is tried at once;
        `enabled: false` holds from the next delivery on, however many wait.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        """
        return self._client._call(Call(_UPDATE_WEBHOOK, path=(webhook_id,), body=body, timeout=timeout))

    def delete_webhook(self, webhook_id: str, *, timeout: float | None = None) -> None:
        """Delete a webhook.

        Nothing is sent any more; its deliveries and their history are deleted.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        """
        return self._client._call(Call(_DELETE_WEBHOOK, path=(webhook_id,), timeout=timeout))

    def get_webhook_health(self, webhook_id: str, *, timeout: float | None = None) -> models.webhooks.Health:
        """Read the health of a webhook.

        The state of its endpoint in one word and in sentences: last success, failures in a row, next attempt, what
        waits.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        """
        return self._client._call(Call(_GET_WEBHOOK_HEALTH, path=(webhook_id,), timeout=timeout))

    def get_webhook_addresses(self, *, timeout: float | None = None) -> models.webhooks.Addresses:
        """Read the addresses of deliveries.

        The networks from which the platform sends webhooks, for a firewall before the receiver; empty where they
        are not fixed. Verify the signature nevertheless: it alone proves who sent a delivery.

        Scope: `webhooks:read`.
        """
        return self._client._call(Call(_GET_WEBHOOK_ADDRESSES, timeout=timeout))

    def rotate_signing_key(
        self,
        webhook_id: str,
        body: models.webhooks.RotateSigningKey | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.webhooks.Webhook:
        """Rotate a webhook's signing key.

        Makes a new Ed25519 key for the signatures `v1a`. The present key signs beside it for `overlap_seconds` (a
        day, unless it says otherwise, at most seven days), and each earlier one until the end that was stated for
        it; 0 ends all of them at once. At most 5 keys sign: one more is 409, which names the earlier ones as
        `pending_keys`, and as `next_rotation_at` the time when the first of them ends, unless `force` ends the
        oldest. A webhook without a `public_key` gets its first.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _ROTATE_SIGNING_KEY,
                path=(webhook_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_all_deliveries(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        webhook_id: str | None = None,
        status: Literal["failed", "queued", "retrying", "succeeded"] | None = None,
        response: Literal["2xx", "3xx", "4xx", "5xx", "none"] | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
        trace_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> Pages[models.webhooks.AppDelivery]:
        """Review the deliveries of all webhooks.

        Those of the calling app, newest first, without tests. With the scope `platform:apps` those of every app, or
        of the app `client_id`. A call looks at one day, and with a filter by answer, trace, state or type at 10,000
        deliveries or fewer: a short page, or an empty one, may have a `next_cursor`. `event_id` looks at all days.
        `since` (inclusive) and `until` (exclusive) are about `created_at`.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app; of another than your own with the scope `platform:apps`.
        `webhook_id`: Only deliveries of this webhook.
        `status`: Only deliveries in this state.
        `response`: Only deliveries whose newest attempt had an answer of this class; `none` if no answer came.
        `event_type`: Only deliveries of this event type.
        `event_id`: Only deliveries of this event.
        `trace_id`: Only deliveries whose newest attempt is in this trace.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive.
        """
        return self._client._pages(
            Call(
                _LIST_ALL_DELIVERIES,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "client_id": client_id,
                    "webhook_id": webhook_id,
                    "status": status,
                    "response": response,
                    "event_type": event_type,
                    "event_id": event_id,
                    "trace_id": trace_id,
                    "since": since,
                    "until": until,
                },
                timeout=timeout,
                page="deliveries",
            )
        )

    def list_deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["failed", "queued", "retrying", "succeeded"] | None = None,
        event_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> Pages[models.webhooks.Delivery]:
        """Review deliveries.

        Newest first, tests among the others. `since` (inclusive) and `until` (exclusive) are about `created_at`,
        when a delivery was queued here: neither the event's own time nor that of an attempt. `sequence` numbers a
        webhook's deliveries without a gap, in the order of their events' times where these arrive together, and
        otherwise in the order of their arrival here; tests have none. With `status` or `event_type` a call looks at
        10,000 deliveries: a short page, or an empty one, may have a `next_cursor`.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only deliveries in this state.
        `event_type`: Only deliveries of this event type.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive.
        """
        return self._client._pages(
            Call(
                _LIST_DELIVERIES,
                path=(webhook_id,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "status": status,
                    "event_type": event_type,
                    "since": since,
                    "until": until,
                },
                timeout=timeout,
                page="deliveries",
            )
        )

    def get_delivery(
        self, webhook_id: str, delivery_id: str, *, timeout: float | None = None
    ) -> models.webhooks.DeliveryHistory:
        """Review one delivery's attempts.

        With the exact request body and each attempt: headers, address, answer, duration.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        `delivery_id`: The delivery's id.
        """
        return self._client._call(
            Call(
                _GET_DELIVERY,
                path=(
                    webhook_id,
                    delivery_id,
                ),
                timeout=timeout,
            )
        )

    def retry_delivery(
        self, webhook_id: str, delivery_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Queued:
        """Send a delivery again.

        Sent at once, even if the receiver asked for a pause.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `delivery_id`: The delivery's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _RETRY_DELIVERY,
                path=(
                    webhook_id,
                    delivery_id,
                ),
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    def recover_deliveries(
        self, webhook_id: str, *, since: datetime, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Recovering:
        """Send given-up deliveries again.

        Sends again the given-up deliveries created `since` then, and those that wait for a retry: oldest first, at
        a rising rate.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `since`: Take back deliveries created since then.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _RECOVER_DELIVERIES,
                path=(webhook_id,),
                query={"since": since},
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    def send_test_webhook(
        self,
        webhook_id: str,
        *,
        wait: bool | None = None,
        event_type: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.webhooks.Diagnosis | models.webhooks.Queued:
        """Send a test webhook.

        The example of one of the webhook's types: of `event_type`, or of the first. `?wait=true` sends it at once
        and answers with a diagnosis; an app waits for at most two at a time.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `wait`: Wait for the answer, and get a diagnosis.
        `event_type`: The type of the test event, one of the webhook's; without it the first of them.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _SEND_TEST_WEBHOOK,
                path=(webhook_id,),
                query={"wait": wait, "event_type": event_type},
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    def get_reconciliation(self, webhook_id: str, *, timeout: float | None = None) -> models.webhooks.Reconciliation:
        """Check the books.

        Counts the webhook's deliveries, so that you can prove that none is missing.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        """
        return self._client._call(Call(_GET_RECONCILIATION, path=(webhook_id,), timeout=timeout))

    def start_replay(
        self,
        webhook_id: str,
        body: models.webhooks.ReplayDraft,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.webhooks.ReplayCounted | models.webhooks.Replay:
        """Replay deliveries.

        Sends the deliveries of a period that fit the filter again, oldest first, under their own ids, at most
        `per_second`. New deliveries of the webhook always go first. `?dry_run=true` counts them and sends nothing.
        Deliveries that were never attempted are not among them. A given-up delivery is tried again as a new one is,
        one that had been delivered is sent once. One replay of a webhook runs at a time.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `dry_run`: `true`: the deliveries are counted, and nothing is sent.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _START_REPLAY,
                path=(webhook_id,),
                query={"dry_run": dry_run},
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_replays(
        self, webhook_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.webhooks.Replay]:
        """List replays.

        Those of the webhook, newest first, with their progress: the newest 100 of the last 30 days.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_REPLAYS,
                path=(webhook_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="replays",
            )
        )

    @overload
    def get_replay(
        self, webhook_id: str, replay_id: str, *, if_none_match: None = None, timeout: float | None = None
    ) -> models.webhooks.Replay: ...

    @overload
    def get_replay(
        self, webhook_id: str, replay_id: str, *, if_none_match: str, timeout: float | None = None
    ) -> models.webhooks.Replay | None: ...

    def get_replay(
        self, webhook_id: str, replay_id: str, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Replay | None:
        """Follow a replay.

        Its progress. Poll it with `If-None-Match`: while nothing changes the answer is 304.

        Scope: `webhooks:read`.

        None means that nothing has changed since `if_none_match`.

        `webhook_id`: The webhook's id.
        `replay_id`: The replay's id.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_REPLAY,
                path=(
                    webhook_id,
                    replay_id,
                ),
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    def stop_replay(self, webhook_id: str, replay_id: str, *, timeout: float | None = None) -> models.webhooks.Replay:
        """Stop a replay.

        Holds from its next step on: what it had sent to the queue, a second's deliveries at most, still goes out.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `replay_id`: The replay's id.
        """
        return self._client._call(
            Call(
                _STOP_REPLAY,
                path=(
                    webhook_id,
                    replay_id,
                ),
                timeout=timeout,
            )
        )

    def resume_replay(self, webhook_id: str, replay_id: str, *, timeout: float | None = None) -> models.webhooks.Replay:
        """Resume a replay.

        Goes on where it was stopped.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `replay_id`: The replay's id.
        """
        return self._client._call(
            Call(
                _RESUME_REPLAY,
                path=(
                    webhook_id,
                    replay_id,
                ),
                timeout=timeout,
            )
        )

    def get_webhook_contacts(
        self, *, client_id: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Contacts:
        """Read the contacts of the app.

        The addresses that get mail when a webhook of the calling app fails for an hour, recovers, is disabled, or
        loses deliveries. With the scope `platform:apps` those of the app `client_id`.

        Scope: `webhooks:read`.

        `client_id`: The app, if an administrator asks for those of another than the calling one.
        """
        return self._client._call(Call(_GET_WEBHOOK_CONTACTS, query={"client_id": client_id}, timeout=timeout))

    def replace_webhook_contacts(
        self, body: models.webhooks.ContactsChange, *, timeout: float | None = None
    ) -> models.webhooks.Contacts:
        """Replace the contacts of the app.

        At most five. A mail names ids, times and counts alone; an app gets at most 20 mails a day, an organisation
        100.

        Scope: `webhooks:write`.
        """
        return self._client._call(Call(_REPLACE_WEBHOOK_CONTACTS, body=body, timeout=timeout))


class AsyncWebhooks:
    """Subscriptions to events. Each event is delivered by a signed POST, and repeated until the receiver answers 2xx."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_webhooks(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        statistics: bool | None = None,
        troubled: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.webhooks.Webhook]:
        """List webhooks.

        Those of the calling app, newest first. With the scope `platform:apps` those of every app, or of the app
        `client_id`: an administrator may read and change each of them. `statistics=true` adds to each how the first
        attempts of its deliveries fared. `troubled=true` lists those alone that fail, were switched off for it, or
        have an event type that nobody approved.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app; of another than your own with the scope `platform:apps`.
        `statistics`: Adds to each webhook how its first attempts fared.
        `troubled`: Whether the list has those webhooks alone that fail, were switched off for it, or have an event
        type that nobody approved.
        """
        return self._client._pages(
            Call(
                _LIST_WEBHOOKS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "client_id": client_id,
                    "statistics": statistics,
                    "troubled": troubled,
                },
                timeout=timeout,
                page="webhooks",
            )
        )

    async def create_webhook(
        self, body: models.webhooks.NewWebhook, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Webhook:
        """Create a webhook.

        Deliveries are signed as Standard Webhooks 1.0 says: with the `secret` (`v1`), and with a key of this
        webhook whose `public_key` verifies them (`v1a`). Without a `secret` one is made and shown this once.

        Scope: `webhooks:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_WEBHOOK, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def try_webhook_filter(
        self, body: models.webhooks.FilterTrial, *, timeout: float | None = None
    ) -> models.webhooks.FilterTried:
        """Try a filter on past events.

        Applies the filter to the data of the newest 100 events of these types, and creates nothing. Events that are
        for named apps alone are not among them.

        Scope: `webhooks:write`.
        """
        return await self._client._call(Call(_TRY_WEBHOOK_FILTER, body=body, timeout=timeout))

    async def get_webhook(self, webhook_id: str, *, timeout: float | None = None) -> models.webhooks.Webhook:
        """Inspect a webhook.

        With its backlog: how many deliveries wait.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        """
        return await self._client._call(Call(_GET_WEBHOOK, path=(webhook_id,), timeout=timeout))

    async def update_webhook(
        self, webhook_id: str, body: models.webhooks.WebhookChange, *, timeout: float | None = None
    ) -> models.webhooks.Webhook:
        """Update a webhook.

        Changes the fields it names. A new `secret` signs beside the old one for 24 hours, and each earlier one
        signs until the end that was stated for it. At most 5 sign: one more is 409, which names the earlier ones as
        `pending_secrets`, and as `next_rotation_at` the time when the first of them ends, unless `force` ends the
        oldest. `enabled: true` ends a disablement, and a webhook that is failing or slowed is tried at once;
        `enabled: false` holds from the next delivery on, however many wait.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        """
        return await self._client._call(Call(_UPDATE_WEBHOOK, path=(webhook_id,), body=body, timeout=timeout))

    async def delete_webhook(self, webhook_id: str, *, timeout: float | None = None) -> None:
        """Delete a webhook.

        Nothing is sent any more; its deliveries and their history are deleted.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        """
        return await self._client._call(Call(_DELETE_WEBHOOK, path=(webhook_id,), timeout=timeout))

    async def get_webhook_health(self, webhook_id: str, *, timeout: float | None = None) -> models.webhooks.Health:
        """Read the health of a webhook.

        The state of its endpoint in one word and in sentences: last success, failures in a row, next attempt, what
        waits.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        """
        return await self._client._call(Call(_GET_WEBHOOK_HEALTH, path=(webhook_id,), timeout=timeout))

    async def get_webhook_addresses(self, *, timeout: float | None = None) -> models.webhooks.Addresses:
        """Read the addresses of deliveries.

        The networks from which the platform sends webhooks, for a firewall before the receiver; empty where they
        are not fixed. Verify the signature nevertheless: it alone proves who sent a delivery.

        Scope: `webhooks:read`.
        """
        return await self._client._call(Call(_GET_WEBHOOK_ADDRESSES, timeout=timeout))

    async def rotate_signing_key(
        self,
        webhook_id: str,
        body: models.webhooks.RotateSigningKey | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.webhooks.Webhook:
        """Rotate a webhook's signing key.

        Makes a new Ed25519 key for the signatures `v1a`. The present key signs beside it for `overlap_seconds` (a
        day, unless it says otherwise, at most seven days), and each earlier one until the end that was stated for
        it; 0 ends all of them at once. At most 5 keys sign: one more is 409, which names the earlier ones as
        `pending_keys`, and as `next_rotation_at` the time when the first of them ends, unless `force` ends the
        oldest. A webhook without a `public_key` gets its first.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _ROTATE_SIGNING_KEY,
                path=(webhook_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_all_deliveries(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        webhook_id: str | None = None,
        status: Literal["failed", "queued", "retrying", "succeeded"] | None = None,
        response: Literal["2xx", "3xx", "4xx", "5xx", "none"] | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
        trace_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.webhooks.AppDelivery]:
        """Review the deliveries of all webhooks.

        Those of the calling app, newest first, without tests. With the scope `platform:apps` those of every app, or
        of the app `client_id`. A call looks at one day, and with a filter by answer, trace, state or type at 10,000
        deliveries or fewer: a short page, or an empty one, may have a `next_cursor`. `event_id` looks at all days.
        `since` (inclusive) and `until` (exclusive) are about `created_at`.

        Scope: `webhooks:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app; of another than your own with the scope `platform:apps`.
        `webhook_id`: Only deliveries of this webhook.
        `status`: Only deliveries in this state.
        `response`: Only deliveries whose newest attempt had an answer of this class; `none` if no answer came.
        `event_type`: Only deliveries of this event type.
        `event_id`: Only deliveries of this event.
        `trace_id`: Only deliveries whose newest attempt is in this trace.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive.
        """
        return self._client._pages(
            Call(
                _LIST_ALL_DELIVERIES,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "client_id": client_id,
                    "webhook_id": webhook_id,
                    "status": status,
                    "response": response,
                    "event_type": event_type,
                    "event_id": event_id,
                    "trace_id": trace_id,
                    "since": since,
                    "until": until,
                },
                timeout=timeout,
                page="deliveries",
            )
        )

    def list_deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["failed", "queued", "retrying", "succeeded"] | None = None,
        event_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.webhooks.Delivery]:
        """Review deliveries.

        Newest first, tests among the others. `since` (inclusive) and `until` (exclusive) are about `created_at`,
        when a delivery was queued here: neither the event's own time nor that of an attempt. `sequence` numbers a
        webhook's deliveries without a gap, in the order of their events' times where these arrive together, and
        otherwise in the order of their arrival here; tests have none. With `status` or `event_type` a call looks at
        10,000 deliveries: a short page, or an empty one, may have a `next_cursor`.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only deliveries in this state.
        `event_type`: Only deliveries of this event type.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive.
        """
        return self._client._pages(
            Call(
                _LIST_DELIVERIES,
                path=(webhook_id,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "status": status,
                    "event_type": event_type,
                    "since": since,
                    "until": until,
                },
                timeout=timeout,
                page="deliveries",
            )
        )

    async def get_delivery(
        self, webhook_id: str, delivery_id: str, *, timeout: float | None = None
    ) -> models.webhooks.DeliveryHistory:
        """Review one delivery's attempts.

        With the exact request body and each attempt: headers, address, answer, duration.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        `delivery_id`: The delivery's id.
        """
        return await self._client._call(
            Call(
                _GET_DELIVERY,
                path=(
                    webhook_id,
                    delivery_id,
                ),
                timeout=timeout,
            )
        )

    async def retry_delivery(
        self, webhook_id: str, delivery_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Queued:
        """Send a delivery again.

        Sent at once, even if the receiver asked for a pause.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `delivery_id`: The delivery's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _RETRY_DELIVERY,
                path=(
                    webhook_id,
                    delivery_id,
                ),
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    async def recover_deliveries(
        self, webhook_id: str, *, since: datetime, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Recovering:
        """Send given-up deliveries again.

        Sends again the given-up deliveries created `since` then, and those that wait for a retry: oldest first, at
        a rising rate.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `since`: Take back deliveries created since then.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _RECOVER_DELIVERIES,
                path=(webhook_id,),
                query={"since": since},
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    async def send_test_webhook(
        self,
        webhook_id: str,
        *,
        wait: bool | None = None,
        event_type: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.webhooks.Diagnosis | models.webhooks.Queued:
        """Send a test webhook.

        The example of one of the webhook's types: of `event_type`, or of the first. `?wait=true` sends it at once
        and answers with a diagnosis; an app waits for at most two at a time.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `wait`: Wait for the answer, and get a diagnosis.
        `event_type`: The type of the test event, one of the webhook's; without it the first of them.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _SEND_TEST_WEBHOOK,
                path=(webhook_id,),
                query={"wait": wait, "event_type": event_type},
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    async def get_reconciliation(
        self, webhook_id: str, *, timeout: float | None = None
    ) -> models.webhooks.Reconciliation:
        """Check the books.

        Counts the webhook's deliveries, so that you can prove that none is missing.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        """
        return await self._client._call(Call(_GET_RECONCILIATION, path=(webhook_id,), timeout=timeout))

    async def start_replay(
        self,
        webhook_id: str,
        body: models.webhooks.ReplayDraft,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.webhooks.ReplayCounted | models.webhooks.Replay:
        """Replay deliveries.

        Sends the deliveries of a period that fit the filter again, oldest first, under their own ids, at most
        `per_second`. New deliveries of the webhook always go first. `?dry_run=true` counts them and sends nothing.
        Deliveries that were never attempted are not among them. A given-up delivery is tried again as a new one is,
        one that had been delivered is sent once. One replay of a webhook runs at a time.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `dry_run`: `true`: the deliveries are counted, and nothing is sent.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _START_REPLAY,
                path=(webhook_id,),
                query={"dry_run": dry_run},
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_replays(
        self, webhook_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.webhooks.Replay]:
        """List replays.

        Those of the webhook, newest first, with their progress: the newest 100 of the last 30 days.

        Scope: `webhooks:read`.

        `webhook_id`: The webhook's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_REPLAYS,
                path=(webhook_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="replays",
            )
        )

    @overload
    async def get_replay(
        self, webhook_id: str, replay_id: str, *, if_none_match: None = None, timeout: float | None = None
    ) -> models.webhooks.Replay: ...

    @overload
    async def get_replay(
        self, webhook_id: str, replay_id: str, *, if_none_match: str, timeout: float | None = None
    ) -> models.webhooks.Replay | None: ...

    async def get_replay(
        self, webhook_id: str, replay_id: str, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Replay | None:
        """Follow a replay.

        Its progress. Poll it with `If-None-Match`: while nothing changes the answer is 304.

        Scope: `webhooks:read`.

        None means that nothing has changed since `if_none_match`.

        `webhook_id`: The webhook's id.
        `replay_id`: The replay's id.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_REPLAY,
                path=(
                    webhook_id,
                    replay_id,
                ),
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    async def stop_replay(
        self, webhook_id: str, replay_id: str, *, timeout: float | None = None
    ) -> models.webhooks.Replay:
        """Stop a replay.

        Holds from its next step on: what it had sent to the queue, a second's deliveries at most, still goes out.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `replay_id`: The replay's id.
        """
        return await self._client._call(
            Call(
                _STOP_REPLAY,
                path=(
                    webhook_id,
                    replay_id,
                ),
                timeout=timeout,
            )
        )

    async def resume_replay(
        self, webhook_id: str, replay_id: str, *, timeout: float | None = None
    ) -> models.webhooks.Replay:
        """Resume a replay.

        Goes on where it was stopped.

        Scope: `webhooks:write`.

        `webhook_id`: The webhook's id.
        `replay_id`: The replay's id.
        """
        return await self._client._call(
            Call(
                _RESUME_REPLAY,
                path=(
                    webhook_id,
                    replay_id,
                ),
                timeout=timeout,
            )
        )

    async def get_webhook_contacts(
        self, *, client_id: str | None = None, timeout: float | None = None
    ) -> models.webhooks.Contacts:
        """Read the contacts of the app.

        The addresses that get mail when a webhook of the calling app fails for an hour, recovers, is disabled, or
        loses deliveries. With the scope `platform:apps` those of the app `client_id`.

        Scope: `webhooks:read`.

        `client_id`: The app, if an administrator asks for those of another than the calling one.
        """
        return await self._client._call(Call(_GET_WEBHOOK_CONTACTS, query={"client_id": client_id}, timeout=timeout))

    async def replace_webhook_contacts(
        self, body: models.webhooks.ContactsChange, *, timeout: float | None = None
    ) -> models.webhooks.Contacts:
        """Replace the contacts of the app.

        At most five. A mail names ids, times and counts alone; an app gets at most 20 mails a day, an organisation
        100.

        Scope: `webhooks:write`.
        """
        return await self._client._call(Call(_REPLACE_WEBHOOK_CONTACTS, body=body, timeout=timeout))
