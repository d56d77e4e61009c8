"""`knogin.webhooks.verify`: a delivery of the dispatcher is accepted, anything else is one kind of error."""

import base64
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from knogin import models
from knogin.webhooks import InvalidWebhook, verify
from services.webhook_dispatcher.sending import signing

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA"
EVENT = {
    "type": "epcr.encounter.created",
    "timestamp": "2026-11-25T03:47:00.861700Z",
    "data": {
        "encounter_id": "enc_1",
        "organization_id": "org_1",
        "care_model": "prehospital_emergency",
        "status": "in_progress",
        "vehicle_id": None,
        "cad_incident_id": "cad_1",
        "version": 1,
    },
}
BODY = json.dumps(EVENT).encode()


SIGNER, OTHER_SIGNER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
PUBLIC, OTHER_PUBLIC = signing.public_text(SIGNER), signing.public_text(OTHER_SIGNER)


def signed(
    body: bytes = BODY, *secrets: str, age: int = 0, signers: Sequence[Ed25519PrivateKey] = (SIGNER,)
) -> dict[str, str]:
    keys = [signing.signing_key(secret) for secret in secrets or [SECRET]]
    return signing.request_headers("evt_1", int(time.time()) - age, keys, body, signers)


@pytest.mark.parametrize("secret", [SECRET, OTHER, "sixteen characters or more, èàù"])
def test_a_delivery_of_the_platform_is_its_event(secret: str) -> None:
    event = verify(BODY, signed(BODY, secret), secret)
    assert isinstance(event, models.events.EpcrEncounterCreated)
    assert (event.data.encounter_id, event.data.vehicle_id, event.timestamp.year) == ("enc_1", None, 2026)
    assert verify(BODY.decode(), {name.title(): value for name, value in signed(BODY, secret).items()}, secret) == event


def test_either_secret_verifies_while_one_replaces_the_other() -> None:
    assert verify(BODY, signed(BODY, OTHER, SECRET), SECRET)
    assert verify(BODY, signed(BODY, SECRET), [OTHER, SECRET])
    for secrets in ([], [OTHER]):
        with pytest.raises(InvalidWebhook, match="no signature fits"):
            verify(BODY, signed(), secrets)


def test_a_public_key_verifies_without_a_secret() -> None:
    assert verify(BODY, signed(), PUBLIC) == verify(BODY, signed(), SECRET)
    assert verify(BODY, signed(), [OTHER, OTHER_PUBLIC, PUBLIC])
    assert verify(BODY, signed(signers=[OTHER_SIGNER, SIGNER]), PUBLIC)
    for headers in (signed(signers=[]), signed(signers=[OTHER_SIGNER]), signed(b"another body")):
        with pytest.raises(InvalidWebhook, match="no signature fits"):
            verify(BODY, headers, PUBLIC)


def test_a_public_key_is_never_used_as_a_secret() -> None:
    """Everyone may know it, so everyone could sign with it."""
    for key in (PUBLIC.encode(), base64.b64decode(PUBLIC.removeprefix("whpk_"))):
        forged = signing.signature_header([key], "evt_1", int(time.time()), BODY)
        headers = signed() | {"webhook-signature": f"{forged} {forged.replace('v1,', 'v1a,')}"}
        with pytest.raises(InvalidWebhook, match="no signature fits"):
            verify(BODY, headers, PUBLIC)


def test_a_header_with_thousands_of_signatures_is_checked_for_ten() -> None:
    headers = signed()
    real = headers["webhook-signature"].split()[-1]
    forged = "v1a," + base64.b64encode(bytes(64)).decode()
    headers["webhook-signature"] = " ".join([forged] * 9 + [real])
    assert verify(BODY, headers, PUBLIC)
    headers["webhook-signature"] = " ".join([forged] * 10 + [real])
    with pytest.raises(InvalidWebhook, match="no signature fits"):
        verify(BODY, headers, PUBLIC)


def test_without_the_package_for_public_keys_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(InvalidWebhook, match="pip install cryptography"):
        verify(BODY, signed(), PUBLIC)
    assert verify(BODY, signed(), SECRET)


def test_other_signers_of_the_standard_are_accepted() -> None:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("evt_1", now, BODY.decode())
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert verify(BODY, headers, SECRET)


@pytest.mark.parametrize("age", [-310, 310, 10**9])
def test_a_timestamp_beyond_the_tolerance_is_refused(age: int) -> None:
    with pytest.raises(InvalidWebhook, match="seconds from this machine's clock"):
        verify(BODY, signed(age=age), SECRET)
    assert verify(BODY, signed(age=290), SECRET)
    assert verify(BODY, signed(age=age), SECRET, tolerance=2e9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"webhook-id": "evt_2"}, "no signature fits"),
        ({"webhook-timestamp": "+1"}, "not a number"),
        ({"webhook-timestamp": "١٢٣"}, "not a number"),
        ({"webhook-timestamp": "9" * 5000}, "not a number"),
        ({"webhook-signature": "v1"}, "no signature fits"),
        ({"webhook-signature": "v1,%%% v1,A v2,AAAA , v1,\xff"}, "no signature fits"),
        ({"webhook-signature": ""}, "no signature fits"),
    ],
    ids=range(7),
)
def test_other_headers_are_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidWebhook, match=message):
        verify(BODY, signed() | change, SECRET)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(missing: str) -> None:
    headers = signed()
    del headers[missing]
    with pytest.raises(InvalidWebhook, match=missing):
        verify(BODY, headers, SECRET)


def test_a_signature_of_another_scheme_does_not_count() -> None:
    headers = signed()
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1b,")
    with pytest.raises(InvalidWebhook):
        verify(BODY, headers, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whpk_", "whpk_%%%", "whpk_AAAA"])
def test_a_secret_that_cannot_be_used_is_the_same_error(secret: str) -> None:
    with pytest.raises(InvalidWebhook, match="public key" if secret.startswith("whpk_") else "secret"):
        verify(BODY, signed(), secret)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'{"type": 1}', b'{"type": "epcr.encounter.created"}', b"[" * 10**5], ids=range(6)
)
def test_a_signed_body_that_is_no_event_is_the_same_error(body: bytes) -> None:
    with pytest.raises(InvalidWebhook, match="is not an event"):
        verify(body, signed(body), SECRET)


def test_events_and_members_of_a_later_contract_are_read() -> None:
    body = json.dumps(EVENT | {"type": "vehicle.moved", "data": {"x": 1}, "more": 2}).encode()
    event = verify(body, signed(body), SECRET)
    assert isinstance(event, models.events.UnknownEvent)
    assert (event.type, event.data) == ("vehicle.moved", {"x": 1})
    body = json.dumps(EVENT | {"data": {**EVENT["data"], "more": 1, "status": "of_next_year"}}).encode()
    assert isinstance(verify(body, signed(body), SECRET), models.events.EpcrEncounterCreated)


FORMS = ["whsec_", "whpk_"]
header = st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]).flatmap(
    lambda name: st.tuples(st.just(name), st.text() | st.integers(0, 2**40).map(str))
)


@given(
    st.binary() | st.text(),
    st.lists(header).map(dict),
    st.text() | st.builds(lambda form, key: form + base64.b64encode(key).decode(), st.sampled_from(FORMS), st.binary()),
)
def test_nothing_but_one_error_is_raised(payload: bytes | str, headers: dict[str, str], secret: str) -> None:
    with pytest.raises(InvalidWebhook):
        verify(payload, headers, secret)
