"""Headers that a subscriber may add to its deliveries."""

import re
from collections.abc import Mapping

MOST, LONGEST_VALUE, LONGEST_ALL = 20, 1024, 4096
# Headers of the sender or the connection, and headers that a proxy or cache behind the receiver interprets.
RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "set-cookie",
        "te",
        "traceparent",
        "tracestate",
        "baggage",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-http-method-override",
        "x-real-ip",
    }
)
RESERVED_PREFIXES = ("webhook-", "x-forwarded-", "sec-", "x-amz-", "x-aws-", "x-goog-", "x-knogin-", "cf-", "metadata")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?|", re.ASCII)


def objection(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The first header that may not be added and why, or None. The name is "" where all together are too many or too long."""
    if len(headers) > MOST or sum(len(name) + len(value) for name, value in headers.items()) > LONGEST_ALL:
        return "", f"at most {MOST} headers of {LONGEST_ALL} characters in all"
    if len({name.lower() for name in headers}) != len(headers):
        return "", "a header is named twice"
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            return name, "not a header name (RFC 9110 §5.1)"
        if name.lower() in RESERVED or name.lower().startswith(RESERVED_PREFIXES) or "_" in name:
            return name, "this header is not yours to set"
        if len(value) > LONGEST_VALUE or not _VALUE.fullmatch(value):
            return name, f"a value is at most {LONGEST_VALUE} printable ASCII characters"
    return None
