"""Signatures as Standard Webhooks 1.0 writes them, checked against its published vectors and its own library."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.signing import Vault
from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_encode

VECTORS = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1649367553,
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
]


@pytest.mark.parametrize(("secret", "message_id", "timestamp", "body", "signature"), VECTORS)
def test_the_published_vectors_are_reproduced(
    secret: str, message_id: str, timestamp: int, body: bytes, signature: str
) -> None:
    assert signing.signature_header([signing.signing_key(secret)], message_id, timestamp, body) == signature


# The published asymmetric vector: the seed and the public key of 32 bytes each, and the signature of the first vector's message.
SEED_AND_PUBLIC_KEY = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
ASYMMETRIC = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="


def test_the_published_asymmetric_vector_is_reproduced() -> None:
    key = base64.b64decode(SEED_AND_PUBLIC_KEY)
    signer = Ed25519PrivateKey.from_private_bytes(key[:32])
    secret, message_id, timestamp, body, symmetric = VECTORS[0]
    keys = [signing.signing_key(secret)]
    assert signing.signature_header(keys, message_id, timestamp, body, [signer]) == f"{symmetric} {ASYMMETRIC}"
    assert signing.public_text(signer) == "whpk_" + base64.b64encode(key[32:]).decode()


def test_the_reference_library_passes_over_asymmetric_signatures() -> None:
    """It raises a foreign error for tokens that it cannot read, which a receiver would answer with 500."""
    secret, at = signing.generate_secret(), now()
    signers = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
    header = signing.signature_header([signing.signing_key(secret)], "evt_1", at, b'{"a":1}', signers)
    assert [token[:3] for token in header.split()] == ["v1,", "v1a", "v1a"]
    assert verify(secret, header, at, b'{"a":1}') == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        verify(signing.generate_secret(), header, at, b'{"a":1}')


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def verify(secret: str | bytes, header: str, timestamp: int, body: bytes) -> object:
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(timestamp), "webhook-signature": header}
    return Webhook(secret).verify(body, headers)


def test_the_reference_library_verifies_what_we_sign() -> None:
    secret, at = signing.generate_secret(), now()
    header = signing.signature_header([signing.signing_key(secret)], "evt_1", at, b'{"a":1}')
    assert verify(secret, header, at, b'{"a":1}') == {"a": 1}


def test_during_a_rotation_the_old_and_the_new_secret_both_verify() -> None:
    new, old, at = signing.generate_secret(), "a plain secret of the partner", now()
    keys = [signing.signing_key(new), signing.signing_key(old)]
    header = signing.signature_header(keys, "evt_1", at, b'{"a":1}')
    assert verify(new, header, at, b'{"a":1}') == {"a": 1}
    assert verify(old.encode(), header, at, b'{"a":1}') == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        verify(signing.generate_secret(), header, at, b'{"a":1}')


def test_a_generated_secret_holds_32_bytes_and_is_never_the_same() -> None:
    first, second = signing.generate_secret(), signing.generate_secret()
    assert len(signing.signing_key(first)) == 32
    assert first != second


@pytest.mark.parametrize("missing", [1, 2])
def test_a_secret_that_lost_its_padding_is_the_same_secret(missing: int) -> None:
    key = bytes(range(25 if missing == 2 else 26))
    secret = "whsec_" + base64.b64encode(key).decode()
    assert secret.endswith("=" * missing)
    assert signing.signing_key(secret.rstrip("=")) == key


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_AAAA", "whsec_not base64 at all!", "whsec_" + "A" * 25, "short", "x" * 15, "x" * 257],
)
def test_a_secret_too_weak_or_malformed_is_refused(secret: str) -> None:
    with pytest.raises(signing.UnusableSecret):
        signing.signing_key(secret)


@given(st.text(min_size=16, max_size=256).filter(lambda text: not text.startswith("whsec_") and text.isprintable()))
def test_any_other_text_is_used_as_its_utf8_bytes(secret: str) -> None:
    assert signing.signing_key(secret) == secret.encode()


@given(st.binary(min_size=16, max_size=64), st.binary(max_size=200))
def test_only_tokens_of_the_standard_are_ever_written(key: bytes, body: bytes) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(key[:16] * 2)
    tokens = signing.signature_header([key, key[::-1]], "evt_1", 1, body, [signer]).split(" ")
    assert len(tokens) == 3
    assert all(len(base64.b64decode(token.removeprefix("v1,"), validate=True)) == 32 for token in tokens[:2])
    assert len(base64.b64decode(tokens[2].removeprefix("v1a,"), validate=True)) == 64


def test_a_fingerprint_tells_keys_apart_without_holding_them() -> None:
    assert signing.fingerprint(b"a" * 32) == "3ba3f5f43b92"
    assert signing.fingerprint(b"b" * 32) != signing.fingerprint(b"a" * 32)


def test_a_whsec_secret_with_characters_that_are_not_base64_is_refused_and_not_read_without_them() -> None:
    encoded = base64.b64encode(bytes(30)).decode()
    assert signing.signing_key(f"whsec_{encoded}") == bytes(30)
    with pytest.raises(signing.UnusableSecret, match="base64"):
        signing.signing_key(f"whsec_{encoded[:8]}!!!!{encoded[8:]}")


def test_a_sealed_secret_and_sealed_headers_open_for_their_own_webhook_alone() -> None:
    vault = Vault(Keyring.from_text(f"1:{base64url_encode(bytes(32))}"))
    secret, headers = vault.seal_secret("wh_1", VECTORS[0][0]), vault.seal_headers("wh_1", {"X-Key": "v"})
    assert headers is not None
    assert vault.key("wh_1", secret) == signing.signing_key(VECTORS[0][0])
    assert vault.headers("wh_1", headers) == {"X-Key": "v"}
    signer = Ed25519PrivateKey.generate()
    key = vault.seal_signing_key("wh_1", signer)
    assert signing.public_text(vault.signer("wh_1", key)) == signing.public_text(signer)
    for opened in (
        lambda: vault.key("wh_2", secret),
        lambda: vault.headers("wh_2", headers),
        lambda: vault.signer("wh_2", key),
        lambda: vault.signer("wh_1", secret),
    ):
        with pytest.raises(UnreadableCiphertext):
            opened()
    with pytest.raises(UnreadableCiphertext):
        vault.key("wh_1", headers)


def test_no_headers_are_sealed_as_nothing() -> None:
    assert Vault(Keyring.from_text(f"1:{base64url_encode(bytes(32))}")).seal_headers("wh_1", {}) is None


def test_the_headers_of_an_attempt_are_those_of_standard_webhooks() -> None:
    secret, message_id, timestamp, body, signature = VECTORS[0]
    headers = signing.request_headers(message_id, timestamp, [signing.signing_key(secret)], body)
    assert headers == {
        "content-type": "application/json",
        "user-agent": signing.USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
