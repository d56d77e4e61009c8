"""Handlers of the service's messages, and its periodic work."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from celery import Celery

from services.device_ingest import allowance, announcing, metrics, queries, sandbox
from services.device_ingest.announcing import Announcing
from services.device_ingest.observations import window
from services.device_ingest.settings import Settings
from shared.messaging import worker
from shared.messaging.messages import EncounterLink, Received, SandboxDevices
from shared.process import metrics as shared_metrics
from shared.storage import partitions
from shared.storage.database import Connection, set_tenant
from shared.storage.jobs import Periodic


def create_worker(settings: Settings) -> Celery:
    handlers = {EncounterLink: link_observations, SandboxDevices: sandbox.perform}
    return worker.create_worker("device_ingest", settings, handlers)


def periodic(settings: Settings) -> list[Periodic]:
    return [
        Periodic("announce", 1, Announcing(), behind=metrics.announcements_behind),
        Periodic("measure announcements", 10, announcing.measure, behind="a measurement"),
        Periodic(
            "measure allowances", 60, partial(allowance.measure, settings.most_observations), behind="a measurement"
        ),
        Periodic(
            "partitions",
            3600,
            partial(keep_partitions, days=settings.observation_retention_days),
            lane="retention",
            behind=shared_metrics.retention_overdue,
        ),
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


def keep_partitions(conn: Connection, days: int) -> None:
    """Makes the partitions of all days that an observation may have, and drops those past retention."""
    partitions.ensure(conn, "observations", days_ahead=8, days_back=8)
    partitions.drop_older(conn, "observations", days)
    allowance.forget_days(conn, days)
