"""The gateway's rules without a network: addresses, targets, routes, keys, settings."""

import asyncio
import base64
import gzip
import hashlib
import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import headers, identities, keys, routes, target
from gateway.addresses import Addresses
from gateway.connection import Broken
from gateway.docs import Docs
from gateway.fetch import Document
from gateway.identities import Identities
from gateway.keys import Keys
from gateway.metrics import jwks_age
from gateway.problems import Refusal
from gateway.tokens import Token
from gateway.upstream import FAILURES, OPEN_SECONDS, Breaker
from shared.primitives.crypto import base64url_encode
from shared.web.identity import Caller, client_network
from tests.gateway.conftest import World
from tests.gateway.issuer import FIRST, KEYS, SECOND, jwk

TRUSTED = Addresses("10.0.0.0/8, ::1")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", b"198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", b"10.1.1.1,10.2.2.2", "10.1.1.1"),
        ("10.0.0.1", b"198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", b"<script>", "10.0.0.1"),
        ("10.0.0.1", b"2001:db8::1", "2001:db8::1"),
        ("::1", b"::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", b"[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", b"[2001:db8::1]", "2001:db8::1"),
        ("::ffff:10.0.0.1", b"198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_address_is_the_last_one_that_no_trusted_proxy_has(peer: str, forwarded_for: bytes, address: str) -> None:
    assert TRUSTED.of(peer, forwarded_for) == address


def test_one_ipv6_subscriber_is_one_client_to_the_limits_and_one_ipv4_address_another() -> None:
    assert (
        client_network("2001:db8:1:2::1") == client_network("2001:db8:1:2:ffff::9") != client_network("2001:db8:1:3::1")
    )
    assert client_network("203.0.113.9") != client_network("203.0.113.10")
    assert client_network("") == ""


@given(st.binary(max_size=60))
def test_no_x_forwarded_for_breaks_it_or_names_a_trusted_proxys_client_without_one(text: bytes) -> None:
    assert Addresses("").of("203.0.113.9", text) == "203.0.113.9"
    assert TRUSTED.of("10.0.0.1", text)


def test_strangers_fill_no_memory_with_long_names_or_long_lists_of_addresses() -> None:
    """4,096 names of 32 KB stayed for ever, and 4,096 lists as long: half of a gateway's memory, for a few thousand requests."""
    kept = headers.Filter(headers.OWN, ())
    addresses = Addresses("10.0.0.0/8")
    for number in range(50):
        assert kept.passes(b"x-%d-" % number + b"x" * 30_000)
        assert addresses.of("10.0.0.1", b"%d," % number + b"192.0.2.1," * 3000 + b"198.51.100.7") == "198.51.100.7"
    assert all(len(name) <= headers.LONGEST_KNOWN for name in kept._known)
    assert addresses._read.cache_info().currsize == 1


def test_a_token_used_from_many_addresses_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 40,000 tokens kept 128 headers: a client with a few apps and the addresses of a /64 ended each gateway in minutes."""
    monkeypatch.setattr(identities, "KEPT", 20)
    maker = Identities(f"1:{base64url_encode(bytes(32))}")
    tokens = [Token(Caller(tenant_id="org_1", client_id=f"app_{n}"), frozenset(), 0, 0.0, FIRST) for n in range(10)]
    now = time.time()
    for number in range(50):
        for token in tokens:
            maker.of(token, f"2001:db8::{number:x}", "epcr", now)
    assert len(maker._young) + len(maker._old) <= 40
    assert maker.of(tokens[9], "2001:db8::31", "epcr", now) is maker.of(tokens[9], "2001:db8::31", "epcr", now)
    assert maker.of(tokens[9], "2001:db8::31", "epcr", now) != maker.of(tokens[8], "2001:db8::31", "epcr", now)


@given(st.text("abcXYZ-_019", min_size=1, max_size=20), st.sampled_from(headers.FORGEABLE), st.randoms())
def test_no_spelling_of_a_forgeable_name_passes(rest: str, prefix: bytes, random: Any) -> None:
    spelled = "".join(random.choice((c, "_")) if c == "-" else c for c in prefix.decode()) + rest.lower()
    assert not headers.Incoming([(spelled.encode(), b"1")]).passing


@given(st.binary(max_size=300))
def test_a_target_is_a_path_or_refused(url: bytes) -> None:
    try:
        raw = target.parse(url, b"api.test").raw
    except Refusal:
        return
    assert raw.startswith(b"/")
    assert not set(raw) & set(b" \r\n\t\x00#")


@pytest.mark.parametrize(
    ("host", "path", "upstream"),
    [
        ("auth.test", "/.well-known/jwks.json", "auth"),
        ("auth.test", "/v1/auth/jwks.json", "auth"),
        ("auth.test", "/v1/oauth/token", "auth"),
        ("auth.test", "/v1/oauth/authorize", "auth"),
        ("auth.test", "/v1/platform/apps/app_1/governance", "auth"),
        ("auth.test", "/v1/saml/acs", "auth"),
        ("auth.test", "/v1/webhooks", "webhooks"),
        ("auth.test", "/v1/webhooks/wh_1/deliveries", "webhooks"),
        ("auth.test", "/v1/deliveries", "webhooks"),
        ("auth.test", "/v1/deliveries/dlv_1", None),
        ("auth.test", "/v1/events/evt_1", "webhooks"),
        ("api.test", "/v1/consumers/inbox/read", "webhooks"),
        ("auth.test", "/v1/audit/auth", "auth"),
        ("api.test", "/v1/audit/webhook-dispatcher/export", "webhooks"),
        ("auth.test", "/v1/audit/graphql-api/verification", "graphql"),
        ("api.test", "/v1/audit/epcr", "epcr"),
        ("auth.test", "/v1/audit/device-ingest/keys", "devices"),
        ("auth.test", "/v1/audit/control-plane/aud_1", "platform"),
        ("auth.test", "/v1/operations/auth/tenants", "auth"),
        ("api.test", "/v1/operations/webhook-dispatcher/backlog", "webhooks"),
        ("auth.test", "/v1/operations/control-plane/acts", "platform"),
        ("auth.test", "/v1/operations/epcr", None),
        ("auth.test", "/v1/operations/gateway/acts", None),
        ("auth.test", "/v1/audit", None),
        ("auth.test", "/v1/audit/gateway", None),
        ("api.test", "/graphql", "graphql"),
        ("api.test", "/api/v1/graphql/bundles", "graphql"),
        ("api.test", "/api/v1/acqi/measure-reports", "graphql"),
        ("api.test", "/api/v1/epcr/encounters", "epcr"),
        ("api.test", "/api/v1/devices", "devices"),
        ("api.test", "/api/v1/devices/dev_1/observations:batch", "devices"),
        ("api.test", "/api/v1/platform/packages", "platform"),
        ("api.test", "/api/v1/platform/agents/enrol", "platform"),
        ("api.test", "/api/v1/platform/agents/content/pkg_1/1.0.0", "platform"),
        ("auth.test", "/graphql", "graphql"),
        ("api.test", "/v1/webhooks", "webhooks"),
        ("api.test", "/v1/auth/jwks.json", "auth"),
        ("auth.test", "/graphql/x", None),
        ("api.test", "/v1/auth/sign-in", None),
        ("api.test", "/v1/auth/jwks.json/", None),
        ("api.test", "/graphql/x", None),
        ("api.test", "/api/v1/devicesx", None),
        ("auth.test", "/v1/webhooksx", None),
        ("auth.test", "/v1/platform", None),
    ],
)
def test_the_routes_of_the_contract(host: str, path: str, upstream: str | None, shared_world: World) -> None:
    found = routes.sites(shared_world.settings())[host].find(path)
    assert (found[1].upstream if found else None) == upstream


@pytest.mark.parametrize(
    ("path", "is_public"),
    [
        ("/enrol", True),
        ("/heartbeat", True),
        ("/content/pkg_1/1.0.0+b", True),
        ("/content", False),
        ("/contents/pkg_1/1.0.0", False),
        ("/enrol/x", False),
        ("/agt_1", False),
        ("", False),
    ],
)
def test_an_edge_agents_own_calls_need_no_token_and_its_address_pays_for_them(
    path: str, is_public: bool, shared_world: World
) -> None:
    found = routes.sites(shared_world.settings())["api.test"].find("/api/v1/platform/agents" + path)
    assert found is not None
    route = found[1]
    assert (route.access is routes.Access.PUBLIC) == is_public
    assert route.rate("GET") == ("agents" if is_public else "read")


@pytest.mark.parametrize(("path", "is_public"), [("", False), ("/keys", True), ("/keys/x", False), ("/export", False)])
def test_everybody_may_fetch_the_keys_of_a_trail_and_nothing_else_of_it(
    path: str, is_public: bool, shared_world: World
) -> None:
    found = routes.sites(shared_world.settings())["api.test"].find("/v1/audit/epcr" + path)
    assert found is not None
    assert (found[1].access is routes.Access.PUBLIC) == is_public


def document(*kids: str, **fields: str) -> Document:
    body = json.dumps({"keys": [jwk(kid, KEYS[kid]) for kid in kids]}).encode()
    return Document(200, {name.encode(): value.encode() for name, value in fields.items()}, body)


class Script:
    """A fetch with prepared answers, and a clock that does not move."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.now = 1000.0
        self.changes = 0

    async def fetch(self) -> Document:
        self.calls += 1
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keys(self) -> Keys:
        return Keys(self.fetch, self.changed, clock=lambda: self.now)

    def changed(self) -> None:
        self.changes += 1


def test_many_who_wait_cost_one_fetch() -> None:
    script = Script(document(FIRST))

    async def scenario() -> None:
        held = script.keys()
        found = await asyncio.gather(*(held.find(FIRST) for _ in range(50)))
        assert all(found)

    asyncio.run(scenario())
    assert script.calls == 1


def test_the_age_of_keys_is_measured_from_the_start_on_so_that_keys_never_had_are_alarming_too() -> None:
    script = Script(OSError(), document(FIRST))

    async def scenario() -> list[float]:
        held = script.keys()
        ages: list[float] = []
        for _ in range(2):
            await held.refresh()
            script.now += 50
            ages.append(next(iter(jwks_age.collect())).samples[0].value)
        return ages

    assert asyncio.run(scenario()) == [math.inf, 50]


def test_an_unknown_kid_asks_again_only_after_ten_seconds_and_each_kid_only_after_thirty() -> None:
    script = Script(document(FIRST))

    async def scenario() -> list[int]:
        held = script.keys()
        await held.refresh()
        calls = []
        for step, kid in ((0, "a"), (0, "b"), (11, "a"), (0, "c"), (25, "a")):
            script.now += step
            assert await held.find(kid) is None
            calls.append(script.calls)
        return calls

    assert asyncio.run(scenario()) == [2, 2, 2, 3, 4]


def test_kids_that_are_known_to_be_unknown_are_a_bounded_number() -> None:
    script = Script(document(FIRST))

    async def scenario() -> int:
        held = script.keys()
        await held.refresh()
        for number in range(3000):
            script.now += keys.FORCED_EVERY
            await held.find(f"kid-{number}")
        return len(held._unknown)

    assert asyncio.run(scenario()) == keys.UNKNOWN_KIDS


@pytest.mark.parametrize(
    "failure", [Broken("x"), TimeoutError(), Document(500, {}, b""), Document(200, {}, b"{}"), Document(200, {}, b"[]")]
)
def test_a_failed_refresh_keeps_the_keys_for_a_day(failure: Any) -> None:
    script = Script(document(FIRST), failure)

    async def scenario() -> None:
        held = script.keys()
        assert await held.refresh()
        assert not await held.refresh()
        assert await held.find(FIRST)
        script.now += keys.STALE_LIMIT + 1
        assert await held.find(FIRST) is None
        assert not held.ready

    asyncio.run(scenario())


def test_tokens_are_forgotten_when_a_key_goes_and_not_when_one_comes() -> None:
    script = Script(document(FIRST), document(FIRST, SECOND), document(SECOND))

    async def scenario() -> list[int]:
        held = script.keys()
        changes = []
        for _ in range(4):
            await held.refresh()
            changes.append(script.changes)
        return changes

    assert asyncio.run(scenario()) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("members", "usable"),
    [
        ({}, True),
        ({"alg": "RS512"}, False),
        ({"use": "enc"}, False),
        ({"kty": "EC"}, False),
        ({"n": "AQAB"}, False),
        ({"kid": ""}, False),
    ],
)
def test_only_rs256_signing_keys_of_2048_bits_are_used(members: dict[str, str], usable: bool) -> None:
    body = json.dumps({"keys": [jwk(FIRST, KEYS[FIRST]) | members]}).encode()
    if usable:
        assert list(keys.parse(body)) == [FIRST]
    else:
        with pytest.raises(ValueError, match="key"):
            keys.parse(body)


@given(st.binary(max_size=200))
def test_no_jwks_document_breaks_it(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 any message will do
        keys.parse(body)


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("public, max-age=120", 120),
        ("max-age=5", 10),
        ("max-age=99999", 300),
        ("no-cache", 300),
        ("s-max-age=60", 300),
        ("", 300),
    ],
)
def test_freshness_is_bounded(field: str, seconds: float) -> None:
    assert keys.max_age({b"cache-control": field.encode()}) == seconds


def test_the_breaker_lets_one_through_each_second_while_open() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.allows(0)
        breaker.failed(0)
    assert not breaker.allows(OPEN_SECONDS / 2)
    assert [breaker.allows(OPEN_SECONDS), breaker.allows(OPEN_SECONDS)] == [True, False]
    breaker.succeeded()
    assert breaker.allows(OPEN_SECONDS)


def test_the_docs_host_serves_what_was_built_with_a_strict_policy(tmp_path: Any) -> None:
    _write(tmp_path, {"en/index.html": "<p>people", "it/index.html": "<p>persone", "openapi.json": "{}"})
    docs = Docs(root=tmp_path)
    page = docs.answer("GET", "/api/docs", b"", [(b"accept", b"text/html,*/*")])
    assert (page.body, dict(page.headers)[b"content-type"]) == (b"<p>people", b"text/html; charset=utf-8")
    assert b"default-src 'none'" in dict(page.headers)[b"content-security-policy"]
    assert docs.answer("GET", "/api/docs", b"", [(b"accept", b"application/json")]).body == b"{}"
    assert docs.answer("GET", "/api/docs/openapi.json", b"", []).body == b"{}"
    assert docs.answer("GET", "/api/docs/index.it.html", b"", []).body == b"<p>persone", "its earlier address"
    etag = dict(page.headers)[b"etag"]
    assert docs.answer("GET", "/api/docs", b"", [(b"if-none-match", etag)]).status == 304
    for method, path, status in (
        ("GET", "/api/docs/../settings.py", 404),
        ("GET", "/", 404),
        ("POST", "/api/docs", 405),
    ):
        with pytest.raises(Refusal) as refused:
            docs.answer(method, path, b"", [])
        assert refused.value.status == status


def _write(folder: Any, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_page_without_a_language_leads_to_that_of_the_reader(tmp_path: Any) -> None:
    _write(
        tmp_path, {f"{language}/guides/webhooks.{kind}": kind for language in ("en", "it") for kind in ("html", "md")}
    )
    docs = Docs(root=tmp_path)
    for path, body in (("/api/docs/it/guides/webhooks", b"html"), ("/api/docs/it/guides/webhooks.md", b"md")):
        assert docs.answer("GET", path, b"", []).body == body
        moved = docs.answer("GET", path.replace("/it", ""), b"", [(b"accept-language", b"it")])
        assert (moved.status, dict(moved.headers)[b"location"]) == (302, path.encode())
    assert docs.answer("GET", "/api/docs/it/guides/webhooks/", b"", []).body == b"html"
    for path in (
        "/api/docs/de/guides/webhooks",
        "/api/docs/guides",
        "/api/docs/it/guides/webhooks.html",
        "//evil.example",
    ):
        with pytest.raises(Refusal):
            docs.answer("GET", path, b"", [])


def test_the_root_of_a_host_greets_a_browser_and_no_program(tmp_path: Any) -> None:
    page = "<style>p{}</style><a href=https://knogin.com/api/docs/en/first-call>https://api.knogin.com"
    _write(tmp_path, {"greetings/api.en.html": page, "en/index.html": "first"})
    docs = Docs({"api": "http://api.test:81", "docs": "http://docs.test:81"}, tmp_path)
    browser = [(b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")]
    greeting = docs.greet("api", "GET", b"", browser)
    assert greeting is not None
    assert greeting.body == b"<style>p{}</style><a href=http://docs.test:81/api/docs/en/first-call>http://api.test:81"
    policy = dict(greeting.headers)[b"content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(b"p{}").digest())
    assert b"style-src 'sha256-" + digest + b"';" in policy
    assert [len(one) for one in (greeting.headers,)] == [len({name for name, _ in greeting.headers})]
    assert docs.greet("api", "GET", b"", [(b"accept", b"*/*")]) is None
    assert docs.greet("api", "POST", b"", browser) is None
    assert docs.greet("auth", "GET", b"", browser) is None
    assert docs.answer("GET", "/", b"", browser).body == b"first"


def test_the_hosts_of_the_base_urls_are_served_and_each_site_has_its_own(shared_world: World) -> None:
    addresses = {"docs_base_url": "https://riviera.example", "console_base_url": "https://console.riviera.example:8443"}
    foreign = {"issuer": "https://auth.riviera.example", "api_base_url": "https://api.riviera.example", **addresses}
    served = {host: site.name for host, site in routes.sites(shared_world.settings(**foreign)).items()}
    assert served == {
        "auth.riviera.example": "auth",
        "api.riviera.example": "api",
        "riviera.example": "docs",
        "console.riviera.example": "console",
    }
    named = routes.sites(shared_world.settings(**foreign, gateway_hosts_auth="Login.example, auth.riviera.example"))
    assert list(named)[:2] == ["login.example", "auth.riviera.example"], "names given beside the address"
    with pytest.raises(ValueError, match=r"auth\.riviera\.example is given twice"):
        shared_world.settings(**foreign | {"api_base_url": foreign["issuer"]})


def test_only_a_platform_on_this_machine_answers_at_localhost(shared_world: World) -> None:
    here = routes.sites(
        shared_world.settings(issuer="http://auth.localhost:8080", api_base_url="http://api.localhost:8080")
    )
    for name in ("localhost", "127.0.0.1", "[::1]"):
        owners = [here[name].find(path) for path in ("/v1/oauth/authorize", "/graphql", "/api/docs", "/webhooks", "/")]
        assert [route.upstream for _, route in filter(None, owners)] == ["auth", "graphql", "docs", "docs", "docs"]
        assert name not in routes.sites(shared_world.settings())


def test_the_documents_show_the_hosts_of_the_running_platform(tmp_path: Any) -> None:
    (tmp_path / "openapi.json").write_text(
        '["https://api.knogin.com/graphql", "https://auth.knogin.com", "https://knogin.com"]'
    )
    docs = Docs({"auth": "http://auth.test:81", "api": "http://api.test:81/"}, tmp_path)
    shown = json.loads(docs.answer("GET", "/api/docs/openapi.json", b"", []).body)
    assert shown == ["http://api.test:81/graphql", "http://auth.test:81", "https://knogin.com"]


@pytest.mark.parametrize(
    ("query", "languages", "answered"),
    [
        (b"", b"it-IT,it;q=0.9,en;q=0.8", b"it"),
        (b"", b"de, en;q=0.5, it;q=0.4", b"en"),
        (b"", b"fr;q=x, \xff", b"en"),
        (b"lang=it", b"en", b"it"),
        (b"lang=en&lang=xx", b"it", b"it"),
    ],
)
def test_the_docs_page_comes_in_the_readers_language(
    tmp_path: Any, query: bytes, languages: bytes, answered: bytes
) -> None:
    _write(tmp_path, {f"{language}/index.html": language for language in ("en", "it")})
    assert Docs(root=tmp_path).answer("GET", "/api/docs", query, [(b"accept-language", languages)]).body == answered


def test_a_client_that_accepts_gzip_gets_packed_docs_with_their_own_etag(tmp_path: Any) -> None:
    (tmp_path / "openapi.json").write_text("{}" * 100)
    docs = Docs(root=tmp_path)
    plain = docs.answer("GET", "/api/docs/openapi.json", b"", [(b"accept-encoding", b"br, gzip;q=0")])
    packed = docs.answer("GET", "/api/docs/openapi.json", b"", [(b"accept-encoding", b"br, gzip")])
    assert b"content-encoding" not in dict(plain.headers)
    assert dict(packed.headers)[b"content-encoding"] == b"gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert dict(packed.headers)[b"etag"] != dict(plain.headers)[b"etag"]
