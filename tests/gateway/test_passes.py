"""Passes: known browsers sign in while strangers behind the same address use up its rate. A pass opens nothing else."""

import os
import time
from typing import Any

import jwt
import pytest

from gateway import passes
from shared.primitives.crypto import base64url_encode
from shared.web.identity import PASS_AUDIENCE, PASS_TYPE
from tests.gateway.conftest import Running, World
from tests.gateway.issuer import FIRST, KEYS, SECOND
from tests.support.keys import rsa_key
from tests.support.waiting import wait_for

PAGE = "/v1/auth/sign-in"


def a_pass(world: World, account: str = "account_1", org: str = "org_1", *, key: Any = None, **changes: Any) -> str:
    header = {"typ": PASS_TYPE, "kid": FIRST} | changes.pop("header", {})
    header = {name: value for name, value in header.items() if value is not None}
    claims = {
        "iss": world.issuer.issuer,
        "aud": PASS_AUDIENCE,
        "exp": int(time.time()) + 60,
        "sub": account,
        "org": org,
    }
    return jwt.encode(claims | changes, key or KEYS[FIRST], algorithm="RS256", headers=header)


def statuses(gateway: Running, number: int, text: str = "", path: str = PAGE, **fields: Any) -> list[int]:
    """Of so many requests, with this pass."""
    cookie: dict[str, Any] = {"cookie": f"theme=dark; knogin-local-pass={text}; x=y"} if text else {}
    with gateway.door() as door:
        return [door.request("GET", path, host="auth.test", **cookie, **fields).status for _ in range(number)]


@pytest.fixture
def flooded(world: World) -> Running:
    """A gateway where the rate of this address is used up, at the sign-in pages and at SAML."""
    gateway = world.start(rate_limit_sign_in="5/3600", rate_limit_saml="5/3600", rate_limit_account="3/3600")
    assert statuses(gateway, 6)[-1] == 429
    assert statuses(gateway, 6, path="/v1/saml/con_1/login")[-1] == 429
    return gateway


@pytest.mark.parametrize("path", [PAGE, "/v1/oauth/authorize", "/v1/saml/con_1/login"])
def test_a_known_browser_has_a_small_rate_of_its_own(flooded: Running, world: World, path: str) -> None:
    assert 429 not in statuses(flooded, 3, a_pass(world), path)
    assert statuses(flooded, 1, a_pass(world), path) == [429]


def test_many_passes_of_one_account_have_one_rate_from_wherever_they_come(world: World) -> None:
    """A copied pass, or a thousand sign-ins of one account, gain nothing."""
    gateway = world.start(rate_limit_sign_in="1/3600", rate_limit_account="3/3600", trusted_proxies="127.0.0.1/32")
    found: list[int] = []
    for number in range(6):
        address = f"198.51.100.{number}"
        text = a_pass(world, exp=int(time.time()) + 60 + number)
        found += statuses(gateway, 2, text, x_forwarded_for=address)[1:]
    assert [status == 429 for status in found] == [False] * 3 + [True] * 3


def test_an_organisation_with_many_accounts_closes_the_pages_to_itself_alone(world: World) -> None:
    gateway = world.start(rate_limit_sign_in="1/3600", rate_limit_organisation="4/3600")
    statuses(gateway, 1)
    hostile = [statuses(gateway, 1, a_pass(world, f"account_{number}", "org_2"))[0] for number in range(8)]
    assert [status == 429 for status in hostile] == [False] * 4 + [True] * 4
    assert 429 not in statuses(gateway, 1, a_pass(world))


def test_what_an_account_has_too_much_does_not_count_against_its_organisation(world: World) -> None:
    gateway = world.start(rate_limit_sign_in="1/3600", rate_limit_organisation="4/3600", rate_limit_account="2/3600")
    statuses(gateway, 1)
    assert statuses(gateway, 20, a_pass(world))[-1] == 429
    assert 429 not in statuses(gateway, 2, a_pass(world, "account_2"))


def unsigned(world: World) -> str:
    header, claims, signature = a_pass(world).split(".")
    return f"{header}.{claims}.{signature[:-8]}AAAAAAAA"


def jws(payload: bytes) -> str:
    """Signed with auth's key, which auth would never do."""
    return jwt.api_jws.encode(payload, KEYS[FIRST], algorithm="RS256", headers={"typ": PASS_TYPE, "kid": FIRST})


FORGED: dict[str, Any] = {
    "another key": lambda world: a_pass(world, key=rsa_key(2)),
    "an unknown key": lambda world: a_pass(world, header={"kid": "2020-01-signing-key"}),
    "no key": lambda world: a_pass(world, header={"kid": None}),
    "a key of another published name": lambda world: a_pass(world, header={"kid": SECOND}),
    "another signature": unsigned,
    "expired": lambda world: a_pass(world, exp=int(time.time()) - 1),
    "never expires": lambda world: a_pass(world, exp=None),
    "another issuer": lambda world: a_pass(world, iss="http://other.test"),
    "another audience": lambda world: a_pass(world, aud="http://auth.test"),
    "an access token": lambda world: world.issuer.token(),
    "an access token for this audience": lambda world: world.issuer.token(aud=PASS_AUDIENCE, org="org_1"),
    "no algorithm": lambda world: jwt.encode({"sub": "x"}, "", algorithm="none", headers={"typ": PASS_TYPE}),
    "a critical extension": lambda world: a_pass(world, header={"crit": ["x"], "x": 1}),
    "too long": lambda world: a_pass(world, "x" * 4096),
    "a header of brackets": lambda world: base64url_encode(b"[" * 1000) + ".e30.e30",
    "a header without a type": lambda world: base64url_encode(b'{"alg":"RS256"}') + ".e30.e30",
    "claims that are none": lambda world: jws(b"[" * 500),
    "claims of other kinds": lambda world: jws(b'{"iss":1,"exp":"x","sub":[],"org":{}}'),
    "garbage": lambda world: "a.b.c",
    "brackets": lambda world: "[" * 2000,
    "bytes": lambda world: "\xff\xfe.\xff.\xff",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_no_other_cookie_opens_the_pages(flooded: Running, world: World, forge: Any) -> None:
    assert statuses(flooded, 2, forge(world)) == [429] * 2
    assert 429 not in statuses(flooded, 1, a_pass(world))


def test_a_pass_under_another_name_opens_nothing(flooded: Running, world: World) -> None:
    with flooded.door() as door:
        for cookie in (
            f"knogin-local-passport={a_pass(world)}",
            f"pass={a_pass(world)}",
            f"knogin-local-pass ={a_pass(world)}",
        ):
            assert door.request("GET", PAGE, host="auth.test", cookie=cookie).status == 429


def test_over_https_only_a_cookie_bound_to_the_host_counts(world: World) -> None:
    """Another host of the domain could set a cookie with a name that has no such prefix."""
    gateway = world.start(rate_limit_sign_in="1/3600", issuer="https://auth.test")
    text = a_pass(world, iss="https://auth.test")
    assert statuses(gateway, 2, text)[-1] == 429
    with gateway.door() as door:
        assert door.request("GET", PAGE, host="auth.test", cookie=f"__Host-knogin-pass={text}").status != 429


def test_a_pass_is_no_access_token_and_opens_no_other_route(world: World) -> None:
    gateway = world.start(
        rate_limit_token="1/3600", rate_limit_discovery="1/3600", rate_limit_public="1/3600", rate_limit_agents="1/3600"
    )
    text = a_pass(world)
    routes = [
        ("/v1/oauth/token", "auth.test"),
        ("/.well-known/jwks.json", "auth.test"),
        ("/v1/oauth/introspect", "auth.test"),
        ("/api/v1/platform/agents/heartbeat", "api.test"),
    ]
    with gateway.door() as door:
        for path, host in routes:
            found = [
                door.request("POST", path, host=host, cookie=f"knogin-local-pass={text}", body=b"").status
                for _ in range(2)
            ]
            assert found[0] != 429 == found[1], path
        for token in (text, a_pass(world, aud=[world.issuer.issuer, world.issuer.api])):
            assert door.request("GET", "/api/v1/devices", token=token).status == 401


def test_the_passes_of_a_distrusted_key_open_nothing_once_the_gateway_has_learned_it(
    flooded: Running, world: World
) -> None:
    """It learns it by the answer to the request for revocations that waits at auth: within a second, test_with_stack.py shows."""
    text = a_pass(world)
    assert 429 not in statuses(flooded, 1, text)
    world.issuer.revoke("key", FIRST)
    wait_for(lambda: flooded.gateway.revocations.marks.distrusts(FIRST))
    assert statuses(flooded, 1, text) == [429]


def test_a_flood_of_forged_passes_causes_a_bounded_number_of_checks_and_closes_nothing_to_a_checked_one(
    flooded: Running, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = a_pass(world)
    assert 429 not in statuses(flooded, 1, good)
    monkeypatch.setattr(passes, "CHECKS", 10)
    now = time.time() + 1
    flooded.gateway.passes._clock = lambda: now
    before = checks("refused")
    for _ in range(50):
        statuses(flooded, 1, unsigned(world)[:-4] + os.urandom(2).hex())
    assert checks("refused") - before == 10
    assert 429 not in statuses(flooded, 1, good)
    assert statuses(flooded, 1, a_pass(world, "account_2")) == [429]
    flooded.gateway.passes._clock = lambda: now + 1
    assert 429 not in statuses(flooded, 1, a_pass(world, "account_2"))


def test_forged_passes_of_one_network_take_no_checks_from_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "CHECKS", 5)
    gateway = world.start(rate_limit_sign_in="1/3600", trusted_proxies="127.0.0.1/32")
    now = time.time()
    gateway.gateway.passes._clock = lambda: now
    here, there = "198.51.100.1", "198.51.100.2"
    assert statuses(gateway, 20, "a.b.c", x_forwarded_for=here)[-1] == 429
    assert statuses(gateway, 1, a_pass(world), x_forwarded_for=here) == [429]
    assert 429 not in statuses(gateway, 2, a_pass(world), x_forwarded_for=there)


def test_a_known_browser_passes_where_strangers_used_up_the_rate_of_the_ipv6_networks_around_it(world: World) -> None:
    gateway = world.start(rate_limit_sign_in="1/3600", trusted_proxies="127.0.0.1/32")
    for number in range(16):
        statuses(gateway, 1, x_forwarded_for=f"2001:db8:1:{number:x}00::1")
    mine = "2001:db8:1:ff00::1"
    assert statuses(gateway, 1, x_forwarded_for=mine) == [429]
    assert 429 not in statuses(gateway, 2, a_pass(world), x_forwarded_for=mine)


def test_forged_passes_from_the_networks_of_one_ipv6_subscriber_cause_a_bounded_number_of_checks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "CHECKS", 5)
    gateway = world.start(rate_limit_sign_in="1/3600", trusted_proxies="127.0.0.1/32")
    now = time.time()
    gateway.gateway.passes._clock = lambda: now
    before = checks("refused")
    for number in range(60):
        statuses(gateway, 2, "a.b.c", x_forwarded_for=f"2001:db8:1:{number:x}::1")
    assert checks("refused") - before == 10


def test_below_the_rate_no_pass_is_checked(world: World) -> None:
    gateway = world.start()
    before = checks("accepted") + checks("refused")
    statuses(gateway, 5, a_pass(world))
    statuses(gateway, 5, "a.b.c")
    assert checks("accepted") + checks("refused") == before


def checks(outcome: str) -> float:
    return passes.passes.labels(outcome)._value.get()
