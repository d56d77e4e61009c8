"""Starts a process that ends with the tests, however they end: a killed run would otherwise leave its servers behind."""

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from deploy.local.children import die_with_parent


def start_child(command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
    """As `subprocess.Popen`. On Linux the child is killed when the thread that calls this ends."""
    parent = os.getpid()

    def prepare() -> None:
        die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(command, preexec_fn=prepare, **options)
