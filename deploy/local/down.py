"""Stops a stack from another process, and ends the processes that a killed stack left."""

import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psutil

from deploy.local.postgres import Cluster
from deploy.local.process import signal_group
from deploy.local.state import State, born, read_json

PATIENCE = 40
ORPHANS_PATIENCE = 3  # short: they already got a signal when their supervisor died


def down(state: State) -> list[str]:
    """Stops the stack of this state folder and returns the names of its running processes. Also works when some have died."""
    record = read_json(state.processes)
    supervisor = _alive(record.get("supervisor", {}))
    stopped = [name for name, child in _children(record).items() if _alive(child)]
    if supervisor:
        stopped.insert(0, "supervisor")
        supervisor.send_signal(signal.SIGTERM)
        with suppress(psutil.TimeoutExpired):
            supervisor.wait(PATIENCE)
        if supervisor.is_running():
            supervisor.kill()
    sweep(state)
    return stopped


def sweep(state: State) -> None:
    """Ends processes of an earlier run that outlived their supervisor, and removes the files of that run."""
    left = [process for child in _children(read_json(state.processes)).values() if (process := _alive(child))]
    for process in left:
        signal_group(process.pid, signal.SIGTERM if process.name() != "postgres" else signal.SIGINT)
    _, deaf = psutil.wait_procs(left, timeout=ORPHANS_PATIENCE)
    for process in deaf:
        signal_group(process.pid, signal.SIGKILL)
    psutil.wait_procs(deaf, timeout=ORPHANS_PATIENCE)
    for file in (state.processes, state.stack):
        file.unlink(missing_ok=True)


def delete(state: State) -> None:
    """Removes the state folder and its databases' files. The stack must be down. Raises Unusable for a folder that is no stack's."""
    state.require_own()
    Cluster(state.folder / "postgres", "").delete()
    shutil.rmtree(state.folder, ignore_errors=True)


def _children(record: Mapping[str, Any]) -> dict[str, Any]:
    return record.get("children", {})


def _alive(process: Mapping[str, Any]) -> psutil.Process | None:
    """The recorded process; None if it ended, even if a later process has the same pid."""
    pid = process.get("pid", 0)
    if not pid or process.get("born") is None or born(pid) != process["born"]:
        return None
    return psutil.Process(pid)
