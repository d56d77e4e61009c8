"""Proofs of our identity for a receiver: client certificates and access tokens. Both lie encrypted and are in no answer."""

import asyncio
import base64
import json
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.webhook_dispatcher.sending import access
from services.webhook_dispatcher.sending.access import Grant, NoToken, Tokens
from services.webhook_dispatcher.sending.connection import Outcome
from tests.support.receiver import Receiver, always, answer, hang, running
from tests.support.tls import Authority
from tests.webhook_dispatcher.conftest import SECRET, WEBHOOKS, Dispatcher, Partner

URL = "https://integrator.example/webhooks/argus"
SECRET_OF_CLIENT = "canary of the client: è"
BEARER = {"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600}


def as_json(body: Any, status: int = 200) -> bytes:
    return answer(status, "content-type: application/json\r\n", json.dumps(body).encode())


def oauth(url: str, **changes: Any) -> dict[str, Any]:
    return {"token_url": url, "client_id": "knogin", "client_secret": SECRET_OF_CLIENT} | changes


@pytest.fixture
def token_server() -> Iterator[Receiver]:
    with running(Receiver(behaviour=always(as_json(BEARER)))) as server:
        yield server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def identity(authority: Authority, days: int = 30) -> dict[str, str]:
    pem = authority.issue("knogin.example", days=days).read_text()
    end = "-----END CERTIFICATE-----\n"
    certificate, _, key = pem.partition(end)
    return {"certificate": certificate + end, "private_key": key}


def publish(dispatcher: Dispatcher, partner: Partner, receiver: Receiver, number: int = 1) -> None:
    before = len(receiver.requests)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * number)
    dispatcher.pump_until(lambda: len(receiver.requests) >= before + number)


def test_a_webhook_keeps_its_headers_at_another_url(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, token_server: Receiver
) -> None:
    webhook = partner.subscribe(token_server.url, headers={"Authorization": "Bearer canary"})
    assert partner.put(webhook, {"url": receiver.url}).status_code == 200
    publish(dispatcher, partner, receiver)
    assert receiver.requests[-1].headers["authorization"] == "Bearer canary"
    assert token_server.requests == []


def test_each_delivery_has_an_access_token_that_is_asked_for_once(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, token_server: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url, oauth=oauth(token_server.url, scope="hooks:write"))
    publish(dispatcher, partner, receiver, 5)
    assert {request.headers["authorization"] for request in receiver.requests} == {"Bearer token-1"}
    assert receiver.requests[0].verified_by(SECRET)
    [asked] = token_server.requests
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["hooks:write"]}
    basic = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert basic == "knogin:canary%20of%20the%20client%3A%20%C3%A8"
    assert "webhook-signature" not in asked.headers
    delivery = partner.deliveries(webhook)[0]
    history = partner.get(f"{webhook}/deliveries/{delivery['id']}").json()
    assert history["attempts"][0]["request_headers"]["authorization"] == "(redacted)"
    assert "token-1" not in str(history)


def test_a_token_that_the_receiver_refuses_is_replaced(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, token_server: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url, oauth=oauth(token_server.url))
    receiver.behaviour = always(answer(401))
    publish(dispatcher, partner, receiver)
    token_server.behaviour = always(as_json(BEARER | {"access_token": "token-2"}))
    receiver.behaviour = always(answer(200))
    dispatcher.pump_until(lambda: partner.books(webhook)["pending"] == 0)
    assert receiver.requests[-1].headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (as_json({"error": "invalid_client"}, 401), "the token URL answered 401"),
        (answer(302, "location: http://127.0.0.1/\r\n"), "the token URL answered 302"),
        (as_json({"access_token": "a b", "token_type": "bearer"}), "no bearer token"),
        (as_json({"access_token": "a\r\nX-A: b", "token_type": "bearer"}), "no bearer token"),
        (as_json(BEARER | {"token_type": "mac"}), "no bearer token"),
        (as_json(BEARER | {"access_token": "a" * 5000}), "no bearer token"),
        (as_json({"token": "x"}), "is no token"),
        (as_json([]), "is no token"),
        (answer(200, "", b"\xff" * 40_000), "is no token"),
        (answer(200, "", b"[" * 16_000), "is no token"),
    ],
    ids=range(10),
)
def test_without_a_token_nothing_is_sent_and_the_owner_reads_why(
    partner: Partner,
    dispatcher: Dispatcher,
    receiver: Receiver,
    token_server: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    response: bytes,
    error: str,
) -> None:
    monkeypatch.setattr(access, "AGAIN_SECONDS", 0.0)
    token_server.behaviour = always(response)
    webhook = partner.subscribe(receiver.url, oauth=oauth(token_server.url))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    assert receiver.requests == []
    [delivery] = partner.deliveries(webhook)
    assert delivery["error"].startswith("oauth_error: ")
    assert error in delivery["error"]
    assert len(token_server.requests) == 4
    shown = partner.post(webhook + "/test?wait=true").json()
    assert error in shown["verdict"]


def test_a_token_url_that_hangs_holds_up_no_other_webhook(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    with running(Receiver(behaviour=hang)) as hanging:
        partner.subscribe(URL, "incident.closed", oauth=oauth(hanging.url))
        partner.subscribe(receiver.url)
        dispatcher.publish(partner.tenant_id, *["incident.closed"] * 5, *["incident.updated"] * 20)
        dispatcher.pump_until(lambda: len(receiver.requests) == 20, deadline=1.5)
        assert len(hanging.requests) <= 2


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/token",
        "https://10.0.0.1/",
        "ftp://a",
        "https://u:p@integrator.example/",
        "https://[::1]/",
    ],
)
def test_a_token_url_into_our_networks_is_refused_as_a_receiver_s_is(partner: Partner, url: str) -> None:
    """It would get our request, and a way to read the answer by its errors."""
    refused = partner.post(WEBHOOKS, {"url": URL, "events": ["incident.updated"], "oauth": oauth(url)})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/oauth/token_url")
    changed = partner.put(partner.subscribe(URL), {"oauth": oauth(url)})
    assert (changed.status_code, changed.json()["errors"][0]["pointer"]) == (422, "/oauth/token_url")


def test_a_token_url_is_checked_again_when_it_is_asked(dispatcher: Dispatcher) -> None:
    async def ask() -> Outcome:
        async with dispatcher.client(15) as client:
            return await client._post_for_token("https://10.1.2.3/token", {}, b"")

    assert (asyncio.run(ask()).error or "").startswith("address_refused")


def test_secrets_of_the_grant_and_of_the_certificate_lie_encrypted_and_are_shown_to_nobody(
    partner: Partner, dispatcher: Dispatcher, authority: Authority
) -> None:
    given = identity(authority)
    webhook = partner.subscribe(URL, oauth=oauth(URL, scope="a b"), client_certificate=given)
    shown = partner.get(webhook)
    assert shown.json()["oauth"] == {"token_url": URL, "client_id": "knogin", "scope": "a b"}
    assert len(shown.json()["client_certificate"]["fingerprint"]) == 64
    assert "canary" not in shown.text
    assert "PRIVATE" not in shown.text
    [row] = dispatcher.rows("SELECT * FROM subscriptions WHERE tenant_id = %s", partner.tenant_id)
    for secret in (b"canary", b"PRIVATE", b"CERTIFICATE"):
        assert secret not in row["oauth"] + row["client_certificate"]
    trail = dispatcher.rows("SELECT * FROM audit WHERE tenant_id = %s", partner.tenant_id)
    assert "canary" not in str(trail)
    removed = partner.put(webhook, {"oauth": None, "client_certificate": None}).json()
    assert (removed["oauth"], removed["client_certificate"]) == (None, None)


def pem(key: Any, password: bytes | None = None) -> str:
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    encoded = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    return encoded.decode()


def test_a_certificate_that_no_handshake_could_use_is_refused_by_place(partner: Partner, authority: Authority) -> None:
    good = identity(authority)
    other = ec.generate_private_key(ec.SECP256R1())
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused
    cases = [
        (good | {"certificate": "canary"}, "/client_certificate/certificate"),
        (good | {"certificate": good["certificate"] * 6}, "/client_certificate/certificate"),
        (identity(authority, days=-1), "/client_certificate/certificate"),
        (good | {"private_key": "canary"}, "/client_certificate/private_key"),
        (good | {"private_key": pem(other)}, "/client_certificate/private_key"),
        (good | {"private_key": pem(other, b"canary")}, "/client_certificate/private_key"),
        (good | {"private_key": pem(weak)}, "/client_certificate/private_key"),
        ({"certificate": good["certificate"]}, "/client_certificate"),
    ]
    for given, pointer in cases:
        body = {"url": URL, "events": ["incident.updated"], "client_certificate": given}
        answer = partner.post(WEBHOOKS, body)
        [fault] = answer.json()["errors"]
        assert (answer.status_code, fault["pointer"].startswith(pointer)) == (422, True), fault
        assert "canary" not in answer.text


def test_a_receiver_that_asks_for_a_certificate_gets_that_of_its_webhook_alone(
    partner: Partner, dispatcher: Dispatcher, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection with one webhook's certificate must carry no other webhook's delivery."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("127.0.0.1"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    trusting = msgspec.structs.replace(dispatcher.settings, webhook_ca_file=str(authority.file))
    monkeypatch.setattr(dispatcher, "settings", trusting)
    with running(Receiver(), context) as receiver:
        known = partner.subscribe(receiver.url, client_certificate=identity(authority))
        unknown = partner.subscribe(receiver.url)
        stranger = partner.subscribe(
            receiver.url, client_certificate=identity(Authority(authority.file.parent / "other"))
        )
        for _ in range(3):
            dispatcher.publish(partner.tenant_id, "incident.updated")
        webhooks = (known, unknown, stranger)
        dispatcher.pump_until(lambda: all(partner.books(one)["pending"] == 0 for one in webhooks))
        assert [partner.books(one)["delivered"] for one in webhooks] == [3, 0, 0]
        assert len(receiver.requests) == 3


class Source:
    """Counts token requests; each waits for `opened`."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.asked = 0
        self.opened = asyncio.Event()

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        self.asked += 1
        await self.opened.wait()
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


GRANT = Grant("https://integrator.example/token", "knogin", "secret")


def good(number: int = 1, **changes: Any) -> Outcome:
    return Outcome(status=200, body=json.dumps(BEARER | {"access_token": f"token-{number}"} | changes))


def test_deliveries_that_need_the_same_token_wait_for_one_request() -> None:
    async def run() -> None:
        source = Source(good())
        kept = Tokens(source.send)
        waiting = [asyncio.create_task(kept.get("a", GRANT)) for _ in range(50)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        source.opened.set()
        assert await asyncio.gather(*waiting[1:]) == ["token-1"] * 49
        assert source.asked == 1
        assert await kept.get("b", GRANT) == "token-1"
        assert source.asked == 2, "another webhook has a token of its own"

    asyncio.run(run())


def test_a_failure_is_remembered_for_a_moment_so_that_a_backlog_makes_one_request() -> None:
    async def run() -> None:
        source = Source(Outcome(status=500, error="http_status: 500"), good())
        source.opened.set()
        kept = Tokens(source.send)
        for _ in range(20):
            with pytest.raises(NoToken):
                await kept.get("a", GRANT)
        assert source.asked == 1

    asyncio.run(run())


def test_a_token_ends_before_its_time_and_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_KEPT", 3)

    async def run() -> None:
        source = Source(good(1, expires_in=0), good(2))
        source.opened.set()
        kept = Tokens(source.send)
        assert [await kept.get("a", GRANT) for _ in range(3)] == ["token-1", "token-2", "token-2"]
        for key in "bcde":
            await kept.get(key, GRANT)
        assert len(kept._kept) == 3
        kept.forget("e", "another")
        assert source.asked == 6
        await kept.get("e", GRANT)
        assert source.asked == 6

    asyncio.run(run())
