"""The operator's command that sends apps and tenants again, under fresh versions, to consumers with wrong state."""

import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple

import typer
from psycopg.rows import class_row

from services.auth.apps.models import AppRow, Tenant
from services.auth.keys.models import PLATFORM
from services.auth.settings import Settings
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


def commands(load: Callable[[], Settings]) -> typer.Typer:
    cli = typer.Typer(help="All apps of all tenants.")

    @cli.callback()
    def main() -> None:
        """All apps of all tenants."""

    @cli.command(name="announce")
    def announce(
        client_id: Annotated[list[str] | None, typer.Option(help="An app, app_…; may be given again.")] = None,
        tenant: Annotated[
            list[str] | None, typer.Option(help="A tenant, org_…, and its apps; may be given again.")
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="Every tenant and every app.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do it; without it they are only counted.")] = False,
        per_second: Annotated[int, typer.Option(min=1, help="At most so many a second.")] = 200,
    ) -> None:
        """Send apps, deleted ones too, and tenants again to the services that store them, under fresh versions."""
        if sum(map(bool, (client_id, tenant, everything))) != 1:
            raise SystemExit("name apps with --client-id, or tenants with --tenant, or --all")
        chosen = Chosen(client_id or [], tenant or [])
        try:
            with operations.operating(load()) as conn:
                tenants, apps = count(conn, chosen)
                typer.echo(f"{tenants} tenants and {apps} apps" + ("" if yes else "; --yes announces them"))
                if yes:
                    # Sends slowly, because current changes of apps and tenants wait in the same queues.
                    portions = announce_again(conn, chosen)
                    announced = 0
                    for portion in portions:
                        announced += portion
                        typer.echo(f"{announced} announced")
                        time.sleep(portion / per_second)
        except OperationRefused as refused:
            raise SystemExit(str(refused)) from None

    return cli
