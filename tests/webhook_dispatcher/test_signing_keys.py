"""The Ed25519 key of a webhook: who sees it, how it is replaced, and that deliveries verify under it."""

from typing import Any

import pytest

from knogin.webhooks import InvalidWebhook, verify
from tests.support.receiver import Received, Receiver
from tests.webhook_dispatcher.conftest import SECRET, WEBHOOKS, Dispatcher, Partner

URL = "https://integrator.example/webhooks/argus"


def rotate(partner: Partner, webhook: str, body: Any = None, **headers: str) -> dict[str, Any]:
    answer = partner.post(webhook + "/rotate-signing-key", body, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sent(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> Received:
    """The next delivery."""
    before = len(receiver.requests)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: len(receiver.requests) > before)
    return receiver.requests[-1]


def is_signed_by(request: Received, key: str) -> bool:
    try:
        return bool(verify(request.body, request.headers, key))
    except InvalidWebhook:
        return False


def test_deliveries_verify_under_the_public_key_that_the_webhook_shows(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    key = partner.get(webhook).json()["public_key"]
    request = sent(partner, dispatcher, receiver)
    assert [token.partition(",")[0] for token in request.headers["webhook-signature"].split()] == ["v1", "v1a"]
    assert request.verified_by(SECRET)
    assert is_signed_by(request, key)
    other = partner.get(partner.subscribe(receiver.url)).json()["public_key"]
    assert other != key
    assert not is_signed_by(request, other)


def test_during_a_rotation_the_old_and_the_new_key_both_verify(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    old = partner.get(webhook).json()["public_key"]
    rotated = rotate(partner, webhook, {"overlap_seconds": 60})
    new = rotated["public_key"]
    assert (rotated["previous_public_key"], new != old) == (old, True)
    assert partner.get(webhook).json()["previous_public_key_expires_at"] == rotated["previous_public_key_expires_at"]
    request = sent(partner, dispatcher, receiver)
    assert is_signed_by(request, old)
    assert is_signed_by(request, new)
    dispatcher.run(
        "UPDATE subscriptions SET previous_public_key_expires_at = now() WHERE tenant_id = %s", partner.tenant_id
    )
    request = sent(partner, dispatcher, receiver)
    assert (is_signed_by(request, old), is_signed_by(request, new)) == (False, True)
    assert "previous_public_key" not in partner.get(webhook).json()


def test_a_rotation_without_overlap_ends_the_old_key_at_once(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    old = partner.get(webhook).json()["public_key"]
    rotated = rotate(partner, webhook, {"overlap_seconds": 0})
    assert "previous_public_key" not in rotated
    request = sent(partner, dispatcher, receiver)
    assert (is_signed_by(request, old), is_signed_by(request, rotated["public_key"])) == (False, True)


def test_a_test_that_is_waited_for_is_signed_with_both_keys(partner: Partner, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url)
    old = partner.get(webhook).json()["public_key"]
    new = rotate(partner, webhook)["public_key"]
    assert partner.post(webhook + "/test?wait=true").status_code == 200
    assert is_signed_by(receiver.requests[-1], old)
    assert is_signed_by(receiver.requests[-1], new)


def test_a_webhook_without_a_key_signs_with_its_secret_and_may_get_one(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.run(
        "UPDATE subscriptions SET signing_key = NULL, public_key = NULL WHERE tenant_id = %s", partner.tenant_id
    )
    assert partner.get(webhook).json()["public_key"] is None
    request = sent(partner, dispatcher, receiver)
    assert "v1a" not in request.headers["webhook-signature"]
    assert request.verified_by(SECRET)
    rotated = rotate(partner, webhook)
    assert "previous_public_key_expires_at" not in rotated
    assert is_signed_by(sent(partner, dispatcher, receiver), rotated["public_key"])


def test_a_repeated_rotation_changes_the_key_once(partner: Partner) -> None:
    webhook = partner.subscribe(URL)
    first = rotate(partner, webhook, Idempotency_Key="rotate-1")
    assert rotate(partner, webhook, Idempotency_Key="rotate-1") == first
    assert partner.get(webhook).json()["public_key"] == first["public_key"]


@pytest.mark.parametrize("overlap", [-1, 604_801, 1.5, "60", None])
def test_an_overlap_that_does_not_fit_changes_nothing(partner: Partner, overlap: Any) -> None:
    webhook = partner.subscribe(URL)
    before = partner.get(webhook).json()
    answer = partner.post(webhook + "/rotate-signing-key", {"overlap_seconds": overlap})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/overlap_seconds")
    assert partner.get(webhook).json() == before


def test_only_the_webhook_s_own_app_with_the_scope_to_write_rotates_its_key(partner: Partner) -> None:
    webhook = partner.subscribe(URL)
    strangers = [Partner(partner.http), Partner(partner.http, partner.tenant_id)]
    assert [one.post(webhook + "/rotate-signing-key").status_code for one in strangers] == [404, 404]
    reader = Partner(partner.http, partner.tenant_id, "webhooks:read", client_id=partner.client_id)
    assert reader.post(webhook + "/rotate-signing-key").status_code == 403


def test_the_private_key_lies_encrypted_and_is_in_no_answer(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL)
    rotate(partner, webhook)
    [row] = dispatcher.rows("SELECT * FROM subscriptions WHERE tenant_id = %s", partner.tenant_id)
    assert len(row["signing_key"]) == len(row["previous_signing_key"]) == 1 + 12 + 32 + 16
    for shown in (partner.get(webhook).json(), partner.get(WEBHOOKS).json()["webhooks"][0]):
        assert "signing_key" not in shown
        assert shown["public_key"].startswith("whpk_")


def test_the_audit_trail_names_the_rotation_and_no_key(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL)
    rotated = rotate(partner, webhook, {"overlap_seconds": 5})
    [row] = dispatcher.rows(
        "SELECT * FROM audit WHERE tenant_id = %s AND action = 'webhook.signing_key_rotated'", partner.tenant_id
    )
    assert rotated["id"] in str(row)
    assert rotated["public_key"] not in str(row)
