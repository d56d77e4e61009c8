"""Where a request is for, and where its body ends: the fields that two parsers must never read differently (RFC 9112 §6)."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.problems import Refusal, malformed

FIELDS = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
LENGTH_DIGITS = 19
"""As many fit into 64 bits, whatever they are. Leading zeros are digits like others; the service gets the number written anew."""


class Framing(NamedTuple):
    """`length` is None for a chunked body; `expects` whether the client waits for 100 Continue."""

    host: bytes
    length: int | None
    expects: bool


def read(fields: Iterable[tuple[bytes, bytes]], version: str) -> Framing:
    """`fields` are those named in `FIELDS`. Raises Refusal where one is missing, repeated or open to two readings."""
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
