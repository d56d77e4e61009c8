"""RFC 8785: its own examples, and every other JSON in JavaScript's notation."""

import json
import shutil
import subprocess
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.control_plane.packages import canonical, signing
from services.control_plane.packages.models import Jwk
from shared.primitives.crypto import base64url_encode
from shared.web import strict_json


def test_the_example_of_the_rfc() -> None:
    given = rb"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    parsed = json.loads(given, parse_float=lambda text: Decimal(repr(float(text))))
    assert (
        canonical.encode(parsed)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_members_stand_in_the_order_of_their_utf16_code_units() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = json.loads(canonical.encode(dict.fromkeys(names, 0)))
    assert list(ordered) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("-0", "0"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740992", "9007199254740992"),
        ("295147905179352830000", "295147905179352830000"),
        ("1e21", "1e+21"),
        ("999999999999999900000", "999999999999999900000"),
        ("0.000001", "0.000001"),
        ("1e-7", "1e-7"),
        ("-1.5", "-1.5"),
        ("-333333333333333300000", "-333333333333333300000"),
    ],
)
def test_numbers_are_written_as_ecmascript_writes_them(number: str, text: str) -> None:
    assert canonical.encode(Decimal(repr(float(number)))) == text.encode()


@pytest.mark.parametrize("number", ["0.1234567890123456789", "9007199254740993", "1e-400"])
def test_a_number_that_a_double_rounds_has_no_canonical_form(number: str) -> None:
    with pytest.raises(ValueError, match="double"):
        canonical.encode(Decimal(number))


DOUBLES = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: Decimal(repr(value)))
ANY = st.recursive(
    st.none() | st.booleans() | DOUBLES | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


@given(ANY)
def test_the_same_value_comes_back(value: Any) -> None:
    back = json.loads(canonical.encode(value), parse_float=lambda text: Decimal(repr(float(text))), parse_int=Decimal)
    assert back == value


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here to compare with")
def test_node_writes_the_same_numbers() -> None:
    numbers = [repr(1.1 * 10.0**exponent / 3) for exponent in range(-30, 31)]
    script = f"process.stdout.write(JSON.stringify([{','.join(numbers)}]))"
    written = subprocess.run(["node", "-e", script], capture_output=True, check=True).stdout
    assert canonical.encode([Decimal(number) for number in numbers]) == written


@given(ANY)
def test_what_http_lets_in_is_signed_as_it_was_meant(value: Any) -> None:
    try:
        parsed = strict_json.parse(canonical.encode([value]))
    except Exception:  # HTTP refuses these values, so no manifest has them
        return
    assert canonical.encode(parsed) == canonical.encode([value])


@pytest.mark.parametrize("key", sorted(signing.WEAK))
@pytest.mark.parametrize("sign", [0, 0x80])
def test_a_key_of_small_order_is_none(key: bytes, sign: int) -> None:
    x = base64url_encode(key[:31] + bytes([key[31] | sign]))
    with pytest.raises(ValueError, match="small order"):
        signing.public_key_of(Jwk(kty="OKP", crv="Ed25519", x=x))


def test_under_the_neutral_point_anybody_signs_anything() -> None:
    """Why they are refused: this signature was made without any key."""
    neutral = (1).to_bytes(32, "little")
    assert signing.is_signed(neutral, b"anything at all", base64url_encode(neutral + bytes(32)))
