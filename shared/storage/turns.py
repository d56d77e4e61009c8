"""Turns of organisations at the work of a periodic job: each has one before any has a second, also where a round takes several runs."""

from collections.abc import Collection
from typing import Any, LiteralString

from shared.storage.database import Connection


def tenants_of(table: LiteralString, where: LiteralString = "true") -> LiteralString:
    """The beginning of a statement, with the table expression `tenants`: each tenant that has rows in the table, and a last row with null.

    It reads one row for each tenant, from an index of the table that begins with `tenant_id`, and has no rows but those of the condition
    `where`. DISTINCT would read all rows.
    """
    return f"""
    WITH RECURSIVE tenants AS (
        (SELECT tenant_id FROM {table} WHERE {where} ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT w.tenant_id FROM {table} w WHERE w.tenant_id > t.tenant_id AND {where} ORDER BY w.tenant_id LIMIT 1)
        FROM tenants t WHERE t.tenant_id IS NOT NULL
    )"""  # noqa: S608 (the table is named in the code)


class Turns:
    """`due` returns whose turn it is and the key of the next row, of those whose turns are not in its parameter `served`."""

    def __init__(self, due: LiteralString) -> None:
        self._due: LiteralString = due
        self._served: list[str] = []

    def next(self, conn: Connection, without: Collection[str] = ()) -> tuple[Any, ...] | None:
        """The key of the next row, of none in `without`. A new round begins where all that are due were served."""
        row = self._look(conn, without)
        if row is None and self._served:
            self._served.clear()
            row = self._look(conn, without)
        if row is None:
            return None
        whose, *key = row
        self._served.append(whose)
        return tuple(key)

    def _look(self, conn: Connection, without: Collection[str]) -> Any:
        return conn.execute(self._due, {"served": [*self._served, *without]}).fetchone()
