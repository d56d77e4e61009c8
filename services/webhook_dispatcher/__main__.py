"""`python -m services.webhook_dispatcher web|worker|relay|migrate|…`"""

from pathlib import Path

from services.webhook_dispatcher.app import create_app
from services.webhook_dispatcher.settings import load
from services.webhook_dispatcher.tasks import SEND, create_worker, periodic
from shared.command import commands

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
