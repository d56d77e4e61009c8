"""The health of a webhook's endpoint, in words for its owner."""

from datetime import UTC, datetime

import msgspec
from starlette.requests import Request

from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import queries
from services.webhook_dispatcher.subscriptions.endpoints import find, read_backlog
from services.webhook_dispatcher.subscriptions.models import Addresses, Health, HealthState, Statistics, Subscription
from services.webhook_dispatcher.subscriptions.statistics import read_statistics
from shared.storage.database import found, tenant_transaction
from shared.web.identity import Caller


class HealthRow(msgspec.Struct, kw_only=True):
    """The queried part of a webhook's health. `failures` are the failed attempts since the failure began, counted up to 1,000."""

    last_success_at: datetime | None
    last_test_at: datetime | None
    failures: int
    last_error: str | None
    next_due_at: datetime | None


async def read_health(request: Request, caller: Caller, webhook_id: str) -> Health:
    async with tenant_transaction(request, caller) as conn:
        subscription = await find(conn, caller, webhook_id)
        backlog = await read_backlog(conn, subscription.id)
        parameters = {"id": subscription.id, "failing_since": subscription.failing_since}
        row = await found(conn, HealthRow, queries.HEALTH, parameters)
        statistics = (await read_statistics(conn, [subscription.id]))[subscription.id]
    return describe(subscription, row, backlog.waiting, statistics, datetime.now(UTC))


async def read_addresses(request: Request, caller: Caller) -> Addresses:
    settings: Settings = request.state.settings
    return Addresses(settings.egress_addresses())


def describe(subscription: Subscription, row: HealthRow, waiting: int, statistics: Statistics, now: datetime) -> Health:
    state = state_of(subscription, row, now)
    slowed = subscription.slowed_until
    next_at = row.next_due_at
    if next_at is not None:
        next_at = max(next_at, slowed or next_at, now)
    if state in ("disabled", "paused"):
        next_at = None
    return Health(
        state=state,
        summary=summary_of(subscription, row, state, waiting, next_at),
        last_success_at=row.last_success_at,
        last_test_at=row.last_test_at,
        failures_in_a_row=row.failures,
        last_error=row.last_error if row.failures else None,
        failing_since=subscription.failing_since,
        next_attempt_at=next_at,
        waiting=waiting,
        statistics=statistics,
    )


def state_of(subscription: Subscription, row: HealthRow, now: datetime) -> HealthState:
    if not subscription.enabled:
        return "disabled"
    if subscription.paused or subscription.tenant_stopped:
        return "paused"
    if subscription.failing_since is not None:
        return "failing"
    if subscription.slowed_until is not None and subscription.slowed_until > now:
        return "slowed"
    if subscription.recovering:
        return "recovering"
    return "healthy" if row.last_success_at is not None else "untried"


def summary_of(
    subscription: Subscription, row: HealthRow, state: HealthState, waiting: int, next_at: datetime | None
) -> str:
    """One or two sentences; times are in UTC."""
    number = f"{waiting:,}" if waiting < MANY else f"More than {MANY:,}"
    waits = f" {number} {'delivery waits' if waiting == 1 else 'deliveries wait'}." if waiting else ""
    again = f" The next attempt is at {_moment(next_at)}." if next_at is not None else ""
    match state:
        case "disabled":
            return (
                f"The webhook is disabled ({subscription.disabled_reason}): nothing is sent until it is enabled.{waits}"
            )
        case "paused":
            cause = STOPPED if subscription.tenant_stopped else "The webhook is paused because its app is disabled."
            return f"{cause}{waits}"
        case "failing":
            times = f"{row.failures} times in a row" if row.failures > 1 else "once"
            since = _moment(subscription.failing_since)
            return f"The endpoint has failed {times} since {since}: {row.last_error or 'unknown error'}.{waits}{again}"
        case "slowed":
            return f"The endpoint asked for a pause until {_moment(subscription.slowed_until)}.{waits}"
        case "recovering":
            return f"The endpoint takes deliveries again, oldest first and at a rising rate.{waits}"
        case "healthy":
            return f"The endpoint took its last delivery at {_moment(row.last_success_at)}.{waits}"
        case "untried":
            return f"Nothing has been delivered yet, of the deliveries that are kept.{waits}"


MANY = 10_000
STOPPED = "Knogin stopped the deliveries of the organisation: nothing is sent until Knogin resumes them."


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else "an unknown time"
