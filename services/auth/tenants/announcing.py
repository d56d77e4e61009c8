"""Sends apps and tenants again, under fresh versions, to consumers with wrong state."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg.rows import class_row

from services.auth.apps.models import AppRow, Tenant
from services.auth.keys.models import PLATFORM
from services.auth.tenants import operations, queries
from services.auth.tenants.operations import Conn, OperationRefused, announce_apps, tenant_messages
from shared.messaging import outbox
from shared.messaging.messages import TIMED, name_of

PORTION = 100


class Chosen(NamedTuple):
    """Apps by their ids, or tenants with all their apps; everything if both are empty."""

    client_ids: list[str]
    tenant_ids: list[str]


def count(conn: Conn, chosen: Chosen) -> tuple[int, int]:
    """The numbers of chosen tenants and apps."""
    return conn.execute(queries.COUNT_CHOSEN, chosen._asdict()).fetchone() or (0, 0)


def announce_again(conn: Conn, chosen: Chosen) -> Iterator[int]:
    """Sends them, one portion per transaction, tenants first. Yields the size of each portion. Raises OperationRefused for an unknown id.

    At the end it deletes unsent messages whose versions lie in the future, because they would overwrite these later.
    """
    owners = dict(conn.execute(queries.OWNERS, chosen._asdict()).fetchall())
    wanted = [*chosen.client_ids, *chosen.tenant_ids]
    if unknown := sorted(set(wanted) - owners.keys()):
        raise OperationRefused(f"nobody has {', '.join(unknown)}")
    for one in wanted:
        operations.record(conn, owners[one], "states.announced", one)
    if not wanted:
        operations.record(conn, PLATFORM, "states.announced", "all")
    conn.commit()
    for portion in (_announce_tenants, _announce_apps):
        done = [""]
        while done:
            done = portion(conn, chosen._asdict() | {"after": done[-1], "portion": PORTION})
            conn.commit()
            yield len(done)
    conn.execute(queries.WITHDRAW_AHEAD, chosen._asdict() | {"names": [name_of(kind) for kind in TIMED]})
    conn.commit()


def _announce_tenants(conn: Conn, parameters: dict[str, Any]) -> list[str]:
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenants = cursor.execute(queries.RENEW_TENANTS, parameters).fetchall()
    for tenant in tenants:
        outbox.add_sync(conn, tenant.tenant_id, *tenant_messages(tenant))
    return sorted(tenant.tenant_id for tenant in tenants)


def _announce_apps(conn: Conn, parameters: dict[str, Any]) -> list[str]:
    with conn.cursor(row_factory=class_row(AppRow)) as cursor:
        apps = cursor.execute(queries.RENEW_APPS, parameters).fetchall()
    announce_apps(conn, apps)
    return sorted(app.client_id for app in apps)
