"""Reads the logs of all processes as one: the lines of a trace, in the order of their times."""

import json
from pathlib import Path
from typing import Any

from rich.text import Text

TOLD_APART = ("at", "level", "service", "logger", "message", "trace_id", "tenant_id")
LEVELS = {"warning": "yellow", "error": "red", "critical": "bold red"}


def of_trace(folder: Path, trace_id: str) -> list[dict[str, Any]]:
    """Lines of that trace from every process, oldest first."""
    found = [
        json.loads(text) | {"process": file.stem}
        for file in sorted(folder.glob("*.log"))
        for text in file.read_text(errors="replace").splitlines()
        if trace_id in text and text.startswith("{")
    ]
    return sorted((line for line in found if line.get("trace_id") == trace_id), key=lambda line: line["at"])


def drawn(line: dict[str, Any]) -> Text:
    """One line for people: time, process, message, then the other fields."""
    rest = {name: value for name, value in line.items() if name not in TOLD_APART and name != "process"}
    text = Text(f"{line['at'][11:23]}  {line['process']:<26}", style=LEVELS.get(line["level"], ""))
    text.append(line["message"])
    text.append("".join(f"  {name}={value}" for name, value in rest.items()), style="dim")
    return text
