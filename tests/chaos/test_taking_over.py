"""`make chaos`: a lost primary of PostgreSQL or Redis and its promoted standby, and a restarted pooler, each under traffic of all kinds."""

import time
from collections.abc import Iterator

import pytest

from tests.chaos.arena import Pair, Pooled, Watched
from tests.chaos.field import Field, field, pause
from tests.support import network, pooler
from tests.support.standby import lose
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.chaos, network.needed]


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), field(Pair(tmp_path_factory.mktemp("pair") / "arena")) as made:
        yield made


@pytest.fixture
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), field(Pooled(tmp_path_factory.mktemp("pooled") / "arena")) as made:
        yield made


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), field(Watched(tmp_path_factory.mktemp("watched") / "arena")) as made:
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
