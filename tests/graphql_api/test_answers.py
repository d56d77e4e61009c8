"""Kept answers: the same bytes without any work, for those who may have them, as long as they are true."""

import asyncio
from typing import Any

import psycopg
import pytest

from services.graphql_api.acqi.cache import ENTRY, LONGEST_BODY, SHARES, Answers
from tests.graphql_api import population
from tests.graphql_api.asking import Asking
from tests.graphql_api.test_transport import PAGE
from tests.support.waiting import wait_for

WHOLE = {"from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}


def denominators(answer: dict[str, Any]) -> set[int]:
    return {metric["denominator"] for metric in answer["data"]["acqiMetrics"]}


def test_the_same_question_is_answered_with_the_same_bytes_and_no_statement_but_the_version(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask.count(*[population.facts(one) for one in population.encounters(count=50)])
    body = {"query": PAGE, "variables": WHOLE}
    first = ask.raw(json=body)
    sent: list[str] = []
    original = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        sent.append(str(query))
        return await original(self, query, *given, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    for _ in range(20):
        assert ask.raw(json=body).content == first.content
    assert not [statement for statement in sent if "acqi_aggregates" in statement]


def test_a_kept_answer_is_for_those_with_the_scope_alone(ask: Asking) -> None:
    assert "data" in ask.document(PAGE, WHOLE)
    (error,) = ask.document(PAGE, WHOLE, scopes=["argus:telephony:read"])["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    refused = ask.raw(json={"query": PAGE, "variables": WHOLE}, headers={"x-tenant-id": ask.other_tenant})
    assert refused.status_code == 403


def test_a_kept_answer_is_for_the_tenant_alone(ask: Asking) -> None:
    ask.count(*[population.facts(one) for one in population.encounters(count=50)])
    wait_for(lambda: denominators(ask.document(PAGE, WHOLE)) != {0})
    assert denominators(ask.document(PAGE, WHOLE, tenant=ask.other_tenant)) == {0}


def test_a_kept_answer_ends_with_the_next_change(ask: Asking) -> None:
    assert denominators(ask.document(PAGE, WHOLE)) == {0}
    for number in range(5):
        completed = population.finished(number, day="2026-03-01")
        # Without entries, which are of the day that the encounter had.
        completed["record"] = {name: one for name, one in completed["record"].items() if not isinstance(one, list)}
        completed["record"] |= {"times": {"call": "2026-03-01T10:00:00Z", "on_scene": "2026-03-01T10:05:00Z"}}
        completed["record"]["crew_ids"] = ["usr_1"]
        ask.count(population.facts(completed))
        wait_for(lambda number=number: max(denominators(ask.document(PAGE, WHOLE))) == number + 1)


class Known:
    """Versions as a test wants them."""

    def __init__(self) -> None:
        self.version = 1

    async def current(self, tenant_id: str) -> int:
        return self.version


def test_only_so_much_is_kept_and_nothing_of_an_old_version() -> None:
    versions: Any = Known()
    answers = Answers(versions, room=SHARES * 3 * (ENTRY + 9))
    for number in (0, 1, 2, 2, 3, 4):
        answers.store("org_a", b"%d" % number, 1, b"answer %d" % number)

    def found(body: bytes) -> bytes | None:
        return asyncio.run(answers.find("org_a", body))

    assert [found(b"%d" % number) for number in range(5)] == [None, None, b"answer 2", b"answer 3", b"answer 4"]
    versions.version = 2
    assert found(b"4") is None
    versions.version = 1
    assert found(b"4") is None
    assert found(b"3") == b"answer 3"
    answers.store("org_a", b"x" * (LONGEST_BODY + 1), 1, b"answer")
    answers.store("org_a", b"6", 1, b"x" * 10_000)
    assert [found(body) for body in (b"x" * (LONGEST_BODY + 1), b"6")] == [None, None]
    # The answer that was asked for last stays.
    for number in (7, 8):
        answers.store("org_a", b"%d" % number, 1, b"answer %d" % number)
    assert [found(b"%d" % number) for number in (2, 3, 7, 8)] == [None, b"answer 3", b"answer 7", b"answer 8"]


def test_a_tenant_that_asks_ever_new_questions_forgets_its_own_answers_alone() -> None:
    versions: Any = Known()
    room = SHARES * 3 * (ENTRY + 9)
    answers = Answers(versions, room)
    for tenant in range(SHARES - 1):
        answers.store(f"org_{tenant}", b"1", 1, b"answer 1")
    for number in range(100):
        answers.store("org_busy", b"%d" % (number % 10), 1, b"answer %d" % (number % 10))
    for tenant in range(SHARES - 1):
        assert asyncio.run(answers.find(f"org_{tenant}", b"1")) == b"answer 1"
    for tenant in range(100):
        answers.store(f"org_{tenant}", b"2", 1, b"answer 2")
    assert answers.room >= 0
    versions.version = 2
    for tenant in [*(f"org_{number}" for number in range(100)), "org_busy"]:
        for number in range(10):
            assert asyncio.run(answers.find(tenant, b"%d" % number)) is None
    assert answers.room == room
