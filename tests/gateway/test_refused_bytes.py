"""The budget of refused bytes: who has large bodies refused again and again has them read no more, for a while, and nobody else pays."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway import refused_bytes
from gateway.limits import REFUSED_BYTES, Count, Limits, policy
from gateway.problems import Refusal
from gateway.refused_bytes import Payer
from gateway.routes import KIB
from shared.web.problems import REFUSAL
from tests.gateway.conftest import Running, World
from tests.gateway.origin import Seen, response
from tests.gateway.test_passes import a_pass
from tests.gateway.test_with_stack import beside
from tests.hostile.shapes import JSON, XML, as_base64
from tests.support.plain import PLAIN
from tests.support.stack import Stack
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.full

ENROL = "/api/v1/devices/enrol"
ACS = "/v1/saml/con_1/acs"
BUDGET = 200 * KIB
LARGE, SMALL = b"x" * (100 * KIB), b"x" * (16 * KIB)
AN_HOUR = f"{BUDGET}/3600"


def refusing(world: World, path: str = ENROL, status: int = 422, *fields: tuple[str, str]) -> None:
    for origin in (world.service, world.issuer.origin):
        origin.answers[path] = lambda _: response(status, b"{}", *fields)


def post(gateway: Running, token: str | None, body: bytes, path: str = ENROL, **fields: str) -> int:
    with gateway.door() as door:
        host = "api.test" if path.startswith(("/api/", "/graphql")) else "auth.test"
        return door.request("POST", path, host=host, token=token, body=body, **fields).status


def spend(gateway: Running, token: str | None, path: str = ENROL, **fields: str) -> None:
    """Has the whole budget refused."""
    for _ in range(2):
        assert post(gateway, token, LARGE, path, **fields) not in (200, 429)


def spent(gateway: Running, key: str = "app_1") -> int:
    count = gateway.gateway.limits._counts.get((REFUSED_BYTES, key))
    return count.count if count else 0


def test_a_large_body_beyond_the_budget_is_429_before_it_is_read_and_reaches_no_service(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    refusing(world)
    spend(gateway, token)
    before = len(world.service.seen)
    head = f"POST {ENROL} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nContent-Length: 20000\r\n\r\n"
    with gateway.door() as door:
        reply = door.send(head.encode()).reply()
    assert (reply.status, reply.json()["title"]) == (429, "Too many requests")
    assert reply.json()["detail"] == (
        f"Bodies of {BUDGET} bytes together were refused within 3600 seconds. Until that is less, bodies of more than 16384 bytes are not"
        " read; smaller ones are. Correct the refused requests first: each one counts."
    )
    assert 1 <= int(reply.get("retry-after") or 0) <= 7200
    assert reply.all("ratelimit-policy")[0] == f'"refused_bytes";q={BUDGET};qu="content-bytes";w=3600'
    assert reply.all("ratelimit")[0].startswith('"refused_bytes";r=0;t=')
    assert len(world.service.seen) == before


def test_nobody_else_pays_and_small_bodies_and_reads_pass(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    refusing(world)
    spend(gateway, token)
    assert post(gateway, token, LARGE) == 429
    assert post(gateway, token, SMALL) == 422
    with gateway.door() as door:
        assert door.request("GET", "/api/v1/devices", token=token).status == 200
    assert post(gateway, world.issuer.token(client_id="app_2"), LARGE) == 422
    assert post(gateway, world.issuer.token(client_id="app_3", tenant_id="org_2"), LARGE) == 422


def test_it_ends_by_itself_when_retry_after_says(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=f"{BUDGET}/2"), world.issuer.token()
    refusing(world)

    def stopped() -> int:
        with gateway.door() as door:
            reply = door.request("POST", ENROL, token=token, body=LARGE)
        return int(reply.get("retry-after") or 0) if reply.status == 429 else 0

    wait_for(stopped, what="the budget to be used up")
    seconds = stopped()
    assert 1 <= seconds <= 4
    time.sleep(seconds)
    assert post(gateway, token, LARGE) == 422


def test_large_bodies_that_are_taken_are_never_charged(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit="1/3600"), world.issuer.token()
    assert {post(gateway, token, LARGE) for _ in range(10)} == {200}
    assert (REFUSED_BYTES, "app_1") not in gateway.gateway.limits._counts


@pytest.mark.parametrize(
    ("status", "is_charged"),
    [
        *((status, True) for status in (400, 401, 403, 404, 413, 415, 422)),
        *((status, False) for status in (200, 201, 207, 303, 405, 409, 412, 429, 500, 503)),
    ],
)
def test_refusals_for_good_are_charged_and_no_other_answer(world: World, status: int, is_charged: bool) -> None:
    gateway = world.start(refused_bytes_limit=AN_HOUR)
    refusing(world, ENROL, status)
    assert post(gateway, world.issuer.token(), LARGE) == status
    assert spent(gateway) == len(LARGE) * is_charged


def test_a_graphql_document_that_is_refused_with_200_is_charged(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    refusing(world, "/graphql", 200, (REFUSAL, "operation-not-approved - -"))
    with gateway.door() as door:
        reply = door.request("POST", "/graphql", token=token, body=LARGE)
    assert (reply.status, reply.get(REFUSAL)) == (200, None)
    assert spent(gateway) == len(LARGE)


def test_small_refused_bodies_count_too(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    refusing(world)
    assert {post(gateway, token, SMALL) for _ in range(13)} == {422}
    assert post(gateway, token, LARGE) == 429
    assert post(gateway, token, SMALL) == 422


def test_a_body_without_an_announced_length_is_read_no_further_than_a_small_one(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    refusing(world)
    head = f"POST {ENROL} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"400\r\n%s\r\n" % (b"x" * 1024)

    def sent(chunks: int, end: bytes = b"0\r\n\r\n") -> int:
        with gateway.door() as door:
            return door.send(head.encode() + chunk * chunks + end).reply().status

    assert sent(200) == 422  # of which all are charged
    assert spent(gateway) >= BUDGET
    before = len(world.service.seen)
    assert sent(17) == 429
    assert sent(17, b"") == 429
    assert len(world.service.seen) == before
    assert sent(15) == 422
    charged = spent(gateway)
    assert sent(300) == 429
    assert spent(gateway) == charged, "a body that no service read is not charged"


def test_a_body_in_chunks_beyond_the_limit_of_its_path_is_charged_as_far_as_it_was_read(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    head = f"POST {ENROL} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with gateway.door() as door:
        assert door.send(head.encode() + b"10000\r\n%s\r\n" % (b"x" * 65536) * 17).reply().status == 413
    assert spent(gateway) > 1 << 20
    with gateway.door() as door:
        announced = head.replace("Transfer-Encoding: chunked", f"Content-Length: {2 << 20}")
        assert door.send(announced.encode()).reply().status == 413


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_client_that_sends_its_whole_body_first_reads_why(world: World, connection: str) -> None:
    gateway, token = world.start(refused_bytes_limit=AN_HOUR), world.issuer.token()
    refusing(world)
    spend(gateway, token)
    with gateway.door() as door:
        # More than the buffers of both sockets hold, so that a part is sent after the answer.
        body = b"x" * (1 << 20)
        assert door.request("POST", ENROL, token=token, body=body, connection=connection).status == 429
        if connection == "keep-alive":
            assert door.request("GET", "/api/v1/devices", token=token).status == 200
        else:
            assert door.ends()


def test_callers_without_a_token_pay_by_network(world: World) -> None:
    gateway = world.start(refused_bytes_limit=AN_HOUR, trusted_proxies="127.0.0.1/32")
    refusing(world, ACS, 400)
    spend(gateway, None, ACS, x_forwarded_for="198.51.100.1")
    assert post(gateway, None, LARGE, ACS, x_forwarded_for="198.51.100.1") == 429
    assert post(gateway, None, LARGE, ACS, x_forwarded_for="198.51.100.2") == 400
    assert post(gateway, world.issuer.token(), LARGE, ENROL, x_forwarded_for="198.51.100.1") == 200


def test_who_shares_a_network_with_an_attacker_signs_in(world: World) -> None:
    """A genuine SAML answer with many groups, a password, a token request: however much is refused behind the same address."""
    gateway = world.start(refused_bytes_limit="1/3600")
    refusing(world, ACS, 400)
    for _ in range(3):
        post(gateway, None, LARGE, ACS)
    assert post(gateway, None, LARGE, ACS) == 429
    for path, size in ((ACS, 32), ("/v1/auth/sign-in", 16), ("/v1/oauth/token", 16), ("/device", 16)):
        refusing(world, path, 200)
        assert post(gateway, None, b"x" * size * KIB, path) == 200, path


def test_a_known_browser_pays_by_its_account(world: World) -> None:
    """Also the largest SAML answer passes beside a hostile neighbour, and an account has one budget from wherever it comes."""
    gateway = world.start(refused_bytes_limit=AN_HOUR)
    refusing(world, ACS, 400)
    spend(gateway, None, ACS)
    assert post(gateway, None, LARGE, ACS) == 429
    spend(gateway, None, ACS, cookie=f"knogin-local-pass={a_pass(world)}")
    assert post(gateway, None, LARGE, ACS, cookie=f"knogin-local-pass={a_pass(world)}") == 429
    assert post(gateway, None, LARGE, ACS, cookie=f"knogin-local-pass={a_pass(world, 'account_2')}") == 400


def test_many_networks_of_one_ipv6_subscriber_have_a_few_budgets_and_not_one_each(world: World) -> None:
    gateway = world.start(refused_bytes_limit=AN_HOUR, trusted_proxies="127.0.0.1/32")
    refusing(world, ACS, 400)
    found = [
        post(gateway, None, LARGE, ACS, x_forwarded_for=f"2001:db8:1:{number:x}::1")
        for number in range(12)
        for _ in "ab"
    ]
    assert found.count(400) == 2 * 4
    assert post(gateway, None, LARGE, ACS, x_forwarded_for="2001:db8:2::1") == 400


def test_a_network_beyond_its_budget_takes_nothing_from_its_neighbours(world: World) -> None:
    gateway = world.start(refused_bytes_limit=AN_HOUR, trusted_proxies="127.0.0.1/32")
    refusing(world, ACS, 400)
    small = b"x" * 30 * KIB
    assert {post(gateway, None, small, ACS, x_forwarded_for="2001:db8:1:1::1") for _ in range(60)} == {400}
    assert post(gateway, None, LARGE, ACS, x_forwarded_for="2001:db8:1:2::1") == 400


def waiting_service(world: World) -> threading.Event:
    """A service that reads a body and does not answer; the event is set when it has."""
    has_read = threading.Event()

    async def read(seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.readexactly(int(seen.get("content-length") or 0))
        has_read.set()
        await reader.read(1)
        return False

    world.service.answers[ENROL] = read
    return has_read


def test_who_leaves_at_once_after_a_whole_body_is_charged(world: World) -> None:
    gateway, has_read = world.start(refused_bytes_limit=AN_HOUR), waiting_service(world)
    head = f"POST {ENROL} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n"
    with gateway.door() as door:
        door.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
        assert has_read.wait(PATIENCE)
    wait_for(lambda: spent(gateway) == len(LARGE))


@pytest.mark.parametrize("sent", [len(LARGE), len(LARGE) - 1])
def test_who_waited_for_an_answer_or_broke_off_is_not(world: World, monkeypatch: pytest.MonkeyPatch, sent: int) -> None:
    """A link breaks off, or an answer takes longer than a client waits: neither refuses the body."""
    if sent == len(LARGE):
        monkeypatch.setattr("gateway.proxy.LEFT_SECONDS", 0.0)
    gateway, has_read = world.start(refused_bytes_limit=AN_HOUR), waiting_service(world)
    head = f"POST {ENROL} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n"
    with gateway.door() as door:
        door.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE[:sent])
        wait_for(lambda: has_read.is_set() or (sent < len(LARGE) and gateway.gateway.upstreams["devices"].active))
    wait_for(lambda: not gateway.gateway.upstreams["devices"].active)
    assert spent(gateway) == 0


def test_two_gateways_share_a_budget_through_redis(world: World, redis_url: str) -> None:
    first, second = (world.start(refused_bytes_limit=AN_HOUR, redis_url=redis_url) for _ in range(2))
    refusing(world)
    token = world.issuer.token()
    assert [post(first, token, LARGE) for _ in range(2)] == [422] * 2
    with Redis.from_url(redis_url) as client:
        wait_for(lambda: any(int(client.get(key) or 0) == BUDGET for key in client.scan_iter("limit:*")))
    assert post(second, token, SMALL) == 422
    wait_for(lambda: spent(second) == BUDGET + len(SMALL), what="the second gateway to learn the common count")
    assert post(second, token, LARGE) == 429


def test_without_a_budget_nothing_is_counted(world: World) -> None:
    gateway, token = world.start(refused_bytes_limit="off"), world.issuer.token()
    refusing(world)
    assert {post(gateway, token, LARGE) for _ in range(20)} == {422}
    assert spent(gateway) == 0


def test_memory_stays_bounded_under_a_flood_of_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.limits.COUNTS", 1000)
    limits = Limits({REFUSED_BYTES: AN_HOUR})
    for number in range(5000):
        Payer(limits, f"app_{number}").charge(1)

    async def share() -> None:
        async with AsyncRedis(port=1, retry=Retry(NoBackoff(), 0)) as redis:
            with pytest.raises(RedisError):
                await limits.share(redis)

    asyncio.run(share())
    assert len(limits._counts) <= 1000


@given(
    quota=st.integers(1, 1 << 24),
    window=st.integers(1, 60),
    early=st.floats(0, 1, exclude_max=True),
    beyond=st.integers(0, 1 << 26),
)
@example(quota=55, window=55, early=0.0, beyond=55)
@example(quota=1, window=1, early=0.999, beyond=1 << 26)
def test_who_waits_for_retry_after_is_within_the_budget(quota: int, window: int, early: float, beyond: int) -> None:
    rule = policy(REFUSED_BYTES, f"{quota}/{window}")
    assert rule
    count = Count(rule, "k")
    now = 1_000_000 * window + early * window
    count.add(quota + beyond, now)
    assert not count.has_room(now)
    wait = count.retry_after(now)
    assert 1 <= wait <= 2 * window + 1, "however much was refused, two windows later nothing of it counts"
    assert count.has_room(now + wait)


def test_an_honest_sender_of_large_bodies_costs_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made or counted for a body that is taken."""
    limits = Limits({REFUSED_BYTES: AN_HOUR})
    monkeypatch.setattr(limits, "_count", lambda *_: pytest.fail("a count was made"))
    for length in (1, 1 << 20, None):
        Payer(limits, "app_1").admit(length, 16 * KIB, time.time())
    assert not refused_bytes.is_refused(200, [(b"content-type", b"application/json")])


def test_the_refusal_names_the_network_that_is_full() -> None:
    limits = Limits({REFUSED_BYTES: "10/60"})
    around = (("2001:db8:1::/56", 4), ("2001:db8:1::/48", 16))
    for number in range(4):
        Payer(limits, f"2001:db8:1:{number}::/64", around).charge(10)
    with pytest.raises(Refusal) as refused:
        Payer(limits, "2001:db8:1:9::/64", around).admit(20_000, 16 * KIB, time.time())
    assert refused.value.detail.startswith(
        "Bodies of 40 bytes together from one IPv6 network of length 56 were refused"
    )


@pytest.fixture
def real(stack: Stack) -> Iterator[Running]:
    """A gateway in front of the real services; its budget is used up by two large bodies."""
    running = beside(stack, refused_bytes_limit="300000/4", rate_limit_graphql="off", rate_limit_saml="off")
    yield running
    running.stop()


def asking(stack: Stack, gateway: Running, host: str, token: str = "") -> httpx2.Client:
    headers = {"host": f"{stack.described['hosts'][host]}:{stack.port}", "content-type": "application/json"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.Client(base_url=f"http://127.0.0.1:{gateway.port}", headers=headers, trust_env=False, verify=PLAIN)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/epcr/encounters", JSON["many members"](200_000)),
        ("/api/v1/epcr/encounters", JSON["lists 60 deep"](200_000)),
        ("/graphql", json.dumps({"query": "{" + "a " * 60_000 + "}"}).encode()),
        ("/graphql", json.dumps({"query": "query { acqiMetrics(" + '"' * 60_000}).encode()),
    ],
)
def test_services_refusals_use_the_budget_up_and_another_app_goes_on(
    stack: Stack, real: Running, path: str, body: bytes
) -> None:
    scopes = ["argus:epcr:write", "argus:acqi:read"]
    mine, other = (stack.app_token(*scopes) for _ in range(2))
    elsewhere = stack.app_token(*scopes, admin_token=stack.other.access_token)
    with asking(stack, real, "api", mine) as api:
        first = [api.post(path, content=body).status_code for _ in range(2)]
        wait_for(lambda: api.post(path, content=body).status_code == 429)
        stopped = api.post(path, content=body)
        assert set(first) <= {200, 400, 422}
        assert "bytes together were refused" in stopped.json()["detail"]
        assert api.post("/api/v1/epcr/encounters", content=b"{}").status_code == 422
        for token in (other, elsewhere):
            assert api.post(path, content=body, headers={"authorization": f"Bearer {token}"}).status_code != 429
        wait_for(lambda: api.post(path, content=body).status_code != 429, 20, "the budget to be free by itself")


def test_forged_saml_answers_use_up_their_networks_budget_and_a_genuine_size_is_read(
    stack: Stack, real: Running
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    large = b"SAMLResponse=" + as_base64(XML["elements"])(200_000)
    with asking(stack, real, "auth") as auth:
        wait_for(lambda: auth.post(ACS, content=large, headers=form).status_code == 429)
        assert auth.post(ACS, content=large[: 32 * KIB], headers=form).status_code in (400, 404)
        grant = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}
        assert auth.post("/v1/oauth/token", data=grant, headers=form).status_code == 401
        wait_for(lambda: auth.post(ACS, content=large, headers=form).status_code != 429, 20, "the budget to be free")
