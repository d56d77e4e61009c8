"""Encryption at rest: a ciphertext is bound to its place and to its key's version, and any changed bit is detected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_encode

OLD = base64url_encode(b"o" * 32)
NEW = base64url_encode(b"n" * 32)
old, new, both = Keyring.from_text(f"1:{OLD}"), Keyring.from_text(f"2:{NEW}"), Keyring.from_text(f"2:{NEW},1:{OLD}")


@given(st.binary(), st.binary())
def test_what_was_encrypted_for_a_place_is_read_there(plaintext: bytes, context: bytes) -> None:
    sealed = old.encrypt(plaintext, context)
    assert old.decrypt(sealed, context) == plaintext
    assert old.encrypt(plaintext, context) != sealed


@given(st.binary(), st.binary(), st.binary())
def test_bytes_moved_to_another_place_are_unreadable(plaintext: bytes, context: bytes, other: bytes) -> None:
    if context == other:
        return
    with pytest.raises(UnreadableCiphertext):
        old.decrypt(old.encrypt(plaintext, context), other)


@given(st.binary(max_size=64), st.integers(0))
def test_any_bit_changed_makes_it_unreadable(plaintext: bytes, position: int) -> None:
    sealed = bytearray(old.encrypt(plaintext, b"here"))
    bit = position % (len(sealed) * 8)
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UnreadableCiphertext):
        old.decrypt(bytes(sealed), b"here")


@given(st.binary(max_size=40))
def test_bytes_we_never_made_are_unreadable_and_nothing_else(data: bytes) -> None:
    with pytest.raises(UnreadableCiphertext):
        both.decrypt(data, b"here")


def test_a_new_key_in_front_encrypts_while_the_old_one_still_reads() -> None:
    before = old.encrypt(b"secret", b"here")
    assert both.decrypt(before, b"here") == b"secret"
    after = both.encrypt(b"secret", b"here")
    assert after[0] == both.version == 2
    with pytest.raises(UnreadableCiphertext):
        old.decrypt(after, b"here")


def test_a_mac_depends_on_key_purpose_and_data() -> None:
    macs = {
        old.mac(b"data", "purpose"),
        new.mac(b"data", "purpose"),
        old.mac(b"data", "other"),
        old.mac(b"other", "purpose"),
    }
    assert len(macs) == 4
    assert both.macs(b"data", "purpose") == [new.mac(b"data", "purpose"), old.mac(b"data", "purpose")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        OLD,
        f":{OLD}",
        f"0:{OLD}",
        f"256:{OLD}",
        f"-1:{OLD}",
        f"²:{OLD}",
        f"1:{OLD}=",
        "1:" + base64url_encode(b"short"),
        f"1:{OLD},",
        f"1:{OLD},1:{NEW}",
    ],
)
def test_a_malformed_key_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is the next assertion's subject
        Keyring.from_text(text)
    assert OLD not in str(refused.value)
