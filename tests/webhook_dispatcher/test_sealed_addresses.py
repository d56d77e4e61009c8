"""The secrets that a partner gave for one address go to no other, also where somebody with a role of the database changes the URL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.webhook_dispatcher.sending.access import Grant
from services.webhook_dispatcher.sending.signing import Vault
from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_encode
from tests.support.alone import ENCRYPTION_KEYS
from tests.support.receiver import Receiver, always, running
from tests.webhook_dispatcher.conftest import Dispatcher, Partner
from tests.webhook_dispatcher.test_access import BEARER, as_json, oauth

URL = "https://integrator.example/webhooks/argus"
KEYRING = Keyring.from_text(ENCRYPTION_KEYS)
HEADERS = {"Authorization": "Bearer canary"}


@pytest.fixture
def other() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def token_server() -> Iterator[Receiver]:
    with running(Receiver(behaviour=always(as_json(BEARER)))) as server:
        yield server


def write(dsn: str, tenant_id: str, statement: str, *values: Any) -> None:
    """As somebody with a role of a process."""
    with psycopg.connect(dsn) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
        conn.execute(statement.encode(), values)


def secrets(receiver: Receiver) -> list[str]:
    return [request.headers["authorization"] for request in receiver.requests]


@pytest.mark.parametrize("role", ["app", "worker"])
@pytest.mark.parametrize("proof", ["headers", "oauth"])
def test_a_url_that_a_role_of_the_database_changed_gets_no_secret(
    partner: Partner,
    dispatcher: Dispatcher,
    receiver: Receiver,
    other: Receiver,
    token_server: Receiver,
    caplog: pytest.LogCaptureFixture,
    proof: str,
    role: str,
) -> None:
    given: Any = HEADERS if proof == "headers" else oauth(token_server.url)
    webhook = partner.subscribe(receiver.url, **{proof: given})
    mine = f"UPDATE subscriptions SET url = '{other.url}' WHERE id = %s"
    write(getattr(dispatcher.database, role), partner.tenant_id, mine, webhook.rpartition("/")[2])
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: "cannot be opened" in caplog.text or other.requests)
    assert (other.requests, token_server.requests) == ([], [])
    # It waits, and is sent once the URL is right again.
    dispatcher.run("UPDATE subscriptions SET url = %s WHERE id = %s", receiver.url, webhook.rpartition("/")[2])
    dispatcher.run("UPDATE queue SET due_at = now(), leased = false WHERE tenant_id = %s", partner.tenant_id)
    dispatcher.pump_until(lambda: bool(receiver.requests))
    assert secrets(receiver) == ["Bearer canary" if proof == "headers" else "Bearer token-1"]


def test_who_changes_the_url_takes_the_secrets_along(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, other: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url, headers=HEADERS)
    for changes, expected in (
        ({"url": other.url}, "Bearer canary"),
        ({"url": other.url.replace("/hook", "/another")}, "Bearer canary"),
        ({"headers": {"Authorization": "new"}}, "new"),
    ):
        assert partner.put(webhook, changes).status_code == 200
        before = len(other.requests)
        dispatcher.publish(partner.tenant_id, "incident.updated")
        dispatcher.pump_until(lambda before=before: len(other.requests) > before)
        assert secrets(other)[-1] == expected
    assert receiver.requests == []


def test_secrets_of_another_address_are_to_be_given_again(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, headers=HEADERS)
    dispatcher.run("UPDATE subscriptions SET url = 'https://a.example/' WHERE id = %s", webhook.rpartition("/")[2])
    refused = partner.put(webhook, {"url": "https://b.example/"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/headers")
    assert partner.get(webhook).json()["url"] == "https://a.example/"
    assert partner.put(webhook, {"url": "https://b.example/", "headers": HEADERS}).status_code == 200


def test_a_value_opens_for_its_scheme_host_and_port_alone() -> None:
    vault = Vault(KEYRING)
    headers = vault.seal_headers("wh_1", HEADERS, "https://a.example/one?x=1")
    grant = vault.seal_grant("wh_1", Grant("https://t.example/", "c", "s"), "https://a.example/")
    assert headers is not None
    for same in ("https://a.example/two", "https://A.example:443/", "HTTPS://a.example"):
        assert vault.headers("wh_1", headers, same) == HEADERS
        assert vault.grant("wh_1", grant, same).client_secret == "s"
    for another in (
        "http://a.example/", "https://a.example:8443/", "https://b.example/", "https://a.example.b.example/",
        "https://a.example@b.example/", "https://[::1]/", "", "a.example",
    ):  # fmt: skip
        for opened in (vault.headers, vault.grant):
            with pytest.raises(UnreadableCiphertext):
                opened("wh_1", headers if opened == vault.headers else grant, another)
    with pytest.raises(UnreadableCiphertext):
        vault.headers("wh_1", grant, "https://a.example/")
    # A ring with a new key in front opens values of the old one.
    first = ENCRYPTION_KEYS
    rotated = Vault(Keyring.from_text(f"99:{base64url_encode(bytes(32))},{first}"))
    assert rotated.headers("wh_1", headers, "https://a.example/") == HEADERS
