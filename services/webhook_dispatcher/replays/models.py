"""Bodies, rows and answers of replays."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from services.webhook_dispatcher.history.models import Name, ResponseClass, TraceId
from shared.web import http

ReplayState = Literal["running", "stopped", "finished"]
# Deliveries that were never attempted go out by themselves.
ReplayedStatus = Literal["succeeded", "retrying", "failed"]
Waits = Literal["webhook", "recovery", "receiver"]
FASTEST = 100


class ReplayFilter(http.Body):
    """Which deliveries of the webhook: those that fit every given field. `key` is the id of the event's subject."""

    status: ReplayedStatus | None = None
    response: ResponseClass | None = None
    event_type: Name | None = None
    event_id: Name | None = None
    key: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    trace_id: TraceId | None = None


class ReplayDraft(ReplayFilter):
    """`since` (inclusive) and `until` (exclusive) are about `created_at`: without them all that are kept, up to now."""

    since: http.Timestamp | None = None
    until: http.Timestamp | None = None
    per_second: Annotated[int, Meta(ge=1, le=FASTEST)] = 10


class ReplayQuery(http.Body):
    """With `dry_run` the deliveries are counted, and nothing is sent."""

    dry_run: bool = False


class ReplayCounted(msgspec.Struct):
    """How many deliveries fit, counted up to 10,000 (`more`). A call also looks at a limited number of deliveries, the oldest first."""

    dry_run: Literal[True]
    matching: int
    more: bool
    since: datetime
    until: datetime


class Replay(msgspec.Struct, kw_only=True):
    """A replay and its progress. `matching` was counted at the beginning (`more`: there are more than that).

    `done` is the sum of `delivered`, `failed` (by the first attempt since) and `skipped`; `waiting` have been sent to the queue and are
    not attempted yet. `waits_for` says why nothing is sent now: the webhook is stopped, its own recovery goes first, or its
    receiver fails or asked for a pause. `expected_end_at` is an estimate from the rate so far.
    """

    id: str
    webhook_id: str
    state: ReplayState
    waits_for: Waits | None
    filter: ReplayFilter
    since: datetime
    until: datetime
    per_second: int
    matching: int
    more: bool
    done: int
    delivered: int
    failed: int
    skipped: int
    waiting: int
    reached_at: datetime
    created_at: datetime
    progressed_at: datetime
    expected_end_at: datetime | None
    stopped_at: datetime | None
    finished_at: datetime | None


class Replays(msgspec.Struct):
    replays: list[Replay]
    next_cursor: str | None


class ReplayRow(msgspec.Struct, kw_only=True):
    """A row of `replays`."""

    id: str
    subscription_id: str
    filter: dict[str, Any]
    since: datetime
    until: datetime
    per_second: int
    matching: int
    more: bool
    state: ReplayState
    sent: int
    delivered: int
    failed: int
    skipped: int
    place: str
    place_at: datetime
    looked_through: bool
    room: int
    created_at: datetime
    resumed_at: datetime
    resumed_done: int
    progressed_at: datetime
    stopped_at: datetime | None
    finished_at: datetime | None

    @property
    def done(self) -> int:
        return self.delivered + self.failed + self.skipped

    def shown(self, waits_for: Waits | None) -> Replay:
        is_running = self.state == "running"
        return Replay(
            id=self.id,
            webhook_id=self.subscription_id,
            state=self.state,
            waits_for=waits_for if is_running else None,
            filter=ReplayFilter(**self.filter),
            since=self.since,
            until=self.until,
            per_second=self.per_second,
            matching=max(self.matching, self.done),
            more=self.more and self.state != "finished",
            done=self.done,
            delivered=self.delivered,
            failed=self.failed,
            skipped=self.skipped,
            waiting=max(0, self.sent + self.skipped - self.done),
            reached_at=self.place_at,
            created_at=self.created_at,
            progressed_at=self.progressed_at,
            expected_end_at=self._expected_end() if is_running and waits_for is None and not self.more else None,
            stopped_at=self.stopped_at,
            finished_at=self.finished_at,
        )

    def _expected_end(self) -> datetime:
        """From the time of the last progress, so that an answer stays the same until there is more."""
        seconds = (self.progressed_at - self.resumed_at).total_seconds()
        since_begun = self.done - self.resumed_done
        rate = min(float(self.per_second), since_begun / seconds) if seconds > 0 and since_begun else self.per_second
        left = max(0, self.matching - self.done)
        return self.progressed_at + timedelta(seconds=min(round(left / rate), 31_536_000))
