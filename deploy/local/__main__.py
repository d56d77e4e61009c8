"""`python -m deploy.local`: the commands behind `make up`, `down`, `restart`, `demo`, `trace`, `logs` and `operate`."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.local.state import State, Unusable, read_json
from deploy.local.table import SERVICES, by_name

# Each command has its own imports: those of `up` take longer than an `operate` command.
if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cache
def terminal() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


@app.command("up")
def _up(
    headless: Annotated[bool, typer.Option(help="Plain lines instead of a live table.")] = False,
    only: Annotated[str, typer.Option(help="Services to start beside auth, separated by commas; all by default.")] = "",
) -> None:
    """Start everything; Ctrl-C stops it."""
    from deploy.local.up import FAILURES, Interrupted, up

    try:
        names = frozenset(name.strip() for name in only.split(",") if name.strip())
        if unknown := names - {service.name for service in SERVICES}:
            known = ", ".join(service.name for service in SERVICES)
            raise typer.BadParameter(f"no service is called {', '.join(sorted(unknown))}: there are {known}")
        up(State.chosen(), headless, names)
    except FAILURES as error:
        terminal().print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except Interrupted as error:
        terminal().print(str(error))
        raise typer.Exit(130) from None


@app.command("down")
def _down(delete: Annotated[bool, typer.Option(help="Also delete the data.")] = False) -> None:
    """Stop a stack that was left running."""
    from deploy.local import down

    state = State.chosen()
    stopped = down.down(state)
    terminal().print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running", soft_wrap=True)
    if delete:
        down.delete(state)
        terminal().print(f"deleted {state.folder}", soft_wrap=True)


@app.command()
def restart(
    names: Annotated[
        list[str] | None, typer.Argument(help="gateway, epcr, epcr-web, …; everything by default.")
    ] = None,
) -> None:
    """Replace running processes one after another, with the code on disk and without refusing a request."""
    from deploy.local import rolling

    of_services = {
        f"{name}-{kind}": name for name, service in _running()["services"].items() for kind in service["pids"]
    }
    found = {"gateway": "gateway"} | of_services
    if unknown := set(names or ()) - found.keys() - set(found.values()):
        known = ", ".join(dict.fromkeys([*found.values(), *found]))
        raise typer.BadParameter(f"nothing here is called {', '.join(sorted(unknown))}: there are {known}")
    chosen = [process for process, service in found.items() if not names or {process, service} & set(names)]
    try:
        rolling.ask(State.chosen(), chosen, lambda line: terminal().print(line, soft_wrap=True))
    except rolling.CannotRestart as error:
        terminal().print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


@app.command()
def migrate() -> None:
    """Bring the databases of the running stack up to date, while it serves."""
    from deploy.local import databases

    for name, found in _running()["services"].items():
        ran = databases.migrate(found["migration_database_url"], by_name(name))
        terminal().print(f"{name}: {', '.join(ran) or 'up to date'}", soft_wrap=True)


@app.command()
def demo() -> None:
    """Show an integrator's first day on the running stack."""
    from deploy.local import story
    from deploy.local.narrator import DemoFailed, Narrator

    described = _running()
    try:
        story.play(Narrator(terminal(), described["gateway"], described["hosts"]), described)
    except DemoFailed as error:
        terminal().print(f"the demo stopped: {error}", style="bold red", markup=False)
        raise typer.Exit(1) from None


@app.command()
def trace(
    trace_id: Annotated[str, typer.Argument(help="x-trace-id or traceparent; the newest request's if empty.")] = "",
    picture: Annotated[Path | None, typer.Option(help="Also write the drawing to this SVG file.")] = None,
) -> None:
    """Draw one trace across all processes."""
    from deploy.local import waterfall

    file = State.chosen().spans
    wanted = trace_id.split("-")[1] if trace_id.count("-") == 3 else trace_id or waterfall.newest(file)
    spans = waterfall.wait(file, wanted) if wanted else []
    if not spans:
        terminal().print(f"no spans of trace {wanted or '(none yet)'} in {file}", style="red", soft_wrap=True)
        raise typer.Exit(1)
    terminal().print(waterfall.draw(spans, terminal().width))
    if picture is not None:
        waterfall.save(spans, picture)


@app.command()
def logs(trace_id: Annotated[str, typer.Argument(help="x-trace-id or traceparent of any answer.")]) -> None:
    """Print the log lines of all processes that belong to one trace."""
    from deploy.local import logbook

    if not trace_id:
        raise typer.BadParameter("give the trace id of an answer: make logs ID=<x-trace-id>")
    wanted = trace_id.split("-")[1] if trace_id.count("-") == 3 else trace_id
    lines = logbook.of_trace(State.chosen().logs, wanted)
    for line in lines:
        terminal().print(logbook.drawn(line), soft_wrap=True)
    if not lines:
        terminal().print(f"no process logged a line in trace {wanted}", style="red", soft_wrap=True)
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def operate(context: typer.Context, service: Annotated[str, typer.Argument(help="auth, epcr, …")]) -> None:
    """Run an operator's command of a service with its settings: `operate auth keys list`."""
    if service not in {one.name for one in SERVICES}:
        raise typer.BadParameter(f"no service is called {service}: there are {', '.join(one.name for one in SERVICES)}")
    state = State.chosen()
    settings = read_json(state.settings).get(service)
    if settings is None or not state.stack.exists():
        terminal().print(f"{service} is not running here: start it with `make up`", style="red", soft_wrap=True)
        raise typer.Exit(1)
    os.execve(sys.executable, [sys.executable, "-m", by_name(service).module, *context.args], settings)  # noqa: S606 - no shell is wanted


def _running() -> dict[str, Any]:
    described = read_json(State.chosen().stack)
    if not described.get("ready"):
        terminal().print("no stack is running: start one with `make up`", style="red")
        raise typer.Exit(1)
    return described


def main() -> None:
    try:
        app()
    except Unusable as error:
        terminal().print(str(error), style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
