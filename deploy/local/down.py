"""Stopping a stack from outside, and clearing away what a killed one left behind."""

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
ORPHANS_PATIENCE = 3  # they were told before, by the death of their supervisor


def down(state: State) -> list[str]:
    """Stop the stack whose state this is; the names of what was running. Also right when it is half dead."""
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
    """End processes of an earlier run that outlived their supervisor, and remove its files."""
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
    """Remove the state folder and the data it points to. The stack must be down. Raises Unusable for a folder of others."""
    state.require_own()
    Cluster(state.folder / "postgres", "").delete()
    shutil.rmtree(state.folder, ignore_errors=True)


def _children(record: Mapping[str, Any]) -> dict[str, Any]:
    return record.get("children", {})


def _alive(process: Mapping[str, Any]) -> psutil.Process | None:
    """The process, if the pid is still the one that was recorded and not a later process with the same number."""
    pid = process.get("pid", 0)
    if not pid or process.get("born") is None or born(pid) != process["born"]:
        return None
    return psutil.Process(pid)
