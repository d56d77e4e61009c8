"""The console's host: it passes cookies and needs no token, and counts by session and by network."""

from time import sleep

import pytest
from redis import Redis

from gateway.limits import EVERY_SECONDS
from gateway.sessions import session_of
from shared.web.identity import Caller, Verifier
from tests.gateway.conftest import PUBLIC_KEY, Running, World
from tests.gateway.origin import response
from tests.support.waiting import wait_for

HOST = "console.test"
ONE, OTHER = "a" * 43, "b" * 43


def start(world: World, **changes: str) -> Running:
    for path in ("/apps", "/webhooks", "/v1/platform/apps"):
        world.service.answers[path] = lambda seen: response(200)
    return world.start(gateway_hosts_console=HOST, gateway_upstream_console=world.service.url, **changes)


def cookie(session: str) -> str:
    return f"knogin-8080-console={session}"


def test_a_page_needs_no_token_and_its_service_learns_the_address(world: World) -> None:
    gateway = start(world)
    with gateway.door() as door:
        assert door.request("GET", "/webhooks?status=failing", host=HOST, cookie=cookie(ONE)).status != 401
    seen = world.service.seen[-1]
    assert seen.target == "/webhooks?status=failing"
    assert seen.get("cookie") == cookie(ONE)
    who = Verifier(PUBLIC_KEY, "console").verify(seen.get("x-knogin-identity") or "")
    assert who == Caller(address="127.0.0.1")


def test_other_hosts_do_not_answer_the_consoles_paths(world: World) -> None:
    gateway = start(world)
    with gateway.door() as door:
        assert door.request("GET", "/webhooks", host="api.test").status == 404
        assert door.request("GET", "/v1/platform/apps", host=HOST).status != 401


def test_one_session_does_not_use_up_the_rate_of_the_network_it_shares(world: World) -> None:
    gateway = start(world, rate_limit_console="3/3600", rate_limit_console_network="6/3600")
    with gateway.door() as door:
        mine = [door.request("GET", "/apps", host=HOST, cookie=cookie(ONE)).status for _ in range(20)]
        others = [door.request("GET", "/apps", host=HOST, cookie=cookie(OTHER)).status for _ in range(3)]
    assert mine.count(429) == 17
    assert 429 not in others


def test_invented_sessions_count_together_by_their_network(world: World) -> None:
    gateway = start(world, rate_limit_console="3/3600", rate_limit_console_network="6/3600")
    with gateway.door() as door:
        found = [door.request("GET", "/apps", host=HOST, cookie=cookie(str(number) * 43)).status for number in range(9)]
    assert found[6:] == [429] * 3
    assert 429 not in found[:6]


def test_a_network_beyond_its_rate_makes_no_counts_of_sessions_that_it_invents(world: World, redis_url: str) -> None:
    """Each would be a key in the Redis that all services share."""
    gateway = start(world, rate_limit_console="3/3600", rate_limit_console_network="6/3600", redis_url=redis_url)
    with gateway.door() as door, Redis.from_url(redis_url) as redis:
        for number in range(200):
            door.request("GET", "/apps", host=HOST, cookie=cookie(f"{number:043d}"))
        sleep(2 * EVERY_SECONDS)
        wait_for(lambda: len(list(redis.scan_iter("limit:*"))) == 7)


def test_a_refusal_is_a_page_for_a_browser_and_a_document_for_a_program(world: World) -> None:
    gateway = start(world, rate_limit_console="1/3600")
    with gateway.door() as door:
        door.request("GET", "/apps", host=HOST, cookie=cookie(ONE))
        page = door.request("GET", "/apps", host=HOST, cookie=cookie(ONE), accept="text/html,*/*", accept_language="it")
        document = door.request("GET", "/apps", host=HOST, cookie=cookie(ONE))
    assert (page.status, document.status) == (429, 429)
    assert "troppe richieste" in page.body.decode()
    assert "default-src 'none'" in (page.get("content-security-policy") or "")
    assert page.get("retry-after")
    assert document.json()["title"] == "Too many requests"


def test_a_console_that_is_away_is_a_page_too(world: World) -> None:
    gateway = world.start(gateway_hosts_console=HOST, gateway_upstream_console="http://127.0.0.1:9")
    with gateway.door() as door:
        page = door.request("GET", "/", host=HOST, accept="text/html")
    assert page.status == 503
    assert "not available" in page.body.decode()


@pytest.mark.parametrize(
    ("field", "known"),
    [
        (f"x=1; __Host-knogin-console={ONE}; y=2".encode(), True),
        (f"knogin-8080-console={ONE}".encode(), True),
        (f"__Host-knogin-console={ONE}x".encode(), False),
        (f"my__Host-knogin-console={ONE}".encode(), False),
        (b"__Host-knogin-console=", False),
        (b"\xff" * 100, False),
    ],
)
def test_only_a_cookie_of_the_right_form_is_a_session(field: bytes, known: bool) -> None:
    assert bool(session_of([(b"accept", b"x"), (b"cookie", field)])) is known
