"""A Redis (or Valkey) of our own: a user for each service, 127.0.0.1 alone, nothing kept on disk."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NotYet

from deploy.local import binaries, ports
from deploy.local.children import end, start_of_program
from deploy.local.postgres import ServerFailed, tail

START_SECONDS = 30
LIMITS = {
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    # Buffers and answers of all clients together. Beyond it Redis ends the connections with the most:
    # https://redis.io/docs/latest/develop/reference/clients/#client-eviction
    "maxmemory-clients": "128mb",
    # A call is at most 8 MiB: one longer would only make its consumer run out of memory.
    "proto-max-bulk-len": "16mb",
    "client-query-buffer-limit": "24mb",
    # Each entry would hold the refused key, which is as long as a user likes.
    "acllog-max-len": "0",
}
"""Of Redis' memory, in containers and in Kubernetes as well. There HELLO is no command either: any user may give it, no ACL forbids it,
and it gives a connection a name of up to 16 MiB, which no limit counts. Programs that developers use here begin with it."""


class RedisServer:
    """One server without persistence: the outbox lets its data be lost at any time.

    `password` is that of the default user, who may do everything; `users` are lines of an ACL file for the others.
    """

    name = "redis"

    def __init__(self, folder: Path, password: str, users: str = "") -> None:
        self.folder = folder
        self.password = password
        self.users = users
        self.log = folder / "redis.log"
        self.port = 0
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/0"

    def start(self, preferred_port: int = 0) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port(preferred_port)
        self.launch()

    def launch(self) -> None:
        """Start it on the port it has."""
        with self.log.open("ab") as log, self._configured() as configuration:
            self.server = subprocess.Popen(
                [binaries.redis_server(self.folder / "programs"), "-"],
                stdin=configuration,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                preexec_fn=start_of_program(os.getpid(), signal.SIGTERM),
            )

    @property
    def running(self) -> bool:
        return self.server is not None and self.server.poll() is None

    def wait(self) -> None:
        """Return when the server answers; raise ServerFailed with the end of its log when it does not."""
        deadline = time.monotonic() + START_SECONDS
        with Redis.from_url(self.url, socket_timeout=5) as client:
            while time.monotonic() < deadline and self.running:
                try:
                    client.ping()
                except NotYet:
                    time.sleep(0.03)
                else:
                    return
        self.stop()
        raise ServerFailed(f"Redis did not start:\n{tail(self.log)}")

    def stop(self) -> None:
        if self.server:
            end(self.server)
        self.server = None

    @contextmanager
    def _configured(self) -> Iterator[int]:
        """The file descriptor of the configuration, so that no password is in the process list or on disk.

        It is complete before the server starts. A server without one would listen on all addresses, to everyone, and would refuse to end
        once its folder is gone, because it could not save.
        """
        read, write = os.pipe()
        try:
            with os.fdopen(write, "wb") as pipe:
                pipe.write(self._configuration().encode())
            yield read
        finally:
            os.close(read)

    def _configuration(self) -> str:
        lines = [
            f"bind {ports.LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.password}",
            'save ""',
            "appendonly no",
            *(f"{name} {value}" for name, value in LIMITS.items()),
        ]
        return "\n".join(lines) + f"\n{self.users}"
