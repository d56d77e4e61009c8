"""Bytes that may be asked for in part: what a request wants of them, decided before they are read (RFC 9110 §13, §14). Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.control_plane.octets import MEDIA, octets_headers
from shared.problems import Problem, precondition_failed

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
# One range, in a list that may have empty members (RFC 9110 §5.6.1.2).
_RANGE = re.compile(r"bytes=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE)
# More digits than any content has bytes; of those after them only that they are there matters.
_DIGITS = 18


class Span(NamedTuple):
    """Bytes from `first` to `last`, both included and counted from 0."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class Wanted(NamedTuple):
    """The answer to come: `span` is to be read for its body, None where it has none."""

    status: int
    headers: dict[str, str]
    span: Span | None

    def response(self, body: bytes) -> Response:
        return Response(body, self.status, self.headers, None if self.status == 304 else MEDIA)


def wanted(request: Request, sha256: str, size: int) -> Wanted:
    """Of a content of `size` bytes whose digest is `sha256`, in hex. Raises Problem: 412, 416."""
    tag = f'"{sha256}"'
    headers = octets_headers(sha256) | {"etag": tag, "accept-ranges": "bytes"}
    fields = request.headers.getlist
    if (if_match := fields("if-match")) and not _names(if_match, tag, weakly=False):
        raise precondition_failed("The content is not the one that If-Match names.")
    if _names(fields("if-none-match"), tag, weakly=True):
        return Wanted(304, headers, None)
    if request.method == "HEAD":  # for which no ranges are defined (§14.2)
        return Wanted(200, headers | {"content-length": str(size)}, None)
    span = span_of(fields("range"), fields("if-range"), tag, size)
    if span is None:
        return Wanted(200, headers, Span(0, size - 1))
    return Wanted(206, headers | {"content-range": f"bytes {span.first}-{span.last}/{size}"}, span)


def span_of(ranges: Sequence[str], if_range: Sequence[str], tag: str, size: int) -> Span | None:
    """The part that is asked for; None for the whole, as where several parts are, or parts of another content. Raises a 416 Problem."""
    found = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if found is None or (if_range and list(if_range) != [tag]):
        return None
    first, last = map(_number, found.groups())
    if first is None:
        return _suffix(last, size)
    if last is not None and last < first:
        return None
    if first >= size:
        raise _unsatisfiable(size)
    return Span(first, size - 1 if last is None else min(last, size - 1))


def _suffix(length: int | None, size: int) -> Span | None:
    if length == 0:
        raise _unsatisfiable(size)
    return None if length is None else Span(max(0, size - length), size - 1)


def _number(digits: str) -> int | None:
    return int(digits.lstrip("0")[: _DIGITS + 1] or "0") if digits else None


def _names(fields: Sequence[str], tag: str, *, weakly: bool) -> bool:
    """Whether the tags of If-Match or If-None-Match name this one (§13.1.1, §13.1.2)."""
    text = ",".join(fields).strip()
    tags = [one[0] for one in _TAG.finditer(text) if weakly or not one[0].startswith("W/")]
    return text == "*" or tag in [one.removeprefix("W/") for one in tags]


def _unsatisfiable(size: int) -> Problem:
    detail = f"The content has {size} bytes, and none of them is in the range."
    return Problem(416, "Range not satisfiable", detail, headers={"content-range": f"bytes */{size}"})
