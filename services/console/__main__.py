"""`python -m services.console web | relay | migrate | jwks | …`"""

from pathlib import Path

from services.console.settings import load
from shared.command import commands

cli = commands(load, Path(__file__).parent, consumes=False)


@cli.command()
def jwks() -> None:
    """Print the console's public keys as an OAuth client, for `python -m services.auth console register`."""
    import msgspec

    from shared.primitives.crypto import public_jwks

    print(msgspec.json.encode(public_jwks(load().client_keys)).decode())  # noqa: T201 - the command's output


if __name__ == "__main__":
    cli()
