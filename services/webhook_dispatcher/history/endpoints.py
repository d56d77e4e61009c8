"""HTTP endpoints of deliveries: their history, tests, retries, recovery and reconciliation."""

from datetime import UTC, datetime
from typing import Any, LiteralString

import msgspec
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout import event_types, intake
from services.webhook_dispatcher.fanout import queries as fanout_queries
from services.webhook_dispatcher.history import diagnosis, queries
from services.webhook_dispatcher.history.books import read_books
from services.webhook_dispatcher.history.choosing import first_id_at
from services.webhook_dispatcher.history.models import (
    Attempt,
    Delivery,
    DeliveryHistory,
    DeliveryPage,
    DeliveryStatus,
    Queued,
    Reconciliation,
    Recovering,
    RecoverQuery,
    TestQuery,
)
from services.webhook_dispatcher.places import Places
from services.webhook_dispatcher.sending import queries as sending_queries
from services.webhook_dispatcher.sending import recording
from services.webhook_dispatcher.sending.client import Client, Due, deliver, thin_body
from services.webhook_dispatcher.sending.connection import BODY_KEPT
from services.webhook_dispatcher.sending.ladder import SENT_ONCE
from services.webhook_dispatcher.subscriptions import queries as subscription_queries
from services.webhook_dispatcher.subscriptions.endpoints import find, gather, read_backlog
from services.webhook_dispatcher.subscriptions.models import Subscription
from shared.primitives import ids
from shared.process import telemetry
from shared.storage import audit, idempotency
from shared.storage.database import IN_ORDER, AsyncConnection, every, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError
from shared.web.strict_json import nearest

# Few deliveries have these states, however long the history. Each list has an index of its own.
LISTS: dict[DeliveryStatus | None, LiteralString] = {
    "failed": queries.LIST_TROUBLED_DELIVERIES,
    "retrying": queries.LIST_TROUBLED_DELIVERIES,
    "queued": queries.LIST_QUEUED_DELIVERIES,
}
REACHED: dict[DeliveryStatus | None, LiteralString] = {
    "failed": queries.REACHED_TROUBLED,
    "retrying": queries.REACHED_TROUBLED,
    "queued": queries.REACHED_QUEUED,
}
# Around the ends of all ids.
BEGINNING_OF_TIME = ("", datetime.min.replace(tzinfo=UTC))
END_OF_TIME = ("8", datetime.max.replace(tzinfo=UTC))


async def list_deliveries(request: Request, caller: Caller, webhook_id: str, page: DeliveryPage) -> Response:
    refuse_unknown_type(page.event_type)
    # The ends of a page: the last 26 characters of ids, and their times. `oldest` is inclusive, `newest` exclusive.
    after = http.page_after(request, page)
    oldest, oldest_at = BEGINNING_OF_TIME if page.since is None else first_id_at(page.since)
    newest, newest_at = END_OF_TIME if page.until is None else first_id_at(page.until)
    if after is not None:
        try:
            newest, newest_at = min((newest, newest_at), (after[-26:], intake.time_of(after)))
        except ValueError:
            raise http.foreign_cursor() from None
    between = {"oldest": oldest, "oldest_at": oldest_at, "newest": newest, "newest_at": newest_at}
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        parameters = between | {
            "subscription_id": subscription.id,
            "held": subscription.held,
            "event_type": page.event_type,
            "status": page.status,
            "limit": page.limit + 1,
        }
        await conn.execute(queries.IN_TIME)
        if page.status == "queued":
            await conn.execute(IN_ORDER)
        query = LISTS.get(page.status, queries.LIST_DELIVERIES)
        rows, fitting = await page_of(conn, Delivery, query, parameters, page, 6 * BODY_KEPT)
        reached = None
        if page.status is not None or page.event_type is not None:
            query = REACHED.get(page.status, queries.REACHED)
            (reached,) = await (await conn.execute(query, parameters)).fetchone() or (None,)
    if reached is not None:
        rows = [row for row in rows if row.id[-len(reached) :] >= reached]
    return http.listed(
        request, "deliveries", rows, fitting, lambda row: row.id, reached=None if reached is None else f"dlv_{reached}"
    )


async def read_delivery(request: Request, caller: Caller, webhook_id: str, delivery_id: str) -> DeliveryHistory:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        delivery = await _find_delivery(conn, subscription, delivery_id)
        key = {"id": delivery.id, "at": delivery.created_at}
        body = await _event_body(conn, key)
        attempts = await every(conn, Attempt, queries.LIST_ATTEMPTS, key)
    if body is not None and subscription.payload == "thin":
        body = thin_body(delivery.event_id, body.encode()).decode()
    return DeliveryHistory(**asdict(delivery), request_body=body, attempts=attempts)


async def retry_delivery(request: Request, caller: Caller, webhook_id: str, delivery_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id, subscription_queries.LOCK_SUBSCRIPTION)
        delivery = await _find_delivery(conn, subscription, delivery_id)
        require_running(subscription)
        if delivery.event_type not in subscription.live_events and delivery.sequence is not None:
            raise problems.forbidden(f"This app is not approved for {delivery.event_type}.")
        key = {"id": delivery.id, "at": delivery.created_at}
        body = await _event_body(conn, key)
        if body is None:
            raise problems.conflict("The event of this delivery is past its retention.")
        if delivery.sequence is not None:
            types = event_types.types_within(delivery.event_type, body)
            row = await (await conn.execute(fanout_queries.APPROVED, {"subscription_id": subscription.id})).fetchone()
            approved = row[0] if row is not None else event_types.DEFAULT
            for name in types:
                if name not in event_types.catalogue() or not event_types.is_approved(name, approved):
                    raise problems.forbidden(f"This app is not approved for {name}.")
        await conn.execute(queries.RETRY, key | {"sent_once": SENT_ONCE})
        await conn.execute(queries.MARK_RETRYING, key)
        await audit.record(conn, caller, "delivery.retried", subscription.id, {"delivery": delivery.id})
        queued = http.json(Queued(delivery_id=delivery.id, status="queued"), 202)
        answer = await idempotency.keep(conn, request, caller, queued)
    request.state.sender_bell.ring(subscription.id)
    return answer


async def recover(request: Request, caller: Caller, webhook_id: str, asked: RecoverQuery) -> Response:
    """Queues deliveries given up since a time again and hastens retries. The recovery sends the oldest first, at a rising rate."""
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id, subscription_queries.LOCK_SUBSCRIPTION)
        require_running(subscription)
        retrying = await conn.execute(queries.COUNT_RETRYING, {"subscription_id": subscription.id})
        hastened = (await retrying.fetchone() or (0,))[0]
        queued = hastened + await gather(conn, subscription, created_since=asked.since)
        backlog = await read_backlog(conn, subscription.id)
        if queued or backlog.gathering:
            await conn.execute(subscription_queries.BEGIN_RECOVERY, {"subscription_id": subscription.id})
        detail = {"since": asked.since, "queued": queued}
        await audit.record(conn, caller, "webhook.recovered", subscription.id, detail)
        begun = http.json(Recovering(queued=queued, hastened=hastened, gathering=backlog.gathering), 202)
        answer = await idempotency.keep(conn, request, caller, begun)
    request.state.sender_bell.ring(subscription.id)
    return answer


async def reconcile(request: Request, caller: Caller, webhook_id: str) -> Reconciliation:
    async with tenant_transaction(request, caller) as conn:
        return await read_books(conn, await find(conn, caller, webhook_id))


async def send_test(request: Request, caller: Caller, webhook_id: str, asked: TestQuery) -> Response:
    if asked.wait:
        places: Places = request.state.tests
        with places.place(caller):
            return await _send_and_wait(request, caller, webhook_id, asked.event_type)
    await request.state.partitions.ensure(request.state.pool)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id)
        test = await _store_test(conn, subscription, asked.event_type, queries.ENQUEUE_TEST)
        queued = http.json(Queued(delivery_id=test["id"], status="queued"), 202)
        answer = await idempotency.keep(conn, request, caller, queued)
    request.state.sender_bell.ring(subscription.id)
    return answer


async def _send_and_wait(request: Request, caller: Caller, webhook_id: str, event_type: str | None) -> Response:
    """Sends the test from this process, outside any transaction, and records it like any attempt."""
    await request.state.partitions.ensure(request.state.pool)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id)
        # The limit of an app holds over all processes.
        await conn.execute(queries.LOCK_WAITING_TESTS, (subscription.client_id,))
        row = await (await conn.execute(queries.COUNT_WAITING_TESTS, (subscription.client_id,))).fetchone()
        places: Places = request.state.tests
        if row is not None:
            places.require_room(row[0])
        test = await _store_test(conn, subscription, event_type, queries.ENQUEUE_CLAIMED_TEST)
    due = Due(
        delivery_id=test["id"],
        delivery_at=test["at"],
        tenant_id=subscription.tenant_id,
        subscription_id=subscription.id,
        event_id=test["event_id"],
        event_type=test["type"],
        attempt=1,
        rung=test["rung"],
        body=test["body"].encode(),
        traceparent=test["traceparent"],
        url=subscription.url,
        secret=subscription.secret,
        earlier_secrets=[one.sealed for one in subscription.earlier_secrets],
        headers=subscription.headers,
        signing_key=subscription.signing_key,
        earlier_signing_keys=[one.sealed for one in subscription.earlier_keys],
        client_certificate=subscription.client_certificate,
        oauth=subscription.oauth,
        thin=subscription.payload == "thin",
        concurrency=subscription.concurrency,
    )
    client: Client = request.state.client
    sent = await deliver(client, request.state.vault, due)
    async with tenant_transaction(request, caller) as conn:
        lines = msgspec.json.encode([recording.line(sent, None)]).decode()
        await conn.execute(sending_queries.RECORD, {"sent": lines})
        return await idempotency.keep(conn, request, caller, http.json(diagnosis.describe(sent)))


async def _store_test(
    conn: AsyncConnection, subscription: Subscription, event_type: str | None, enqueue: LiteralString
) -> dict[str, Any]:
    """Stores the example of that type, or of the webhook's first, as an event of its own, with a delivery. Returns both as one row.

    Raises a 422 Problem for a type that is none of the webhook's, and a 409 Problem where operators stopped the deliveries.
    """
    require_deliveries(subscription)
    name = event_type or subscription.events[0]
    if name not in subscription.events:
        near = nearest(name, subscription.events)
        fault = FieldError(
            "event_type", "not a type of this webhook", "enum", allowed=subscription.events, did_you_mean=near
        )
        raise problems.invalid("The query does not fit; see errors.", [fault])
    kind = event_types.catalogue()[name]
    event_id, delivery_id = ids.new_id("evt"), ids.new_id("dlv_test")
    test = {
        "id": delivery_id,
        "at": intake.time_of(delivery_id),
        "tenant_id": subscription.tenant_id,
        "subscription_id": subscription.id,
        "event_id": event_id,
        "event_at": intake.time_of(event_id),
        "type": kind.type,
        "body": intake.body(kind.type, datetime.now(UTC), kind.example, test=True),
        "traceparent": telemetry.traceparent(),
        "rung": SENT_ONCE,
    }
    await conn.execute(queries.INSERT_TEST_EVENT, test)
    await conn.execute(queries.INSERT_TEST_DELIVERY, test)
    await conn.execute(enqueue, test)
    return test


def require_running(subscription: Subscription) -> None:
    """Raises a 409 Problem for a webhook that is disabled or paused."""
    if not subscription.enabled:
        raise problems.conflict(
            "This webhook is disabled; enable it first.", disabled_reason=subscription.disabled_reason
        )
    if subscription.paused:
        raise problems.conflict("This webhook is paused because its app is disabled.")
    require_deliveries(subscription)


def require_deliveries(subscription: Subscription) -> None:
    """Raises a 409 Problem where operators stopped the deliveries of the organisation."""
    if subscription.tenant_stopped:
        raise problems.conflict(
            "Knogin stopped the deliveries of this organisation; they wait until Knogin resumes them."
        )


async def _find_delivery(conn: AsyncConnection, subscription: Subscription, delivery_id: str) -> Delivery:
    if not ids.is_id(delivery_id, "dlv") and not ids.is_id(delivery_id, "dlv_test"):
        raise problems.not_found()
    try:
        at = intake.time_of(delivery_id)
    except ValueError as error:  # an id of a time past the year 9999
        raise problems.not_found() from error
    key = {"subscription_id": subscription.id, "held": subscription.held, "id": delivery_id, "at": at}
    return await found(conn, Delivery, queries.FIND_DELIVERY, key)


async def _event_body(conn: AsyncConnection, key: dict[str, Any]) -> str | None:
    """The body of a delivery's event, or None past its retention."""
    row = await (await conn.execute(queries.FIND_EVENT_BODY, key)).fetchone()
    return row[0] if row is not None else None


def refuse_unknown_type(name: str | None) -> None:
    """Raises a 422 Problem for a filter by a type that is not in the catalogue."""
    if name is not None and name not in event_types.catalogue():
        raise problems.invalid(
            "The query does not fit.", [FieldError("event_type", "not an event type of the catalogue")]
        )
