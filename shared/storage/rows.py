"""Reads rows of a query as Structs; the fields' names are the query's columns."""

from typing import Any, TypeVar

import msgspec
from psycopg import AsyncServerCursor
from psycopg.rows import class_row

from shared.storage.database import AsyncConnection
from shared.web import problems
from shared.web.pagination import Page

Row = TypeVar("Row", bound=msgspec.Struct)
PAGE_BYTES = 1 << 20
"""A page of large rows ends after so many bytes of their values; its first row may be larger."""
CONTROL = bytes(range(32))
"""Characters that JSON writes as six bytes."""


async def first(conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any = None) -> Row | None:
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(query, parameters)).fetchone()


async def found(conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any = None) -> Row:
    """The row. Raises a 404 Problem if there is none."""
    row = await first(conn, kind, query, parameters)
    if row is None:
        raise problems.not_found()
    return row


async def every(conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any = None) -> list[Row]:
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(query, parameters)).fetchall()


async def page_of(
    conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any, page: Page, largest: int
) -> tuple[list[Row], Page]:
    """Rows for `pagination.listed`, and the page with a limit so low that they fit. `query` has a LIMIT of one row more than the page."""
    rows, fitting = await within(conn, kind, query, parameters, largest)
    return rows, msgspec.structs.replace(page, limit=min(page.limit, fitting))


async def within(
    conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any, largest: int
) -> tuple[list[Row], int]:
    """The query's first rows, and how many of them have at most `PAGE_BYTES` together: at least one, if there are any.

    `largest` is about the bytes of the largest row. The database sends rows of at most twice `PAGE_BYTES` for nothing.
    """
    at_once = max(1, 2 * PAGE_BYTES // largest)
    rows: list[Row] = []
    size = fitting = 0
    async with AsyncServerCursor(conn, "page", row_factory=class_row(kind)) as cursor:
        await cursor.execute(query, parameters)
        while fitting == len(rows) and (more := await cursor.fetchmany(at_once)):
            rows += more
            for length in _lengths(cursor):
                size += length
                if fitting and size > PAGE_BYTES:
                    break
                fitting += 1
    return rows, fitting


def _lengths(cursor: AsyncServerCursor[Any]) -> list[int]:
    """The bytes of each row that was fetched last, as texts in JSON."""
    result = cursor.pgresult
    assert result is not None
    columns = range(result.nfields)
    return [sum(_length(result.get_value(row, column) or b"") for column in columns) for row in range(result.ntuples)]


def _length(value: bytes) -> int:
    escaped = len(value) - len(value.translate(None, CONTROL))
    return len(value) + 5 * escaped + value.count(b'"') + value.count(b"\\")
