"""Lists, newest first: an opaque cursor holds the last id seen, and ids sort by time.

A cursor also identifies its list and filters, so that a cursor of another list is refused. It contains no secret and grants no access:
row-level security decides which rows a list has.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shared.primitives.encoding import base64url_decode, base64url_encode
from shared.web import http, problems
from shared.web.problems import FieldError, Problem

Row = TypeVar("Row")
MARK = 9  # bytes of a cursor that identify its list and filters


class Page(http.Body):
    """`?limit=` (1..100, default 50) and `?cursor=`; subclass it to add filters."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


def after(request: Request, page: Page) -> str | None:
    """The id after which this page begins, or None for the first page. Raises a 422 Problem for a cursor of another list."""
    if page.cursor is None:
        return None
    try:
        opened = base64url_decode(page.cursor)
        last = opened[MARK:].decode("ascii")
    except (ValueError, UnicodeDecodeError):
        raise not_ours() from None
    if not last or len(last) > 128 or not last.isprintable():
        raise not_ours()
    if opened[:MARK] != _mark(request, page):
        raise problems.invalid(
            "The cursor was given out for another list, or with other filters; begin again without it.",
            [FieldError("cursor", "not a cursor of this list with these filters")],
        )
    return last


def not_ours() -> Problem:
    return problems.invalid("The cursor is not one we gave out.", [FieldError("cursor", "not a cursor of this list")])


def slice_page(
    request: Request, rows: Sequence[Row], page: Page, key: Callable[[Row], str], reached: str | None = None
) -> tuple[Sequence[Row], str | None]:
    """Cuts `limit + 1` rows to one page, and makes the cursor of the next page if there are more rows.

    `reached` is the id up to which the list was looked through, if that is not its end: the next page begins there.
    """
    if len(rows) <= page.limit:
        return rows, None if reached is None else next_cursor(request, page, reached)
    kept = rows[: page.limit]
    return kept, next_cursor(request, page, key(kept[-1]))


def listed(
    request: Request,
    name: str,
    rows: Sequence[Row],
    page: Page,
    key: Callable[[Row], str],
    shown: Callable[[Row], Any] | None = None,
    reached: str | None = None,
) -> Response:
    """Answers `{name: rows, "next_cursor": …}` with a Link; each row goes through `shown`. `reached` as for `slice_page`."""
    rows, cursor = slice_page(request, rows, page, key, reached)
    content = {name: rows if shown is None else [shown(row) for row in rows], "next_cursor": cursor}
    return http.json(content, headers=link_header(request, cursor))


def next_cursor(request: Request, page: Page, last: str) -> str:
    """The cursor of the page after the id `last`; `after` reads it back."""
    return base64url_encode(_mark(request, page) + last.encode())


def link_header(request: Request, next_cursor: str | None) -> dict[str, str]:
    """`Link: <…>; rel="next"` (RFC 8288), relative to the host, with the caller's own filters."""
    if next_cursor is None:
        return {}
    others = [(name, value) for name, value in parse_qsl(request.url.query) if name != "cursor"]
    target = f"{request.url.path}?{urlencode([*others, ('cursor', next_cursor)])}"
    return {"link": f'<{target}>; rel="next"'}


def _mark(request: Request, page: Page) -> bytes:
    """A digest of the list's path and filters; it is equal for all pages of the list and for all page sizes."""
    filters = {name: value for name, value in msgspec.structs.asdict(page).items() if name not in ("cursor", "limit")}
    return hashlib.blake2b(http.encode([request.url.path, filters]), digest_size=MARK).digest()
