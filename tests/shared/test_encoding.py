"""Strict base64url: exactly one text for each sequence of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.primitives.crypto import base64url_decode, base64url_encode


@given(st.binary())
def test_bytes_survive_their_text(data: bytes) -> None:
    assert base64url_decode(base64url_encode(data)) == data


@given(st.text())
def test_any_text_is_bytes_or_a_value_error(text: str) -> None:
    try:
        data = base64url_decode(text)
    except ValueError:
        return
    assert base64url_encode(data) == text


@pytest.mark.parametrize("text", ["YQ==", "YQ=", "Y", "a+b/", "YW Jj", "YWJj\n", "ÿÿÿÿ", "YW\0j", "YR", "YWJ", "YWF"])
def test_padding_the_other_alphabet_impossible_lengths_and_spare_bits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        base64url_decode(text)
