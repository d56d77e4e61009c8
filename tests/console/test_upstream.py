"""Calls of the platform are bounded: in time, in size, in number; and say why they failed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from services.console.settings import Settings
from services.console.upstream import gateway
from services.console.upstream.errors import Refused, Unavailable
from services.console.upstream.gateway import Gateway, Person, path_of, stranger
from shared.primitives.crypto import base64url_encode

KEY = f"1:{base64url_encode(bytes(32))}"
ANN, BEN = Person("org_1", "usr_ann", "203.0.113.7"), Person("org_2", "usr_ben", "203.0.113.8")
Handler = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]


def settings(**changes: Any) -> Settings:
    origins = dict.fromkeys(
        ("issuer", "api_base_url", "docs_base_url", "console_base_url", "gateway_url"), "http://x.example"
    )
    fields: dict[str, Any] = {
        **origins,
        "database_url": "postgresql://x/x",
        "redis_url": "redis://x/0",
        "identity_public_keys": "",
        "encryption_keys": KEY,
        "client_keys": KEY,
    }
    return Settings(**(fields | changes))


@asynccontextmanager
async def reaching(handler: Handler, **changes: Any) -> AsyncIterator[Gateway]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler), base_url="http://x.example") as http:
        yield Gateway(settings(**changes), http)


async def test_of(handler: Handler, **changes: Any) -> Unavailable:
    async with reaching(handler, **changes) as platform:
        with pytest.raises(Unavailable) as failed:
            await platform.send(ANN, "GET", "/v1/x")
    return failed.value


test_of.__test__ = False  # pyright: ignore[reportFunctionMemberAccess] - a helper


def test_a_slow_answer_ends_the_call() -> None:
    async def never(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    assert asyncio.run(test_of(never, upstream_seconds=0.05)).reason == "slow"


def test_a_large_answer_ends_the_call() -> None:
    async def large(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=b"x" * 5000)

    assert asyncio.run(test_of(large, upstream_bytes=4096)).reason == "large"


def test_an_unreachable_platform_is_said_so() -> None:
    async def broken(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    assert asyncio.run(test_of(broken)).reason == "unreachable"


@pytest.mark.parametrize(
    ("status", "reason"), [(500, "faulty"), (502, "faulty"), (503, "unreachable"), (429, "limited")]
)
def test_errors_of_the_platform_have_its_trace_id(status: int, reason: str) -> None:
    async def failing(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, text="<html>", headers={"x-trace-id": "a" * 32, "retry-after": "7"})

    failed = asyncio.run(test_of(failing))
    assert (failed.reason, failed.trace_id) == (reason, "a" * 32)


def test_a_refusal_has_its_reason_and_its_fields() -> None:
    document = {
        "type": "https://knogin.com/api/docs#invalid-input",
        "detail": "Nothing fits.",
        "trace_id": "b" * 32,
        "errors": [{"pointer": "/name", "detail": "too long", "code": "too-long"}, "junk"],
    }

    async def refusing(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(422, json=document)

    async def ask() -> Refused:
        async with reaching(refusing) as platform:
            with pytest.raises(Refused) as refused:
                await platform.send(ANN, "POST", "/v1/x", body={"name": "x"})
        return refused.value

    refused = asyncio.run(ask())
    assert (refused.status, refused.type, refused.trace_id) == (422, "invalid-input", "b" * 32)
    assert [error["pointer"] for error in refused.errors] == ["/name"]


def test_an_answer_of_another_form_is_faulty() -> None:
    async def other(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=[1])

    async def ask() -> None:
        async with reaching(other) as platform:
            answer = await platform.send(ANN, "GET", "/v1/x")
            answer.read(dict[str, int])

    with pytest.raises(Unavailable, match="faulty"):
        asyncio.run(ask())


def test_one_person_has_a_few_calls_at_once_and_leaves_the_others_their_turns() -> None:
    running: dict[str, int] = {}
    most: dict[str, int] = {}
    release = asyncio.Event()

    async def counting(request: httpx2.Request) -> httpx2.Response:
        who = request.headers["x-forwarded-for"]
        running[who] = running.get(who, 0) + 1
        most[who] = max(most.get(who, 0), running[who])
        if who == ANN.address:
            await release.wait()
        running[who] -= 1
        return httpx2.Response(200, json={})

    async def crowd() -> None:
        async with reaching(counting, upstream_of_person=3, upstream_at_once=10) as platform:
            many = [asyncio.create_task(platform.send(ANN, "GET", "/v1/x")) for _ in range(12)]
            await asyncio.sleep(0.05)
            await platform.send(BEN, "GET", "/v1/x")
            release.set()
            await asyncio.gather(*many)

    asyncio.run(crowd())
    assert most == {ANN.address: 3, BEN.address: 1}


def test_a_call_that_gets_no_turn_says_that_the_console_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "WAIT_SECONDS", 0.05)
    release = asyncio.Event()

    async def waiting(request: httpx2.Request) -> httpx2.Response:
        await release.wait()
        return httpx2.Response(200, json={})

    async def crowd() -> None:
        async with reaching(waiting, upstream_of_person=1) as platform:
            first = asyncio.create_task(platform.send(ANN, "GET", "/v1/x"))
            await asyncio.sleep(0.01)
            with pytest.raises(Unavailable, match="busy"):
                await platform.send(ANN, "GET", "/v1/x")
            release.set()
            await first

    asyncio.run(crowd())


def test_the_gateway_counts_the_persons_address_and_not_the_consoles() -> None:
    seen: list[httpx2.Headers] = []

    async def noting(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers)
        return httpx2.Response(200, json={})

    async def ask() -> None:
        async with reaching(noting) as platform:
            await platform.send(stranger("198.51.100.9"), "GET", "/v1/x", host="auth", token="t0ken")

    asyncio.run(ask())
    assert seen[0]["x-forwarded-for"] == "198.51.100.9"
    assert seen[0]["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize("value", ["../../secrets", "a/b", "?x=1", "#x", "%2e%2e", "..", ""])
def test_an_id_leads_to_no_other_path(value: str) -> None:
    path = path_of("/v1/platform/apps/{id}/secrets", id=value)
    assert path.startswith("/v1/platform/apps/")
    assert path.endswith("/secrets")
    assert path.count("/") == 5
    assert ".." not in path.split("/")
    assert "?" not in path
    assert "#" not in path
