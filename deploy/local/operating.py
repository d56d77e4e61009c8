"""Operators' commands against the running stack: a service's own command line with that service's own settings."""

import os
import sys
from typing import NoReturn

from deploy.local import table
from deploy.local.state import State, read_json


class NotRunning(Exception):
    """There is no stack to operate, or it lacks that service."""


def operate(state: State, name: str, arguments: list[str]) -> NoReturn:
    """Become `python -m services.<name> <arguments>`. Raises NotRunning."""
    settings = read_json(state.settings).get(name)
    if settings is None or not state.stack.exists():
        raise NotRunning(f"{name} is not running here: start it with `make up`")
    module = table.by_name(name).module
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], settings)  # noqa: S606 - no shell is wanted
