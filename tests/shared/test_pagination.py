"""Lists give every row once, newest first, for any page size; a foreign cursor is refused."""

from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.primitives import ids
from shared.web import http
from shared.web.http import Page
from shared.web.problems import Problem
from tests.shared.asking import request

ASKED = request(path="/things")
ROWS = sorted((ids.new_id("enc") for _ in range(257)), reverse=True)


class Listed(Page):
    status: Annotated[str, msgspec.Meta(max_length=10)] | None = None


def rows_after(last: str | None, limit: int) -> list[str]:
    """The rows of `WHERE id < last ORDER BY id DESC LIMIT limit + 1`."""
    return [row for row in ROWS if last is None or row < last][: limit + 1]


@given(st.integers(1, 100))
def test_walking_the_pages_sees_every_row_once(limit: int) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = Page(limit=limit, cursor=cursor)
        found, cursor = http.slice_page(ASKED, rows_after(http.page_after(ASKED, page), limit), page, lambda row: row)
        assert len(found) <= limit
        seen += found
        if cursor is None:
            break
    assert seen == ROWS


@given(st.text())
def test_a_cursor_is_an_id_or_refused(cursor: str) -> None:
    try:
        last = http.page_after(ASKED, Page(cursor=cursor))
    except Problem as problem:
        found = (problem.status, [error.pointer for error in problem.errors])
    else:
        found = last is not None and last.isprintable()
    assert found in (True, (422, ["cursor"]))


@pytest.mark.parametrize("cursor", ["", "!", "YQ==", "AA", "4pyT", "YWFh" * 100])
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        http.page_after(ASKED, Page(cursor=cursor))
    assert refused.value.status == 422


def cursor_of(path: str, page: Page) -> str:
    cursor = http.slice_page(request(path=path), ROWS[: page.limit + 1], page, lambda row: row)[1]
    assert cursor is not None
    return cursor


def test_a_cursor_holds_for_pages_of_any_size() -> None:
    cursor = cursor_of("/things", Listed(limit=2, status="open"))
    assert http.page_after(ASKED, Listed(limit=9, status="open", cursor=cursor)) == ROWS[1]


@pytest.mark.parametrize(("path", "status"), [("/things", None), ("/things", "shut"), ("/others", "open")])
def test_a_cursor_of_another_list_or_other_filters_is_refused(path: str, status: str | None) -> None:
    cursor = cursor_of(path, Listed(limit=2, status=status))
    with pytest.raises(Problem) as refused:
        http.page_after(ASKED, Listed(limit=2, status="open", cursor=cursor))
    assert (refused.value.status, [error.pointer for error in refused.value.errors]) == (422, ["cursor"])
    assert "another list" in refused.value.detail


def test_the_link_keeps_the_callers_filters_and_replaces_the_cursor() -> None:
    asked = request(query=b"status=a%26b&cursor=old&limit=2", path="/things")
    link = http.link_header(asked, "new")["link"]
    target, _, relation = link.partition(">")
    assert relation == '; rel="next"'
    parts = urlsplit(target.removeprefix("<"))
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/things")
    assert parse_qs(parts.query) == {"status": ["a&b"], "cursor": ["new"], "limit": ["2"]}


def test_the_last_page_has_no_link() -> None:
    assert http.link_header(request(), None) == {}


def test_a_link_cannot_be_broken_out_of() -> None:
    link = http.link_header(request(query=b'status=>; rel="prev", <http://evil'), "c")["link"]
    assert link.count(">") == link.count("<") == 1


@pytest.mark.parametrize(
    "query",
    [
        b"limit=0",
        b"limit=101",
        b"limit=-1",
        b"limit=1.5",
        b"limit=1e1",
        b"limit=10.0",
        b"limit=+5",
        b"limit=%205",
        b"limit=05",
        b"offset=3",
    ],
)
def test_a_page_outside_its_bounds_is_refused(query: bytes) -> None:
    with pytest.raises(Problem) as refused:
        http.query(request(query=query), Listed)
    assert refused.value.status == 422


def test_a_page_is_fifty_unless_asked_otherwise() -> None:
    page: Any = http.query(request(query=b"status=open"), Listed)
    assert (page.limit, page.cursor, page.status) == (50, None, "open")
