"""The door from the queue, and the periodic work of the relay. Sending is a process of its own (sending/sender.py)."""

import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from celery import Celery

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout import automations, sandbox
from services.webhook_dispatcher.fanout import queries as fanout_queries
from services.webhook_dispatcher.fanout.intake import Intake
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.fanout.waiting import Waiting
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.history.books import Books
from services.webhook_dispatcher.notices import notices
from services.webhook_dispatcher.notices.mail import Post
from services.webhook_dispatcher.operators import acts as operators
from services.webhook_dispatcher.operators import queries as operator_queries
from services.webhook_dispatcher.queues import SERVICE
from services.webhook_dispatcher.reading import queries as reading_queries
from services.webhook_dispatcher.replays import queries as replay_queries
from services.webhook_dispatcher.replays import steps as replay_steps
from services.webhook_dispatcher.sending import queries, statistics
from services.webhook_dispatcher.sending.measuring import Backlog
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import apps
from shared.messaging import worker
from shared.messaging.messages import (
    AutomationDelivery,
    AutomationInterest,
    Event,
    SandboxDeliveries,
    WebhookApp,
    WebhookTenant,
)
from shared.operators.acts import Handler
from shared.operators.models import Action
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.process import mail as mail_server
from shared.process import metrics as shared_metrics
from shared.storage import partitions
from shared.storage.database import BY_KEY, Connection
from shared.storage.jobs import Periodic

FORGET_SECONDS = 2.0
REST_SECONDS = 3600.0


def create_worker(settings: Settings) -> Celery:
    """Consumes `webhook_dispatcher`."""
    intake = Intake(settings)
    handlers = {
        Event: intake.fan_out,
        WebhookApp: apps.change_apps,
        WebhookTenant: apps.change_tenants,
        AutomationInterest: automations.change_interest,
        AutomationDelivery: partial(automations.deliver, intake),
        SandboxDeliveries: partial(sandbox.perform, Vault(Keyring.from_text(settings.encryption_keys))),
    }
    return worker.create_worker(SERVICE, settings, handlers, partitions.Daily(*PARTITIONED))


def periodic(settings: Settings) -> list[Periodic]:
    """The work of the relay besides its outbox."""
    server = mail_server.parse(settings.mail_server) if settings.mail_server else None
    vault = Vault(Keyring.from_text(settings.encryption_keys))
    metrics.stop_reminder.set(settings.webhook_stop_reminder_hours * 3600)
    post = Post(vault, server, settings.mail_from, settings.mail_ca_file)
    days, retention = settings.webhook_disable_after_days, settings.webhook_retention_days
    return [
        Periodic("release held deliveries", 1, partial(decisions.release_held, pause=0.9), behind=metrics.oldest_step),
        Periodic("replay deliveries", 1, replay_steps.Rounds().go_on, behind=metrics.oldest_replay_step),
        Periodic("do chores", 1, decisions.Chores().work_off, behind=metrics.chore_age),
        Periodic("fan out waiting events", 1, Waiting(Intake(settings)).go_on, behind=metrics.oldest_waiting_event),
        Periodic(
            "disable failing webhooks",
            60,
            partial(decisions.disable_long_failing, days=days),
            behind="the next run goes on; a webhook that waits for it is disabled a minute late",
        ),
        Periodic(
            "send notices",
            5,
            partial(notices.send, failing_after=settings.webhook_notice_after_seconds),
            behind="the next run goes on; a notice that waits for it is five seconds late",
        ),
        Periodic("send mail", 5, post.send, lane="mail", behind=metrics.oldest_mail),
        Periodic(
            "keep books",
            5,
            Books().keep,
            behind="the books are exact without it; they add up more rows until it goes on",
        ),
        Periodic("forget paces", 3600, forget_paces, behind="a run deletes all rows that no claim needs any more"),
        Periodic(
            "forget statistics", 600, statistics.forget, behind="the next run goes on; old rows cost nothing but room"
        ),
        Periodic(
            "forget replays", 3600, replay_steps.forget, behind="the next run goes on; old rows cost nothing but room"
        ),
        Periodic("make partitions", 3600, make_partitions, behind="a run makes all that are missing, days ahead"),
        Periodic("drop partitions", 60, Expiry(retention).go_on, "retention", shared_metrics.retention_overdue),
        Periodic("measure deliveries", 10, measure, behind="a measurement"),
        Periodic("measure consumers", 15, partial(measure_consumers, days=retention), behind="a measurement"),
    ]


def make_partitions(conn: Connection) -> None:
    for table in PARTITIONED:
        partitions.ensure(conn, table, days_ahead=8, days_back=8)


def forget_paces(conn: Connection) -> None:
    conn.execute(queries.FORGET_PACES)


class Expiry:
    """Gives up deliveries past their retention, then drops the partitions with their events; an hour later it begins again.

    The next call drops the partitions that could not be dropped.

    An event may be a little older than its delivery, so a pass also looks at the deliveries of two further days. Where that takes longer
    than `FORGET_SECONDS`, the next call continues at the same place: however many wait, each call comes nearer to the drop.
    """

    def __init__(self, days: int) -> None:
        self._days = days
        self._rests_until = 0.0
        self._before: datetime | None = None
        self._left: list[str] = []
        self._after = ""

    def go_on(self, conn: Connection) -> None:
        if time.monotonic() < self._rests_until:
            return
        if self._before is None:
            self._before = _midnight(conn) - timedelta(days=self._days)
            self._left, self._after = ["dlv", "dlv_test"], ""
        before = self._before
        until = time.monotonic() + FORGET_SECONDS
        end = uuid.UUID(int=int((before + timedelta(days=2)).timestamp() * 1000) << 80)
        while self._left:
            prefix = self._left[0]
            parameters = {
                "before": before,
                "after": self._after or prefix + "_",
                "until": ids.id_of(prefix, end),
                "portion": decision_queries.PORTION,
            }
            looked, self._after = conn.execute(decision_queries.FORGET_EXPIRED, parameters).fetchone() or (0, "")
            conn.commit()
            if looked < decision_queries.PORTION:
                self._left.pop(0)
                self._after = ""
            if time.monotonic() >= until:
                break
        if not self._left:
            # The days that this pass covers: it may have begun yesterday.
            days = (_midnight(conn) - before).days
            for table in PARTITIONED:
                partitions.drop_older(conn, table, days)
            if not any(partitions.is_behind(conn, table, days) for table in PARTITIONED):
                self._before, self._rests_until = None, time.monotonic() + REST_SECONDS
        for table in PARTITIONED:
            partitions.measure(conn, table, self._days)


GAUGES = {
    "deliveries_due": metrics.due,
    "deliveries_held": metrics.held,
    "deliveries_waiting": metrics.waiting,
    "oldest_due_seconds": metrics.oldest,
    "oldest_due_failing_seconds": metrics.oldest_failing,
    "tenants_late": metrics.tenants_late,
    "chores": metrics.chores,
    "oldest_chore_seconds": metrics.chore_age,
    "oldest_recovery_step_seconds": metrics.oldest_step,
    "tenants_failing": metrics.tenants_failing,
    "replays": metrics.replays,
    "oldest_replay_step_seconds": metrics.oldest_replay_step,
    "waiting_events": metrics.waiting_events,
    "oldest_waiting_event_seconds": metrics.oldest_waiting_event,
    "senders": metrics.senders,
    "tenants_stopped": metrics.tenants_stopped,
    "oldest_stop_seconds": metrics.oldest_stop,
}
BACKLOG = Backlog()


def figures(conn: Connection) -> Mapping[str, float]:
    """The state of the deliveries, by the names of `GAUGES`."""
    conn.execute(BY_KEY)
    due, held, waiting, oldest, failing, late = BACKLOG.measure(conn)
    chores, chore_age = conn.execute(decision_queries.MEASURE).fetchone() or (0, 0)
    step, failing_tenants = conn.execute(decision_queries.MEASURE_RECEIVERS).fetchone() or (0, 0)
    replays, replay_age = conn.execute(replay_queries.MEASURE).fetchone() or (0, 0)
    waiting_events, event_age = conn.execute(fanout_queries.MEASURE_WAITING).fetchone() or (0, 0)
    (senders,) = conn.execute(queries.COUNT_SENDERS).fetchone() or (0,)
    stopped, stop_age = conn.execute(operator_queries.MEASURE).fetchone() or (0, 0)
    found = (
        due,
        held,
        waiting,
        oldest,
        failing,
        late,
        chores,
        chore_age,
        step,
        failing_tenants,
        replays,
        replay_age,
        waiting_events,
        event_age,
        senders,
        stopped,
        stop_age,
    )
    return {name: max(0, value) for name, value in zip(GAUGES, found, strict=True)}


def measure(conn: Connection) -> None:
    for name, value in figures(conn).items():
        GAUGES[name].set(value)


def acts(settings: Settings) -> Mapping[Action, Handler]:
    """The acts of operators that webhook-dispatcher carries out."""
    return operators.HANDLERS


def measure_consumers(conn: Connection, days: int) -> None:
    *numbers, furthest = conn.execute(reading_queries.MEASURE, {"days": days}).fetchone() or (0,) * 7
    for lag, number in zip(metrics.LAGS, numbers, strict=True):
        metrics.consumers.labels(lag).set(number)
    metrics.furthest_consumer.set(furthest)


def _midnight(conn: Connection) -> datetime:
    return partitions.now(conn).replace(hour=0, minute=0, second=0, microsecond=0)
