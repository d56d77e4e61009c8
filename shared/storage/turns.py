"""Turns of organisations at the work of a periodic job: each has one before any has a second, also where a round takes several runs."""

from typing import Any, LiteralString

from shared.storage.database import Connection


class Turns:
    """`due` returns whose turn it is and the key of the next row, of those whose turns are not in its parameter `served`."""

    def __init__(self, due: LiteralString) -> None:
        self._due: LiteralString = due
        self._served: list[str] = []

    def next(self, conn: Connection) -> tuple[Any, ...] | None:
        """The key of the next row. A new round begins where all that are due were served."""
        row = self._look(conn)
        if row is None and self._served:
            self._served.clear()
            row = self._look(conn)
        if row is None:
            return None
        whose, *key = row
        self._served.append(whose)
        return tuple(key)

    def _look(self, conn: Connection) -> Any:
        return conn.execute(self._due, {"served": self._served}).fetchone()
