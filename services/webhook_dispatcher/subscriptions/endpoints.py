"""Subscriptions over HTTP: who may hear of what, where it is sent, and how it is signed."""

from datetime import datetime
from typing import Any

from msgspec import UNSET
from psycopg.rows import class_row, dict_row
from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.addresses import Policy, RefusedTarget
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import headers as custom_headers
from services.webhook_dispatcher.subscriptions import queries
from services.webhook_dispatcher.subscriptions.models import App, NewWebhook, Subscription, WebhookChange
from shared import audit, deidentification, http, idempotency, ids, pagination, problems
from shared.caps import Cap, require_room
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.pagination import Page
from shared.problems import FieldError


async def create_webhook(request: Request, caller: Caller, draft: NewWebhook) -> Response:
    check_url(request, draft.url)
    check_headers(draft.headers)
    secret = draft.secret if draft.secret is not None else signing.generate_secret()
    key = check_secret(secret)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        app = await _share_app(conn, caller)
        check_events(app, draft.events)
        await _require_room(conn, request, caller)
        webhook_id, vault = ids.new_id("wh"), _vault(request)
        row = {
            "id": webhook_id,
            "tenant_id": caller.tenant_id,
            "client_id": caller.client_id,
            "url": draft.url,
            "description": draft.description,
            "events": draft.events,
            "secret": vault.seal_secret(webhook_id, secret),
            "fingerprint": signing.fingerprint(key),
            "headers": vault.seal_headers(webhook_id, draft.headers),
            "header_names": list(draft.headers),
            "paused": app.status == "disabled",
            "rehearses": caller.rehearses,
        }
        subscription = await fetch(conn, queries.INSERT_SUBSCRIPTION, row)
        await audit.record(conn, caller, "webhook.created", webhook_id, {"events": draft.events})
        view = subscription.partner_view(secret if draft.secret is None else None)
        return await idempotency.keep(conn, request, caller, http.created(view, f"/v1/webhooks/{webhook_id}"))


async def list_webhooks(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"client_id": caller.client_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with (
        tenant_transaction(request, caller) as conn,
        conn.cursor(row_factory=class_row(Subscription)) as cursor,
    ):
        await cursor.execute(queries.LIST_SUBSCRIPTIONS, parameters)
        rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, lambda row: row.id)
    content = {"webhooks": [row.partner_view() for row in rows], "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def read_webhook(request: Request, caller: Caller, webhook_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        backlog = await read_backlog(conn, subscription)
    return http.json(subscription.partner_view() | {"backlog": backlog})


async def change_webhook(request: Request, caller: Caller, webhook_id: str, change: WebhookChange) -> Response:
    if change.url is not UNSET:
        check_url(request, change.url)
    if change.headers is not UNSET:
        check_headers(change.headers)
    if change.secret is not UNSET:
        check_secret(change.secret)
    async with tenant_transaction(request, caller) as conn:
        app = await _share_app(conn, caller)
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        if change.events is not UNSET:
            check_events(app, change.events)
        named = await _apply(conn, _vault(request), subscription, change)
        await audit.record(conn, caller, "webhook.changed", subscription.id, {"fields": named})
        subscription = await fetch(conn, queries.TOUCH, {"id": subscription.id, "rehearses": caller.rehearses})
        backlog = await read_backlog(conn, subscription)
    request.state.sender_bell.ring(subscription.id)
    return http.json(subscription.partner_view() | {"backlog": backlog})


async def delete_webhook(request: Request, caller: Caller, webhook_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        await conn.execute(queries.DELETE_SUBSCRIPTION, {"id": subscription.id, "client_id": caller.client_id})
        await conn.execute(*decisions.begin_chore(subscription.id, caller.tenant_id, "deleted"))
        await decisions.first_portion(conn, subscription.id, "deleted")
        await audit.record(conn, caller, "webhook.deleted", subscription.id)
    return http.no_content()


async def read_backlog(conn: AsyncConnection, subscription: Subscription) -> dict[str, Any]:
    """Counts the deliveries that wait for a webhook, up to 10,000, and tells of background work on them."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.IN_ORDER)
        await cursor.execute(queries.BACKLOG, {"id": subscription.id})
        return await cursor.fetchone() or {}


async def find(
    conn: AsyncConnection, caller: Caller, webhook_id: str, statement: Any = queries.FIND_SUBSCRIPTION
) -> Subscription:
    """The webhook, which must be the calling app's own. Raises a 404 Problem."""
    if not ids.is_id(webhook_id, "wh"):
        raise problems.not_found()
    return await fetch(conn, statement, {"id": webhook_id, "client_id": caller.client_id})


async def fetch(conn: AsyncConnection, statement: Any, parameters: dict[str, Any]) -> Subscription:
    async with conn.cursor(row_factory=class_row(Subscription)) as cursor:
        await cursor.execute(statement, parameters)
        subscription = await cursor.fetchone()
    if subscription is None:
        raise problems.not_found()
    return subscription


def check_url(request: Request, url: str) -> None:
    policy: Policy = request.state.policy
    try:
        policy.check_url(url)
    except RefusedTarget as error:
        raise problems.invalid("The URL cannot be sent to; see errors.", [FieldError("/url", str(error))]) from None


def check_headers(headers: dict[str, str]) -> None:
    objection = custom_headers.objection(headers)
    if objection is not None:
        name, reason = objection
        pointer = "/headers/" + name[:64].replace("~", "~0").replace("/", "~1") if name else "/headers"
        raise problems.invalid("A header cannot be added; see errors.", [FieldError(pointer, reason)])


def check_secret(secret: str) -> bytes:
    try:
        return signing.signing_key(secret)
    except signing.UnusableSecret as error:
        raise problems.invalid("The secret cannot be used; see errors.", [FieldError("/secret", str(error))]) from None


def check_events(app: App, events: list[str]) -> None:
    """Raises Problem: 422 for an unknown or repeated type, 403 for one the app is not approved for."""
    for index, name in enumerate(events):
        if name not in event_types.catalogue():
            reason = "not an event type of the catalogue; patterns are not taken here"
            raise problems.invalid("An event type is unknown; see errors.", [FieldError(f"/events/{index}", reason)])
        if name in events[:index]:
            raise problems.invalid("An event type is repeated.", [FieldError(f"/events/{index}", "named twice")])
    refused = [name for name in events if not event_types.is_approved(name, app.approved_events)]
    if refused:
        raise problems.forbidden(f"This app is not approved for {', '.join(refused)}.", unapproved_events=refused)


async def _share_app(conn: AsyncConnection, caller: Caller) -> App:
    """What auth has told of the calling app, which does not change before this transaction ends. Raises 403 for a deleted one."""
    await conn.execute(queries.SHARE_APP, {"client_id": caller.client_id})
    async with conn.cursor(row_factory=class_row(App)) as cursor:
        await cursor.execute(queries.FIND_APP, {"client_id": caller.client_id})
        app = await cursor.fetchone() or App(status="active", approved_events=event_types.DEFAULT)
    if app.status == "deleted":
        raise problems.forbidden("This app is deleted.")
    if caller.deidentification != "exact":
        # Auth approves it for no others, but that may not be known here yet.
        app.approved_events = [
            name for name in deidentification.EVENTS if event_types.is_approved(name, app.approved_events)
        ]
    return app


async def _require_room(conn: AsyncConnection, request: Request, caller: Caller) -> None:
    settings: Settings = request.state.settings
    of_app = Cap("webhooks", settings.most_webhooks_of_app, "An app", "delete some first")
    await require_room(conn, of_app, caller.client_id, queries.COUNT_OF_APP, (caller.client_id,))
    of_tenant = Cap("webhooks", settings.most_webhooks)
    await require_room(conn, of_tenant, caller.tenant_id, queries.COUNT_OF_TENANT)


async def _apply(conn: AsyncConnection, vault: Vault, subscription: Subscription, change: WebhookChange) -> list[str]:
    """Changes what is named and returns the names."""
    for statement, parameters in _settings(vault, subscription.id, change):
        await conn.execute(statement, {"id": subscription.id, **parameters})
    if change.enabled is not UNSET:
        await _switch(conn, subscription, enabled=change.enabled)
    elif change.url is not UNSET and subscription.enabled:
        await _switch(conn, subscription, enabled=True)
    return [name for name in change.__struct_fields__ if getattr(change, name) is not UNSET]


def _settings(vault: Vault, webhook_id: str, change: WebhookChange) -> list[tuple[Any, dict[str, Any]]]:
    settings: list[tuple[Any, dict[str, Any]]] = []
    if change.url is not UNSET:
        settings.append((queries.SET_URL, {"url": change.url}))
    if change.events is not UNSET:
        settings.append((queries.SET_EVENTS, {"events": change.events}))
    if change.description is not UNSET:
        settings.append((queries.SET_DESCRIPTION, {"description": change.description}))
    if change.headers is not UNSET:
        sealed = vault.seal_headers(webhook_id, change.headers)
        settings.append((queries.SET_HEADERS, {"headers": sealed, "header_names": list(change.headers)}))
    if change.secret is not UNSET:
        fingerprint = signing.fingerprint(signing.signing_key(change.secret))
        sealed = vault.seal_secret(webhook_id, change.secret)
        settings.append((queries.SIGN_WITH_BOTH, {"secret": sealed, "fingerprint": fingerprint}))
    return settings


async def _switch(conn: AsyncConnection, subscription: Subscription, *, enabled: bool) -> None:
    """Disabling is one row, whatever waits. Enabling begins a recovery, also of one that is enabled but throttled or failing."""
    parameters = {"subscription_id": subscription.id, "reason": "requested", "url": None}
    if not enabled:
        if subscription.enabled:
            await conn.execute(decision_queries.DISABLE, parameters)
        return
    if not subscription.enabled or subscription.failing_since is not None or subscription.slowed_until is not None:
        await conn.execute(queries.BEGIN_RECOVERY, parameters)
        if subscription.failing_since is not None:
            await gather(conn, subscription, failed_since=subscription.failing_since)


async def gather(conn: AsyncConnection, subscription: Subscription, **since: datetime) -> int:
    """Has what was given up since then sent again. How many deliveries the first portion took back; the others follow."""
    await conn.execute(*decisions.begin_chore(subscription.id, subscription.tenant_id, "gather", **since))
    return await decisions.first_portion(conn, subscription.id, "gather")


def _vault(request: Request) -> Vault:
    vault: Vault = request.state.vault
    return vault
