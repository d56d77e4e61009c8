"""The queue door: what epcr says of the observations it was sent; and the service's periodic work."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from celery import Celery

from services.device_ingest import news, queries
from services.device_ingest.observations import window
from services.device_ingest.settings import Settings
from shared import outbox, partitions, worker
from shared.database import Connection, set_tenant
from shared.messages import EncounterLink
from shared.periodic import Periodic
from shared.worker import Received

ANNOUNCED_AT_ONCE = 20_000


def create_worker(settings: Settings) -> Celery:
    return worker.create_worker("device_ingest", settings, {EncounterLink: link_observations})


def periodic(settings: Settings) -> list[Periodic]:
    return [
        Periodic("announce", 1, announce),
        Periodic("partitions", 3600, partial(keep_partitions, days=settings.observation_retention_days)),
    ]


def link_observations(conn: Connection, received: Sequence[Received[EncounterLink]]) -> None:
    """Marks observations as standing in their encounter, or as sent for one that epcr does not know."""
    by_tenant: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for message in received:
        link = message.body
        by_tenant[message.tenant_id] += [(id, link.encounter_id, link.link) for id in link.observation_ids]
    for tenant_id, links in by_tenant.items():
        _link(conn, tenant_id, links)


def _link(conn: Connection, tenant_id: str, links: list[tuple[str, str, str]]) -> None:
    # Apart: the same observation may be told both in one batch, and one UPDATE would take either.
    for certainty in ("unknown", "linked"):
        rows = sorted(row for row in links if row[2] == certainty)
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            set_tenant(conn, tenant_id)
            conn.execute(queries.LINK_OBSERVATIONS, (*columns, *window(columns[0])))


def announce(conn: Connection) -> None:
    """Tells subscribers what was recorded since the last time, one event per device and encounter however many there were."""
    taken = conn.execute(queries.TAKE_ANNOUNCEMENTS, (ANNOUNCED_AT_ONCE,)).fetchall()
    rows = [
        outbox.row(tenant_id, news.observations_recorded(*counted, test=test), traceparent)
        for tenant_id, *counted, test, traceparent in taken
    ]
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(outbox.ADD, rows)
        conn.has_messages = True


def keep_partitions(conn: Connection, days: int) -> None:
    """A partition for each day an observation may be of, and none for days past retention."""
    partitions.ensure(conn, "observations", days_ahead=8, days_back=8)
    partitions.drop_older(conn, "observations", days)
