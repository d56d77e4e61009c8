"""A real primary of Redis, its replica and three Sentinels, plain or behind fronts that end TLS."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis import Redis
from redis.exceptions import ConnectionError as Unreachable

from deploy.compose import redis_users
from deploy.local import binaries, ports
from deploy.local.children import start_of_program
from deploy.local.redis_server import RedisServer
from tests.support.tls import Authority, Front
from tests.support.waiting import wait_for

MASTER = "queues"
SENTINELS, QUORUM = 3, 2
DOWN_MILLISECONDS = 1000


class Mortal(RedisServer):
    """A server that a test may kill."""

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=10)

    def kill(self) -> None:
        assert self.server
        self.server.kill()
        self.server.wait()


class Server(Mortal):
    """One of a group: `of` is the address of the server that it begins to follow, `front` the port where others reach it."""

    of: tuple[str, int] | None = None
    front = 0
    replica_password = ""

    def replication(self) -> dict[str, Any]:
        """Sentinel ends all connections to a server as it changes its role."""
        with self.client() as client:
            try:
                return client.info("replication")
            except Unreachable:
                return {"role": "unknown", "master_link_status": "unknown"}

    def _configuration(self) -> str:
        lines = [
            super()._configuration(),
            "acllog-max-len 100",
            "masteruser replica",
            f"masterauth {self.replica_password}",
            f"replica-announce-port {self.front or self.port}",
            "repl-diskless-sync-delay 0",
            *([f"replicaof {self.of[0]} {self.of[1]}"] if self.of else []),
        ]
        return "\n".join([*lines, ""])


class Group:
    """`passwords` are those of the users at the servers; at each Sentinel `platform` has `client_password`."""

    def __init__(self, folder: Path, passwords: Mapping[str, str], authority: Authority | None = None) -> None:
        self.folder = folder
        self.passwords = dict(passwords) | {name: secrets.token_hex(8) for name in ("replica", "sentinel")}
        self.client_password, self.peer_password = secrets.token_hex(8), secrets.token_hex(8)
        self.authority = authority
        admin = secrets.token_hex(8)
        self.servers = [
            Server(folder / name, admin, redis_users.beside_default(self.passwords)) for name in ("first", "second")
        ]
        self.fronts: list[Front] = []
        self.ports: list[int] = []
        self.sentinels: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for server in self.servers:
            server.replica_password = self.passwords["replica"]
            server.port = ports.free_port(0)
            server.front = self._front(server.port)
        first, second = self.servers
        second.of = (ports.LOOPBACK, first.front)
        for server in self.servers:
            server.folder.mkdir(parents=True)
            server.launch()
            server.wait()
        wait_for(lambda: second.replication()["master_link_status"] == "up", 20, "the replica to follow")
        for number in range(SENTINELS):
            self.ports.append(ports.free_port(0))
            self.sentinels.append(self._start_sentinel(number))
        wait_for(self.is_whole, 60, "the Sentinels to find each other and the replica")
        self.asked = [self._front(port) for port in self.ports]

    def stop(self) -> None:
        for process in self.sentinels:
            process.kill()
            process.wait()
        for server in self.servers:
            server.stop()
        for front in self.fronts:
            front.stop()

    def url(self, user: str, host: str = ports.LOOPBACK) -> str:
        """The setting REDIS_URL of that user."""
        login = f"{user}:{quote(self.passwords[user], safe='')}"
        hosts = ",".join(f"{host}:{port}" for port in self.asked)
        query = f"sentinel_user=platform&sentinel_password={self.client_password}"
        if self.authority is None:
            return f"sentinel://{login}@{hosts}/{MASTER}?{query}"
        return f"sentinels://{login}@{hosts}/{MASTER}?{query}&ca_file={quote(str(self.authority.file))}"

    def url_of(self, server: Server, user: str) -> str:
        """The address of one server, without Sentinels."""
        place = f"{user}:{quote(self.passwords[user], safe='')}@{ports.LOOPBACK}:{server.front}/0"
        return f"rediss://{place}?ca_file={quote(str(self.authority.file))}" if self.authority else f"redis://{place}"

    def primary(self) -> Server | None:
        """The one that enough Sentinels hold for the primary."""
        found = [self._ask(port, "SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER) for port in self.ports]
        held = [int(address[1]) for address in found if address]
        return next((server for server in self.servers if held.count(server.front) >= QUORUM), None)

    def wait_for_primary(self, server: Server) -> None:
        wait_for(
            lambda: self.primary() is server and server.replication()["role"] == "master", 60, "Sentinel to promote"
        )

    def wait_for_replica(self, server: Server) -> None:
        wait_for(lambda: server.replication()["role"] == "slave", 60, "Sentinel to demote")

    def is_whole(self) -> bool:
        """Whether each Sentinel knows the others and a replica that can be promoted."""
        return all(self._knows_all(port) for port in self.ports)

    def fail_over(self) -> None:
        """As an operator: the primary is exchanged while it lives."""
        wait_for(self.is_whole, 60, "the Sentinels to know the replica")
        self._ask(self.ports[0], "SENTINEL FAILOVER", MASTER)

    def _front(self, port: int) -> int:
        if self.authority is None:
            return port
        self.fronts.append(front := Front(port, self.authority.issue("localhost", ports.LOOPBACK)))
        return front.port

    def _start_sentinel(self, number: int) -> "subprocess.Popen[bytes]":
        folder = self.folder / f"sentinel-{number}"
        folder.mkdir(parents=True)
        file = folder / "sentinel.conf"
        file.touch(mode=0o600)
        file.write_text(
            f"bind {ports.LOOPBACK}\nport {self.ports[number]}\ndir {folder}\nrequirepass {self.peer_password}\n"
            f"{redis_users.sentinel_users(self.client_password)}"
            f"sentinel monitor {MASTER} {ports.LOOPBACK} {self.servers[0].front} {QUORUM}\n"
            f"sentinel down-after-milliseconds {MASTER} {DOWN_MILLISECONDS}\n"
            f"sentinel failover-timeout {MASTER} 10000\n"
            f"sentinel auth-user {MASTER} sentinel\nsentinel auth-pass {MASTER} {self.passwords['sentinel']}\n"
        )
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [binaries.redis_server(folder / "programs"), str(file), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                preexec_fn=start_of_program(os.getpid(), signal.SIGTERM),
            )

    def _ask(self, port: int, *command: str) -> Any:
        with Redis(port=port, password=self.peer_password, decode_responses=True, socket_timeout=5) as sentinel:
            return sentinel.execute_command(*command)

    def _knows_all(self, port: int) -> bool:
        try:
            known = self._ask(port, "SENTINEL MASTER", MASTER)
            replicas = self._ask(port, "SENTINEL REPLICAS", MASTER)
        except Unreachable:
            return False
        healthy = [one for one in replicas if one["flags"] == "slave" and one["master-link-status"] == "ok"]
        return len(healthy) == 1 and int(known["num-other-sentinels"]) == SENTINELS - 1


@contextmanager
def group(folder: Path, passwords: Mapping[str, str], authority: Authority | None = None) -> Iterator[Group]:
    made = Group(folder, passwords, authority)
    try:
        made.start()
        yield made
    finally:
        made.stop()
