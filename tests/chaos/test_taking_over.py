"""`make chaos`: a lost primary of PostgreSQL or Redis and its promoted standby, and a restarted pooler, each under traffic of all kinds."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from deploy.local import databases, ports
from deploy.local.children import start_of_program, unprivileged_account
from deploy.local.postgres import Cluster
from deploy.local.redis_server import RedisServer
from deploy.local.table import SERVICES
from tests.chaos.arena import Arena, Second, database_address, redis_user
from tests.chaos.judging import Field, pause, under_traffic
from tests.support import network, pooler
from tests.support.sentinels import Group
from tests.support.standby import lose
from tests.support.waiting import wait_for


class Pair(Arena):
    """With a standby that has every committed transaction, and connection strings that name both servers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.standby = Second(folder / "standby", self.postgres.password)

    def serve(self) -> None:
        super().serve()
        self.standby.follow(self.postgres)
        with psycopg.connect(self.postgres.url, autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            conn.execute("SELECT pg_reload_conf()")

    @property
    def admin_url(self) -> str:
        return self.postgres.url.replace(
            f":{self.postgres.port}/", f":{self.postgres.port},127.0.0.1:{self.standby.port}/"
        )

    def servers(self, name: str) -> str:
        here = database_address(name)
        return f"{here}:{self.postgres.port},{here}:{self.standby.port}"

    def stop(self) -> None:
        super().stop()
        self.standby.stop()
        self.standby.delete()


class Watched(Arena):
    """With a primary of Redis, a replica and three Sentinels, all on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.group = Group(folder / "group", self.passwords)

    def servers_of_its_own(self) -> Sequence[Cluster | RedisServer]:
        return (self.postgres,)

    def serve(self) -> None:
        super().serve()
        self.group.start()

    def redis_url(self, name: str) -> str:
        return self.group.url(redis_user(name))

    def stop(self) -> None:
        super().stop()
        self.group.stop()


class Pooled(Arena):
    """With a PgBouncer before all databases, configured as the shipped one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pooler: subprocess.Popen[bytes] | None = None
        self.pooler_port = ports.free_port(0)
        # The account of the pooler can read this folder.
        self.pooler_folder = Path(tempfile.mkdtemp(prefix="knogin-pooler-", dir="/var/tmp"))

    def servers(self, name: str) -> str:
        return f"{database_address(name)}:{self.pooler_port}"

    def serve(self) -> None:
        super().serve()
        folder = self.pooler_folder
        roles = [databases.role(service, kind) for service in SERVICES for kind in ("app", "worker")]
        lines = [f'"{role}" "{self.state.secret(f"role {role}", lambda: secrets.token_hex(24))}"' for role in roles]
        (folder / "users").write_text("\n".join([*lines, ""]))
        named = "\n".join(f"{service.database} = host=127.0.0.1 port={self.postgres.port}" for service in SERVICES)
        text = re.sub(r"(?m)^epcr = .*$", named, pooler.SHIPPED.read_text())
        for name, value in {"listen_port": self.pooler_port, "auth_file": folder / "users"}.items():
            text = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        (folder / "pgbouncer.ini").write_text(text)
        self.open_pooler()

    def open_pooler(self) -> None:
        folder = self.pooler_folder
        account = unprivileged_account()
        for path in (folder, *folder.iterdir()):
            if account:
                os.chown(path, *account)
        with (folder / "log").open("ab") as log:
            self.pooler = subprocess.Popen(
                [str(pooler.PROGRAM), "-q", "pgbouncer.ini"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                preexec_fn=start_of_program(os.getpid(), signal.SIGINT, account),
            )

    def kill_pooler(self) -> None:
        assert self.pooler
        self.pooler.kill()
        self.pooler.wait()

    def stop(self) -> None:
        super().stop()
        if self.pooler:
            self.kill_pooler()
        shutil.rmtree(self.pooler_folder)


pytestmark = [pytest.mark.chaos, network.needed]


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), under_traffic(Pair(tmp_path_factory.mktemp("pair") / "arena")) as made:
        yield made


@pytest.fixture
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), under_traffic(Pooled(tmp_path_factory.mktemp("pooled") / "arena")) as made:
        yield made


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), under_traffic(Watched(tmp_path_factory.mktemp("watched") / "arena")) as made:
        yield made


def test_sentinel_promotes_the_replica_of_a_redis_that_is_lost(watched: Field) -> None:
    """It is killed, and later its network is cut. The old primary returns as a primary, until Sentinel demotes it."""
    assert isinstance(watched.arena, Watched)
    group = watched.arena.group
    first, second = group.servers
    with watched.judge.of("Redis' primary killed, its replica promoted by Sentinel") as verdict:
        first.kill()
        group.wait_for_primary(second)
        verdict.ended = time.monotonic()
    with watched.judge.of("Redis' old primary comes back, and is demoted"):
        first.launch()
        first.wait()
        group.wait_for_replica(first)
    wait_for(group.is_whole, 60, "the Sentinels to know both servers again")
    with watched.judge.of("the machine of Redis' primary lost without a word, its replica promoted") as verdict:
        with network.cut(*network.to_port(second.port)):
            group.wait_for_primary(first)
            verdict.ended = time.monotonic()
            wait_for(lambda: watched.judge.answered(verdict.ended) and not watched.judge.late(), 120, "all to go on")
        group.wait_for_replica(second)


def test_a_primary_is_lost_and_its_standby_promoted(pair: Field) -> None:
    assert isinstance(pair.arena, Pair)
    with pair.judge.of("PostgreSQL primary lost, a standby promoted") as verdict:
        lose(pair.arena.postgres)
        verdict.in_flight += pair.judge.ears.within(
            1.0
        )  # these were committed lazily, and may not have reached the standby
        pause()
        pair.arena.standby.promote()


def test_the_machine_of_a_primary_is_lost_without_a_word(pair: Field) -> None:
    """Its connections are neither closed nor refused, and it cannot be reached any more."""
    assert isinstance(pair.arena, Pair)
    silence = network.cut(*network.to_port(pair.arena.postgres.port))
    with pair.judge.of("PostgreSQL's machine lost without a word, a standby promoted") as verdict, silence:
        verdict.in_flight += pair.judge.ears.within(1.0)
        pause()
        pair.arena.standby.promote()
        verdict.ended = time.monotonic()
        lose(pair.arena.postgres)
        wait_for(lambda: pair.judge.answered(verdict.ended), 120, "the standby to be found")


@pytest.mark.skipif(not pooler.PROGRAM, reason="pgbouncer is not installed; Debian's pgbouncer has it")
def test_the_pooler_is_restarted(pooled: Field) -> None:
    assert isinstance(pooled.arena, Pooled)
    with pooled.judge.of("PgBouncer restarted"):
        pooled.arena.kill_pooler()
        pause()
        pooled.arena.open_pooler()
