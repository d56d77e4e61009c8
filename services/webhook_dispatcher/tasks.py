"""The door from the queue, and the periodic work of the relay. Sending is a process of its own (sending/sender.py)."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

from celery import Celery

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout import automations
from services.webhook_dispatcher.fanout.intake import Intake
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.queues import SERVICE
from services.webhook_dispatcher.sending import queries
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import apps
from shared.messaging import worker
from shared.messaging.messages import AutomationDelivery, AutomationInterest, Event, WebhookApp, WebhookTenant
from shared.primitives import ids
from shared.storage import partitions
from shared.storage.database import Connection
from shared.storage.periodic import Periodic

FORGET_SECONDS = 5.0


def create_worker(settings: Settings) -> Celery:
    """Consumes `webhook_dispatcher`."""
    intake = Intake(settings)
    handlers = {
        Event: intake.fan_out,
        WebhookApp: apps.change_apps,
        WebhookTenant: apps.change_tenants,
        AutomationInterest: automations.change_interest,
        AutomationDelivery: partial(automations.deliver, intake),
    }
    return worker.create_worker(SERVICE, settings, handlers, partitions.Daily(*PARTITIONED))


def periodic(settings: Settings) -> list[Periodic]:
    """The work of the relay besides its outbox."""
    days, retention = settings.webhook_disable_after_days, settings.webhook_retention_days
    return [
        Periodic("release held deliveries", 1, partial(decisions.release_held, pause=0.9)),
        Periodic("do chores", 1, decisions.work_off),
        Periodic("disable failing webhooks", 60, partial(decisions.disable_long_failing, days=days)),
        Periodic("keep partitions", 3600, partial(keep_partitions, days=retention)),
        Periodic("measure deliveries", 5, measure),
    ]


def keep_partitions(conn: Connection, days: int) -> None:
    """Makes partitions ahead. Drops those past the retention, once their waiting deliveries are given up."""
    for table in PARTITIONED:
        partitions.ensure(conn, table, days_ahead=8, days_back=8)
    conn.commit()
    before = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    if all(_forget_expired(conn, before, prefix) for prefix in ("dlv", "dlv_test")):
        for table in PARTITIONED:
            partitions.drop_older(conn, table, days)
    else:
        for table in PARTITIONED:
            partitions.measure(conn, table, days)


def measure(conn: Connection) -> None:
    due, held, waiting, oldest = conn.execute(queries.MEASURE).fetchone() or (0, 0, 0, 0)
    metrics.due.set(due)
    metrics.held.set(held)
    metrics.waiting.set(waiting)
    metrics.oldest.set(max(0, oldest))
    number, age = conn.execute(decision_queries.MEASURE).fetchone() or (0, 0)
    metrics.chores.set(number)
    metrics.chore_age.set(max(0, age))
    (senders,) = conn.execute(queries.COUNT_SENDERS).fetchone() or (0,)
    metrics.senders.set(senders)


def _forget_expired(conn: Connection, before: datetime, prefix: str) -> bool:
    """Gives up deliveries past their retention, in portions. False where time ran out first.

    An event may be a little older than its delivery: the search covers two further days for such events.
    """
    until = time.monotonic() + FORGET_SECONDS
    end_ms = int((before + timedelta(days=2)).timestamp() * 1000)
    after, end = prefix + "_", ids.id_of(prefix, uuid.UUID(int=end_ms << 80))
    while time.monotonic() < until:
        parameters = {"before": before, "after": after, "until": end, "portion": decision_queries.PORTION}
        looked, after = conn.execute(decision_queries.FORGET_EXPIRED, parameters).fetchone() or (0, "")
        conn.commit()
        if looked < decision_queries.PORTION:
            return True
    return False
