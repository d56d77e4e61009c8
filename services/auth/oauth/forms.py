"""The form body of an OAuth POST, read strictly (RFC 6749 §3.2 and appendix B). Pure."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidRequestError

CONTENT_TYPE = "application/x-www-form-urlencoded"
MAX_BYTES = 64 * 1024
MAX_FIELDS = 64
# RFC 8707 §2 lets a request name several resources.
REPEATABLE = frozenset({"resource"})


class Form(NamedTuple):
    """Parameters by name, empty ones left out as RFC 6749 §3.1 asks, and the resources of RFC 8707."""

    values: Mapping[str, str]
    resources: tuple[str, ...]


def parse_body(content_type: str, body: bytes) -> Form:
    """Raises InvalidRequestError for another content type, bytes that are no form, and parameters given twice."""
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise InvalidRequestError(f"The body must be {CONTENT_TYPE}.")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not form-encoded.") from None
    return parse_pairs(text)


def parse_pairs(text: str) -> Form:
    """The same for a query string."""
    if not text:
        return Form({}, ())
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise InvalidRequestError("The parameters are not form-encoded UTF-8, or too many.") from None
    if "\0" in text or "%00" in text:
        raise InvalidRequestError("A parameter holds a NUL character.")
    return _collect(pairs)


def _collect(pairs: list[tuple[str, str]]) -> Form:
    values: dict[str, str] = {}
    seen: set[str] = set()
    resources: list[str] = []
    for name, value in pairs:
        if name in REPEATABLE:
            resources += [value] if value else []
        elif name in seen:
            raise InvalidRequestError("A parameter is given more than once.")
        elif value:
            values[name] = value
        seen.add(name)
    return Form(values, tuple(resources))
