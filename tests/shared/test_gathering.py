"""Acknowledgements that follow one another are sent together, and none is kept long or lost at an orderly end."""

import json
import threading
from uuid import UUID, uuid4

import msgspec
import pytest
from celery import signals
from redis import Redis

from deploy.local.databases import Database
from shared.messaging import worker
from shared.messaging.broker import Call
from shared.messaging.worker import MOST_TOGETHER, Acknowledgements
from tests.shared.support import ACKS, effects, worker_of
from tests.support.messages import envelope, sealed
from tests.support.waiting import wait_for


class Sent:
    """Acknowledgements with a list of the calls that they made."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[UUID]]] = []
        self.acknowledgements = Acknowledgements(lambda producer, ids: self.calls.append((producer, list(ids))))

    @property
    def ids(self) -> list[UUID]:
        return [one for _, ids in self.calls for one in ids]


@pytest.fixture
def sent() -> Sent:
    return Sent()


def test_the_first_goes_at_once_and_those_that_follow_go_together(sent: Sent) -> None:
    ids = [uuid4() for _ in range(50)]
    for one in ids:
        sent.acknowledgements.add("epcr", [one])
        assert sent.ids[:1] == ids[:1]
    wait_for(lambda: len(sent.ids) == 50)
    assert sorted(sent.ids) == sorted(ids)
    assert len(sent.calls) < 50


def test_one_that_comes_later_waits_for_nothing(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "APART_SECONDS", 0.0)
    for number in range(3):
        sent.acknowledgements.add("epcr", [uuid4()])
        assert len(sent.calls) == number + 1


def test_each_producer_gets_its_own(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "APART_SECONDS", 3600.0)
    ids = {producer: [uuid4() for _ in range(3)] for producer in ("auth", "epcr")}
    for number in range(3):
        for producer in ids:
            sent.acknowledgements.add(producer, [ids[producer][number]])
    assert sent.calls == [("auth", ids["auth"][:1]), ("epcr", ids["epcr"][:1])]
    sent.acknowledgements.flush()  # as at the end of the process
    assert sent.calls[2:] == [("auth", ids["auth"][1:]), ("epcr", ids["epcr"][1:])]
    sent.acknowledgements.flush()
    assert len(sent.calls) == 4


def test_many_do_not_wait_for_more(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "APART_SECONDS", 3600.0)
    sent.acknowledgements.add("epcr", [uuid4()])
    sent.acknowledgements.add("epcr", [uuid4() for _ in range(MOST_TOGETHER - 1)])
    assert len(sent.calls) == 1
    sent.acknowledgements.add("epcr", [uuid4()])
    assert len(sent.ids) == MOST_TOGETHER + 1


def test_threads_lose_none_and_send_none_twice(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "APART_SECONDS", 0.001)
    ids = [[uuid4() for _ in range(500)] for _ in range(8)]

    def work(mine: list[UUID]) -> None:
        for one in mine:
            sent.acknowledgements.add("epcr", [one])

    threads = [threading.Thread(target=work, args=(mine,)) for mine in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(sent.ids) == 4000)
    assert sorted(sent.ids) == sorted(one for mine in ids for one in mine)


def test_batches_that_follow_one_another_share_a_call_and_the_rest_goes_when_the_worker_ends(
    consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "APART_SECONDS", 3600.0)
    body = {
        "name": "device_ingest.encounter_links.v1",
        "encounter_id": "enc_1",
        "link": "linked",
        "observation_ids": [],
    }
    messages = [envelope("org_1", body) for _ in range(5)]
    device_ingest = worker_of("device_ingest", consumer, redis_url).consumer
    for one in messages:
        device_ingest.consume(*sealed("epcr", "device_ingest", [one]))
    assert effects(consumer) == (5, 5)
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(ACKS) == 1
        signals.worker_shutdown.send(sender=None)
        calls = [msgspec.json.decode(item, type=Call) for item in redis.lrange(ACKS, 0, -1)]
    assert len(calls) == 2
    acknowledged = [id for call in calls for id in json.loads(str(call.args[2]))]
    assert sorted(acknowledged) == sorted(str(one["id"]) for one in messages)
