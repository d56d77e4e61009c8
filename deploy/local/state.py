"""The state folder: secrets that are made once, the last ports, logs, and the two files that describe the running stack."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from deploy.local.table import ROOT

SPANS_KEPT = 100 * 1024 * 1024


class AlreadyRunning(Exception):
    """Another supervisor uses this state folder."""


class Unusable(Exception):
    """The state folder or one of its files cannot be read or written."""


class State:
    """`$KNOGIN_STATE`, by default `.local` in the checkout. Every path is absolute."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.stack = self.folder / "stack.json"
        self.processes = self.folder / "processes.json"
        self.logs = self.folder / "logs"
        self.spans = self.folder / "spans.jsonl"
        self.anchors = self.folder / "anchors"
        self.token = self.folder / "token"
        self.settings = self.folder / "settings.json"
        self.restarting = self.folder / "restarting.json"
        self._secrets = self.folder / "secrets.json"
        self._ports = self.folder / "ports.json"
        self._lock = self.folder / "lock"

    @classmethod
    def chosen(cls) -> "State":
        return cls(Path(os.environ.get("KNOGIN_STATE") or ROOT / ".local"))

    def prepare(self) -> int:
        """Makes the folder, starts new logs, and returns the descriptor of its lock. Raises AlreadyRunning, Unusable."""
        self.require_own()
        with usable(self.folder):
            self.logs.mkdir(parents=True, exist_ok=True)
            self.anchors.mkdir(exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AlreadyRunning(
                f"a stack is already running with its state in {self.folder}: `make down` stops it"
            ) from None
        self.restarting.unlink(missing_ok=True)
        for log in self.logs.glob("*.log"):
            log.unlink()
        if self.spans.exists() and self.spans.stat().st_size > SPANS_KEPT:
            self.spans.unlink()
        return lock

    def require_own(self) -> None:
        """Raises Unusable for a folder that is no stack's, because `make reset` deletes the whole folder."""
        with usable(self.folder):
            held = {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()
        if held and not held & {self._lock.name, self._secrets.name}:
            raise Unusable(f"{self.folder} holds no stack's state, and is not empty: KNOGIN_STATE names another folder")

    def record_processes(self, children: Mapping[str, int]) -> None:
        """Writes the pid and the start time of each process, so that another program can stop them; pids alone are reused."""
        told = {name: {"pid": pid, "born": born(pid)} for name, pid in children.items()}
        supervisor = {"pid": os.getpid(), "born": born(os.getpid())}
        write_json(self.processes, {"supervisor": supervisor, "children": told})

    def secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret of that name; `make` makes it at the first call."""
        secrets = read_json(self._secrets)
        if name not in secrets:
            write_json(self._secrets, secrets | {name: make()})
        return read_json(self._secrets)[name]

    def write_token(self, token: str) -> None:
        """Writes the administrator's token of this run to a file, which keeps commands to paste short."""
        with os.fdopen(os.open(self.token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token)

    def last_port(self, name: str) -> int:
        return read_json(self._ports).get(name, 0)

    def remember_ports(self, ports: dict[str, int]) -> None:
        write_json(self._ports, ports)


def read_json(path: Path) -> dict[str, Any]:
    """The file's content; empty if there is no file. Raises Unusable."""
    try:
        with usable(path):
            return json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        raise Unusable(f"{path} is damaged: it is not JSON") from None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replaces the file in one step. Only its owner can read it. Raises Unusable."""
    draft = path.with_suffix(".draft")
    with usable(path):
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        draft.replace(path)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turns an error of the file system into Unusable, with the reason and the path."""
    try:
        yield
    except OSError as error:
        raise Unusable(f"{path} cannot be used: {error.strerror or error}") from error


def born(pid: int) -> float | None:
    """The start time of that process; None if there is none. It separates a process from a later one with the same pid."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
