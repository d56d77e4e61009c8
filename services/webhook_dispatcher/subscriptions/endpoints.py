"""HTTP endpoints of subscriptions: the event types, the URL and the signature of a webhook."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.history.queries import IN_TIME
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import access, approvals, earlier, faults, queries
from services.webhook_dispatcher.subscriptions.administrators import WebhookPage, app_of, reachable, whose
from services.webhook_dispatcher.subscriptions.models import (
    App,
    Backlog,
    Earlier,
    FilterTrial,
    FilterTried,
    NewWebhook,
    RotateSigningKey,
    StoredEvent,
    Subscription,
    TriedEvent,
    Webhook,
    WebhookChange,
)
from services.webhook_dispatcher.subscriptions.statistics import read_statistics
from shared.messaging.event_types import with_moved_times
from shared.messaging.filters import Filter, as_json, matches
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import IN_ORDER, AsyncConnection, every, first, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError


async def create_webhook(request: Request, caller: Caller, draft: NewWebhook) -> Response:
    secret = draft.secret if draft.secret is not None else signing.generate_secret()
    client_id = app_of(caller, draft.client_id)
    faults.check(request.state.policy, draft, secret)
    key = signing.signing_key(secret)
    vault: Vault = request.state.vault
    await approvals.await_approvals(request, caller, client_id, draft.events)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        app = await _share_app(conn, caller, client_id)
        _require_approval(app, draft.events)
        settings: Settings = request.state.settings
        of_app = Cap("webhooks", settings.most_webhooks_of_app, "An app", "delete some first")
        await require_room(conn, of_app, client_id, queries.COUNT_OF_APP, (client_id,))
        of_tenant = Cap("webhooks", settings.most_webhooks)
        await require_room(conn, of_tenant, caller.tenant_id, queries.COUNT_OF_TENANT)
        webhook_id, signer = ids.new_id("wh"), Ed25519PrivateKey.generate()
        row = {
            "id": webhook_id,
            "tenant_id": caller.tenant_id,
            "client_id": client_id,
            "url": draft.url,
            "description": draft.description,
            "events": draft.events,
            "filter": as_json(draft.filter),
            "payload": draft.payload,
            "max_per_second": draft.max_per_second,
            **access.columns_of_certificate(vault, webhook_id, draft.client_certificate),
            **access.columns_of_oauth(vault, webhook_id, draft.oauth),
            "secret": vault.seal_secret(webhook_id, secret),
            "fingerprint": signing.fingerprint(key),
            "signing_key": vault.seal_signing_key(webhook_id, signer),
            "public_key": signing.public_text(signer),
            "headers": vault.seal_headers(webhook_id, draft.headers),
            "header_names": list(draft.headers),
            "paused": app.status == "disabled",
            "rehearses": caller.is_sandbox,
        }
        subscription = await found(conn, Subscription, queries.INSERT_SUBSCRIPTION, row)
        await audit.record(conn, caller, "webhook.created", webhook_id, {"events": draft.events})
        webhook = subscription.shown(secret=secret if draft.secret is None else None)
        return await idempotency.keep(conn, request, caller, http.created(webhook, f"/v1/webhooks/{webhook_id}"))


async def list_webhooks(request: Request, caller: Caller, page: WebhookPage) -> Response:
    parameters = whose(caller, page) | {"after": http.page_after(request, page), "limit": page.limit + 1}
    query = queries.list_of(every_app=parameters["everyone"], troubled=page.troubled)
    async with tenant_transaction(request, caller) as conn:
        rows, fitting = await page_of(conn, Subscription, query, parameters, page, http.SMALL)
        shown = {row.id: row.shown() for row in rows}
        if page.statistics:
            for webhook_id, statistics in (await read_statistics(conn, [*shown])).items():
                shown[webhook_id].statistics = statistics
            due = await conn.execute(queries.NEXT_DUE, {"webhooks": [*shown]})
            for webhook_id, at in await due.fetchall():
                shown[webhook_id].next_attempt_at = at
    return http.listed(request, "webhooks", rows, fitting, lambda row: row.id, lambda row: shown[row.id])


async def read_webhook(request: Request, caller: Caller, webhook_id: str) -> Webhook:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        return subscription.shown(backlog=await read_backlog(conn, subscription.id))


async def change_webhook(request: Request, caller: Caller, webhook_id: str, change: WebhookChange) -> Webhook:
    faults.check(request.state.policy, change, change.secret)
    if change.events is not UNSET:
        async with tenant_transaction(request, caller) as conn:
            owner = (await find(conn, caller, webhook_id)).client_id
        await approvals.await_approvals(request, caller, owner, change.events)
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        app = await _share_app(conn, caller, subscription.client_id)
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        if change.events is not UNSET:
            _require_approval(app, change.events)
        for statement, parameters in _updates(request.state.vault, subscription, change):
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


async def rotate_signing_key(request: Request, caller: Caller, webhook_id: str, rotation: RotateSigningKey) -> Response:
    """Makes a new Ed25519 key. The one before signs beside it for the overlap, and earlier ones until their stated ends.

    The example webhook of a sandbox gets its first.
    """
    vault: Vault = request.state.vault
    signer = Ed25519PrivateKey.generate()
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        kept: list[Earlier] = []
        if rotation.overlap_seconds:
            kept = earlier.kept("keys", subscription.earlier_keys, force=rotation.force)
        key = {
            "id": subscription.id,
            "overlap": rotation.overlap_seconds,
            **earlier.columns(kept),
            "signing_key": vault.seal_signing_key(subscription.id, signer),
            "public_key": signing.public_text(signer),
        }
        subscription = await found(conn, Subscription, queries.ROTATE_SIGNING_KEY, key)
        detail = {"overlap": rotation.overlap_seconds}
        await audit.record(conn, caller, "webhook.signing_key_rotated", subscription.id, detail)
        return await idempotency.keep(conn, request, caller, http.json(subscription.shown()))


async def delete_webhook(request: Request, caller: Caller, webhook_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id, queries.LOCK_SUBSCRIPTION)
        await conn.execute(queries.DELETE_SUBSCRIPTION, {"id": subscription.id})
        await conn.execute(queries.END_REPLAYS, {"id": subscription.id})
        await conn.execute(*decisions.begin_chore(subscription.id, caller.tenant_id, "deleted"))
        await decisions.first_portion(conn, subscription.id, "deleted")
        await audit.record(conn, caller, "webhook.deleted", subscription.id)
    return http.no_content()


async def try_filter(request: Request, caller: Caller, trial: FilterTrial) -> FilterTried:
    """Events for named apps are not among them: those apps alone may know of them."""
    client_id = app_of(caller, trial.client_id)
    faults.check(request.state.policy, trial)
    kinds = event_types.catalogue()
    types = [name for name in trial.events if not kinds[name].for_named_apps]
    async with tenant_transaction(request, caller) as conn:
        _require_approval(await _share_app(conn, caller, client_id), trial.events)
        await conn.execute(IN_TIME)
        stored = await every(conn, StoredEvent, queries.NEWEST_EVENTS, {"types": types})
    tried = _tried(trial.filter, stored)
    return FilterTried(looked_at=len(tried), matched=sum(one.matches for one in tried), events=tried)


def _tried(given: Filter, stored: Sequence[StoredEvent]) -> list[TriedEvent]:
    tried: list[TriedEvent] = []
    for one in stored:
        fits = matches(given, msgspec.json.decode(one.body)["data"])
        tried.append(TriedEvent(event_id=one.id, event_type=one.type, accepted_at=one.accepted_at, matches=fits))
    return tried


async def find(
    conn: AsyncConnection, caller: Caller, webhook_id: str, query: LiteralString = queries.FIND_SUBSCRIPTION
) -> Subscription:
    """The webhook: of the calling app, or of any app for an administrator. Raises a 404 Problem."""
    if not ids.is_id(webhook_id, "wh"):
        raise problems.not_found()
    return await found(conn, Subscription, query, {"id": webhook_id} | reachable(caller))


async def read_backlog(conn: AsyncConnection, subscription_id: str) -> Backlog:
    await conn.execute(IN_ORDER)
    return await found(conn, Backlog, queries.BACKLOG, {"id": subscription_id})


async def gather(conn: AsyncConnection, subscription: Subscription, **since: datetime) -> int:
    """Queues again the deliveries given up since then. Returns how many the first portion took back; the others follow."""
    await conn.execute(*decisions.begin_chore(subscription.id, subscription.tenant_id, "gather", **since, anew=True))
    return await decisions.first_portion(conn, subscription.id, "gather")


def _require_approval(app: App, events: list[str]) -> None:
    """Raises a 403 Problem for a type that the app is not approved for."""
    refused = [name for name in events if not event_types.is_approved(name, app.approved_events)]
    if refused:
        raise approvals.refusal(refused)


async def find_app(conn: AsyncConnection, caller: Caller, client_id: str) -> App:
    """The state of an app. Raises a 422 Problem for another app than the caller's that auth has not sent."""
    app = await first(conn, App, queries.FIND_APP, {"client_id": client_id})
    if app is None and client_id != caller.client_id:
        raise problems.invalid("There is no such app.", [FieldError("/client_id", "not an app of this organisation")])
    return app or App(status="active", approved_events=event_types.DEFAULT)


async def _share_app(conn: AsyncConnection, caller: Caller, client_id: str) -> App:
    """The state of an app, which does not change before this transaction ends.

    Raises a 403 Problem for a deleted app, and a 422 Problem for another app than the caller's that auth has not sent.
    """
    app_id = {"client_id": client_id}
    await conn.execute(queries.SHARE_APP, app_id)
    app = await find_app(conn, caller, client_id)
    if app.status == "deleted":
        raise problems.forbidden("This app is deleted.")
    if caller.deidentification != "exact":
        # auth approves such an app for no other types, but its message may not have arrived yet.
        app.approved_events = [
            name for name in with_moved_times() if event_types.is_approved(name, app.approved_events)
        ]
    return app


def _updates(
    vault: Vault, subscription: Subscription, change: WebhookChange
) -> list[tuple[LiteralString, dict[str, Any]]]:
    """The statement and its parameters for each given field but `enabled`. Raises a 409 Problem."""
    updates: list[tuple[LiteralString, dict[str, Any]]] = []
    webhook_id = subscription.id
    if change.url is not UNSET:
        updates.append((queries.SET_URL, {"url": change.url}))
    if change.events is not UNSET:
        updates.append((queries.SET_EVENTS, {"events": change.events}))
    if change.filter is not UNSET:
        updates.append((queries.SET_FILTER, {"filter": as_json(change.filter)}))
    if change.payload is not UNSET:
        updates.append((queries.SET_PAYLOAD, {"payload": change.payload}))
    if change.max_per_second is not UNSET:
        updates.append((queries.SET_PACE, {"max_per_second": change.max_per_second}))
    if change.client_certificate is not UNSET:
        certificate = access.columns_of_certificate(vault, webhook_id, change.client_certificate)
        updates.append((queries.SET_CERTIFICATE, certificate))
    if change.oauth is not UNSET:
        updates.append((queries.SET_OAUTH, access.columns_of_oauth(vault, webhook_id, change.oauth)))
    if change.description is not UNSET:
        updates.append((queries.SET_DESCRIPTION, {"description": change.description}))
    if change.headers is not UNSET:
        sealed = vault.seal_headers(webhook_id, change.headers)
        updates.append((queries.SET_HEADERS, {"headers": sealed, "header_names": list(change.headers)}))
    if change.secret is not UNSET:
        fingerprint = signing.fingerprint(signing.signing_key(change.secret))
        if fingerprint != subscription.secret_fingerprint:  # the present one, given again, changes nothing
            others = [one for one in subscription.earlier_secrets if one.shown != fingerprint]
            kept = earlier.columns(earlier.kept("secrets", others, force=change.force is True))
            sealed = vault.seal_secret(webhook_id, change.secret)
            replaced = {"secret": sealed, "fingerprint": fingerprint, "hours": earlier.OVERLAP_HOURS}
            updates.append((queries.SIGN_WITH_NEW, replaced | kept))
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
