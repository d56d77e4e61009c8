"""`python -m services.graphql_api web | worker | relay | migrate | rebuild-acqi | suppress-small-cells | …`"""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from services.graphql_api.settings import load
from shared.command import commands
from shared.messaging.messages import EncounterFacts, GraphqlApp, Versioned
from shared.process.settings import required

cli = commands(
    load,
    Path(__file__).parent,
    (
        Versioned(GraphqlApp, "graphql_apps", "client_id"),
        Versioned(EncounterFacts, "acqi_facts", "encounter_id"),
    ),
)


@cli.command()
def rebuild_acqi(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's; all without.")] = None,
) -> None:
    """Rebuild the aggregates of the quality indicators from the facts, month by month, while the service runs."""
    from services.graphql_api.acqi import months
    from shared.storage.database import open_tasks_pool

    pool = open_tasks_pool(required(load().worker_database_url, "WORKER_DATABASE_URL"), max_size=1)

    def progress(tenant_id: str, month: date, read: int) -> None:
        typer.echo(f"{tenant_id} {month:%Y-%m}: {read} encounters")

    typer.echo(f"{months.rebuild(pool, tenant, progress)} encounters in all")
    pool.close()


@cli.command()
def suppress_small_cells(
    tenant: str, on: Annotated[bool, typer.Option("--on/--off", help="Withhold counts under 5, or show them.")] = True
) -> None:
    """Set for a tenant whether partners see counts under 5. If not, they ask for whole calendar months that have ended."""
    from services.graphql_api.acqi import queries
    from shared.storage.database import open_tasks_pool, task_transaction

    pool = open_tasks_pool(required(load().worker_database_url, "WORKER_DATABASE_URL"), max_size=1)
    with task_transaction(pool, tenant) as conn:
        conn.execute(queries.SET_SUPPRESSION, (tenant, on))
    pool.close()


if __name__ == "__main__":
    cli()
