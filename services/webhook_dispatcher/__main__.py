"""`python -m services.webhook_dispatcher web|worker|sender|relay|migrate|…`"""

from pathlib import Path

import typer

from services.webhook_dispatcher.settings import load
from shared.command import LOOPBACK, OpsHost, commands, observe, wait_for_schema
from shared.messaging.messages import AutomationInterest, Versioned, WebhookApp

cli = commands(
    load,
    Path(__file__).parent,
    (
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
    from shared.process.settings import required
    from shared.storage.database import open_tasks_pool, task_transaction

    dsn = required(load().worker_database_url, "WORKER_DATABASE_URL")
    with task_transaction(open_tasks_pool(dsn, max_size=1)) as conn:
        for row in decisions.chores_left(conn):
            typer.echo("  ".join(str(value) for value in row))


if __name__ == "__main__":
    cli()
