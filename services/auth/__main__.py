"""`python -m services.auth`: its processes and the operator's commands."""

from pathlib import Path
from typing import Annotated

import typer

from services.auth.requests import commands as requests
from services.auth.saml import commands as saml
from services.auth.settings import load
from services.auth.tenants import announcing, first_party
from services.auth.tenants import commands as operator
from shared.command import commands

cli = commands(load, Path(__file__).parent)
cli.add_typer(operator.tenant_commands(load), name="tenant")
cli.add_typer(operator.user_commands(load), name="user")
cli.add_typer(announcing.commands(load), name="apps")
cli.add_typer(first_party.app_commands(load), name="first-party")
cli.add_typer(operator.scope_commands(load), name="scopes")
cli.add_typer(operator.key_commands(load), name="keys")
cli.add_typer(saml.saml_commands(load), name="saml")
cli.add_typer(requests.request_commands(load), name="requests")


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
