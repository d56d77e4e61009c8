"""Rows of a query as Structs."""

from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg.rows import class_row

from shared.database import AsyncConnection

Row = TypeVar("Row", bound=msgspec.Struct)


async def first(conn: AsyncConnection, kind: type[Row], query: LiteralString, parameters: Any) -> Row | None:
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(query, parameters)).fetchone()


async def every(conn: AsyncConnection, kind: type[Row], query: LiteralString, parameters: Any) -> list[Row]:
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(query, parameters)).fetchall()
