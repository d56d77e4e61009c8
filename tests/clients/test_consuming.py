"""The loop over a consumer: a read is committed once all its events are handled, and not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from knogin import consume, consume_async, models, problems, webhooks
from knogin.errors import APIError, ConnectionFailed
from shared.messaging.event_types import catalogue

EXAMPLE = catalogue()["epcr.encounter.created"].example


def reading(*names: str) -> models.log.Reading:
    moment = datetime(2026, 11, 27, tzinfo=UTC)
    events = [
        models.log.ReadEvent(
            id=name,
            type="incident.updated",
            key="inc_1",
            timestamp=moment,
            accepted_at=moment,
            data={},
            cursor=name,
        )
        for name in names
    ]
    return models.log.Reading(
        events=events, cursor=names[-1] if names else None, leased_until=moment if names else None, more=False
    )


def refusal(kind: type[APIError]) -> APIError:
    return kind("readEvents", 409, {}, b"{}")


class Log:
    """`client.event_log` with these answers to its reads and commits; after the last read it stops the loop."""

    def __init__(self, reads: list[Any], commits: list[Any] | None = None) -> None:
        self.event_log = self
        self.reads, self.commits = reads, commits or []
        self.calls: list[str] = []
        self.readers: list[Any] = []

    def read_events(self, name: str, asked: models.log.ReadEvents) -> models.log.Reading:
        assert (name, asked.wait) == ("inbox", 20)
        self.readers.append(asked.reader)
        if not self.reads:
            raise EOFError
        return self._answer("read", self.reads)

    def commit_events(self, name: str, commit: models.log.Commit, **given: Any) -> None:
        self._answer(f"commit {commit.cursor}", self.commits)

    def extend_lease(self, name: str, extend: models.log.Extend, **given: Any) -> None:
        self._answer(f"extend {extend.cursor} {extend.lease_seconds}", [])

    def _answer(self, call: str, answers: list[Any]) -> Any:
        self.calls.append(call)
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


class AsyncLog(Log):
    async def read_events(self, name: str, asked: models.log.ReadEvents) -> models.log.Reading:  # type: ignore[override]
        return Log.read_events(self, name, asked)

    async def commit_events(self, name: str, commit: models.log.Commit, **given: Any) -> None:  # type: ignore[override]
        Log.commit_events(self, name, commit)

    async def extend_lease(self, name: str, extend: models.log.Extend, **given: Any) -> None:  # type: ignore[override]
        Log.extend_lease(self, name, extend)


def handled(log: Log, most: int = 100) -> None:
    """Handles events until the log ends, or `most` of them."""
    if isinstance(log, AsyncLog):
        asyncio.run(_handled(consume_async(log, "inbox"), log, most))  # type: ignore[arg-type]
        return
    try:
        for number, event in enumerate(consume(log, "inbox"), 1):  # type: ignore[arg-type]
            log.calls.append(f"handle {event.id}")
            if number == most:
                break
    except EOFError:
        return


async def _handled(events: AsyncIterator[models.log.ReadEvent], log: Log, most: int) -> None:
    number = 0
    try:
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                number += 1
                log.calls.append(f"handle {event.id}")
                if number == most:
                    break
    except EOFError:
        return


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_a_read_is_committed_when_its_last_event_is_handled(kind: type[Log]) -> None:
    log = kind([reading("a", "b"), reading(), reading("c")])
    handled(log)
    assert log.calls == ["read", "handle a", "handle b", "commit b", "read", "read", "handle c", "commit c"]


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_a_loop_that_is_left_gives_the_event_in_hand_and_those_after_it_back(kind: type[Log]) -> None:
    log = kind([reading("a", "b"), reading("c", "d")])
    handled(log, most=3)
    assert log.calls == ["read", "handle a", "handle b", "commit b", "read", "handle c", "extend d 0"]


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_a_loop_that_is_left_commits_the_events_before_the_one_in_hand(kind: type[Log]) -> None:
    log = kind([reading("a", "b", "c")])
    handled(log, most=2)
    assert log.calls == ["read", "handle a", "handle b", "commit a", "extend c 0"]


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_a_loop_that_is_left_ends_also_where_nothing_can_be_given_back(kind: type[Log]) -> None:
    log = kind([reading("a", "b", "c")], [ConnectionFailed("commitEvents: ConnectError")])
    handled(log, most=2)
    assert log.calls == ["read", "handle a", "handle b", "commit a"]


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_each_loop_reads_under_a_name_of_its_own(kind: type[Log]) -> None:
    log = kind([reading("a"), reading("b")])
    handled(log)
    log.reads = [reading("c")]
    handled(log)
    [first, *_] = log.readers
    assert len(log.readers) == 5
    assert log.readers[:3] == [first] * 3
    assert first not in log.readers[3:]


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_another_reader_is_waited_for_and_a_lost_lease_is_read_again(kind: type[Log]) -> None:
    log = kind(
        [refusal(problems.ConsumerInUse), reading("a"), refusal(problems.ConsumerInUse), reading("a")],
        [refusal(problems.LeaseLost)],
    )
    handled(log)
    assert log.calls == ["read", "read", "handle a", "commit a", "read", "read", "handle a", "commit a"]


def test_an_event_of_a_consumer_is_the_model_that_a_webhook_has() -> None:
    data = {"incident_id": "inc_1", "organization_id": "org_1"}
    moment = datetime(2026, 11, 27, tzinfo=UTC)
    event = models.log.ReadEvent(
        id="evt_1", type="a.type.of.next.year", key=None, timestamp=moment, accepted_at=moment, data=data, cursor="a"
    )
    unknown = webhooks.typed(event)
    assert isinstance(unknown, models.events.UnknownEvent)
    assert (unknown.data, unknown.timestamp) == (data, moment)
    event.type, event.data, event.test = "epcr.encounter.created", EXAMPLE, True
    created = webhooks.typed(event)
    assert isinstance(created, models.events.EpcrEncounterCreated)
    assert (created.data.encounter_id, created.test) == (EXAMPLE["encounter_id"], True)
    event.data = None
    assert webhooks.typed(event) == models.events.UnknownEvent(
        type="epcr.encounter.created", timestamp=moment, data={}, test=True
    )


@pytest.mark.parametrize("kind", [Log, AsyncLog])
def test_an_expired_consumer_is_its_owners_decision(kind: type[Log]) -> None:
    log = kind([refusal(problems.EventsExpired)])
    with pytest.raises(problems.EventsExpired):
        handled(log)
