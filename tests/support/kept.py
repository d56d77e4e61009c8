"""Connections that a test keeps, since a new one costs both sides ten milliseconds of a processor: far more than a statement."""

import threading
from contextlib import suppress
from typing import Any

import psycopg


class Kept:
    """One connection in autocommit, opened at its first use and again after the server ended it. A call beside another has its own."""

    def __init__(self, address: str, **options: Any) -> None:
        self._address = address
        self._options = options
        self._connection: psycopg.Connection[Any] | None = None
        self._turn = threading.Lock()

    def rows(self, statement: Any, parameters: Any = None) -> list[Any]:
        """The rows of one statement, which is a transaction of its own."""
        if not self._turn.acquire(blocking=False):
            with self._opened() as conn:
                return _rows(conn, statement, parameters)
        try:
            return _rows(self._working(), statement, parameters)
        finally:
            self._turn.release()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> psycopg.Connection[Any]:
        # Without prepared statements, as a new connection has none: tests change tables between two statements.
        return psycopg.connect(self._address, autocommit=True, prepare_threshold=None, **self._options)

    def _working(self) -> psycopg.Connection[Any]:
        if self._connection is not None:
            with suppress(psycopg.OperationalError):
                self._connection.execute("SELECT 1")
                return self._connection
            self._connection.close()
        self._connection = self._opened()
        return self._connection


def _rows(conn: psycopg.Connection[Any], statement: Any, parameters: Any) -> list[Any]:
    cursor = conn.execute(statement, parameters)
    return cursor.fetchall() if cursor.description else []
