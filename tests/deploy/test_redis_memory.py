"""No user takes Redis' memory by its connections: Redis as the containers start it, with their users."""

import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError, ConnectionError, NoPermissionError, ResponseError

from deploy.compose.redis_users import users
from deploy.local import binaries, ports
from deploy.local.redis_server import LIMITS
from deploy.local.table import ROOT
from shared.messaging.messages import SERVICES
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

PASSWORDS = {name: f"{name}-password" for name in [*SERVICES, "gateway", "monitor"]}
# `probe` has no password: every program that reaches Redis can be that user.
ATTACKERS = {"epcr": PASSWORDS["epcr"], "probe": "x"}
CONNECTIONS = 24
LARGE = b"x" * 15_000_000
"""A little less than `proto-max-bulk-len`. One of them in each connection is more than Redis may hold for its clients."""
SPARE = 96 << 20
"""Bytes above `maxmemory-clients` that Redis may use for a moment: it ends connections between two commands."""
Attack = Callable[[socket.socket, int], None]


def composed() -> list[str]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["redis"]["command"]


def in_kubernetes() -> list[str]:
    documents = yaml.safe_load_all((ROOT / "deploy/k8s/platform/redis.yaml").read_text())
    [redis] = [one for one in documents if one["kind"] == "Deployment"]
    return redis["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Redis with the options of docker-compose.yml and a further user, who may do everything."""
    folder = tmp_path_factory.mktemp("redis")
    acl, port = folder / "users.acl", ports.free_port()
    acl.write_text(users(PASSWORDS) + "user admin on >admin ~* &* +@all\n")
    options = [str(acl) if one == "/acl/users.acl" else one for one in composed()[1:]]
    command = [
        binaries.redis_server(folder),
        *options,
        "--bind",
        ports.LOOPBACK,
        "--port",
        str(port),
        "--dir",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            with client(port, "admin", "admin") as redis:
                wait_for(lambda: answers(redis), what="Redis")
                yield redis
        finally:
            server.terminate()


def client(port: int, user: str, password: str) -> Redis:
    return Redis(port=port, username=user, password=password, protocol=2, driver_info=None)


def answers(redis: Redis) -> bool:
    with suppress(ConnectionError):
        return bool(redis.ping())
    return False


def port_of(admin: Redis) -> int:
    return admin.connection_pool.connection_kwargs["port"]


def used(admin: Redis) -> int:
    memory: Any = admin.info("memory")
    return memory["used_memory"]


def written(*words: bytes | str) -> bytes:
    """A command in Redis' protocol."""
    encoded = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def connected(admin: Redis, user: str) -> socket.socket:
    connection = socket.create_connection((ports.LOOPBACK, port_of(admin)), 5)
    connection.sendall(written("AUTH", user, ATTACKERS[user]))
    assert connection.recv(100) == b"+OK\r\n"
    return connection


def send(*commands: bytes) -> Attack:
    def attack(connection: socket.socket, number: int) -> None:
        for command in commands:
            connection.sendall(command.replace(b"{number}", b"%08d" % number))

    return attack


def answered(*commands: bytes) -> Attack:
    """Waits for each answer, as a client does that means to stay connected."""

    def attack(connection: socket.socket, number: int) -> None:
        for command in commands:
            connection.sendall(command.replace(b"{number}", b"%08d" % number))
            connection.recv(1000)

    return attack


# Made by the test that uses them: together they are hundreds of megabytes.
ATTACKS: dict[str, Callable[[], Attack]] = {
    "a long name by HELLO": lambda: answered(written("HELLO", "3", "SETNAME", LARGE)),
    "a long name by HELLO with a login": lambda: answered(
        written("HELLO", "3", "AUTH", "probe", "x", "SETNAME", LARGE)
    ),
    "a long name by CLIENT": lambda: answered(written("CLIENT", "SETNAME", LARGE)),
    "a long library": lambda: answered(
        written("CLIENT", "SETINFO", "LIB-NAME", LARGE), written("CLIENT", "SETINFO", "LIB-VER", LARGE)
    ),
    "refused keys, which a log keeps": lambda: answered(
        written("LPUSH", b"{number}" + LARGE, "x"), written("GET", b"{number}" + LARGE)
    ),
    "refused logins, which a log keeps": lambda: answered(written("AUTH", b"{number}" + LARGE, "x")),
    "commands of many long words without an end": lambda: send(
        b"*1000\r\n" + (b"$%d\r\n%s\r\n" % (len(LARGE), LARGE)) * 3
    ),
    "a line without an end": lambda: send(LARGE * 2),
    "commands that wait for EXEC": lambda: send(written("MULTI"), *[written("PING", LARGE)] * 3),
    "answers that nobody reads": lambda: send(*[written("PING", LARGE)] * 5),
    "unknown commands": lambda: answered(written(b"{number}" + LARGE)),
}


@pytest.mark.parametrize("user", ATTACKERS)
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_user_takes_redis_memory_by_its_connections(admin: Redis, user: str, attack: Callable[[], Attack]) -> None:
    """Memory stays within the limit of all clients, a service's message is taken meanwhile, and nothing of it stays."""
    before, most = used(admin), (128 << 20) + SPARE
    attacked = attack()
    with client(port_of(admin), "device_ingest", PASSWORDS["device_ingest"]) as service, ExitStack() as held:
        for number in range(CONNECTIONS):
            connection = held.enter_context(connected(admin, user))
            connection.settimeout(2)
            with suppress(OSError):  # Redis ended it, or reads no more of it
                attacked(connection, number)
            assert used(admin) < before + most
        assert service.lpush("epcr.from.device_ingest", "x")
    wait_for(lambda: used(admin) < before + (4 << 20), what="the memory to be free")


def test_nobody_names_a_connection_and_our_clients_need_no_name(admin: Redis) -> None:
    with client(port_of(admin), "epcr", PASSWORDS["epcr"]) as redis:
        with pytest.raises(ResponseError, match="unknown command"):
            redis.execute_command("HELLO", "3")
        for words in (("SETNAME", "x"), ("SETINFO", "LIB-NAME", "x")):
            with pytest.raises(NoPermissionError):
                redis.execute_command("CLIENT", *words)
    with client(port_of(admin), "epcr", "wrong") as redis, pytest.raises(AuthenticationError):
        redis.ping()


def test_redis_has_the_same_limits_everywhere() -> None:
    words = " ".join(shlex.quote(word) for word in composed())
    assert composed() == in_kubernetes()
    for name, value in LIMITS.items():
        assert f"--{name} {value}" in words
    assert "--rename-command HELLO ''" in words
    runbook = (ROOT / "deploy/runbooks/redis-fail-over.md").read_text()
    assert all(f"\n{name} {value}\n" in runbook for name, value in LIMITS.items())
    assert '\nrename-command HELLO ""\n' in runbook
