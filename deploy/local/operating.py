"""Runs operators' commands on the running stack: the service's own command line with its settings."""

import os
import sys
from typing import NoReturn

from deploy.local import table
from deploy.local.state import State, read_json


class NotRunning(Exception):
    """No stack is running, or it does not run that service."""


def operate(state: State, name: str, arguments: list[str]) -> NoReturn:
    """Replaces this process by `python -m services.<name> <arguments>`. Raises NotRunning."""
    settings = read_json(state.settings).get(name)
    if settings is None or not state.stack.exists():
        raise NotRunning(f"{name} is not running here: start it with `make up`")
    module = table.by_name(name).module
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], settings)  # noqa: S606 - no shell is wanted
