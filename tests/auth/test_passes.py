"""Auth gives a pass at each sign-in, and through a gateway with its usual rates a known browser signs in during a flood."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import jwt
import msgspec
import pytest

from gateway.settings import Settings
from shared.web import identity
from tests.auth.federation import Connection
from tests.auth.support import API, ISSUER, PASSWORD, Auth, Browser, register_web_app
from tests.auth.test_sign_in import person as person
from tests.gateway.conftest import Running
from tests.gateway.raw import Door
from tests.support.alone import KEY_TEXT
from tests.support.plain import PLAIN
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

COOKIE = "__Host-knogin-pass"
HOST = "auth.knogin.test"


@pytest.fixture
def gateway(auth: Auth) -> Iterator[Running]:
    """Has the rates of a new gateway, whose places come back over an hour instead of a minute, and no Redis.

    So a slow machine does not give strangers turns.
    """
    rates: dict[str, Any] = {
        field.name: f"{field.default.partition('/')[0]}/3600"
        for field in msgspec.structs.fields(Settings)
        if field.name.startswith("rate_limit_")
    }
    upstreams: dict[str, Any] = {
        f"gateway_upstream_{name}": auth.url for name in ("auth", "webhooks", "graphql", "epcr", "devices")
    }
    settings = Settings(
        identity_signing_key=KEY_TEXT,
        issuer=ISSUER,
        api_base_url=API,
        gateway_jwks_url=f"{auth.url}/.well-known/jwks.json",
        **upstreams,
        **rates,
        gateway_hosts_auth=HOST,
        otel_traces_sampler_arg=0.0,
    )
    running = Running(settings).start()
    wait_for(lambda: running.gateway.keys.ready)
    yield running
    running.stop()


@pytest.fixture
def outside(auth: Auth, gateway: Running) -> Iterator[Auth]:
    """Auth as clients reach it: through the gateway."""
    outside = Auth(auth.settings, f"http://127.0.0.1:{gateway.port}", {"demo": auth.demo, "other": auth.other})
    outside.http.close()
    outside.http = httpx2.Client(
        base_url=outside.url, headers={"host": HOST}, timeout=30, trust_env=False, verify=PLAIN
    )
    yield outside
    outside.close()


def flood(gateway: Running, requests: int = 1_300) -> None:
    with gateway.door() as door:
        assert strangers(door, requests)[-1] == 429


def strangers(door: Door, requests: int) -> list[int]:
    return [door.request("GET", "/v1/auth/sessions", host=HOST).status for _ in range(requests)]


def test_behind_a_flooded_address_a_known_device_signs_in(
    auth: Auth, outside: Auth, gateway: Running, person: dict[str, Any]
) -> None:
    """From the app's request to the consent. A browser that is signed in goes on too."""
    app = register_web_app(auth)
    known = Browser(outside)
    assert known.sign_in(person).status_code == 303
    flood(gateway)
    with gateway.door() as door:
        assert known.get("/v1/auth/sessions").status_code == 200
        known.cookies = {name: value for name, value in known.cookies.items() if not name.endswith("-session")}
        asked = known.authorize(app)
        assert asked.status_code == 303
        assert set(strangers(door, 20)) == {429}
        page = known.get(asked.headers["location"])
        signed_in = known.submit(page, "/v1/auth/sign-in", email=person["email"], password=PASSWORD)
        assert signed_in.status_code == 303, signed_in.text
        consent = known.get(signed_in.headers["location"])
        assert "Dispatch board" in consent.text
        assert set(strangers(door, 20)) == {429}


def test_a_pass_names_nobody_and_is_the_same_for_all_devices_of_an_account(auth: Auth, person: dict[str, Any]) -> None:
    one, two, other = (claims_after_sign_in(auth, who) for who in (person, person, auth.other))
    assert set(one) == {"iss", "aud", "exp", "sub", "org", "holder"}
    assert (one["iss"], one["aud"], len(one["sub"]), len(one["org"])) == (ISSUER, identity.PASS_AUDIENCE, 22, 22)
    assert abs(one["exp"] - time.time() - identity.PASS_LIFETIME) < 60
    assert (one["sub"], one["org"]) == (two["sub"], two["org"])
    assert len({one["sub"], one["org"], other["sub"], other["org"]}) == 4
    [(user_id,)] = auth.sql("SELECT user_id FROM users WHERE email = %s", person["email"])
    for secret in (person["email"], auth.demo["tenant_id"], user_id):
        assert secret not in repr(one)


def claims_after_sign_in(auth: Auth, who: dict[str, Any]) -> dict[str, Any]:
    browser = Browser(auth)
    assert browser.sign_in(who).status_code == 303
    return claims_in(auth, browser)


def claims_in(auth: Auth, browser: Browser) -> dict[str, Any]:
    """Checked with the published keys."""
    text = browser.cookies[COOKIE]
    header = jwt.get_unverified_header(text)
    assert header["typ"] == identity.PASS_TYPE
    keys = jwt.PyJWKSet.from_dict(auth.call("GET", "/.well-known/jwks.json").json())
    return jwt.decode(
        text, keys[header["kid"]].key, algorithms=["RS256"], audience=identity.PASS_AUDIENCE, issuer=ISSUER
    )


def test_only_a_whole_sign_in_gives_a_pass(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    assert browser.sign_in(person, password="wrong").status_code == 401
    assert COOKIE not in browser.cookies
    answer = browser.sign_in(person)
    [given] = [line for line in answer.headers.get_list("set-cookie") if line.startswith(COOKIE)]
    assert all(part in given for part in ("HttpOnly", "Secure", "Path=/", "SameSite=none"))
    assert "Domain" not in given


def test_behind_a_flooded_address_a_known_browser_signs_in_through_its_organisation(
    outside: Auth, gateway: Running, works: Connection
) -> None:
    """The identity provider's form comes from another site, so the pass goes with it."""
    known = Browser(outside)
    works.sign_in(known)
    assert claims_in(outside, known)["aud"] == identity.PASS_AUDIENCE
    with gateway.door() as door:
        for path in ("/v1/saml/none/login", "/v1/auth/sessions"):
            statuses = [door.request("GET", path, host=HOST).status for _ in range(1_300)]
            assert 429 in statuses[-20:]
    works.sign_in(known)
    assert Browser(outside).get(works.path("login")).status_code == 429
