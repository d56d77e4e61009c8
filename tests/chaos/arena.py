"""A whole stack with its own servers and network, in which every part can fail.

`127.0.10.<n>` is the address through which service n reaches PostgreSQL, `127.0.11.<n>` the one for Redis, `127.0.20.1` the
partner's receiver. In a network namespace, packets to and from such an address can be dropped: connections then hang and are not
refused.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from deploy.compose import redis_users
from deploy.local import databases
from deploy.local.postgres import Cluster
from deploy.local.redis_server import RedisServer
from deploy.local.state import State
from deploy.local.table import ROOT, SERVICES, Service
from tests.support.running import RunningStack
from tests.support.sentinels import Mortal
from tests.support.stack import Stack
from tests.support.standby import Standby

COMPILER = shutil.which("cc")
RECEIVER = "127.0.20.1"
DISK = "64m"
NUMBERS = {name: number for number, name in enumerate(["gateway", *(service.name for service in SERVICES)], 1)}


def database_address(name: str) -> str:
    return f"127.0.10.{NUMBERS[name]}"


def redis_address(name: str) -> str:
    return f"127.0.11.{NUMBERS[name]}"


def redis_user(name: str) -> str:
    return next((service.database for service in SERVICES if service.name == name), name)


def listening() -> list[str]:
    return ["-c", "listen_addresses=" + ",".join(["127.0.0.1", *(database_address(name) for name in NUMBERS)])]


class Postgres(Cluster):
    """PostgreSQL that listens on every service's address for it."""

    def _options(self) -> list[str]:
        return [*super()._options(), *listening()]


class Second(Standby):
    """A standby that listens on the same addresses as the primary, on its own port."""

    def _options(self) -> list[str]:
        return [*super()._options(), *listening()]


class Queues(Mortal):
    """Redis that listens on every service's address for it; `memory` is its `maxmemory`."""

    memory = "512mb"

    def _configuration(self) -> str:
        addresses = " ".join(["127.0.0.1", *(redis_address(name) for name in NUMBERS)])
        text = super()._configuration().replace("bind 127.0.0.1", f"bind {addresses}")
        return text.replace("maxmemory 512mb", f"maxmemory {self.memory}")


class Arena:
    """`settings` are each service's settings in addition to its addresses. Changes apply to processes that start later."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Mapping[str, str]] | None = None, **environment: str
    ) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.postgres = Postgres(folder / "postgres", secrets.token_hex(8))
        self.state = State(folder / "state")
        self.passwords = {name: secrets.token_hex(16) for name in self._redis_names()}
        self.redis = Queues(folder / "redis", secrets.token_hex(8), redis_users.beside_default(self.passwords))
        deployed = {service.name: {"OUTBOX_RESEND_SECONDS": "30"} for service in SERVICES}  # `make up` has 3
        self.settings: dict[str, dict[str, str]] = deployed | {
            name: deployed.get(name, {}) | dict(given) for name, given in (settings or {}).items()
        }
        self.file = folder / "settings.json"
        self.environment: dict[str, Any] = {**environment}
        self.running: RunningStack | None = None

    @staticmethod
    def _redis_names() -> list[str]:
        return ["gateway", *(service.database for service in SERVICES)]

    def change_redis_passwords(self) -> None:
        """For processes and servers that start later."""
        self.passwords = {name: secrets.token_hex(16) for name in self.passwords}
        self.redis.users = redis_users.beside_default(self.passwords)
        self.write_settings()

    def serve(self) -> None:
        """Starts only the servers."""
        for server in self.servers_of_its_own():
            server.start()
        for server in self.servers_of_its_own():
            server.wait()
        self.disk.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "chaos", self.disk], check=True)

    def servers_of_its_own(self) -> Sequence[Cluster | RedisServer]:
        return self.postgres, self.redis

    def start(self) -> Stack:
        """Starts the stack on the running servers."""
        self.write_settings()
        self.running = RunningStack(
            self.state.folder,
            KNOGIN_POSTGRES_URL=self.admin_url,
            KNOGIN_REDIS_URL=self.redis_url("gateway"),
            KNOGIN_SETTINGS=f"@{self.file}",
            **self.environment,
        )
        return self.running.start()

    def stop(self) -> None:
        if self.running:
            with suppress(subprocess.TimeoutExpired):
                self.running.stop()
        subprocess.run(["umount", "-l", self.disk], check=False, capture_output=True)
        if self.running:
            self.running.delete()
        for server in (self.redis, self.postgres):
            server.stop()
        self.postgres.delete()

    def write_settings(self) -> None:
        """Writes the settings for processes that start later."""
        settings = {name: self._addresses(name) | self.settings.get(name, {}) for name in NUMBERS}
        self.file.touch(mode=0o600)
        self.file.write_text(json.dumps(settings))

    def _addresses(self, name: str) -> dict[str, str]:
        addresses = {"SPANS_FILE": str(self.disk / "spans.jsonl")}
        addresses["REDIS_URL"] = self.redis_url(name)
        service = next((service for service in SERVICES if service.name == name), None)
        if service is not None:
            addresses["DATABASE_URL"] = self.database_url(service, "app")
            addresses["WORKER_DATABASE_URL"] = self.database_url(service, "worker")
            addresses["AUDIT_ANCHOR_FILE"] = str(self.disk / f"{name}-anchors.jsonl")
        return addresses

    def redis_url(self, name: str) -> str:
        user = redis_user(name)
        return f"redis://{user}:{self.passwords[user]}@{redis_address(name)}:{self.redis.port}/0"

    @property
    def admin_url(self) -> str:
        return self.postgres.url

    @property
    def disk(self) -> Path:
        """A small disk, only for logs, spans and anchors."""
        return self.state.logs

    def database_url(self, service: Service, kind: str) -> str:
        role = databases.role(service, kind)
        password = self.state.secret(f"role {role}", lambda: secrets.token_hex(24))
        return f"postgresql://{role}:{password}@{self.servers(service.name)}/{service.database}"

    def servers(self, name: str) -> str:
        """The hosts and ports through which a service reaches its database."""
        return f"{database_address(name)}:{self.postgres.port}"

    def operate(self, *words: str) -> None:
        """Runs a command of `deploy.local`, such as `restart`."""
        environment = os.environ | {"KNOGIN_STATE": str(self.state.folder)}
        subprocess.run(
            [str(ROOT / ".venv/bin/python"), "-m", "deploy.local", *words], env=environment, cwd=ROOT, check=True
        )

    def pids(self, stack: Stack, name: str) -> list[int]:
        """All processes of a service or of the gateway."""
        described = stack.described
        if name == "gateway":
            return [described["gateway_pid"]]
        return [pid for pid in described["services"][name]["pids"].values() if pid]

    def everybody(self, stack: Stack) -> list[int]:
        return [pid for name in NUMBERS for pid in self.pids(stack, name)]


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fills the disk to the last byte."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 10, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
    finally:
        ballast.unlink()


@contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    """Stops processes and their children with SIGSTOP; their peers get no notice."""
    held: list[psutil.Process] = []
    try:
        for pid in pids:
            held += [process := psutil.Process(pid), *process.children(recursive=True)]
        for process in held:
            process.send_signal(signal.SIGSTOP)
        yield
    finally:
        for process in held:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
