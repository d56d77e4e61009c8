"""`python -m services.epcr`: its processes and the operator's commands."""

from pathlib import Path

import psycopg
import typer

from services.epcr import reencrypt as records
from services.epcr.app import create_app
from services.epcr.settings import load
from services.epcr.tasks import create_worker, periodic
from shared.command import commands
from shared.crypto import Keyring
from shared.settings import required

cli = commands(
    name="epcr",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
)


@cli.command()
def reencrypt() -> None:
    """Bring every record under the first of ENCRYPTION_KEYS; after that the others may go. Needs MIGRATION_DATABASE_URL."""
    settings = load()
    dsn = required(settings.migration_database_url, "MIGRATION_DATABASE_URL")
    with psycopg.connect(dsn, autocommit=True) as conn:
        count = records.reencrypt(conn, Keyring.from_text(settings.encryption_keys))
    typer.echo(f"{count} records encrypted anew")


if __name__ == "__main__":
    cli()
