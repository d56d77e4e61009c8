"""Nothing an attacker sends to an OAuth endpoint or a form gives a 500, or anything but an answer of the protocol."""

import base64
import os
import re
import socket
from typing import Any
from urllib.parse import quote_from_bytes, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.auth.oauth.tokens import REFRESH_PREFIX
from services.auth.signin import throttle
from shared.web.identity import HEADER, Caller, mint
from tests.auth.support import (
    CALLBACK,
    CHALLENGE,
    PASSWORD,
    Auth,
    Browser,
    authorization,
    register_web_app,
)
from tests.auth.test_private_key_jwt import TYPE
from tests.auth.test_sign_in import person as person
from tests.support.alone import KEY

pytestmark = pytest.mark.full

# For each of ten endpoints. `make test-all` takes a sample; `make fuzz` sends 900 to each, 9,000 requests.
EXAMPLES = int(os.environ.get("KNOGIN_FUZZ_EXAMPLES", "100"))
POSTS = ["/v1/oauth/token", "/v1/oauth/revoke", "/v1/oauth/introspect", "/v1/oauth/authorize", "/v1/auth/sign-in"]
PAGES = ["/v1/auth/second-factor", "/v1/auth/sessions", "/v1/auth/authenticator", "/v1/auth/password"]
NAMES = [
    "grant_type", "client_id", "client_secret", "scope", "code", "code_verifier", "redirect_uri", "refresh_token",
    "token", "token_type_hint", "resource", "client_assertion", "client_assertion_type", "response_type", "state",
    "code_challenge", "code_challenge_method", "prompt", "response_mode", "request", "decision", "csrf", "continue",
    "email", "password", "again", "link", "pending", "enrolment", "do", "end", "withdraw",
]  # fmt: skip
CALM = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
odd = st.one_of(
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=40),
    st.sampled_from([b"", b"\0", b"%", b"%ff", b"a" * 3000, b"\xed\xa0\x80", b"1" * 400, b"[" * 2000, b"NaN", b"-1"]),
    st.binary(max_size=60).map(lambda data: b".".join([base64.urlsafe_b64encode(data)] * 3)),
)


class Known:
    """Values that get past the first checks, so that fuzzing reaches what lies behind."""

    def __init__(self, auth: Auth) -> None:
        self.app = register_web_app(auth, grant_types=["authorization_code", "refresh_token", "client_credentials"])
        token = auth.token(self.app).json()["access_token"]
        self.values = [
            value.encode()
            for value in [
                self.app["client_id"], self.app["client_secret"], "client_credentials", "authorization_code",
                "refresh_token", "webhooks:write", "offline_access", CALLBACK, CHALLENGE, "S256", "plain", "code", TYPE,
                token, token + "x", REFRESH_PREFIX + "0" * 26 + ".1." + "A" * 43, "none", "login", "allow", "deny", PASSWORD,
                "set up", "remove", "renew", "000000", "all", "A" * 43,
                "/v1/oauth/authorize?client_id=" + self.app["client_id"], "https://api.knogin.test",
            ]
        ]  # fmt: skip


@pytest.fixture(scope="module")
def known(auth: Auth) -> Known:
    return Known(auth)


def encoded(pairs: list[tuple[str, bytes]]) -> str:
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs)


def fields(draw: Any, known: Known) -> list[tuple[str, bytes]]:
    value = st.one_of(st.sampled_from(known.values), odd)
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), value), max_size=10))
    if draw(st.booleans()):
        app = known.app
        pairs += [("client_id", app["client_id"].encode()), ("client_secret", app["client_secret"].encode())]
    return pairs


def is_an_answer(answer: Any) -> bool:
    """An OAuth error, a success, a page or a redirect to a place of ours or of the app: never anything else."""
    if answer.status_code in (302, 303):
        location = answer.headers["location"]
        return location.startswith((CALLBACK + "?", "/v1/auth/", "/v1/oauth/authorize?"))
    return answer.status_code in (200, 400, 401, 403, 409, 410, 413, 415, 422, 429)


@pytest.mark.parametrize("path", POSTS + PAGES)
def test_no_post_gives_a_500(
    auth: Auth, known: Known, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # Waiting would hide what lies behind it.
    for limit in ("ACCOUNT", "PAIR", "ADDRESS", "OWN", "SESSION"):
        monkeypatch.setattr(throttle, limit, throttle.Limit(1_000_000, 60))
    browser = Browser(auth)
    if path in PAGES:
        browser.sign_in(person)
    form = re.search('name="csrf" value="([^"]+)"', browser.get("/v1/auth/sign-in").text)
    assert form is not None

    @CALM
    @given(st.data())
    def attack(data: Any) -> None:
        body: Any = data.draw(st.one_of(st.just(None), st.binary(max_size=200)))
        if body is None:
            own = [("csrf", form[1].encode())] if data.draw(st.booleans()) else []
            body = encoded(own + fields(data.draw, known))
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if data.draw(st.integers(0, 9)) == 0:
            headers["content-type"] = data.draw(
                st.sampled_from(["", "text/plain", "application/json", "multipart/form-data"])
            )
        if data.draw(st.integers(0, 4)) == 0:
            scheme = data.draw(st.sampled_from(["Basic ", "basic ", "Bearer ", "Basic"]))
            headers["authorization"] = scheme + base64.b64encode(data.draw(odd)).decode() + "x"
        answer = browser._send("POST", path, content=body, headers=headers)
        assert is_an_answer(answer), (answer.status_code, body, headers, answer.text[:300])

    attack()


def test_no_authorization_request_gives_a_500_or_leads_elsewhere(auth: Auth, known: Known) -> None:
    browser = Browser(auth)
    browser.sign_in()

    @CALM
    @given(st.data())
    def attack(data: Any) -> None:
        good = (
            [("client_id", known.app["client_id"].encode()), ("response_type", b"code")]
            if data.draw(st.booleans())
            else []
        )
        query = encoded(good + fields(data.draw, known))
        answer = browser.get(f"/v1/oauth/authorize?{query}")
        assert is_an_answer(answer), (answer.status_code, query, answer.text[:300])

    attack()


@pytest.mark.parametrize("odd_text", ["\u20ac", "\r\nset-cookie: a=b", "\t", "\x7f", "\x85"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_request_that_no_header_can_hold_is_refused(auth: Auth, known: Known, odd_text: str, signed_in: bool) -> None:
    browser = Browser(auth)
    if signed_in:
        browser.sign_in()
    wanted = urlencode(authorization(known.app)) + odd_text
    for form in ({"csrf": "x"}, {}):
        answer = browser.submit(browser.authorize(known.app), "/v1/oauth/authorize", **form, request=wanted)
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_a_query_of_raw_bytes_is_refused(auth: Auth, known: Known) -> None:
    target = f"/v1/oauth/authorize?{urlencode(authorization(known.app))}&x=".encode() + b"\xe9"
    address, identity = urlsplit(auth.url), mint(Caller(address="203.0.113.7"), KEY, "auth")
    head = (
        b"GET "
        + target
        + f" HTTP/1.1\r\nhost: {address.netloc}\r\n{HEADER}: {identity}\r\nconnection: close\r\n\r\n".encode()
    )
    with socket.create_connection((address.hostname, address.port)) as raw:
        raw.sendall(head)
        assert raw.makefile("rb").readline().split()[1] == b"400"


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1 << 21])
def test_a_body_that_is_too_large_is_413(auth: Auth, size: int) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = auth.call("POST", "/v1/oauth/token", content=b"a=" + b"x" * size, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
