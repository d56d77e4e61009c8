"""HTTP endpoints of subscriptions: the event types, the URL and the signature of a webhook."""

from datetime import datetime
from typing import Any, LiteralString

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.addresses import Policy, RefusedTarget
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import headers, queries
from services.webhook_dispatcher.subscriptions.administrators import AppPage, readable, whose
from services.webhook_dispatcher.subscriptions.models import (
    App,
    Backlog,
    NewWebhook,
    Subscription,
    Webhook,
    WebhookChange,
)
from shared.messaging.event_types import with_moved_times
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, first, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError
from shared.web.strict_json import nearest


async def create_webhook(request: Request, caller: Caller, draft: NewWebhook) -> Response:
    _check_url(request, draft.url)
    _check_headers(draft.headers)
    secret = draft.secret if draft.secret is not None else signing.generate_secret()
    key = _check_secret(secret)
    vault: Vault = request.state.vault
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        app = await _share_app(conn, caller)
        _check_events(app, draft.events)
        settings: Settings = request.state.settings
        of_app = Cap("webhooks", settings.most_webhooks_of_app, "An app", "delete some first")
        await require_room(conn, of_app, caller.client_id, queries.COUNT_OF_APP, (caller.client_id,))
        of_tenant = Cap("webhooks", settings.most_webhooks)
        await require_room(conn, of_tenant, caller.tenant_id, queries.COUNT_OF_TENANT)
        webhook_id = ids.new_id("wh")
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
            "rehearses": caller.is_sandbox,
        }
        subscription = await found(conn, Subscription, queries.INSERT_SUBSCRIPTION, row)
        await audit.record(conn, caller, "webhook.created", webhook_id, {"events": draft.events})
        webhook = subscription.shown(secret=secret if draft.secret is None else None)
        return await idempotency.keep(conn, request, caller, http.created(webhook, f"/v1/webhooks/{webhook_id}"))


async def list_webhooks(request: Request, caller: Caller, page: AppPage) -> Response:
    parameters = whose(caller, page) | {"after": http.page_after(request, page), "limit": page.limit + 1}
    query = queries.LIST_OF_TENANT if parameters["everyone"] else queries.LIST_SUBSCRIPTIONS
    async with tenant_transaction(request, caller) as conn:
        rows, fitting = await page_of(conn, Subscription, query, parameters, page, http.SMALL)
    return http.listed(request, "webhooks", rows, fitting, lambda row: row.id, Subscription.shown)


async def read_webhook(request: Request, caller: Caller, webhook_id: str) -> Webhook:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find_readable(conn, caller, webhook_id)
        return subscription.shown(backlog=await read_backlog(conn, subscription.id))


async def change_webhook(request: Request, caller: Caller, webhook_id: str, change: WebhookChange) -> Webhook:
    if change.url is not UNSET:
        _check_url(request, change.url)
    if change.headers is not UNSET:
        _check_headers(change.headers)
    if change.secret is not UNSET:
        _check_secret(change.secret)
    async with tenant_transaction(request, caller) as conn:
        app = await _share_app(conn, caller)
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        if change.events is not UNSET:
            _check_events(app, change.events)
        for statement, parameters in _updates(request.state.vault, subscription.id, change):
            await conn.execute(statement, {"id": subscription.id, **parameters})
        if change.enabled is not UNSET:
            await _switch(conn, subscription, enabled=change.enabled)
        elif change.url is not UNSET and subscription.enabled:
            await _switch(conn, subscription, enabled=True)
        given = [name for name in change.__struct_fields__ if getattr(change, name) is not UNSET]
        await audit.record(conn, caller, "webhook.changed", subscription.id, {"fields": given})
        touched = {"id": subscription.id, "rehearses": caller.is_sandbox}
        subscription = await found(conn, Subscription, queries.TOUCH, touched)
        backlog = await read_backlog(conn, subscription.id)
    request.state.sender_bell.ring(subscription.id)
    return subscription.shown(backlog=backlog)


async def delete_webhook(request: Request, caller: Caller, webhook_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        await conn.execute(queries.DELETE_SUBSCRIPTION, {"id": subscription.id, "client_id": caller.client_id})
        await conn.execute(*decisions.begin_chore(subscription.id, caller.tenant_id, "deleted"))
        await decisions.first_portion(conn, subscription.id, "deleted")
        await audit.record(conn, caller, "webhook.deleted", subscription.id)
    return http.no_content()


async def find(
    conn: AsyncConnection, caller: Caller, webhook_id: str, query: LiteralString = queries.FIND_SUBSCRIPTION
) -> Subscription:
    """The webhook, which must be the calling app's own. Raises a 404 Problem."""
    if not ids.is_id(webhook_id, "wh"):
        raise problems.not_found()
    return await found(conn, Subscription, query, {"id": webhook_id, "client_id": caller.client_id})


async def find_readable(conn: AsyncConnection, caller: Caller, webhook_id: str) -> Subscription:
    """The same for a call that only reads: an administrator reads those of every app."""
    if not ids.is_id(webhook_id, "wh"):
        raise problems.not_found()
    return await found(conn, Subscription, queries.FIND_READABLE, {"id": webhook_id} | readable(caller))


async def read_backlog(conn: AsyncConnection, subscription_id: str) -> Backlog:
    await conn.execute(queries.IN_ORDER)
    return await found(conn, Backlog, queries.BACKLOG, {"id": subscription_id})


async def gather(conn: AsyncConnection, subscription: Subscription, **since: datetime) -> int:
    """Queues again the deliveries given up since then. Returns how many the first portion took back; the others follow."""
    await conn.execute(*decisions.begin_chore(subscription.id, subscription.tenant_id, "gather", **since))
    return await decisions.first_portion(conn, subscription.id, "gather")


def _check_url(request: Request, url: str) -> None:
    policy: Policy = request.state.policy
    try:
        policy.check_url(url)
    except RefusedTarget as error:
        raise problems.invalid("The URL cannot be sent to; see errors.", [FieldError("/url", str(error))]) from None


def _check_headers(custom: dict[str, str]) -> None:
    objection = headers.objection(custom)
    if objection is not None:
        name, reason = objection
        pointer = "/headers/" + name[:64].replace("~", "~0").replace("/", "~1") if name else "/headers"
        raise problems.invalid("A header cannot be added; see errors.", [FieldError(pointer, reason)])


def _check_secret(secret: str) -> bytes:
    try:
        return signing.signing_key(secret)
    except signing.UnusableSecret as error:
        raise problems.invalid("The secret cannot be used; see errors.", [FieldError("/secret", str(error))]) from None


def _check_events(app: App, events: list[str]) -> None:
    """Raises a Problem: 422 for an unknown or repeated type, 403 for one the app is not approved for."""
    known, reason = list(event_types.catalogue()), "not an event type of the catalogue; patterns are not taken here"
    errors = [
        FieldError(f"/events/{index}", reason, "enum", allowed=known, did_you_mean=nearest(name, known))
        for index, name in enumerate(events)
        if name not in known
    ]
    repeated = (index for index, name in enumerate(events) if name in events[:index])
    errors += [FieldError(f"/events/{index}", "named twice", "repeated") for index in repeated]
    if errors:
        raise problems.invalid("Event types are unknown or repeated; see errors.", errors)
    refused = [name for name in events if not event_types.is_approved(name, app.approved_events)]
    if refused:
        raise problems.forbidden(f"This app is not approved for {', '.join(refused)}.", unapproved_events=refused)


async def _share_app(conn: AsyncConnection, caller: Caller) -> App:
    """The state of the calling app, which does not change before this transaction ends. Raises a 403 Problem for a deleted one."""
    app_id = {"client_id": caller.client_id}
    await conn.execute(queries.SHARE_APP, app_id)
    app = await first(conn, App, queries.FIND_APP, app_id)
    app = app or App(status="active", approved_events=event_types.DEFAULT)
    if app.status == "deleted":
        raise problems.forbidden("This app is deleted.")
    if caller.deidentification != "exact":
        # auth approves such an app for no other types, but its message may not have arrived yet.
        app.approved_events = [
            name for name in with_moved_times() if event_types.is_approved(name, app.approved_events)
        ]
    return app


def _updates(vault: Vault, webhook_id: str, change: WebhookChange) -> list[tuple[LiteralString, dict[str, Any]]]:
    """The statement and its parameters for each given field but `enabled`."""
    updates: list[tuple[LiteralString, dict[str, Any]]] = []
    if change.url is not UNSET:
        updates.append((queries.SET_URL, {"url": change.url}))
    if change.events is not UNSET:
        updates.append((queries.SET_EVENTS, {"events": change.events}))
    if change.description is not UNSET:
        updates.append((queries.SET_DESCRIPTION, {"description": change.description}))
    if change.headers is not UNSET:
        sealed = vault.seal_headers(webhook_id, change.headers)
        updates.append((queries.SET_HEADERS, {"headers": sealed, "header_names": list(change.headers)}))
    if change.secret is not UNSET:
        fingerprint = signing.fingerprint(signing.signing_key(change.secret))
        sealed = vault.seal_secret(webhook_id, change.secret)
        updates.append((queries.SIGN_WITH_BOTH, {"secret": sealed, "fingerprint": fingerprint}))
    return updates


async def _switch(conn: AsyncConnection, subscription: Subscription, *, enabled: bool) -> None:
    """Disables with one row, however many deliveries wait. Enabling begins a recovery, also of a webhook that is slowed or failing."""
    parameters = {"subscription_id": subscription.id, "reason": "requested", "url": None}
    if not enabled:
        if subscription.enabled:
            await conn.execute(decision_queries.DISABLE, parameters)
        return
    if not subscription.enabled or subscription.failing_since is not None or subscription.slowed_until is not None:
        await conn.execute(queries.BEGIN_RECOVERY, parameters)
        if subscription.failing_since is not None:
            await gather(conn, subscription, failed_since=subscription.failing_since)
