"""`python -m services.epcr`: processes and operator's commands."""

from pathlib import Path
from typing import Annotated

import typer

from services.epcr.settings import load
from shared.command import AllowanceOf, Default, Most, change_allowance, commands
from shared.messaging.messages import ClinicalApp, Versioned
from shared.process.settings import required

cli = commands(load, Path(__file__).parent, (Versioned(ClinicalApp, "apps", "client_id"),))


@cli.command()
def reencrypt() -> None:
    """Encrypt every record with the first of ENCRYPTION_KEYS; after that the others may go. Needs MIGRATION_DATABASE_URL."""
    import psycopg

    from services.epcr import reencrypt as records
    from shared.primitives.crypto import Keyring

    settings = load()
    dsn = required(settings.migration_database_url, "MIGRATION_DATABASE_URL")
    with psycopg.connect(dsn, autocommit=True) as conn:
        count = records.reencrypt(conn, Keyring.from_text(settings.encryption_keys))
    typer.echo(f"{count} records encrypted anew")


@cli.command()
def allowance(tenant: AllowanceOf, most: Most = None, default: Default = False) -> None:
    """Set how many bytes of records and readings an organisation may store, and show the number and how many it does."""
    from services.epcr.allowance import set_limit, show

    settings = load()
    change_allowance(settings, tenant, most, settings.most_stored_bytes, set_limit, show, default=default)


@cli.command()
def resend_facts(
    tenant: Annotated[str, typer.Argument(help="The organisation's id.")],
    after: Annotated[str, typer.Option(help="The last encounter of a run that ended.")] = "",
) -> None:
    """Send the facts of an organisation's finished encounters to the indicators again, after a release that has more facts."""
    import psycopg

    from services.epcr import resend
    from shared.primitives import ids

    if not ids.is_id(tenant, "org"):
        raise SystemExit(f"{tenant} is not the id of an organisation")

    def progress(last: str, count: int) -> None:
        typer.echo(f"{last}: {count} encounters")

    with psycopg.connect(required(load().worker_database_url, "WORKER_DATABASE_URL"), autocommit=True) as conn:
        typer.echo(f"{resend.resend(conn, tenant, after, progress)} encounters in all")


if __name__ == "__main__":
    cli()
