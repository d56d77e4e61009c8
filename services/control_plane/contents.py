"""Contents of packages over HTTP: their headers, requests for a part of one (RFC 9110 §13, §14), and their bytes piece by piece."""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import LiteralString, NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shared.storage.database import AsyncConnection
from shared.web import problems
from shared.web.problems import Problem, precondition_failed

MEDIA = "application/octet-stream"
PIECE = 1 << 20
"""Bytes of a content that an answer holds at once, however slowly its client reads."""
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
# One range, in a list that may have empty members (RFC 9110 §5.6.1.2).
_RANGE = re.compile(r"bytes=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE)
# More digits than any content's size has. Further digits only make the number too large.
_DIGITS = 18


def require_octets(request: Request) -> None:
    """Raises a 415 Problem for a body of any other type."""
    types = request.headers.getlist("content-type")
    if types != [MEDIA] or request.headers.get("content-encoding", "identity") != "identity":
        detail = f"Send {MEDIA}, without a content encoding."
        raise Problem(415, "Unsupported media type", detail, headers={"accept": MEDIA})


def headers_of(sha256: str) -> dict[str, str]:
    """Browsers never display the bytes, and clients check them by the digest (RFC 9530). `sha256` is hex."""
    return {
        "cache-control": "no-store",
        "content-disposition": "attachment",
        "x-content-type-options": "nosniff",
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
    }


class Span(NamedTuple):
    """Bytes from `first` to `last`, both included and counted from 0."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class Wanted(NamedTuple):
    """A response without its body. `span` names the bytes to read for it, None where it has no body."""

    status: int
    headers: dict[str, str]
    span: Span | None

    async def response(self, request: Request, read: "Read") -> Response:
        """Reads the first piece at once, each other when the client has taken the one before. Raises a Problem: 404."""
        if self.span is None:
            return Response(b"", self.status, self.headers, None if self.status == 304 else MEDIA)
        length = {"content-length": str(self.span.length)}
        if request.method == "HEAD":
            return Response(b"", self.status, self.headers | length, MEDIA)
        first, last = self.span

        async def pieces(piece: bytes) -> AsyncIterator[bytes]:
            yield piece
            for position in range(first + PIECE, last + 1, PIECE):
                piece = await read(position, min(PIECE, last + 1 - position))
                yield piece

        beginning = pieces(await read(first, min(PIECE, self.span.length)))
        return StreamingResponse(beginning, self.status, self.headers | length, MEDIA)


Read = Callable[[int, int], Awaitable[bytes]]
"""Reads from a position, counted from 0, so many bytes. Raises a 404 Problem if the content is gone."""


async def read_piece(conn: AsyncConnection, query: LiteralString, first: int, length: int, id: str) -> bytes:
    """The one value of the query, whose parameters are the position counted from 1, the length and `id`. Raises a 404 Problem."""
    # In binary: the text format sends two characters for each byte.
    async with conn.cursor(binary=True) as cursor:
        row = await (await cursor.execute(query, (first + 1, length, id))).fetchone()
    if row is None or not row[0]:
        raise problems.not_found()
    return row[0]


def whole(sha256: str, size: int) -> Wanted:
    return Wanted(200, headers_of(sha256), Span(0, size - 1))


def wanted(request: Request, sha256: str, size: int) -> Wanted:
    """For a content of `size` bytes with the digest `sha256` in hex. Raises Problem: 412, 416."""
    tag = f'"{sha256}"'
    headers = headers_of(sha256) | {"etag": tag, "accept-ranges": "bytes"}
    fields = request.headers.getlist
    if (if_match := fields("if-match")) and not _has_tag(if_match, tag, weakly=False):
        raise precondition_failed("The content is not the one that If-Match names.")
    if _has_tag(fields("if-none-match"), tag, weakly=True):
        return Wanted(304, headers, None)
    if request.method == "HEAD":  # for which no ranges are defined (§14.2)
        return Wanted(200, headers | {"content-length": str(size)}, None)
    span = span_of(fields("range"), fields("if-range"), tag, size)
    if span is None:
        return Wanted(200, headers, Span(0, size - 1))
    return Wanted(206, headers | {"content-range": f"bytes {span.first}-{span.last}/{size}"}, span)


def span_of(ranges: Sequence[str], if_range: Sequence[str], tag: str, size: int) -> Span | None:
    """The requested range; None for the whole content, also for several ranges and for an If-Range of another content.

    Raises a 416 Problem.
    """
    found = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if found is None or (if_range and list(if_range) != [tag]):
        return None
    first, last = (int(one.lstrip("0")[: _DIGITS + 1] or "0") if one else None for one in found.groups())
    if first is None:
        if last == 0:
            raise _unsatisfiable(size)
        return None if last is None else Span(max(0, size - last), size - 1)
    if last is not None and last < first:
        return None
    if first >= size:
        raise _unsatisfiable(size)
    return Span(first, size - 1 if last is None else min(last, size - 1))


def _has_tag(fields: Sequence[str], tag: str, *, weakly: bool) -> bool:
    """Whether the value of If-Match or If-None-Match includes the tag (§13.1.1, §13.1.2)."""
    text = ",".join(fields).strip()
    tags = [one[0] for one in _TAG.finditer(text) if weakly or not one[0].startswith("W/")]
    return text == "*" or tag in [one.removeprefix("W/") for one in tags]


def _unsatisfiable(size: int) -> Problem:
    detail = f"The content has {size} bytes, and none of them is in the range."
    return Problem(416, "Range not satisfiable", detail, headers={"content-range": f"bytes */{size}"})
