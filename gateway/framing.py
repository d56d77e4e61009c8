"""The fields that give a request's host and the end of its body; two parsers must not read them differently (RFC 9112 §6)."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.problems import Refusal, malformed

FIELDS = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
LENGTH_DIGITS = 19
"""Any number of 19 digits fits into 64 bits. Leading zeros count as digits; the service gets the number without them."""


class Framing(NamedTuple):
    """`length` is None for a chunked body; `expects` is true if the client waits for 100 Continue."""

    host: bytes
    length: int | None
    expects: bool


def read(fields: Iterable[tuple[bytes, bytes]], version: str) -> Framing:
    """Takes only fields named in `FIELDS`. Raises Refusal when a field is missing, repeated or ambiguous."""
    host = length = None
    chunked = expects = False
    for name, value in fields:
        if name == b"host":
            if host is not None:
                raise malformed("There may be only one Host field.")
            host = value
        elif name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > LENGTH_DIGITS:
                raise malformed(f"There may be only one Content-Length, of 1 to {LENGTH_DIGITS} digits.")
            length = int(value)
        elif name == b"transfer-encoding":
            if chunked or value.lower() != b"chunked" or version == "1.0":
                raise malformed("The only transfer coding is chunked, once.")
            chunked = True
        elif value.lower() != b"100-continue":
            raise Refusal(417, "Expectation failed", "The only expectation is 100-continue.", close=True)
        else:
            expects = True
    if host is None:
        raise malformed("A Host field is required.")
    if chunked and length is not None:
        raise malformed("Transfer-Encoding and Content-Length exclude one another.")
    return Framing(host, None if chunked else length or 0, expects)
