"""What was delivered and what was not, over HTTP: history, tests, retries, recovery and the books."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString

import msgspec
from psycopg.rows import class_row, dict_row
from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout import event_types, intake
from services.webhook_dispatcher.fanout import queries as fanout_queries
from services.webhook_dispatcher.history import diagnosis, queries
from services.webhook_dispatcher.history.models import (
    Attempt,
    Delivery,
    DeliveryPage,
    DeliveryStatus,
    RecoverQuery,
    TestQuery,
)
from services.webhook_dispatcher.sending import client, recording
from services.webhook_dispatcher.sending import queries as sending_queries
from services.webhook_dispatcher.sending.client import DEADLINE, Client, Due
from services.webhook_dispatcher.subscriptions import queries as subscription_queries
from services.webhook_dispatcher.subscriptions.endpoints import find, gather, read_backlog
from services.webhook_dispatcher.subscriptions.models import Subscription
from shared import http, idempotency, ids, pagination, problems, tracing
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.problems import FieldError

# Callers that wait for a receiver to answer their test: each may take 15 seconds and a place at the gateway.
MOST_WAITING_OF_APP = 2
MOST_WAITING = 32
OF_APP = f"An app waits for at most {MOST_WAITING_OF_APP} tests at a time"
ALL = "all"
# Few deliveries are in these states, however long the history: each is found by an index of its own.
LISTS: dict[DeliveryStatus | None, LiteralString] = {
    "failed": queries.LIST_TROUBLED_DELIVERIES,
    "retrying": queries.LIST_TROUBLED_DELIVERIES,
    "queued": queries.LIST_QUEUED_DELIVERIES,
}


async def list_deliveries(request: Request, caller: Caller, webhook_id: str, page: DeliveryPage) -> Response:
    if page.event_type is not None and page.event_type not in event_types.catalogue():
        raise problems.invalid(
            "The query does not fit.", [FieldError("event_type", "not an event type of the catalogue")]
        )
    statement, after = LISTS.get(page.status, queries.LIST_DELIVERIES), pagination.after(request, page)
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        parameters = msgspec.structs.asdict(page) | {
            "subscription_id": subscription.id,
            "held": subscription.held,
            "after": after,
            "after_at": _time_after(after),
            "limit": page.limit + 1,
        }
        if page.status == "queued":
            await conn.execute(subscription_queries.IN_ORDER)
        async with conn.cursor(row_factory=class_row(Delivery)) as cursor:
            await cursor.execute(statement, parameters)
            rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, lambda row: row.id)
    content = {"deliveries": rows, "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


def _time_after(after: str | None) -> datetime | None:
    try:
        return intake.time_of(after) if after is not None else None
    except ValueError:
        raise pagination.not_ours() from None


async def read_delivery(request: Request, caller: Caller, webhook_id: str, delivery_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        found = await _find_delivery(conn, subscription, delivery_id)
        key = {"id": found.id, "at": found.created_at}
        row = await (await conn.execute(queries.FIND_EVENT_BODY, key)).fetchone()
        async with conn.cursor(row_factory=class_row(Attempt)) as cursor:
            await cursor.execute(queries.LIST_ATTEMPTS, key)
            attempts = await cursor.fetchall()
    view = msgspec.to_builtins(found, builtin_types=(datetime,))
    return http.json(view | {"request_body": row[0] if row else None, "attempts": attempts})


async def retry_delivery(request: Request, caller: Caller, webhook_id: str, delivery_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id, subscription_queries.LOCK_SUBSCRIPTION)
        found = await _find_delivery(conn, subscription, delivery_id)
        _refuse_stopped(subscription)
        if found.event_type not in subscription.live_events and found.sequence is not None:
            raise problems.forbidden(f"This app is not approved for {found.event_type}.")
        key = {"id": found.id, "at": found.created_at}
        row = await (await conn.execute(queries.FIND_EVENT_BODY, key)).fetchone()
        if row is None:
            raise problems.conflict("The event of this delivery is past its retention.")
        if found.sequence is not None:
            await _require_approval(conn, subscription, event_types.types_within(found.event_type, row[0]))
        await conn.execute(queries.RETRY, key)
        await conn.execute(queries.MARK_RETRYING, key)
    request.state.sender_bell.ring(subscription.id)
    return http.json({"delivery_id": found.id, "status": "queued"}, 202)


async def _require_approval(conn: AsyncConnection, subscription: Subscription, types: list[str]) -> None:
    """Raises a 403 Problem for a type that the app is no longer approved for. The webhook is locked, so that no approval ends meanwhile."""
    row = await (await conn.execute(fanout_queries.APPROVED, {"subscription_id": subscription.id})).fetchone()
    approved = row[0] if row is not None else event_types.DEFAULT
    for name in types:
        if name not in event_types.catalogue() or not event_types.is_approved(name, approved):
            raise problems.forbidden(f"This app is not approved for {name}.")


async def recover(request: Request, caller: Caller, webhook_id: str, asked: RecoverQuery) -> Response:
    """Queues again what was given up since a time and hastens what retries; the recovery sends it oldest first at a rising rate."""
    since = asked.since
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id, subscription_queries.LOCK_SUBSCRIPTION)
        _refuse_stopped(subscription)
        retrying = await conn.execute(queries.COUNT_RETRYING, {"subscription_id": subscription.id})
        hastened = (await retrying.fetchone() or (0,))[0]
        queued = hastened + await gather(conn, subscription, created_since=since)
        backlog = await read_backlog(conn, subscription)
        if queued or backlog["gathering"]:
            await conn.execute(subscription_queries.BEGIN_RECOVERY, {"subscription_id": subscription.id})
    request.state.sender_bell.ring(subscription.id)
    return http.json({"queued": queued, "hastened": hastened, "gathering": backlog["gathering"]}, 202)


async def reconcile(request: Request, caller: Caller, webhook_id: str) -> Response:
    """The books of a subscription over what is retained: accepted = delivered + pending + given_up, without a gap in the numbers."""
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(queries.COUNT_DELIVERIES, {"subscription_id": subscription.id})
            counts = await cursor.fetchone() or {}
    first, last = counts["first_sequence"], counts["last_sequence"]
    return http.json({"accepted": last - first + 1 if first is not None else 0} | counts)


async def send_test(request: Request, caller: Caller, webhook_id: str, asked: TestQuery) -> Response:
    if asked.wait:
        with _place_to_wait(request, caller):
            return await _send_and_wait(request, caller, webhook_id)
    await request.state.partitions.ensure(request.state.pool)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id)
        test = _test_delivery(subscription)
        await _store_test(conn, test, claimed=False)
        queued = http.json({"delivery_id": test["id"], "status": "queued"}, 202)
        answer = await idempotency.keep(conn, request, caller, queued)
    request.state.sender_bell.ring(subscription.id)
    return answer


@contextmanager
def _place_to_wait(request: Request, caller: Caller) -> Iterator[None]:
    """Raises a 429 Problem where the app, its organisation or this process has as many callers waiting for a receiver as it may.

    An organisation may have as many as are free, so that none takes the last places of all. Nothing of the database is held
    meanwhile: a crowd that is refused would otherwise keep its connections from others.
    """
    waiting: Counter[str] = request.state.waiting
    if waiting[caller.client_id] >= MOST_WAITING_OF_APP:
        raise _too_many_wait(OF_APP)
    if waiting[ALL] + waiting[caller.tenant_id] >= MOST_WAITING:
        raise _too_many_wait("As many tests are waited for as can be, of this organisation or of all")
    counted = (ALL, caller.tenant_id, caller.client_id)
    waiting.update(counted)
    try:
        yield
    finally:
        waiting.subtract(counted)
        for key in counted:
            if not waiting[key]:
                del waiting[key]


def _too_many_wait(reason: str) -> problems.Problem:
    detail = f"{reason}: try again when one has been answered, or without `wait`."
    return problems.Problem(429, "Too many requests", detail, headers={"retry-after": str(int(DEADLINE))})


async def _send_and_wait(request: Request, caller: Caller, webhook_id: str) -> Response:
    """Sends the test here and now, outside any transaction, and records it as any attempt."""
    await request.state.partitions.ensure(request.state.pool)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id)
        # Other processes have callers of this app as well.
        await conn.execute(queries.LOCK_WAITING_TESTS, (caller.client_id,))
        row = await (await conn.execute(queries.COUNT_WAITING_TESTS, (caller.client_id,))).fetchone()
        if row is not None and row[0] >= MOST_WAITING_OF_APP:
            raise _too_many_wait(OF_APP)
        test = _test_delivery(subscription)
        await _store_test(conn, test, claimed=True)
    sender: Client = request.state.client
    sent = await client.deliver(sender, request.state.vault, _due(subscription, test))
    async with tenant_transaction(request, caller) as conn:
        lines = msgspec.json.encode([recording.line(sent, None)]).decode()
        await conn.execute(sending_queries.RECORD, {"sent": lines})
        return await idempotency.keep(conn, request, caller, http.json(diagnosis.describe(sent)))


async def _store_test(conn: AsyncConnection, test: dict[str, Any], *, claimed: bool) -> None:
    await conn.execute(queries.INSERT_TEST_EVENT, test)
    await conn.execute(queries.INSERT_TEST_DELIVERY, test)
    await conn.execute(queries.ENQUEUE_CLAIMED_TEST if claimed else queries.ENQUEUE_TEST, test)


def _test_delivery(subscription: Subscription) -> dict[str, Any]:
    """The example of the first event type the webhook asks for, as an event of its own that says it is a test."""
    kind = event_types.catalogue()[subscription.events[0]]
    event_id, delivery_id = ids.new_id("evt"), ids.new_id("dlv_test")
    return {
        "id": delivery_id,
        "at": intake.time_of(delivery_id),
        "tenant_id": subscription.tenant_id,
        "subscription_id": subscription.id,
        "event_id": event_id,
        "event_at": intake.time_of(event_id),
        "type": kind.type,
        "body": intake.body(kind.type, datetime.now(UTC), kind.example, test=True),
        "traceparent": tracing.traceparent(),
    }


def _due(subscription: Subscription, test: dict[str, Any]) -> Due:
    expires = subscription.previous_secret_expires_at
    rotating = expires is not None and expires.timestamp() > time.time()
    return Due(
        delivery_id=test["id"],
        delivery_at=test["at"],
        tenant_id=subscription.tenant_id,
        subscription_id=subscription.id,
        event_id=test["event_id"],
        event_type=test["type"],
        attempt=1,
        rung=1000,
        body=test["body"],
        traceparent=test["traceparent"],
        url=subscription.url,
        secret=subscription.secret,
        previous_secret=subscription.previous_secret if rotating else None,
        headers=subscription.headers,
        concurrency=subscription.concurrency,
    )


def _refuse_stopped(subscription: Subscription) -> None:
    if not subscription.enabled:
        raise problems.conflict(
            "This webhook is disabled; enable it first.", disabled_reason=subscription.disabled_reason
        )
    if subscription.paused:
        raise problems.conflict("This webhook is paused because its app is disabled.")


async def _find_delivery(conn: AsyncConnection, subscription: Subscription, delivery_id: str) -> Delivery:
    if not ids.is_id(delivery_id, "dlv") and not ids.is_id(delivery_id, "dlv_test"):
        raise problems.not_found()
    try:
        at = intake.time_of(delivery_id)
    except ValueError as error:  # an id of a time past the year 9999
        raise problems.not_found() from error
    key = {"subscription_id": subscription.id, "held": subscription.held, "id": delivery_id, "at": at}
    async with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(queries.FIND_DELIVERY, key)
        found = await cursor.fetchone()
    if found is None:
        raise problems.not_found()
    return found
