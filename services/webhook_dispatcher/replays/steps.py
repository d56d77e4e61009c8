"""The relay's steps of replays. Each is a transaction, at least a second after the one before that sent anything.

A step counts how those that were sent have fared, looks at the next deliveries and puts those that fit into the queue, as many as go out
in a second. They are claimed after every other delivery of their webhook. After a kill only the last step is done again.
"""

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from psycopg.rows import args_row, class_row

from services.webhook_dispatcher.failing import attempt
from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history.choosing import first_id_at, only_troubled
from services.webhook_dispatcher.history.decision_queries import PORTION
from services.webhook_dispatcher.replays import queries
from services.webhook_dispatcher.replays.models import ReplayRow, Waits
from services.webhook_dispatcher.sending.ladder import SENT_ONCE
from shared.storage import partitions
from shared.storage.database import IN_ORDER, Connection
from shared.storage.turns import Turns

# Of work in each second, so that replays do not slow deliveries down.
SECONDS = 0.25
STEP = 1.0
# While nothing may be sent.
REST = 5.0
LONGEST_REST = 60.0
KEPT_DAYS = 30
FORGET_SECONDS = 1.0


class Webhook(NamedTuple):
    """The state of a webhook. `failing_for` is in seconds."""

    runs: bool
    recovers: bool
    slowed: bool
    failing_for: float | None
    approved: list[str]

    @property
    def waits(self) -> Waits | None:
        """Why no replay may send anything now."""
        if not self.runs:
            return "webhook"
        if self.recovers:
            return "recovery"
        return "receiver" if self.slowed else None


class Sent(NamedTuple):
    """The result of one portion: how many deliveries it looked at, of which so many fit and were queued; and its last place."""

    looked: int
    fitting: int
    queued: int
    place: str | None
    place_at: datetime | None


class Rounds:
    """The work of the relay: in each round an organisation has one step, of its replay that waits longest, however many it has."""

    def __init__(self) -> None:
        self._turns = Turns(queries.NEXT)

    def go_on(self, conn: Connection, seconds: float = SECONDS) -> int:
        """Makes due steps until the time is used, and returns how many deliveries were sent."""
        until, sent = time.monotonic() + seconds, 0
        while (key := self._turns.next(conn)) is not None:
            (replay_id,) = key
            put_off = queries.PUT_OFF, {"replay_id": replay_id}
            sent += attempt(conn, "replay", replay_id, partial(step, conn, replay_id), put_off)
            conn.commit()
            if time.monotonic() > until:
                break
        conn.commit()
        return sent


def step(conn: Connection, replay_id: str) -> int:
    """The next step of a replay whose row this transaction has locked. Returns how many deliveries it sent."""
    with conn.cursor(row_factory=class_row(ReplayRow)) as cursor:
        replay = cursor.execute(queries.TAKE, {"replay_id": replay_id}).fetchone()
    assert replay is not None
    key = {"replay_id": replay_id, "subscription_id": replay.subscription_id}
    with conn.cursor(row_factory=args_row(Webhook)) as cursor:
        webhook = cursor.execute(queries.LOCK_WEBHOOK, key | {"approved": event_types.DEFAULT}).fetchone()
    if webhook is None:
        if conn.execute(queries.EXISTS, key).fetchone() is not None:  # another transaction has locked its row
            conn.execute(queries.LATER, key)
        else:
            conn.execute(queries.FORGET_SENT, key)
            conn.execute(queries.DELETE, key)
        return 0
    waiting, own, settled = conn.execute(queries.SETTLE, key).fetchone() or (0, 0, 0)
    if replay.state != "running" or replay.looked_through:
        conn.execute(*((queries.WAIT, key | {"wait": STEP}) if own else (queries.END, key)))
        return 0
    room, wait = _room(replay, webhook, waiting, has_news=settled > 0)
    if not room:
        conn.execute(queries.WAIT, key | {"wait": wait})
        return 0
    return _send(conn, replay, webhook, room, wait)


def _room(replay: ReplayRow, webhook: Webhook, waiting: int, *, has_news: bool) -> tuple[int, float]:
    """How many deliveries to send now, and the seconds until the next step. `has_news` is whether one has fared since the step before.

    A receiver that fails gets one at a time, as rarely as it has been failing. The step after it waits for its result alone, so that
    a replay goes on at once when the receiver answers again.
    """
    if webhook.waits is not None:
        return 0, REST
    if webhook.failing_for is None:
        return replay.room or max(0, replay.per_second - waiting), STEP
    if has_news:
        return 0, min(max(webhook.failing_for, STEP), LONGEST_REST)
    return max(0, 1 - waiting), STEP


def _send(conn: Connection, replay: ReplayRow, webhook: Webhook, room: int, wait: float) -> int:
    """A portion that finds fewer than it may send leaves the rest of the second's room to the next, at once."""
    conn.execute(IN_ORDER)
    chosen = parameters_of(replay) | {
        "replay_id": replay.id,
        "looked": PORTION,
        "room": room,
        "approved": webhook.approved,
        "sent_once": SENT_ONCE,
    }
    with conn.cursor(row_factory=args_row(Sent)) as cursor:
        sent = cursor.execute(queries.SEND[kind_of(replay.filter)], chosen).fetchone()
    assert sent is not None
    left = room - sent.queued
    ends = sent.looked < PORTION and sent.fitting < room
    conn.execute(
        queries.GO_ON,
        {
            "replay_id": replay.id,
            "queued": sent.queued,
            "skipped": sent.fitting - sent.queued,
            "place": sent.place or replay.place,
            "place_at": sent.place_at or replay.place_at,
            "looked_through": ends,
            "room": 0 if ends or not left else left,
            "wait": 0.0 if left and not ends else wait,
        },
    )
    return sent.queued


def kind_of(filter: dict[str, Any]) -> tuple[bool, bool]:
    """The key of `queries.COUNT` and `queries.SEND`."""
    answered = filter.get("response") is not None or filter.get("trace_id") is not None
    return only_troubled(filter.get("status"), filter.get("response")), answered


def parameters_of(replay: ReplayRow) -> dict[str, Any]:
    """Those of the statements that look at deliveries, from the replay's place to its end."""
    newest, newest_at = first_id_at(replay.until)
    fields = ("status", "response", "event_type", "event_id", "key", "trace_id")
    return {name: replay.filter.get(name) for name in fields} | {
        "subscription_id": replay.subscription_id,
        "place": replay.place,
        "place_at": replay.place_at,
        "newest": newest,
        "newest_at": newest_at,
    }


def forget(conn: Connection) -> None:
    """Deletes replays that ended long ago, in portions until the time is used."""
    until = time.monotonic() + FORGET_SECONDS
    before = "rpl_" + first_id_at(partitions.now(conn) - timedelta(days=KEPT_DAYS))[0]
    parameters = {"before": before, "portion": PORTION}
    while conn.execute(queries.FORGET, parameters).rowcount == PORTION and time.monotonic() < until:
        conn.commit()
