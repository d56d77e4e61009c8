"""`python -m services.webhook_dispatcher web|worker|sender|relay|migrate|…`"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from services.webhook_dispatcher.settings import Settings, load
from shared.command import LOOPBACK, OpsHost, commands, observe, wait_for_schema
from shared.messages import AutomationInterest, Versioned, WebhookApp

if TYPE_CHECKING:
    from celery import Celery
    from starlette.applications import Starlette

    from shared.periodic import Periodic


def create_app(settings: Settings) -> "Starlette":
    from services.webhook_dispatcher import app

    return app.create_app(settings)


def create_worker(settings: Settings) -> "Celery":
    from services.webhook_dispatcher import tasks

    return tasks.create_worker(settings)


def periodic(settings: Settings) -> "list[Periodic]":
    from services.webhook_dispatcher import tasks

    return tasks.periodic(settings)


cli = commands(
    name="webhook-dispatcher",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
    versioned=(
        Versioned(WebhookApp, "apps", "client_id"),
        Versioned(AutomationInterest, "automation_interest", "tenant_id"),
    ),
)


@cli.command()
def sender(ops_host: OpsHost = LOOPBACK) -> None:
    """Send due deliveries. Any number of these processes share the work."""
    from services.webhook_dispatcher.sending.sender import run

    settings = load()
    working = observe("webhook-dispatcher", settings, ops_host)
    wait_for_schema(settings, Path(__file__).parent)
    run(settings, working)


@cli.command(name="chores")
def list_chores() -> None:
    """Decisions whose old rows are not done yet: webhook, tenant, kind, begun, rows changed, rows waiting (to 10,000)."""
    from services.webhook_dispatcher.history import decisions
    from shared.database import open_tasks_pool, task_transaction
    from shared.settings import required

    dsn = required(load().worker_database_url, "WORKER_DATABASE_URL")
    with task_transaction(open_tasks_pool(dsn, max_size=1)) as conn:
        for row in decisions.chores_left(conn):
            typer.echo("  ".join(str(value) for value in row))


if __name__ == "__main__":
    cli()
