"""`python -m gateway web`."""

from typing import Annotated

import typer

from gateway.server import run
from gateway.settings import load

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="The gateway in front of the services.")


@cli.callback()
def main() -> None:
    """The gateway in front of the services."""


@cli.command()
def web(
    fd: Annotated[
        list[int] | None,
        typer.Option(help="Serve an already listening socket, which other processes may share; may be given again."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on, where no socket is given.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    ops_host: Annotated[str, typer.Option(help="Address of the probes and metrics (OPS_PORT).")] = "127.0.0.1",
) -> None:
    """Serve. SIGTERM drains."""
    run(load(), fds=fd or [], host=host, port=port, ops_host=ops_host)


if __name__ == "__main__":
    cli()
