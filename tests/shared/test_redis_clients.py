"""Redis as one server, with TLS, and with Sentinel: real servers, their users, a fail-over, and every malformed setting."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis, RedisError
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as Unreachable

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from deploy.local.table import SERVICES
from shared.messaging import broker
from shared.process import redis_clients, settings
from shared.process.redis_clients import CLOSE_SECONDS, MasterNameUnknown, NotPrimary, PrimaryUnknown
from shared.process.settings import parse_redis_url
from tests.shared.support import (
    acknowledging,
    consuming,
    link,
    publish,
    relay_of,
    running,
    scalar,
    unacknowledged,
)
from tests.support.sentinels import Group, group
from tests.support.tls import Authority, Front
from tests.support.waiting import wait_for

PASSWORDS = {name: f"p/@{name}" for name in ["gateway", *(service.database for service in SERVICES)]}
SECRET = "hunter2"
DEMOTED = ("REPLICAOF", "127.0.0.1", "1")
MALFORMED = {
    "hunter2": "begins with none of",
    "http://:hunter2@r": "begins with none of",
    "redis://": "host 1 is not a name",
    "redis://:hunter2@": "host 1 is not a name",
    "redis://:hunter2@r:port": "host 1 is not a name",
    "redis://:hunter2@r:0": "port of host 1 is not from 1",
    "redis://:hunter2@r:65536": "port of host 1 is not from 1",
    "redis://:a/hunter2@r": "percent-encoded",
    "redis://:a?hunter2@r": "percent-encoded",
    "redis://:a#hunter2@r": "percent-encoded",
    "redis://:hunter2@r,s": "host 1 is not a name",
    "redis://:hunter2@r/one": "number of a database",
    "redis://:hunter2@r/0/1": "number of a database",
    "redis://:hunter2@r?ca_file=/ca.pem": "of parameters it may have none",
    "rediss://:hunter2@r?ssl_cert_reqs=none": "of parameters it may have ca_file",
    "rediss://:hunter2@r?ca_file=": "parameter without a value",
    "rediss://:hunter2@r?ca_file": "not name=value",
    "rediss://:hunter2@r?ca_file=/nowhere/hunter2": "ca_file cannot be read",
    f"rediss://:hunter2@r?ca_file={__file__}": "ca_file holds no certificate",
    "sentinel://:hunter2@r": "no name of a master",
    "sentinel://:hunter2@r/a%20b": "no name of a master",
    "sentinel://:hunter2@r/queues/one": "number of a database",
    "sentinel://:hunter2@r:1,s:x/queues": "host 2 is not a name",
    "sentinel://:hunter2@r,,s/queues": "host 2 is not a name",
    "sentinel://:hunter2@r,s:0/queues": "port of host 2 is not from 1",
    "sentinel://r/queues?sentinel_user=hunter2": "sentinel_user without a sentinel_password",
    "sentinel://r/queues?sentinel_password=a&hunter2=b": "of parameters it may have sentinel_user, sentinel_password",
    "sentinel://r/queues?sentinel_password=a&sentinel_password=hunter2": "a parameter twice",
    "sentinel://r/queues?ca_file=/ca.pem": "of parameters it may have sentinel_user, sentinel_password",
}


class Example(msgspec.Struct, kw_only=True):
    redis_url: settings.RedisUrl


@pytest.mark.parametrize("text", MALFORMED)
def test_an_address_that_is_malformed_says_where_and_quotes_nothing(text: str) -> None:
    with pytest.raises(SystemExit) as ended:
        settings.load(Example, {"REDIS_URL": text})
    line = str(ended.value)
    assert line.startswith("setting REDIS_URL is malformed: ")
    assert MALFORMED[text] in line
    assert SECRET not in line
    assert "\n" not in line


def test_an_address_is_read_whole() -> None:
    one = parse_redis_url(
        "sentinels://a%40b:p%2Fw@s1,[::1]:1,s3:26380/queues.eu/2?sentinel_user=u&sentinel_password=q%26q"
    )
    assert one.hosts == (("s1", 26379), ("::1", 1), ("s3", 26380))
    assert (one.user, one.password, one.master, one.number) == ("a@b", "p/w", "queues.eu", 2)
    assert (one.sentinel_user, one.sentinel_password) == ("u", "q&q")
    assert str(one) == "sentinels://s1:26379,[::1]:1,s3:26380/queues.eu/2"
    assert "p/w" not in repr(one)
    assert "q&q" not in repr(one)
    assert str(parse_redis_url("redis://:secret@r")) == "redis://r:6379/0"


def test_the_worker_names_its_broker_without_a_password() -> None:
    url = "sentinel://epcr:secret@s1,s2/queues?sentinel_password=hidden"
    with broker.connect("epcr", url).connection_for_read() as connection:
        assert connection.as_uri() == "sentinel://s1:26379,s2:26379/queues/0"
        assert "secret" not in str(connection.info() | {"transport_options": None})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def front(redis_server: RedisServer, authority: Authority) -> Iterator[Callable[..., str]]:
    """The TLS address of the tests' Redis, with a certificate for the given names."""
    fronts: list[Front] = []

    def make(*names: str, ca_file: Path | None = None) -> str:
        fronts.append(one := Front(redis_server.port, authority.issue(*names)))
        return f"rediss://:{redis_server.password}@127.0.0.1:{one.port}/0?ca_file={ca_file or authority.file}"

    yield make
    for one in fronts:
        one.stop()


async def ping(url: str) -> bool:
    async with redis_clients.async_client(url) as client:
        return await client.ping()


def test_tls_is_of_the_authority_given_and_of_the_host_named(
    front: Callable[..., str], authority: Authority, tmp_path: Path
) -> None:
    good = front("127.0.0.1")
    with redis_clients.client(good) as client:
        assert client.ping()
    assert asyncio.run(ping(good))
    stranger = Authority(tmp_path / "stranger")
    for url in (front("redis.example"), front("127.0.0.1", ca_file=stranger.file), good.partition("?")[0]):
        with redis_clients.client(url) as client, pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            client.ping()
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            asyncio.run(ping(url))
        with broker.connect("epcr", url).connection_for_write() as connection, pytest.raises(Exception, match="CERT"):
            connection.ensure_connection(max_retries=1, interval_start=0)
    context = parse_redis_url(good).tls()
    assert context is not None
    assert len(context.get_ca_certs()) == 1, "and no other authority of this machine's"


def test_messages_travel_with_tls(
    producer: Database, consumer: Database, front: Callable[..., str], redis_url: str
) -> None:
    url = front("127.0.0.1")
    with consuming("device_ingest", consumer, url), acknowledging(producer, url), running(relay_of(producer, url)):
        for number in range(5):
            publish(producer, link(f"enc_{number}"))
            wait_for(lambda: unacknowledged(producer) == 0, 30)
    assert scalar(consumer.admin, "SELECT count(*) FROM effects") == 5


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Group]:
    with group(tmp_path / "group", PASSWORDS) as made:
        yield made


@pytest.fixture(params=["plain", "tls"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Group]:
    authority = Authority(tmp_path / "authority") if request.param == "tls" else None
    with group(tmp_path / "group", PASSWORDS, authority) as made:
        yield made


@pytest.mark.full
def test_everything_goes_on_after_a_fail_over_and_the_old_primary_is_not_believed(
    either: Group, producer: Database, consumer: Database
) -> None:
    """Each client has its own user. The old primary returns as a primary with its old configuration, until Sentinel demotes it."""
    first, second = either.servers
    epcr, device_ingest = either.url("epcr"), either.url("device_ingest")

    def done() -> int:
        return scalar(consumer.admin, "SELECT count(*) FROM effects")

    with (
        consuming("device_ingest", consumer, device_ingest),
        acknowledging(producer, epcr),
        running(relay_of(producer, epcr)),
        Following(either.url("gateway")) as follower,
    ):
        publish(producer, link("enc_1"))
        wait_for(lambda: (done(), unacknowledged(producer)) == (1, 0), 30)
        follower.hears(either.url("auth"))
        first.kill()
        publish(producer, link("enc_2"))
        either.wait_for_primary(second)
        wait_for(lambda: (done(), unacknowledged(producer)) == (2, 0), 60)
        follower.hears(either.url("auth"))
        first.launch()
        first.wait()
        publish(producer, link("enc_3"))
        wait_for(lambda: (done(), unacknowledged(producer)) == (3, 0), 30)
        either.wait_for_replica(first)
        publish(producer, link("enc_4"))
        wait_for(lambda: (done(), unacknowledged(producer)) == (4, 0), 30)
        follower.hears(either.url("auth"))
    assert scalar(consumer.admin, "SELECT count(DISTINCT message_id) FROM effects") == 4
    for server in either.servers:
        with server.client() as client:
            refused: Any = client.execute_command("ACL", "LOG")
            assert refused == []
    with redis_clients.client(either.url_of(first, "epcr")) as client, pytest.raises(NotPrimary):
        client.lpush("epcr.bell", "1")


class Following:
    """A subscriber in its own thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rung = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._task = self._loop.create_task(redis_clients.follow(self._url, "auth:revocations", self._rung.set))
        with pytest.raises(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.run_until_complete(asyncio.sleep(2 * CLOSE_SECONDS))
        self._loop.close()

    def __enter__(self) -> "Following":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)

    def hears(self, sender: str) -> None:
        self._rung.clear()

        def rings() -> bool:
            with redis_clients.client(sender) as client:
                client.publish("auth:revocations", b"")
            return self._rung.wait(0.3)

        wait_for(rings, 40, "the subscriber to be woken")


@pytest.mark.full
def test_an_exchange_of_the_primary_is_an_outage_to_an_open_client(sentinels: Group) -> None:
    first, second = sentinels.servers
    met: list[Exception] = []
    with redis_clients.client(sentinels.url("epcr"), retries=0) as client:
        assert client.lpush("epcr.bell", "1") == 1
        sentinels.fail_over()
        deadline = time.monotonic() + 60
        while second.replication()["role"] != "master":
            assert time.monotonic() < deadline
            met += errors(client)
        sentinels.wait_for_replica(first)
        wait_for(lambda: not errors(client), 30, "the new primary to be written to")
    assert all(isinstance(error, Unreachable) for error in met), met
    with second.client() as admin:
        assert admin.llen("epcr.bell") > 1


def errors(client: Redis) -> list[Exception]:
    try:
        client.lpush("epcr.bell", "1")
    except RedisError as error:
        return [error]
    return []


def test_sentinels_that_are_gone_refuse_or_know_no_such_master_are_told_apart(sentinels: Group) -> None:
    url = sentinels.url("epcr")
    cases = {
        url.replace("/queues?", "/others?"): MasterNameUnknown,
        url.replace(sentinels.client_password, "wrong"): AuthenticationError,
        url.partition("?")[0]: AuthenticationError,
    }
    for bad, kind in cases.items():
        with redis_clients.client(bad) as client, pytest.raises(kind):
            client.ping()
        with pytest.raises(Unreachable):
            asyncio.run(ping(bad))
    for process in sentinels.sentinels[:2]:
        process.kill()
        process.wait()
    for _ in range(3):
        with redis_clients.client(url) as client:
            assert client.ping()
        assert asyncio.run(ping(url))
    sentinels.sentinels[2].kill()
    sentinels.sentinels[2].wait()
    with redis_clients.client(url) as client, pytest.raises(PrimaryUnknown):
        client.ping()


def test_a_server_that_becomes_a_replica_is_left(own_redis: RedisServer) -> None:
    """As behind the single address of a managed Redis, whose connections stay open."""
    url = own_redis.url
    with redis_clients.client(url) as admin, redis_clients.client(url, retries=0) as client:
        admin.config_set("min-replicas-to-write", 1)
        with pytest.raises(NotPrimary, match="NOREPLICAS"):
            client.lpush("x", "1")
        admin.config_set("min-replicas-to-write", 0)
        client.ping()
        demoting = threading.Timer(0.3, admin.execute_command, DEMOTED)
        demoting.start()
        with pytest.raises(NotPrimary, match="UNBLOCKED"):
            client.blpop(["nothing"], timeout=4)
        demoting.join()
        for _ in range(2):
            with pytest.raises(NotPrimary):
                client.lpush("x", "1")
        with pytest.raises(NotPrimary):
            asyncio.run(ping(url))


def test_a_worker_and_a_relay_outlive_a_server_that_is_a_replica_for_a_while(
    own_redis: RedisServer, producer: Database, consumer: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = own_redis.url
    with (
        redis_clients.client(url) as admin,
        consuming("device_ingest", consumer, url),
        acknowledging(producer, url),
        running(relay_of(producer, url)),
    ):
        admin.execute_command(*DEMOTED)
        publish(producer, link("enc_1"))
        wait_for(lambda: "the server is a replica" in caplog.text, what="a worker that meets the replica")
        admin.execute_command("REPLICAOF", "NO", "ONE")
        wait_for(lambda: unacknowledged(producer) == 0, 60)
    assert scalar(consumer.admin, "SELECT count(*) FROM effects") == 1
