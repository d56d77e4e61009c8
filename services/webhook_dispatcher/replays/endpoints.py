"""HTTP endpoints of replays: counting, starting, progress, stopping and resuming."""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history.choosing import EARLIER, first_id_at
from services.webhook_dispatcher.history.endpoints import require_running
from services.webhook_dispatcher.history.queries import IN_TIME
from services.webhook_dispatcher.replays import queries
from services.webhook_dispatcher.replays.models import (
    Replay,
    ReplayCounted,
    ReplayDraft,
    ReplayFilter,
    ReplayQuery,
    ReplayRow,
    Waits,
)
from services.webhook_dispatcher.replays.steps import kind_of, parameters_of
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import queries as subscription_queries
from services.webhook_dispatcher.subscriptions.endpoints import find
from services.webhook_dispatcher.subscriptions.models import Subscription
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import IN_ORDER, AsyncConnection, every, first, found, tenant_transaction
from shared.web import http, problems
from shared.web.http import Page
from shared.web.identity import Caller
from shared.web.problems import FieldError
from shared.web.strict_json import nearest

# A count looks at so many deliveries, oldest first: of fewer where it must look at more than their rows.
LOOKED = 50_000
LOOKED_CLOSELY = 10_000


async def start_replay(
    request: Request, caller: Caller, webhook_id: str, query: ReplayQuery, draft: ReplayDraft
) -> Response:
    now = datetime.now(UTC)
    _check(draft, now)
    async with tenant_transaction(request, caller) as conn:
        stored = None if query.dry_run else await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        subscription = await find(conn, caller, webhook_id)
        settings: Settings = request.state.settings
        replay = _of_draft(draft, subscription, now, timedelta(days=settings.webhook_retention_days) + EARLIER)
        if not query.dry_run:
            require_running(subscription)
            await _require_alone(conn, subscription)
        # Without a lock on the webhook: senders, which record the results of many organisations in one statement, and fan-out wait for it.
        matching, more = await _count(conn, replay)
        if query.dry_run:
            counted = ReplayCounted(dry_run=True, matching=matching, more=more, since=replay.since, until=replay.until)
            return http.json(counted)
        subscription = await find(conn, caller, webhook_id, subscription_queries.LOCK_SUBSCRIPTION)
        require_running(subscription)
        await _require_place(conn, caller, subscription, settings.most_replays)
        row = {name: getattr(replay, name) for name in ("id", "subscription_id", "since", "until", "per_second")}
        row |= {"tenant_id": caller.tenant_id, "filter": http.encode(replay.filter).decode()}
        row |= {"matching": matching, "more": more, "place": replay.place, "place_at": replay.place_at}
        made = await found(conn, ReplayRow, queries.INSERT, row)
        await conn.execute(queries.FORGET_OLDER, {"subscription_id": subscription.id})
        detail = replay.filter | {"replay": made.id, "since": made.since, "until": made.until}
        detail |= {"per_second": made.per_second, "matching": matching, "more": more}
        await audit.record(conn, caller, "replay.started", subscription.id, detail)
        shown = made.shown(waits_of(subscription))
        location = f"/v1/webhooks/{subscription.id}/replays/{made.id}"
        return await idempotency.keep(conn, request, caller, http.created(shown, location))


async def list_replays(request: Request, caller: Caller, webhook_id: str, page: Page) -> Response:
    parameters: dict[str, Any] = {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        rows = await every(conn, ReplayRow, queries.LIST, parameters | {"subscription_id": subscription.id})
    waits = waits_of(subscription)
    return http.listed(request, "replays", rows, page, lambda row: row.id, lambda row: row.shown(waits))


async def read_replay(request: Request, caller: Caller, webhook_id: str, replay_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        replay = await _find(conn, subscription, replay_id)
    shown = replay.shown(waits_of(subscription))
    headers = {"etag": http.tag_of(http.encode(shown))}
    if http.is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return http.not_modified(headers)
    return http.json(shown, headers=headers)


async def stop_replay(request: Request, caller: Caller, webhook_id: str, replay_id: str) -> Replay:
    """Nothing more is put into the queue. A replay that is stopped already stays so."""
    return await _turn(request, caller, webhook_id, replay_id, queries.STOP, "stopped")


async def resume_replay(request: Request, caller: Caller, webhook_id: str, replay_id: str) -> Replay:
    """Goes on at the place where it was stopped. A replay that runs already goes on."""
    return await _turn(request, caller, webhook_id, replay_id, queries.RESUME, "resumed")


async def _turn(
    request: Request, caller: Caller, webhook_id: str, replay_id: str, statement: LiteralString, act: str
) -> Replay:
    """The steps of the relay lock the webhook too: after the answer the next one sees the decision."""
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id, subscription_queries.LOCK_SUBSCRIPTION)
        replay = await _find(conn, subscription, replay_id)
        if replay.state == "finished":
            raise problems.conflict("This replay is finished.")
        if replay.state == ("stopped" if act == "resumed" else "running"):
            if act == "resumed":
                require_running(subscription)
                await _require_place(conn, caller, subscription, request.state.settings.most_replays)
            turned = await first(conn, ReplayRow, statement, {"id": replay.id})
            if turned is None:
                raise problems.conflict("This replay is finished.")
            replay = turned
            await audit.record(conn, caller, f"replay.{act}", subscription.id, {"replay": replay.id})
    return replay.shown(waits_of(subscription))


def waits_of(subscription: Subscription) -> Waits | None:
    """Why the replays of a webhook send nothing now."""
    if not subscription.enabled or subscription.paused or subscription.tenant_stopped:
        return "webhook"
    if subscription.recovering:
        return "recovery"
    slowed = subscription.slowed_until is not None and subscription.slowed_until > datetime.now(UTC)
    return "receiver" if slowed or subscription.failing_since is not None else None


def _check(draft: ReplayDraft, now: datetime) -> None:
    """Raises a 422 Problem with the faults of all fields."""
    faults: list[FieldError] = []
    known = list(event_types.catalogue())
    if draft.event_type is not None and draft.event_type not in known:
        near = nearest(draft.event_type, known)
        reason = "not an event type of the catalogue"
        faults.append(FieldError("/event_type", reason, "enum", allowed=known, did_you_mean=near))
    if draft.since is not None and draft.since > now:
        faults.append(FieldError("/since", "in the future"))
    elif draft.since is not None and draft.until is not None and draft.since >= draft.until:
        faults.append(FieldError("/until", "not after `since`"))
    if faults:
        raise problems.invalid("The replay does not fit; see errors.", faults)


def _of_draft(draft: ReplayDraft, subscription: Subscription, now: datetime, kept: timedelta) -> ReplayRow:
    """The row as it will be: of deliveries that are kept, up to now, so that its end does not move."""
    since = max(draft.since or now - kept, now - kept)
    until = max(min(draft.until or now, now), since)
    fields = {name: getattr(draft, name) for name in ReplayFilter.__struct_fields__}
    return ReplayRow(
        id=ids.new_id("rpl"),
        subscription_id=subscription.id,
        filter={name: value for name, value in fields.items() if value is not None},
        since=since,
        until=until,
        per_second=draft.per_second,
        matching=0,
        more=False,
        state="running",
        sent=0,
        delivered=0,
        failed=0,
        skipped=0,
        place="dlv_" + first_id_at(since)[0],
        place_at=since,
        looked_through=False,
        room=0,
        created_at=now,
        resumed_at=now,
        resumed_done=0,
        progressed_at=now,
        stopped_at=None,
        finished_at=None,
    )


async def _count(conn: AsyncConnection, replay: ReplayRow) -> tuple[int, bool]:
    """How many deliveries fit, and whether there may be more."""
    kind = kind_of(replay.filter)
    most = LOOKED_CLOSELY if kind[1] or "key" in replay.filter else LOOKED
    await conn.execute(IN_TIME)
    await conn.execute(IN_ORDER)
    counted = await conn.execute(queries.COUNT[kind], parameters_of(replay) | {"looked": most})
    fitting, looked = await counted.fetchone() or (0, 0)
    return min(fitting, queries.COUNTED), fitting > queries.COUNTED or looked >= most


async def _require_place(conn: AsyncConnection, caller: Caller, subscription: Subscription, most: int) -> None:
    """Raises a 409 Problem while another replay of the webhook runs, or too many of the organisation do. Lock the webhook first."""
    await _require_alone(conn, subscription)
    await require_room(conn, _cap(most), caller.tenant_id, queries.COUNT_RUNNING)


def _cap(most: int) -> Cap:
    return Cap("running replays", most, instead="stop one, or wait until one has finished")


async def _require_alone(conn: AsyncConnection, subscription: Subscription) -> None:
    """Raises a 409 Problem while another replay of the webhook runs."""
    running = await (await conn.execute(queries.FIND_RUNNING, {"subscription_id": subscription.id})).fetchone()
    if running is not None:
        raise problems.conflict("Another replay of this webhook runs; stop it first.", replay_id=running[0])


async def _find(conn: AsyncConnection, subscription: Subscription, replay_id: str) -> ReplayRow:
    if not ids.is_id(replay_id, "rpl"):
        raise problems.not_found()
    return await found(conn, ReplayRow, queries.FIND, {"subscription_id": subscription.id, "id": replay_id})
