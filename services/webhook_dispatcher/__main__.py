"""`python -m services.webhook_dispatcher web|worker|relay|migrate|…`"""

from pathlib import Path
from typing import TYPE_CHECKING

from services.webhook_dispatcher.queues import SEND
from services.webhook_dispatcher.settings import Settings, load
from shared.command import commands

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
    queues=(SEND,),
)

if __name__ == "__main__":
    cli()
