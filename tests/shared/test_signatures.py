import pytest

from shared.primitives.crypto import PublicKeys, Signer

SEED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER_SEED = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
EPCR, AUTH = Signer(f"k1:{SEED}"), Signer(f"k1:{OTHER_SEED}")
KEYS = PublicKeys(f"{EPCR.public_text('epcr')},{AUTH.public_text('auth')}")


def test_a_service_is_known_by_its_signature() -> None:
    assert KEYS.verify("epcr", EPCR.sign("batch", "auth", b"[]"), "batch", "auth", b"[]")


@pytest.mark.parametrize(
    ("service", "purpose", "parts"),
    [
        ("auth", "batch", ("auth", b"[]")),
        ("epcr", "acknowledgement", ("auth", b"[]")),
        ("epcr", "batch", ("auth", b"[1]")),
        ("epcr", "batch", ("auth[]", b"")),
        ("epcr", "batch", ("aut", b"h[]")),
        ("epcr", "batch", ("auth", b"[]", b"")),
        ("unknown", "batch", ("auth", b"[]")),
    ],
)
def test_a_signature_opens_nothing_else(service: str, purpose: str, parts: tuple[str | bytes, ...]) -> None:
    assert not KEYS.verify(service, EPCR.sign("batch", "auth", b"[]"), purpose, *parts)


@pytest.mark.parametrize("signature", ["", ".", "k1", "k1.", "k1.!!", "k2.AAAA", "k1." + "A" * 86, "k1.é"])
def test_a_malformed_signature_is_none(signature: str) -> None:
    assert not KEYS.verify("epcr", signature, "batch", "auth", b"[]")


def test_keys_of_a_service_overlap_while_they_are_rotated() -> None:
    new = Signer(f"k2:{OTHER_SEED}")
    both = PublicKeys(f"{EPCR.public_text('epcr')}, {new.public_text('epcr')}")
    assert both.verify("epcr", EPCR.sign("p", "x"), "p", "x")
    assert both.verify("epcr", new.sign("p", "x"), "p", "x")


@pytest.mark.parametrize("text", ["", "k1", f"k1:{SEED[:-1]}", f":{SEED}", f"k.1:{SEED}", "k1:" + "A" * 44])
def test_a_malformed_private_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text depends on the fault
        Signer(text)


@pytest.mark.parametrize("text", ["", "epcr", f"epcr:{SEED}", f"epcr/:{SEED}", f"/k1:{SEED}", f"epcr/k1:{SEED[:-2]}"])
def test_malformed_public_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        PublicKeys(text)
