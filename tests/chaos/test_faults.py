"""`make chaos`: every part fails in turn under traffic of all kinds. The stack recovers by itself, and no data is lost.

`CHAOS_SECONDS` is the length of a fault, 30; `CHAOS_READ_ONLY_SECONDS` 60; `CHAOS_REPORT` names a file for the figures.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis, ResponseError

from deploy.local.table import SERVICES
from shared.messaging.crowding import MAX_CALLS, MAX_SHARE
from shared.messaging.messages import queues_of
from tests.chaos import arena
from tests.chaos.arena import NUMBERS, Arena
from tests.chaos.judging import SECONDS, Field, pause, under_traffic
from tests.support import network
from tests.support.standby import read_only
from tests.support.waiting import wait_for


def exhaust(url: str, seconds: float) -> int:
    """Takes every connection of the server for `seconds` and ends those of other clients. Returns the most connections held."""
    held: list[psycopg.Connection[Any]] = []
    deadline = time.monotonic() + seconds
    most = 0
    with psycopg.connect(url, autocommit=True) as admin:
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                while time.monotonic() < deadline:
                    held.append(psycopg.connect(url, connect_timeout=2))
            most = max(most, len(held))
            mine = [admin.info.backend_pid, *(one.info.backend_pid for one in held)]
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)",
                (mine,),
            )
            time.sleep(0.2)
    for one in held:
        one.close()
    return most


pytestmark = [pytest.mark.chaos, network.needed]
READ_ONLY_SECONDS = float(os.environ.get("CHAOS_READ_ONLY_SECONDS", "60"))
NAMES = list(NUMBERS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """One stack for all faults that do not change its parts."""
    with network.own_network(), under_traffic(Arena(tmp_path_factory.mktemp("faults") / "arena")) as made:
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_service(whole: Field, name: str) -> None:
    with whole.judge.of(f"{name} frozen"), arena.frozen(whole.arena.pids(whole.stack, name)):
        pause()


def test_redis_replaced_by_an_empty_one(whole: Field) -> None:
    with whole.judge.of("Redis killed, an empty one in its place"):
        whole.arena.redis.kill()
        pause()
        whole.arena.redis.launch()
        whole.arena.redis.wait()


def test_a_read_only_primary(whole: Field) -> None:
    with whole.judge.of("PostgreSQL read-only"):
        read_only(whole.arena.postgres, True)
        pause(READ_ONLY_SECONDS)
        read_only(whole.arena.postgres, False)


def test_no_connection_is_left(whole: Field) -> None:
    with whole.judge.of("connections exhausted"):
        assert exhaust(whole.arena.postgres.url, SECONDS) > 100


def test_the_disk_of_logs_is_full(whole: Field) -> None:
    """The disk of spans and of the audit trail's anchors too; they continue when there is room."""
    disk = whole.arena.disk
    with whole.judge.of("disk of logs full"), arena.full(disk):
        pause()
    before = sizes(disk)
    wait_for(
        lambda: all(size > before[name] for name, size in sizes(disk).items()), 90, "logs, spans and anchors to go on"
    )
    lines = (disk / "spans.jsonl").read_bytes().splitlines()
    damaged = [line for line in lines if not _is_json(line)]
    assert len(damaged) <= len(whole.arena.everybody(whole.stack)), "at most one broken line for each process"


def sizes(disk: Path) -> dict[str, int]:
    written = [disk / "gateway.log", disk / "spans.jsonl", disk / "epcr-anchors.jsonl"]
    return {path.name: path.stat().st_size for path in written}


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_redis_filled_while_a_consumer_is_dead(whole: Field) -> None:
    """The dead consumer's queue takes no more, then other data fills Redis to the last byte. Its limit stays small until recovery."""
    worker = whole.stack.pid("webhook-dispatcher", "worker")
    with whole.arena.redis.client() as redis:
        with whole.judge.of("Redis full, a consumer dead"), arena.frozen([worker]):
            crowd(redis)
            pause()
            redis.delete(BALLAST)
        redis.config_set("maxmemory", whole.arena.redis.memory)


BALLAST = "ballast"


def crowd(redis: Redis) -> None:
    queues = queues_of("webhook_dispatcher")
    wait_for(lambda: max(map(redis.llen, queues)) >= MAX_CALLS, 120, "a queue of the dead consumer to be full")
    used = int(redis.info("memory")["used_memory"])
    redis.config_set("maxmemory", int((used + 200_000) / MAX_SHARE))
    with suppress(ResponseError):
        while True:
            redis.append(BALLAST, "x" * 10_000)


def test_redis_passwords_changed_as_the_runbook_says(whole: Field) -> None:
    """deploy/runbooks/redis-down.md: both passwords are valid for a while, in which every process is restarted."""
    here = whole.arena
    before = dict(here.passwords)
    with whole.judge.of("Redis' passwords changed, by the runbook"), here.redis.client() as redis:
        here.change_redis_passwords()
        for user, password in here.passwords.items():
            redis.execute_command("ACL", "SETUSER", user, f">{password}")
        here.operate("restart")
        for user, password in before.items():
            redis.execute_command("ACL", "SETUSER", user, f"<{password}")
            redis.execute_command("CLIENT", "KILL", "USER", user)
    assert not whole.judge.traffic.excuses


def test_redis_passwords_changed_all_at_once(whole: Field) -> None:
    """The old passwords end and every connection is closed. Processes that start later have the new ones; no operator restarts any."""
    here = whole.arena
    with whole.judge.of("Redis' passwords changed at once") as verdict, here.redis.client() as redis:
        here.change_redis_passwords()
        for user, password in here.passwords.items():
            redis.execute_command("ACL", "SETUSER", user, "resetpass", f">{password}")
            redis.execute_command("CLIENT", "KILL", "USER", user)
        verdict.ended = time.monotonic()
        wait_for(lambda: "epcr" in whole.judge.late(), 30, "messages to wait")
    here.operate("restart")


def test_the_machine_of_redis_is_lost_without_a_word(whole: Field) -> None:
    """Connections to it are neither closed nor refused; the next server at its address knows none of them."""
    ways = [match for name in NAMES for match in network.to_address(arena.redis_address(name))]
    with whole.judge.of("Redis' machine lost without a word, an empty one in its place"), network.cut(*ways):
        whole.arena.redis.kill()
        pause()
        whole.arena.redis.launch()
        whole.arena.redis.wait()


LINKS = {
    **{
        f"{service.name} and its database": network.to_address(arena.database_address(service.name))
        for service in SERVICES
    },
    **{f"{name} and Redis": network.to_address(arena.redis_address(name)) for name in NAMES},
    "the sender of webhooks and a receiver": network.to_address(arena.RECEIVER),
}


@pytest.mark.parametrize("link", LINKS)
def test_a_network_cut(whole: Field, link: str) -> None:
    with whole.judge.of(f"no network between {link}") as verdict, network.cut(*LINKS[link]):
        pause(SECONDS / 2)
        if link.endswith("receiver"):
            # Requests on connections that were open reach the receiver when the network is back.
            verdict.in_flight = max(verdict.in_flight, whole.judge.leased())
        pause(SECONDS / 2)


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_a_network_cut_before_a_service(whole: Field, service: str) -> None:
    """Cuts it off from the gateway and from every service that calls it."""
    port = int(whole.stack.service_url(service).rpartition(":")[2])
    with whole.judge.of(f"no network between {service} and its callers"), network.cut(*network.to_port(port)):
        pause()
