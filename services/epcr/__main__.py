"""`python -m services.epcr`: processes and operator's commands."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from services.epcr.settings import Settings, load
from shared.command import commands
from shared.messages import ClinicalApp, Versioned
from shared.settings import required

if TYPE_CHECKING:
    from celery import Celery
    from starlette.applications import Starlette

    from shared.periodic import Periodic


def create_app(settings: Settings) -> "Starlette":
    from services.epcr import app

    return app.create_app(settings)


def create_worker(settings: Settings) -> "Celery":
    from services.epcr import tasks

    return tasks.create_worker(settings)


def periodic(settings: Settings) -> "list[Periodic]":
    from services.epcr import tasks

    return tasks.periodic(settings)


cli = commands(
    name="epcr",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
    versioned=(Versioned(ClinicalApp, "apps", "client_id"),),
)


@cli.command()
def reencrypt() -> None:
    """Encrypt every record with the first of ENCRYPTION_KEYS; after that the others may go. Needs MIGRATION_DATABASE_URL."""
    import psycopg

    from services.epcr import reencrypt as records
    from shared.crypto import Keyring

    settings = load()
    dsn = required(settings.migration_database_url, "MIGRATION_DATABASE_URL")
    with psycopg.connect(dsn, autocommit=True) as conn:
        count = records.reencrypt(conn, Keyring.from_text(settings.encryption_keys))
    typer.echo(f"{count} records encrypted anew")


if __name__ == "__main__":
    cli()
