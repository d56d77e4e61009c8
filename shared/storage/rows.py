"""Reads rows of a query as Structs; the fields' names are the query's columns."""

from typing import Any, TypeVar

import msgspec
from psycopg.rows import class_row

from shared.storage.database import AsyncConnection
from shared.web import problems

Row = TypeVar("Row", bound=msgspec.Struct)


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
