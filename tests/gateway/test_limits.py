"""Rate limits: counted in each gateway, shared through Redis, and stated in the fields of every answer."""

import asyncio
import random
import time
from contextlib import suppress
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.limits import Count, Limits, Policy, policy
from gateway.problems import Refusal
from tests.gateway.conftest import World
from tests.gateway.issuer import FIRST
from tests.support.keys import rsa_key
from tests.support.waiting import wait_for

DOOR = "/api/v1/devices"
PAGE = "/v1/auth/sign-in"
HEADER = {"typ": "at+jwt", "kid": FIRST}


def test_the_request_over_the_limit_is_429_and_says_when_to_come_back(world: World) -> None:
    gateway = world.start(rate_limit_read="3/60")
    with gateway.door() as door:
        token = world.issuer.token()
        replies = [door.request("GET", DOOR, token=token) for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert [(reply.get("ratelimit") or "").split(";t=")[0] for reply in replies] == [
        f'"read";r={left}' for left in (2, 1, 0, 0)
    ]
    assert {reply.get("ratelimit-policy") for reply in replies} == {'"read";q=3;w=60'}
    last = replies[-1]
    assert 1 <= int(last.get("retry-after") or 0) <= 120
    assert (last.get("x-ratelimit-limit"), last.get("x-ratelimit-remaining")) == ("3", "0")
    assert last.json()["title"] == "Too many requests"


def test_oauth_clients_are_refused_in_their_own_words_too(world: World) -> None:
    """RFC 6749 §5.2: such a client reads `error`, and does not understand a problem document."""
    world.issuer.origin.answers["/v1/oauth/token"] = lambda seen: None
    gateway = world.start(rate_limit_token="1/60", rate_limit_public="1/60")
    with gateway.door() as door:
        replies = [door.request("POST", "/v1/oauth/token", host="auth.test", body=b"x") for _ in range(2)]
    too_large = f"POST /v1/oauth/introspect HTTP/1.1\r\nHost: auth.test\r\nContent-Length: {1 << 21}\r\n\r\n".encode()
    with gateway.door() as door:
        replies.append(door.send(too_large).reply())
    with gateway.door() as door:
        assert "error" not in door.request("GET", "/v1/platform/apps", host="auth.test").json()
    answers = [(reply.status, reply.json()["error"], reply.json()["title"]) for reply in replies]
    assert answers == [
        (502, "temporarily_unavailable", "Bad gateway"),
        (429, "temporarily_unavailable", "Too many requests"),
        (413, "invalid_request", "Content too large"),
    ]
    assert all(reply.json()["error_description"] == reply.json()["detail"] for reply in replies)


def test_each_client_has_its_own_limit_and_each_class_of_route_too(world: World) -> None:
    gateway = world.start(rate_limit_read="1/60", rate_limit_graphql="1/60")
    with gateway.door() as door:
        for client in ("app_1", "app_2"):
            token = world.issuer.token(client_id=client)
            assert [door.request("GET", DOOR, token=token).status for _ in range(2)] == [200, 429]
            assert door.request("POST", "/graphql", token=token, body=b"{}").status == 200


def test_all_clients_of_an_organisation_together_have_a_few_rates_and_not_one_each(world: World) -> None:
    gateway = world.start(rate_limit_read="5/3600", organisation_times=2)
    with gateway.door() as door:
        tokens = [of_app(world, f"app_{number}") for number in range(20)]
        replies = [door.request("GET", DOOR, token=token) for token in tokens]
        others = of_app(world, "app_other", tenant_id="org_other")
        assert door.request("GET", DOOR, token=others).status == 200
        assert door.request("POST", DOOR, token=tokens[-1], body=b"{}").status == 200
    assert [reply.status for reply in replies] == [200] * 10 + [429] * 10
    assert [(reply.get("ratelimit") or "").split(";t=")[0] for reply in replies[5:10]] == [
        '"read";r=4',
        *(f'"read-organisation";r={left}' for left in (3, 2, 1, 0)),
    ]
    last = replies[-1]
    assert last.get("ratelimit-policy") == '"read-organisation";q=10;w=3600'
    assert int(last.get("retry-after") or 0) >= 1
    detail = "At most 10 read requests in 3600 seconds are answered to the apps of an organisation together."
    assert last.json()["detail"] == detail


def test_a_client_beyond_its_rate_takes_nothing_from_the_others_of_its_organisation(world: World) -> None:
    gateway = world.start(rate_limit_read="5/3600", organisation_times=2)
    with gateway.door() as door:
        eager, other = of_app(world, "app_1"), of_app(world, "app_2")
        assert [door.request("GET", DOOR, token=eager).status for _ in range(50)] == [200] * 5 + [429] * 45
        assert [door.request("GET", DOOR, token=other).status for _ in range(5)] == [200] * 5


def test_apps_that_send_too_much_do_not_keep_their_organisations_people_away(world: World) -> None:
    """An administrator must get in to stop them."""
    gateway = world.start(rate_limit_read="2/3600", organisation_times=2)
    with gateway.door() as door:
        apps = [of_app(world, f"app_{number}") for number in range(5)]
        assert [door.request("GET", DOOR, token=token).status for token in apps][-1] == 429
        people = [world.issuer.token(client_id=f"app_{number}", sub=f"usr_{number}") for number in range(5)]
        replies = [door.request("GET", DOOR, token=token) for token in people]
    assert [reply.status for reply in replies] == [200] * 4 + [429]
    detail = "At most 4 read requests in 3600 seconds are answered to the people of an organisation together."
    assert replies[-1].json()["detail"] == detail


def of_app(world: World, client_id: str, **claims: Any) -> str:
    return world.issuer.token(client_id=client_id, sub=client_id, **claims)


def test_without_a_limit_of_organisations_each_client_has_its_rate_alone(world: World) -> None:
    gateway = world.start(rate_limit_read="1/3600", organisation_times=0)
    with gateway.door() as door:
        tokens = [of_app(world, f"app_{number}") for number in range(10)]
        assert {door.request("GET", DOOR, token=token).status for token in tokens} == {200}


def test_nobody_else_pays_for_an_address_that_guesses_tokens(world: World) -> None:
    gateway = world.start(rate_limit_guesses="5/60")
    with gateway.door() as door:
        guesses = [door.request("GET", DOOR, token="guess").status for _ in range(7)]
        assert guesses == [401] * 5 + [429] * 2
        assert door.request("GET", DOOR, token=world.issuer.token()).status == 200


def test_a_client_learns_that_its_token_ended_while_others_behind_its_address_guess(world: World) -> None:
    """It could not know that it must fetch another one from a 429."""
    gateway = world.start(rate_limit_guesses="5/3600")
    mine, revoked = world.issuer.token(exp=1), world.issuer.token(client_id="app_2")
    world.issuer.revoke("client", "app_2")
    with gateway.door() as door:
        forged = jwt.encode({"client_id": "app_1", "exp": 1}, rsa_key(2), algorithm="RS256", headers=HEADER)
        guesses = ["guess", forged, forged, forged, forged, forged]
        assert [door.request("GET", DOOR, token=token).status for token in guesses][-1] == 429
        assert door.request("GET", DOOR, token=mine).status == 401
        wait_for(lambda: door.request("GET", DOOR, token=revoked).status == 401)
        assert [door.request("GET", DOOR, token=mine).status for _ in range(5)][-1] == 429


AGENT = ("POST", "/api/v1/platform/agents/heartbeat")
NEIGHBOURS = [("GET", "/v1/auth/sign-in"), ("GET", "/v1/oauth/authorize"), ("GET", "/.well-known/jwks.json")]


@pytest.mark.parametrize(
    ("flood", "spared"),
    [
        (("POST", "/v1/saml/nothing/acs"), NEIGHBOURS),
        (("POST", "/v1/oauth/introspect"), NEIGHBOURS),
        (("POST", "/v1/oauth/token"), NEIGHBOURS),
        (("GET", "/v1/auth/sign-in"), [*NEIGHBOURS[2:], AGENT]),
        (("GET", "/api/v1/devices"), [*NEIGHBOURS, AGENT, ("POST", "/v1/oauth/introspect")]),
        (AGENT, [*NEIGHBOURS, ("POST", "/v1/oauth/introspect"), ("POST", "/v1/oauth/token")]),
    ],
)
def test_a_flood_at_one_door_leaves_the_others_open_behind_the_same_address(
    world: World, flood: tuple[str, str], spared: list[tuple[str, str]]
) -> None:
    """At the rates of a new gateway, which local stacks raise."""
    gateway = world.start()
    with gateway.door() as door:
        method, path = flood
        statuses = (
            door.request(method, path, host=host_of(path), token="guess", body=b"").status for _ in range(5_000)
        )
        assert 429 in statuses
        for method, path in spared:
            assert door.request(method, path, host=host_of(path)).status != 429, path


def host_of(path: str) -> str:
    return "api.test" if path.startswith("/api/") else "auth.test"


def test_two_gateways_share_a_limit_through_redis(world: World, redis_url: str) -> None:
    first, second = (world.start(rate_limit_read="20/3600", redis_url=redis_url) for _ in range(2))
    token = world.issuer.token()
    with first.door() as one, second.door() as two:
        assert {one.request("GET", DOOR, token=token).status for _ in range(15)} == {200}
        with Redis.from_url(redis_url) as client:
            wait_for(lambda: any(int(client.get(key) or 0) == 15 for key in client.scan_iter("limit:*")))
        statuses = [two.request("GET", DOOR, token=token).status]
        count = second.gateway.limits._counts["read", "app_1"]
        wait_for(lambda: count.count == 16, what="the second gateway to learn the common count")
        statuses += [two.request("GET", DOOR, token=token).status for _ in range(6)]
    assert statuses == [200] * 5 + [429] * 2


def test_a_gateway_removes_counts_that_nobody_needs(world: World, redis_url: str) -> None:
    left = [f"limit:{due:010d}:{'0' * 24}" for due in (1, 9_999_999_999)]
    with Redis.from_url(redis_url) as client:
        for key in left:
            client.incrby(key, 1)
        world.start(redis_url=redis_url)
        wait_for(lambda: not client.exists(*left))


def test_the_window_before_counts_as_far_as_it_reaches_into_the_last_sixty_seconds() -> None:
    rule = policy("read", "10/60")
    assert rule
    count = Count(rule, "k")
    start = 1_000_000 * 60.0
    assert all(count.take(start + 59)[0] for _ in range(10))
    assert [count.take(start + 60 + later)[0] for later in (1, 5.9, 6.1, 6.2)] == [False, False, True, False]


def test_with_redis_away_the_limit_holds_in_each_gateway(world: World) -> None:
    gateway = world.start(rate_limit_read="3/3600", redis_url="redis://127.0.0.1:1")
    with gateway.door() as door:
        token = world.issuer.token()
        assert [door.request("GET", DOOR, token=token).status for _ in range(4)] == [200, 200, 200, 429]


def test_a_revocation_rung_through_redis_arrives_before_the_next_poll(world: World, redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        others = client.pubsub_numsub("auth:revocations")[0][1]
    gateway = world.start(redis_url=redis_url)
    token = world.issuer.token()
    with gateway.door() as door, Redis.from_url(redis_url) as client:
        assert door.request("GET", DOOR, token=token).status == 200
        wait_for(lambda: client.pubsub_numsub("auth:revocations")[0][1] == others + 1)
        polls = len(world.issuer.origin.seen)
        world.issuer.revoke("client", "app_1")
        client.publish("auth:revocations", "")
        wait_for(lambda: door.request("GET", DOOR, token=token).status == 401)
        assert len(world.issuer.origin.seen) >= polls + 1


@given(
    quota=st.integers(1, 50),
    window=st.integers(1, 60),
    steps=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=300),
)
def test_a_window_never_holds_more_than_the_quota(quota: int, window: int, steps: list[float]) -> None:
    rule = policy("read", f"{quota}/{window}")
    assert rule
    count = Count(rule, "k")
    now, taken = 1_000_000.0, []
    for step in steps:
        now += step
        allowed, remaining, reset = count.take(now)
        assert remaining >= 0
        assert 1 <= reset <= window + 1
        if allowed:
            taken.append(now)
        else:
            assert count.retry_after(now) >= 1
    for start in {int(moment // window) for moment in taken}:
        assert sum(int(moment // window) == start for moment in taken) <= quota


@given(quota=st.integers(1, 50), window=st.integers(1, 60), early=st.floats(0, 1, exclude_max=True))
def test_a_client_that_waits_for_retry_after_is_allowed(quota: int, window: int, early: float) -> None:
    rule = policy("read", f"{quota}/{window}")
    assert rule
    count = Count(rule, "k")
    now = 1_000_000 * window + early * window
    while count.take(now)[0]:
        pass
    assert count.take(now + count.retry_after(now))[0]


@pytest.mark.parametrize("flood", [2, 10])
def test_behind_a_flooded_address_a_stranger_is_answered_in_proportion(flood: int) -> None:
    """For ten minutes all browsers together send `flood` times the quota; one in twenty requests is an unknown person's."""
    dice = random.Random(flood)
    count, tried, answered = Count(Policy("sign_in", "sign_in", 1200, 60, b""), "address"), 0, 0
    for at in sorted(dice.uniform(600, 1200) for _ in range(flood * 12_000)):
        is_theirs = dice.random() < 0.05
        allowed, *_ = count.take(at)
        tried += is_theirs
        answered += is_theirs and allowed
    assert answered / tried == pytest.approx(1 / flood, rel=0.2)


def test_memory_stays_bounded_under_a_flood_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.limits.COUNTS", 1000)
    limits = Limits({"public": "5/60"})
    for number in range(5000):
        limits.take("public", f"address {number}", 1e9)

    async def share() -> None:
        async with AsyncRedis(port=1, retry=Retry(NoBackoff(), 0)) as redis:
            with pytest.raises(RedisError):
                await limits.share(redis)

    asyncio.run(share())
    assert len(limits._counts) <= 1000


@pytest.mark.parametrize(("networks", "times"), [("2001:db8:1:7{:02x}::1", 4), ("2001:db8:1:{:02x}00::1", 16)])
def test_many_networks_of_one_ipv6_subscriber_have_a_few_rates_and_not_one_each(
    world: World, networks: str, times: int
) -> None:
    """A provider assigns a subscriber a /56 or a /48: 256 or 65,536 networks of length 64."""
    gateway = world.start(rate_limit_sign_in="2/3600", trusted_proxies="127.0.0.1/32")
    with gateway.door() as door:
        answers = [
            door.request("GET", PAGE, host="auth.test", x_forwarded_for=networks.format(number)).status
            for number in range(60)
            for _ in range(2)
        ]
        assert sum(status != 429 for status in answers) == 2 * times
        assert len(gateway.gateway.limits._counts) < 2 * times + 16
        elsewhere = door.request("GET", PAGE, host="auth.test", x_forwarded_for="2001:db8:2::1")
        assert elsewhere.status != 429


def test_a_full_network_of_ipv6_says_whose_rate_it_is(world: World) -> None:
    gateway = world.start(rate_limit_sign_in="1/3600", trusted_proxies="127.0.0.1/32")
    with gateway.door() as door:
        *_, last = [
            door.request("GET", PAGE, host="auth.test", x_forwarded_for=f"2001:db8:1:{number:x}::1")
            for number in range(5)
        ]
    assert last.status == 429
    assert last.get("ratelimit-policy") == '"sign_in";q=4;w=3600'
    detail = "At most 4 sign_in requests in 3600 seconds are answered from one IPv6 network of length 56."
    assert last.json()["detail"] == detail


def test_one_network_that_sends_too_much_leaves_its_neighbours_their_rates() -> None:
    limits = Limits({"sign_in": "10/60"})
    around = (("2001:db8:1::/56", 4), ("2001:db8:1::/48", 16))

    def answered(network: str, times: int) -> int:
        count = 0
        for _ in range(times):
            with suppress(Refusal):
                limits.take("sign_in", network, 1e9, around)
                count += 1
        return count

    assert answered("2001:db8:1:1::/64", 5000) == 10
    assert answered("2001:db8:1:2::/64", 10) == 10


def test_guesses_at_tokens_from_the_networks_of_one_ipv6_subscriber_have_few_rates(world: World) -> None:
    gateway = world.start(rate_limit_guesses="2/3600", trusted_proxies="127.0.0.1/32")
    with gateway.door() as door:
        found = [
            door.request("GET", DOOR, token="guess", x_forwarded_for=f"2001:db8:1:{number:x}::1").status
            for number in range(20)
        ]
    assert found == [401] * 8 + [429] * 12


def test_a_gateway_without_requests_asks_redis_seldom_and_shares_the_next_one_at_once(redis_url: str) -> None:
    asked: list[bool] = []

    async def share() -> None:
        limits = Limits({"public": "5/60"})
        async with AsyncRedis.from_url(redis_url) as redis:
            asked.extend([await limits.share(redis) for _ in range(10)])
            limits.take("public", "k", time.time())
            asked.append(await limits.share(redis))

    asyncio.run(share())
    assert asked == [True, False, False, False, False] * 2 + [True]


def test_a_class_without_a_rate_is_not_counted() -> None:
    limits = Limits({"read": "off"})
    for _ in range(1000):
        assert limits.take("read", "k", 1e9) == []


def test_the_refusal_names_the_rule() -> None:
    limits = Limits({"read": "1/60"})
    limits.take("read", "k", 1e9)
    with pytest.raises(Refusal) as refused:
        limits.take("read", "k", 1e9)
    assert refused.value.detail == "At most 1 read requests in 60 seconds are answered."
