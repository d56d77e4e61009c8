"""The list of revocations when it grows, when it is too long, and when it has not been confirmed for long."""

import asyncio
import logging
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import REGISTRY

from gateway.app import Gateway
from gateway.connection import Broken
from gateway.fetch import Document
from gateway.issuer import REVOCATIONS_SECONDS
from gateway.ops import create_ops
from gateway.revocations import LIMIT_BYTES, NEARING_LIMIT, Revocations
from tests.gateway.conftest import World
from tests.gateway.origin import Seen

# As many as there are if every logout is kept for a month.
MANY = 79_200


class Auth:
    """Answers with what `watermarks` holds, under a new version each time; or fails as `broken` says."""

    def __init__(self) -> None:
        self.watermarks: list[dict[str, Any]] = []
        self.broken: Exception | None = None
        self.version = 0

    async def __call__(self, etag: str) -> Document:
        if self.broken is not None:
            raise self.broken
        self.version += 1
        body = msgspec.json.encode({"version": self.version, "watermarks": self.watermarks})
        return Document(200, {b"etag": b'"%d"' % self.version}, body)


def marks(count: int) -> list[dict[str, Any]]:
    """As auth writes them."""
    now = 1_764_124_456
    return [
        {"kind": "grant", "id": f"gnt_{number:026d}", "not_before_ms": now * 1000, "expires_at": now + 86_400}
        for number in range(count)
    ]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.ERROR]


def sample(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


def test_a_month_of_logouts_is_no_reason_to_refuse_tokens(world: World) -> None:
    world.issuer.watermarks = marks(MANY)
    with world.start().door() as door:
        assert door.request("GET", "/api/v1/devices", token=world.issuer.token()).status == 200
    assert len(msgspec.json.encode(world.issuer.watermarks)) > 8 << 20


def test_a_long_list_may_take_longer_than_other_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Auth needs two seconds for the longest."""
    monkeypatch.setattr("gateway.fetch.TIMEOUT", 0.2)
    told = world.issuer._revocations

    async def slowly(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.sleep(0.5)
        writer.write(told(seen))
        await writer.drain()
        return True

    world.issuer.origin.answers["/internal/revocations"] = slowly
    assert REVOCATIONS_SECONDS > 2
    world.start()


def test_on_call_hears_once_and_long_before_the_limit_that_the_list_grows(caplog: pytest.LogCaptureFixture) -> None:
    auth = Auth()
    known = Revocations(auth, 300)

    async def grow() -> None:
        one = len(msgspec.json.encode(marks(1)))
        for share in (0.1, 0.3, 0.26, 0.2, 0.3):
            auth.watermarks = marks(int(share * LIMIT_BYTES / one))
            assert await known.poll()
            assert sample("gateway_revocations_filled_ratio") == pytest.approx(share, rel=0.05)
            assert sample("gateway_revocations_listed") == len(auth.watermarks)
            assert len(errors(caplog)) == (1 if share != 0.1 else 0)
        auth.watermarks = []
        assert await known.poll()
        auth.watermarks = marks(int(0.3 * LIMIT_BYTES / one))
        assert await known.poll()

    asyncio.run(grow())
    assert len(errors(caplog)) == 2
    assert "nears the limit" in errors(caplog)[0]
    assert NEARING_LIMIT <= 0.25


def test_a_list_beyond_the_limit_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    auth = Auth()
    auth.broken = Broken("document too large")
    assert not asyncio.run(Revocations(auth, 300).poll())
    assert vars(caplog.records[-1])["detail"] == "document too large"


def test_an_answer_counts_from_when_it_was_asked_for() -> None:
    now = 1000.0

    async def slow(etag: str) -> Document:
        nonlocal now
        now += 8
        return Document(304, {}, b"")

    known = Revocations(slow, 10, clock=lambda: now)
    assert asyncio.run(known.poll())
    now += 3
    assert not known.usable


def test_a_gateway_is_not_ready_while_revocations_are_older_than_it_may_use(world: World) -> None:
    gateway = Gateway(world.settings(revocation_max_staleness=10))
    now, auth = 1000.0, Auth()
    gateway.revocations = Revocations(auth, gateway.settings.revocation_max_staleness, clock=lambda: now)

    async def look() -> tuple[int, bool]:
        transport = httpx.ASGITransport(create_ops(gateway, lambda: True))
        async with httpx.AsyncClient(transport=transport, base_url="http://ops.test") as ops:
            answer = await ops.get("/readyz")
        return answer.status_code, answer.json()["checks"]["revocations"]

    assert asyncio.run(look()) == (503, False)
    assert asyncio.run(gateway.revocations.poll())
    assert asyncio.run(look())[1]
    auth.broken = Broken("document too large")
    now += 9
    assert not asyncio.run(gateway.revocations.poll())
    assert asyncio.run(look())[1]
    now += 2
    assert asyncio.run(look()) == (503, False)
