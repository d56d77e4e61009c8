"""Handlers of the service's messages, and its periodic work."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from celery import Celery

from services.device_ingest import messages, queries
from services.device_ingest.observations import window
from services.device_ingest.settings import Settings
from shared.messaging import outbox, worker
from shared.messaging.messages import EncounterLink
from shared.messaging.worker import Received
from shared.storage import partitions
from shared.storage.database import Connection, set_tenant
from shared.storage.periodic import Periodic

COUNTS_AT_ONCE = 20_000


def create_worker(settings: Settings) -> Celery:
    return worker.create_worker("device_ingest", settings, {EncounterLink: link_observations})


def periodic(settings: Settings) -> list[Periodic]:
    return [
        Periodic("announce", 1, notify_subscribers),
        Periodic("partitions", 3600, partial(keep_partitions, days=settings.observation_retention_days)),
    ]


def link_observations(conn: Connection, received: Sequence[Received[EncounterLink]]) -> None:
    """Marks observations `linked` to their encounter, or `unknown` where epcr has no such encounter."""
    by_tenant: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for message in received:
        link = message.body
        by_tenant[message.tenant_id] += [(id, link.encounter_id, link.link) for id in link.observation_ids]
    for tenant_id, links in by_tenant.items():
        set_tenant(conn, tenant_id)
        # Two statements: a batch may hold both links for an observation, and one UPDATE would apply either.
        for kind in ("unknown", "linked"):
            rows = sorted(row for row in links if row[2] == kind)
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                conn.execute(queries.LINK_OBSERVATIONS, (*columns, *window(columns[0])))


def notify_subscribers(conn: Connection) -> None:
    """Sends one event for each device and encounter, with the count of observations since the last run."""
    taken = conn.execute(queries.TAKE_ANNOUNCEMENTS, (COUNTS_AT_ONCE,)).fetchall()
    rows = [
        outbox.row(tenant_id, messages.observations_recorded(*counted, test=test), traceparent)
        for tenant_id, *counted, test, traceparent in taken
    ]
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(outbox.ADD, rows)
        conn.has_messages = True


def keep_partitions(conn: Connection, days: int) -> None:
    """Makes the partitions of all days that an observation may have, and drops those past retention."""
    partitions.ensure(conn, "observations", days_ahead=8, days_back=8)
    partitions.drop_older(conn, "observations", days)
