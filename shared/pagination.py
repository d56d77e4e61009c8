"""Lists, newest first: an opaque cursor holds the last id seen, and ids sort by time."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.requests import Request

from shared import http, problems
from shared.encoding import base64url_decode, base64url_encode
from shared.problems import FieldError

Row = TypeVar("Row")


class Page(http.Body):
    """`?limit=` (1..100, default 50) and `?cursor=`; subclass it to add filters."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


def after(page: Page) -> str | None:
    """The id after which this page begins, or None for the first. Raises a 422 Problem for a cursor that is not one of ours."""
    if page.cursor is None:
        return None
    try:
        last = base64url_decode(page.cursor).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        last = ""
    if not last or len(last) > 128 or not last.isprintable():
        raise problems.invalid(
            "The cursor is not one we gave out.", [FieldError("cursor", "not a cursor of this list")]
        )
    return last


def slice_page(rows: Sequence[Row], page: Page, key: Callable[[Row], str]) -> tuple[Sequence[Row], str | None]:
    """Cuts `limit + 1` rows down to the page, and makes the cursor of the next one if there is more."""
    if len(rows) <= page.limit:
        return rows, None
    kept = rows[: page.limit]
    return kept, base64url_encode(key(kept[-1]).encode())


def link_header(request: Request, next_cursor: str | None) -> dict[str, str]:
    """`Link: <…>; rel="next"` (RFC 8288), relative to the host, with the caller's own filters."""
    if next_cursor is None:
        return {}
    others = [(name, value) for name, value in parse_qsl(request.url.query) if name != "cursor"]
    target = f"{request.url.path}?{urlencode([*others, ('cursor', next_cursor)])}"
    return {"link": f'<{target}>; rel="next"'}
