"""Each service's Redis user can do its work. On keys of other services it can only append to one queue for each consumer."""

import asyncio
import itertools
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ConnectionError, NoPermissionError, OutOfMemoryError

from deploy.compose.redis_users import bells, beside, beside_default, partner_queues, users
from deploy.local import binaries, ports
from deploy.local.databases import Database
from deploy.local.redis_server import LIMITS, RedisServer
from gateway.limits import Limits, sweep
from services.webhook_dispatcher.queues import SENDER
from services.webhook_dispatcher.sending.sender import Sender
from shared.messaging import outbox
from shared.messaging.broker import bell_key
from shared.messaging.messages import SERVICES, queues_of
from shared.messaging.relay import Relay
from shared.storage.database import open_tasks_pool, task_transaction
from tests.conftest import FreshDatabase
from tests.shared.support import Settings, acknowledging, consuming, link, running, scalar
from tests.support.messages import signing_key
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

PASSWORDS = {name: f"{name}-password" for name in [*SERVICES, "gateway", "monitor"]}
ALL_QUEUES = [queue for service in SERVICES for queue in queues_of(service)]
# Commands that could harm a queue of another service or the whole Redis. `{}` is the queue.
ATTEMPTS = """
    SET {} x; GETSET {} x; APPEND {} x; SETRANGE {} 0 x; DEL {}; UNLINK {}; GETDEL {}; LTRIM {} 1 0; LSET {} 0 x; LREM
    {} 0 x; LINSERT {} BEFORE x y; RPUSH {} x; LPUSHX {} x; LPOP {}; RPOP {}; LMPOP 1 {} LEFT; BRPOP {} 1; BLPOP {} 1;
    LMOVE {} device_ingest.x LEFT LEFT; LMOVE epcr.x {} LEFT LEFT; RPOPLPUSH {} x; LRANGE {} 0 -1; LINDEX {} 0; EXPIRE
    {} 1; PEXPIRE {} 1; EXPIREAT {} 1; PERSIST {}; RENAME {} x; RENAME x {}; COPY x {} REPLACE; MOVE {} 1; RESTORE {} 0
    x REPLACE; DUMP {}; SORT x STORE {}; SADD {} x; HSET {} a b; ZADD {} 1 x; TYPE {}; EXISTS {}; OBJECT ENCODING {};
    EVAL return(redis.call('del',KEYS[1])) 1 {}; EVALSHA 0 1 {}; FCALL f 1 {}; FUNCTION LIST; SCRIPT FLUSH; FLUSHALL;
    FLUSHDB; SWAPDB 0 1; CONFIG GET *; CONFIG SET maxmemory 1; ACL LIST; ACL SETUSER x; ACL WHOAMI; KEYS *; SCAN 0;
    RANDOMKEY; DBSIZE; MONITOR; SHUTDOWN; SAVE; BGSAVE; REPLICAOF h 1; CLIENT LIST; CLIENT KILL ID 1;
    CLIENT PAUSE 1000; CLIENT NO-EVICT on; SLOWLOG GET; LATENCY RESET; MODULE LIST; MIGRATE h 1 {} 0 1; WAIT 1 1;
    PUBLISH auth:revocations x; SUBSCRIBE auth:revocations; PSUBSCRIBE *
"""
COMMANDS = [attempt.strip() for attempt in " ".join(ATTEMPTS.split()).split(";")]


def queues_of_others(user: str) -> list[str]:
    return [queue for queue in ALL_QUEUES if not queue.startswith(f"{user}.")]


def attempts_of(user: str) -> Iterator[list[str]]:
    """The words of each command that a service's user must be refused, on each queue of other services."""
    for command in COMMANDS:
        if user == "auth" and command.startswith("PUBLISH"):
            continue  # its own bell
        for queue in queues_of_others(user) if "{}" in command else ["-"]:
            yield [word.format(queue) for word in command.split()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis with only the users of the containers."""
    server = RedisServer(tmp_path_factory.mktemp("acl"), "of-the-default-user")
    server.start()
    server.wait()
    with Redis.from_url(server.url) as redis:
        for line in beside_default(PASSWORDS).splitlines():
            redis.execute_command("ACL", "SETUSER", *rules(line))
    yield server
    server.stop()


def rules(line: str) -> list[str]:
    """The arguments of ACL SETUSER; a selector in parentheses is one argument."""
    words: list[str] = []
    for word in line.split()[1:]:
        if words and words[-1].startswith("(") and not words[-1].endswith(")"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def url(server: RedisServer, user: str) -> str:
    return f"redis://{user}:{PASSWORDS[user]}@{server.url.rpartition('@')[2]}"


def test_messages_and_acknowledgements_travel_with_these_users(
    server: RedisServer, fresh_database: FreshDatabase
) -> None:
    producer, consumer = fresh_database("epcr"), fresh_database("device_ingest")
    publish(producer)
    with Redis.from_url(server.url) as redis:
        redis.config_set("acllog-max-len", "100")
    settings = Settings(
        worker_database_url=producer.worker, redis_url=url(server, "epcr"), service_signing_key=signing_key("epcr")
    )
    relay = Relay("epcr", settings)
    with (
        consuming("device_ingest", consumer, url(server, "device_ingest"), lambda conn, received: None),
        acknowledging(producer, url(server, "epcr")),
        running(relay),
    ):
        wait_for(lambda: scalar(producer.admin, "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL") == 0)
    with Redis.from_url(server.url) as redis:
        refused: Any = redis.execute_command("ACL", "LOG")
        redis.config_set("acllog-max-len", LIMITS["acllog-max-len"])
        assert refused == []


def publish(database: Database) -> None:
    pool = open_tasks_pool(database.worker, max_size=4)
    with task_transaction(pool, "org_1") as conn:
        outbox.add_sync(conn, "org_1", link())
    pool.close()


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_appends_to_its_own_pairs_and_to_no_other_queue(server: RedisServer, user: str) -> None:
    mine = {*partner_queues(user)}
    with Redis.from_url(url(server, user)) as redis:
        for queue in ALL_QUEUES:
            if queue in mine:
                assert redis.lpush(queue, "x") > 0
                continue
            with pytest.raises(NoPermissionError):
                redis.lpush(queue, "x")
            if not queue.startswith(f"{user}."):
                with pytest.raises(NoPermissionError):
                    redis.llen(queue)
    with Redis.from_url(server.url) as redis:
        redis.flushall()


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_can_do_nothing_else_to_the_queues_of_others_or_to_redis(server: RedisServer, user: str) -> None:
    """Every command on every queue of other services, including the queues to which this service appends."""
    theirs = queues_of_others(user)
    with Redis.from_url(server.url) as admin, Redis.from_url(url(server, user)) as redis:
        for queue in theirs:
            admin.rpush(queue, "first", "second")
        for words in attempts_of(user):
            with pytest.raises(NoPermissionError):
                redis.execute_command(*words)
        assert all(admin.lrange(queue, 0, -1) == [b"first", b"second"] for queue in theirs)
        admin.flushall()


@pytest.mark.parametrize("user", SERVICES)
def test_what_a_service_in_strange_hands_filled_is_emptied_without_an_administrator(
    server: RedisServer, fresh_database: FreshDatabase, user: str
) -> None:
    """It tries keys of every kind in every database, fills those that it may write, and leaves."""
    others = [f"{user}.{name}" for name in ("own", "junk", "from.nobody")]
    bells_of_all = [key for service in SERVICES for key in bells(service)]
    with Redis.from_url(server.url) as admin:
        limit: Any = admin.config_get("maxmemory")["maxmemory"]
        admin.config_set("maxmemory", f"{16 << 20}")
        try:
            filled = fill(server, user, [*others, *bells_of_all, *ALL_QUEUES, "limit:junk", "_kombu.binding.junk"])
            assert set(filled) == {*bells(user), *partner_queues(user)}
            with pytest.raises(OutOfMemoryError):
                admin.lpush("webhook_dispatcher.from.epcr", "x" * 100_000)
            with pytest.raises(NoPermissionError), Redis.from_url(url(server, user).removesuffix("0") + "1") as redis:
                redis.lpush(filled[0], "x")
            everybody_works(server, fresh_database("epcr"), user, filled)
            assert admin.keys() == []
            admin.lpush("webhook_dispatcher.from.epcr", "x" * 100_000)
        finally:
            admin.flushall()
            admin.config_set("maxmemory", limit)


def fill(server: RedisServer, user: str, keys: list[str]) -> list[str]:
    """Puts small items into every key that the user may write, then large ones until there is no memory. Returns the keys."""
    filled: list[str] = []
    with Redis.from_url(url(server, user)) as redis:
        for key in keys:
            with suppress(NoPermissionError):
                for _ in range(50):
                    redis.lpush(key, *["junk"] * 1000)
                filled.append(key)
        with suppress(OutOfMemoryError):
            for key in cycle(filled):
                redis.lpush(key, "x" * 100_000)
        with suppress(OutOfMemoryError):
            while True:
                redis.lpush(filled[-1], "junk")
    return filled


def everybody_works(server: RedisServer, database: Database, user: str, keys: list[str]) -> None:
    """The relay, the senders and, one after another, the workers whose keys these are, each with its own user, until the keys are gone."""
    settings = Settings(
        worker_database_url=database.worker, redis_url=url(server, user), service_signing_key=signing_key(user)
    )
    with Redis.from_url(server.url) as admin, running(Relay(user, settings)):
        for service in dict.fromkeys(key.partition(".")[0] for key in keys if key not in bells(user)):
            mine = [key for key in keys if key in queues_of(service)]
            with consuming(service, database, url(server, service)):
                wait_for(lambda mine=mine: not admin.exists(*mine), what=f"{service} to empty {mine}")
        if user == "webhook_dispatcher":
            asyncio.run(listen_until_empty(admin, settings))
        wait_for(lambda: not admin.exists(*bells(user)), what="the bells to be empty")


async def listen_until_empty(admin: Redis, settings: Settings) -> None:
    pump: Any = SimpleNamespace(slots=SimpleNamespace(free=1), wake=lambda named: None)
    sender: Any = SimpleNamespace(settings=settings)
    listening = asyncio.create_task(Sender._listen(sender, pump))
    await asyncio.to_thread(wait_for, lambda: not admin.exists(bell_key(SENDER)), what="the senders' bell to be empty")
    listening.cancel()


# Beside its counts a gateway listens to auth's bell, and reads the names of keys to find counts that are left over.
OF_THE_GATEWAY = ("SUBSCRIBE auth:revocations", "SCAN 0")


def test_the_gateway_can_only_count(server: RedisServer) -> None:
    """It can name no key of another length, make no value but a number, and run no script, which could run for ever."""
    count = f"limit:0000000001:{'0' * 24}"
    with Redis.from_url(server.url) as admin, Redis.from_url(url(server, "gateway")) as redis:
        for attempt in COMMANDS:
            for key in [*ALL_QUEUES, count] if "{}" in attempt else ["-"]:
                if attempt not in OF_THE_GATEWAY and (attempt, key) not in (
                    ("EXPIRE {} 1", count),
                    ("UNLINK {}", count),
                ):
                    with pytest.raises(NoPermissionError):
                        redis.execute_command(*(word.format(key) for word in attempt.split()))
        for key in (*ALL_QUEUES, "limit:x", f"{count}0", f"limit:1:{'0' * 24}", "limit:" + "x" * 1_000_000):
            for command in ("INCRBY", "EXPIRE"):
                with pytest.raises(NoPermissionError):
                    redis.execute_command(command, key, 1)
        admin.flushall()


def test_what_a_gateway_in_strange_hands_filled_is_swept_by_the_gateways(server: RedisServer) -> None:
    """It fills Redis with counts that never expire, due long ago, soon or never, and leaves."""
    with Redis.from_url(server.url) as admin:
        limit: Any = admin.config_get("maxmemory")["maxmemory"]
        admin.config_set("maxmemory", f"{8 << 20}")
        try:
            fill_with_counts(url(server, "gateway"))
            assert admin.dbsize() > 10_000
            asyncio.run(sweep_twice(url(server, "gateway")))
            assert admin.info("keyspace") == {}
        finally:
            admin.flushall()
            admin.config_set("maxmemory", limit)


def fill_with_counts(address: str) -> None:
    now = int(time.time())
    dues = cycle([f"{due:010d}" for due in (0, now, now + 3600, 9_999_999_999)] + ["junk junk ", "-000000001"])
    with Redis.from_url(address) as redis, suppress(OutOfMemoryError):
        for number in itertools.count():
            pipe = redis.pipeline(transaction=False)
            for each in range(1000):
                pipe.incrby(f"limit:{next(dues)}:{number * 1000 + each:024x}", 1)
            pipe.execute()


async def sweep_twice(address: str) -> None:
    """Now, while the counts of a moment ago are still needed; and when no gateway needs them."""
    async with AsyncRedis.from_url(address) as redis:
        await sweep_all(redis, time.time())
        limits = Limits({"read": "10/60"})
        limits.take("read", "app_1", time.time())
        await limits.share(redis)
        before = {key async for key in redis.scan_iter("limit:*")}
        await sweep_all(redis, time.time())
        assert before
        assert before == {key async for key in redis.scan_iter("limit:*")}
        await sweep_all(redis, time.time() + 2000)


async def sweep_all(redis: AsyncRedis, now: float) -> None:
    cursor, _ = await sweep(redis, 0, 60, now)
    while cursor:
        cursor, _ = await sweep(redis, cursor, 60, now)


def test_the_file_names_every_user_and_no_password(tmp_path: Path) -> None:
    text = users(PASSWORDS)
    assert all(f"user {name} on #" in text for name in PASSWORDS)
    assert not any(password in text for password in PASSWORDS.values())


def test_beside_what_they_may_users_get_what_this_version_needs(server: RedisServer) -> None:
    """During a rollout the old rights stay until the new file is loaded."""
    with Redis.from_url(server.url) as admin:
        for line in users(PASSWORDS).splitlines():
            if line.split()[1] in SERVICES:
                admin.execute_command("ACL", "SETUSER", "old", "reset", "on", ">old", "%W~epcr", "+lpush")
                command = beside(line.replace(f"user {line.split()[1]} ", "user old "))
                admin.execute_command(*shlex.split(command))
                with Redis.from_url(f"redis://old:old@{server.url.rpartition('@')[2]}") as redis:
                    assert redis.lpush("epcr", "x") > 0
                    for queue in partner_queues(line.split()[1]):
                        assert redis.lpush(queue, "x") > 0
        admin.execute_command("ACL", "DELUSER", "old")
        admin.flushall()


def test_the_lines_are_a_file_that_redis_reads(tmp_path: Path) -> None:
    """docker-compose gives Redis this file; Kubernetes takes it from a Secret."""
    file, port = tmp_path / "users.acl", ports.free_port()
    file.write_text(users(PASSWORDS))
    options = [
        "--bind",
        ports.LOOPBACK,
        "--port",
        str(port),
        "--aclfile",
        str(file),
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen([binaries.redis_server(tmp_path), *options], stdout=subprocess.DEVNULL) as server:
        try:
            with Redis.from_url(f"redis://epcr:{PASSWORDS['epcr']}@{ports.LOOPBACK}:{port}") as redis:
                wait_for(lambda: answers(redis), what="Redis")
                assert redis.lpush("device_ingest.from.epcr", "x") == 1
                with pytest.raises(NoPermissionError):
                    redis.delete("device_ingest.from.epcr")
        finally:
            server.terminate()


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except ConnectionError:
        return False
