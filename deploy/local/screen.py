"""Shows the start of the stack: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.process import Process
from deploy.local.table import SERVICES

KINDS = tuple(dict.fromkeys(kind for service in SERVICES for kind in service.processes))


class Screen:
    """The supervisor's loop refreshes it. A thread for that would make forking unsafe."""

    def __init__(self, console: Console, live: bool) -> None:
        self.console = console
        self._began = time.monotonic()
        self._live = Live(console=console, auto_refresh=False) if live else None
        self._told: set[str] = set()
        self._phases: list[tuple[str, str, float]] = []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def begin(self) -> None:
        if self._live:
            self._live.start()

    def end(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)

    def phase(self, name: str, result: str) -> None:
        """Shows that a step before the first process is done."""
        self._phases.append((name, result, self.seconds))
        self.show([])
        if not self._live:
            self.say(f"{self.seconds:5.1f} s  {name}: {result}")

    def show(self, processes: Sequence[Process]) -> None:
        if self._live:
            title = f"Knogin integration platform  {self.seconds:.1f} s"
            table = Table(box=None, padding=(0, 2), title=title, title_justify="left")
            for heading in ("service", *KINDS, "address"):
                table.add_column(heading, style="bold" if heading == "service" else "", header_style="dim")
            for name, result, at in self._phases:
                table.add_row(name, Text(f"● {at:.1f} s", "green"), *[""] * (len(KINDS) - 1), Text(result, "dim"))
            for service in dict.fromkeys(process.service for process in processes):
                mine = {process.kind: process for process in processes if process.service == service}
                port = mine["web"].port
                cells = [_state(mine[kind]) if kind in mine else Text("") for kind in KINDS]
                table.add_row(service, *cells, f"[dim]127.0.0.1:{port}[/dim]")
            self._live.update(table, refresh=True)
            return
        for process in processes:
            if process.ready and process.name not in self._told:
                self._told.add(process.name)
                self.say(f"{self.seconds:5.1f} s  {process.name} ready")


def _state(process: Process) -> Text:
    if process.ready:
        return Text(f"● ready {process.ready_at - process.started_at:.1f} s", "green")
    if process.running:
        return Text("○ starting", "yellow")
    return Text(
        f"✕ died {process.restarts}×" if process.restarts else "· waiting", "red" if process.restarts else "dim"
    )
