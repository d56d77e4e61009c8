"""Statements per answer: the same for one row as for fifty."""

import asyncio
from typing import Any

import psycopg
import pytest

from services.graphql_api.context import Loader
from tests.graphql_api.asking import Asking


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement sent by an async connection, as it is sent."""
    sent: list[str] = []
    original = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        sent.append(str(query))
        return await original(self, query, *given, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    return sent


def sent_by(statements: list[str], ask: Asking, document: str) -> int:
    """Without the pool's own statements, which it sends at any time."""
    statements.clear()
    assert "errors" not in ask.document(document)
    return sum("telephony" in statement for statement in statements)


def test_a_list_with_what_belongs_to_each_row_costs_the_same_for_many_rows(ask: Asking, statements: list[str]) -> None:
    ask.grant("telephony-admin")
    nested = "{ telephonyProviders { routes { phoneNumber provider { name } } } telephonyRoutes { provider { id } } }"
    counts = []
    for number in range(12):
        sip = {"host": "a.example.com", "register": False}
        given = {"name": f"Provider {number}", "carrier": {"sip": sip}}
        provider = ask.data("CreateTelephonyProvider", {"input": given})
        for extension in range(2):
            road = {
                "providerId": provider["id"],
                "phoneNumber": f"+39055{number:03d}{extension}*",
                "targetSubsystem": "psap",
            }
            ask.data("CreateTelephonyRoute", {"input": road})
        if number in (0, 11):
            counts.append(sent_by(statements, ask, nested))
    assert counts[0] == counts[1]
    assert counts[0] <= 10


def test_a_timeline_is_one_statement(ask: Asking, statements: list[str]) -> None:
    ask.grant("incident-management")
    incident = ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
    statements.clear()
    ask.data("GetIncident", {"id": incident["id"]})
    assert sum("incident_timeline" in statement for statement in statements) == 1


async def _load(answers: dict[str, int], asked: list[list[str]], keys: list[str]) -> list[Any]:
    async def load(wanted: Any) -> dict[str, int]:
        asked.append(list(wanted))
        return answers

    loader = Loader(load)
    futures = [loader.get(key) for key in keys]
    return [await future for future in futures]


def test_keys_asked_for_together_are_loaded_together_and_once() -> None:
    asked: list[list[str]] = []
    assert asyncio.run(_load({"a": 1, "b": 2}, asked, ["a", "b", "a", "c"])) == [1, 2, 1, None]
    assert asked == [["a", "b", "c"]]


def test_an_error_reaches_everyone_who_asked() -> None:
    async def ask_twice() -> list[Any]:
        async def load(wanted: Any) -> dict[str, int]:
            raise LookupError(wanted)

        loader = Loader(load)
        return list(await asyncio.gather(loader.get("a"), loader.get("b"), return_exceptions=True))

    assert [type(one) for one in asyncio.run(ask_twice())] == [LookupError, LookupError]
