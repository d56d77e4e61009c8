"""Private keys that are made to cost time. No check may try whether a number of thousands of digits is a prime."""

import base64

import pytest

from services.webhook_dispatcher.sending.access import Identity, UnusableIdentity, describe
from tests.support.tls import Authority

pytestmark = pytest.mark.full

# A Mersenne prime: longer ones, such as 2**86243 - 1, fit into a body too and are tried for hours.
PRIME = 2**2203 - 1


def private_key(modulus: int, p: int, q: int) -> str:
    """A key with these numbers as they are, in the PEM of RFC 8017."""
    numbers = (0, modulus, 65537, 5, p, q, 1, 1, 1)
    body = b"".join(b"\x02" + _length(len(encoded)) + encoded for encoded in map(_integer, numbers))
    der = b"\x30" + _length(len(body)) + body
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN RSA PRIVATE KEY-----\n{text}-----END RSA PRIVATE KEY-----\n"


def _integer(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _length(number: int) -> bytes:
    if number < 128:
        return bytes([number])
    encoded = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([128 | len(encoded)]) + encoded


@pytest.mark.parametrize(
    ("modulus", "p", "q"),
    [(2**2047 + 1, PRIME, 3), (2**2047 + 1, 3, PRIME), (PRIME * (2**4423 - 1), PRIME, 2**4423 - 1)],
    ids=["p is longer than the modulus", "q is longer than the modulus", "the modulus is long"],
)
def test_a_private_key_with_huge_numbers_stops_no_process(
    tmp_path_factory: pytest.TempPathFactory, modulus: int, p: int, q: int
) -> None:
    certificate = Authority(tmp_path_factory.mktemp("ca")).issue("knogin.example").read_text()
    with pytest.raises(UnusableIdentity, match="2048 to 4096 bits") as refused:
        describe(Identity(certificate, private_key(modulus, p, q)))
    assert refused.value.field == "private_key"
