"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """`next_cursor` is None on the last page. Pass it as `cursor` to the same method to go on from here, also in another process."""

    items: list[T]
    next_cursor: str | None


class Pages(Generic[T]):
    """A list. Iterate over it for its items; each page is fetched when its first item is needed."""

    def __init__(self, fetch: Callable[[str | None], Page[Any]], cursor: str | None) -> None:
        self._fetch = fetch
        self._cursor = cursor

    def pages(self) -> Iterator[Page[T]]:
        cursor = self._cursor
        while True:
            page: Page[T] = self._fetch(cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class AsyncPages(Generic[T]):
    """A list. Iterate over it for its items; each page is fetched when its first item is needed."""

    def __init__(self, fetch: Callable[[str | None], Awaitable[Page[Any]]], cursor: str | None) -> None:
        self._fetch = fetch
        self._cursor = cursor

    async def pages(self) -> AsyncIterator[Page[T]]:
        cursor = self._cursor
        while True:
            page: Page[T] = await self._fetch(cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


def next_cursor(link: str) -> str | None:
    """The cursor in a `Link` header (RFC 8288) with `rel="next"`."""
    for one in link.split(","):
        target, _, parameters = one.strip().partition(">")
        if 'rel="next"' in parameters:
            return parse_qs(urlsplit(target.lstrip("<")).query).get("cursor", [None])[0]
    return None
