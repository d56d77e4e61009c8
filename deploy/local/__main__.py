"""`python -m deploy.local`: what the Makefile calls."""

from typing import Annotated

import typer
from rich.console import Console

from deploy.local import databases, down
from deploy.local.binaries import ProgramMissing
from deploy.local.ports import PortTaken
from deploy.local.postgres import ServerFailed
from deploy.local.state import AlreadyRunning, State, read_json
from deploy.local.supervisor import StartFailed
from deploy.local.table import SERVICES
from deploy.local.up import Interrupted, up

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@app.command("up")
def _up(
    headless: Annotated[bool, typer.Option(help="Plain lines instead of a live table.")] = False,
    only: Annotated[str, typer.Option(help="Services to start, separated by commas; all by default.")] = "",
) -> None:
    """Start everything; Ctrl-C stops it."""
    try:
        up(State.chosen(), headless, _names(only))
    except (PortTaken, AlreadyRunning, ProgramMissing, ServerFailed, StartFailed) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except Interrupted as error:
        console.print(str(error))
        raise typer.Exit(130) from None


@app.command("down")
def _down(delete: Annotated[bool, typer.Option(help="Also delete the data.")] = False) -> None:
    """Stop a stack that was left running."""
    state = State.chosen()
    stopped = down.down(state)
    console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running", soft_wrap=True)
    if delete:
        down.delete(state)
        console.print(f"deleted {state.folder}", soft_wrap=True)


@app.command()
def migrate() -> None:
    """Bring the databases of the running stack up to date, while it serves."""
    described = read_json(State.chosen().stack)
    if not described:
        console.print("no stack is running: `make up` starts one and migrates first", style="red")
        raise typer.Exit(1)
    for name, found in described["services"].items():
        ran = databases.migrate(found["migration_database_url"], databases.by_name(name))
        console.print(f"{name}: {', '.join(ran) or 'up to date'}", soft_wrap=True)


def _names(only: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in only.split(",") if name.strip())
    if unknown := names - {service.name for service in SERVICES}:
        raise typer.BadParameter(f"no service is called {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    app()
