"""`python -m services.auth`: its processes and the operator's commands."""

from pathlib import Path
from typing import Annotated

import typer

from services.auth.requests.commands import cli as requests
from services.auth.saml.commands import cli as saml
from services.auth.settings import load
from services.auth.tenants.commands import (
    app_cli,
    console_cli,
    first_party_cli,
    key_cli,
    scope_cli,
    tenant_cli,
    user_cli,
)
from shared.command import commands

cli = commands(load, Path(__file__).parent)
cli.add_typer(tenant_cli, name="tenant")
cli.add_typer(user_cli, name="user")
cli.add_typer(app_cli, name="apps")
cli.add_typer(first_party_cli, name="first-party")
cli.add_typer(console_cli, name="console")
cli.add_typer(scope_cli, name="scopes")
cli.add_typer(key_cli, name="keys")
cli.add_typer(saml, name="saml")
cli.add_typer(requests, name="requests")


@cli.command()
def bootstrap(
    input: Annotated[Path, typer.Option(help="JSON: the tenants to make or find, with their administrators.")],
    output: Annotated[Path, typer.Option(help="Where to write ids, secrets and a 12-hour token for each; mode 600.")],
) -> None:
    """Make the first tenants of an installation. Running it again finds them and mints new tokens."""
    import asyncio

    import msgspec

    from services.auth.tenants import bootstrap as tenants

    try:
        wanted = msgspec.json.decode(input.read_bytes(), type=tenants.BootstrapRequest)
    except msgspec.DecodeError as error:
        raise SystemExit(f"{input}: {error}") from None
    answer = asyncio.run(tenants.bootstrap(load(), wanted))
    output.touch(mode=0o600)
    output.chmod(0o600)
    output.write_bytes(msgspec.json.encode(answer))


if __name__ == "__main__":
    cli()
