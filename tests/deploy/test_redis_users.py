"""Each service's Redis user can do its work, and put nothing into queues of those it has nothing to tell."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from deploy.compose.redis_users import TELLS, users
from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from shared import outbox
from shared.database import open_tasks_pool, task_transaction
from shared.relay import Relay
from tests.conftest import FreshDatabase
from tests.shared.support import Settings, consuming, link, running, scalar
from tests.support.waiting import wait_for

PASSWORDS = {name: f"{name}-password" for name in [*TELLS, "gateway"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis whose only users are those of the containers."""
    server = RedisServer(tmp_path_factory.mktemp("acl"), "of-the-default-user")
    server.start()
    server.wait()
    with Redis.from_url(server.url) as redis:
        for line in users(PASSWORDS).splitlines():
            if not line.startswith("user default"):
                redis.execute_command("ACL", "SETUSER", *line.split()[1:])
    yield server
    server.stop()


def url(server: RedisServer, user: str) -> str:
    return f"redis://{user}:{PASSWORDS[user]}@{server.url.rpartition('@')[2]}"


def test_messages_and_acknowledgements_travel_with_these_users(
    server: RedisServer, fresh_database: FreshDatabase
) -> None:
    producer, consumer = fresh_database("epcr"), fresh_database("device_ingest")
    publish(producer)
    relay = Relay("epcr", Settings(worker_database_url=producer.worker, redis_url=url(server, "epcr")))
    with (
        consuming("device_ingest", consumer, url(server, "device_ingest"), lambda conn, received: None),
        consuming("epcr", producer, url(server, "epcr"), lambda conn, received: None),
        running(relay),
    ):
        wait_for(lambda: scalar(producer.admin, "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL") == 0)


def publish(database: Database) -> None:
    pool = open_tasks_pool(database.worker)
    with task_transaction(pool, "org_1") as conn:
        outbox.add_sync(conn, "org_1", link())
    pool.close()


@pytest.mark.parametrize("user", TELLS)
def test_a_service_cannot_put_a_message_into_a_queue_it_has_nothing_to_tell(server: RedisServer, user: str) -> None:
    partners = {*TELLS[user], *(name for name, told in TELLS.items() if user in told), user}
    with Redis.from_url(url(server, user)) as redis:
        for stranger in TELLS.keys() - partners:
            with pytest.raises(NoPermissionError):
                redis.lpush(stranger, "x")


@pytest.mark.parametrize("user", TELLS)
def test_a_service_cannot_read_another_services_queue(server: RedisServer, user: str) -> None:
    with Redis.from_url(url(server, user)) as redis:
        for other in TELLS.keys() - {user}:
            with pytest.raises(NoPermissionError):
                redis.lrange(other, 0, -1)
            with pytest.raises(NoPermissionError):
                redis.brpop([other], timeout=1)


@pytest.mark.parametrize("user", [*TELLS, "gateway"])
def test_nobody_may_administer(server: RedisServer, user: str) -> None:
    with Redis.from_url(url(server, user)) as redis:
        for command in (["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["ACL", "LIST"]):
            with pytest.raises(NoPermissionError):
                redis.execute_command(*command)


def test_the_file_names_every_user_and_no_password(tmp_path: Path) -> None:
    text = users(PASSWORDS)
    assert all(f"user {name} on #" in text for name in PASSWORDS)
    assert not any(password in text for password in PASSWORDS.values())
