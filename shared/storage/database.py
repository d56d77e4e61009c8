"""PostgreSQL: one transaction per request or task, with its tenant set; after the commit it rings the outbox bell.

Rows are read as Structs whose fields are the query's columns. Observations, records and signatures get their time from the process that
makes them, so its clock is compared with the database's once a second, in a transaction that is open anyway. A web process whose clock is
wrong by over a minute answers 503 and is not ready. Leases, due times and revocations use only the database's clock.
"""

import logging
import select
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import product
from typing import Any, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import AsyncServerCursor, generators, pq
from psycopg.abc import PQGen
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout
from starlette.requests import Request

from shared.fairness.places import Crowded, NoPlace, Places
from shared.process import peers
from shared.web import problems
from shared.web.http import Page
from shared.web.identity import Caller, party_of

ASK_CLOCK: LiteralString = "SELECT extract(epoch FROM clock_timestamp())::float8"
CLOCK_TOLERATED_SECONDS = 60.0
CLOCK_EVERY_SECONDS = 1.0
# The server may have read its clock at any moment of the wait. A slower answer counts only if every such moment shows a wrong clock.
CLOCK_QUICK_SECONDS = 5.0
log = logging.getLogger(__name__)


class ClockApart(Exception):
    """This process's clock differs from the database's by more than `CLOCK_TOLERATED_SECONDS`."""


class Clock:
    """`offset` is the number of seconds that this process's clock is ahead of its database's; 0 until it is measured."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._asked_at = float("-inf")

    @property
    def is_apart(self) -> bool:
        return abs(self.offset) > CLOCK_TOLERATED_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether to measure again: every second, and in each transaction while the clock is wrong."""
        return self.is_apart or time.monotonic() - self._asked_at >= CLOCK_EVERY_SECONDS

    def now(self) -> float:
        """The database's time, as a Unix time."""
        return time.time() - self.offset

    def ask(self) -> float:
        """Call this just before sending `ASK_CLOCK`, then pass its result and the row of the answer to `measured`."""
        self._asked_at = time.monotonic()
        return self._asked_at

    def measured(self, row: Sequence[float] | None, asked_at: float) -> None:
        took = time.monotonic() - asked_at
        if row is None:
            return
        offset = time.time() - took / 2 - row[0]
        if took > CLOCK_QUICK_SECONDS and abs(offset) - took / 2 <= CLOCK_TOLERATED_SECONDS:
            return
        was_apart = self.is_apart
        self.offset = offset
        if self.is_apart != was_apart:
            level, state = (logging.ERROR, "is wrong") if self.is_apart else (logging.WARNING, "is right again")
            log.log(level, "the clock of this process %s", state, extra={"offset_seconds": round(self.offset, 1)})

    def require(self) -> None:
        """Raises ClockApart if the clock is wrong."""
        if self.is_apart:
            raise ClockApart


clock = Clock()


# SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error.
OUTAGES = frozenset({"08", "53", "57", "58"})
# A request that meets one of these gets "try again". A server that suddenly refuses writes has become a standby.
UNAVAILABLE = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, PoolTimeout, ClockApart)


def is_outage(error: BaseException) -> bool:
    """Whether a task that met this error is simply tried again later.

    A statement time-out is not an outage: the task itself is too slow, and trying it for ever would block the tasks beside it.
    """
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, psycopg.errors.QueryCanceled):
        return isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
    return error.sqlstate is None or error.sqlstate[:2] in OUTAGES


# In addition to class 40 (transaction rollback): a lock was not available in time, or an idle transaction was ended.
CONTENTION = frozenset({"55P03", "25P03"})


def is_contention(error: BaseException) -> bool:
    """Whether other transactions on the same rows caused the error, so that the row or message itself is not at fault."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is not None and (state[:2] == "40" or state in CONTENTION)


SET_TENANT: LiteralString = "SELECT set_config('app.tenant_id', %s, true)"
BEGIN_OF = SET_TENANT.encode()
# Before a query of the beginning of a list. The planner multiplies the share of an owner (a webhook, a destination) by that of its
# organisation, although one contains the other. It expects few rows, and would read and sort all of them instead of following an index
# in order.
IN_ORDER: LiteralString = "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)"
# Before statements that go from a few rows to others by key. Where statistics are young, or older than all that waits, the planner would
# rather read history, or everything that waits for each step. Set in each transaction and not when connecting, since a pooler may give
# each transaction another connection.
BY_KEY: LiteralString = """
    SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)
"""
# As BY_KEY, and follows indexes in their order.
IN_TURN: LiteralString = BY_KEY + ", set_config('enable_sort', 'off', true)"
# The commit does not wait for the disk. Only for work that is retried if a crash undoes its last half second.
LAZILY: LiteralString = "SET LOCAL synchronous_commit = off"
# If a connection string has several hosts, connect only to one that accepts writes, never to a standby.
WRITABLE = "read-write"
# A pool tries to reconnect after 1, 3 and 4 seconds, then again for each caller, so it finds a server soon after its return.
OPTIONS: dict[str, Any] = {"kwargs": {"target_session_attrs": WRITABLE, **peers.POSTGRES}, "reconnect_timeout": 4}
# Requests that wait for one of a pool's connections, and for how long.
MOST_WAITING = 256
WAIT_SECONDS = 5.0
SHARES = (1.5, 4)
READ_ONLY: LiteralString = """
    SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, extract(epoch FROM clock_timestamp())::float8
"""
# The exception handlers of a service with a database.
exception_handlers = problems.exception_handlers | {
    **dict.fromkeys(UNAVAILABLE, problems.render_unavailable),
    ClockApart: problems.render_wrong_clock,
    psycopg.DataError: problems.render_unstorable,
}
_watched: "weakref.WeakSet[AsyncConnectionPool[Any] | ConnectionPool[Any]]" = weakref.WeakSet()


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """`has_messages`: its transaction wrote messages to the outbox."""

    has_messages = False

    async def begin(self, *statements: bytes) -> list[Any]:
        """Begins a transaction with these statements, all in one round trip. Returns the result of each.

        psycopg begins a transaction in a round trip of its own. Its pipeline mode sends several statements at once too, but takes the
        loop longer than the round trip that it saves.
        """
        async with self.lock:
            return await self.wait(self._begun(b";".join((b"BEGIN", *statements))))

    def _begun(self, statements: bytes) -> PQGen[list[Any]]:
        self.pgconn.send_query(statements)
        results = yield from generators.execute(self.pgconn)
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result)
        return results[1:]

    def literal(self, text: str) -> bytes:
        """A constant for `begin`."""
        return pq.Escaping(self.pgconn).escape_literal(text.encode())


class Connection(psycopg.Connection[Any]):
    """The same for tasks, with calls to make after the commit."""

    has_messages = False

    def after_commit(self, call: Callable[[], object]) -> None:
        self._calls: list[Callable[[], object]] = [*getattr(self, "_calls", ()), call]

    def run_after_commit(self) -> None:
        calls, self._calls = getattr(self, "_calls", []), []
        for call in calls:
            call()

    def forget_after_commit(self) -> None:
        self._calls = []


class Pool(AsyncConnectionPool[AsyncConnection]):
    """Never gives a caller a connection that the server has closed. When it finds a dead connection, it checks the others too.

    A query before each use would cost a round trip. Polling the socket of an idle connection costs a microsecond: it is readable when
    the server has closed it. A server that refuses writes has become a standby: the pool drops all connections to find the new primary.
    """

    async def getconn(self, timeout: float | None = None) -> AsyncConnection:  # noqa: ASYNC109 - psycopg's own signature
        conn = await super().getconn(timeout)
        while _is_readable(conn) and not await self._is_alive(conn):
            conn = await super().getconn(timeout)
        return conn

    async def _is_alive(self, conn: AsyncConnection) -> bool:
        """Whether the server answers; if not, the pool takes the connection back and replaces it."""
        try:
            await self.check_connection(conn)
        except BaseException as error:
            await self.putconn(conn)
            if not isinstance(error, psycopg.OperationalError):
                raise
            await self.check()
            return False
        return True

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[AsyncConnection]:  # noqa: ASYNC109 - psycopg's own signature
        lost = False
        try:
            async with super().connection(timeout) as conn:
                try:
                    yield conn
                except psycopg.errors.ReadOnlySqlTransaction:
                    await self.drain()
                    raise
                finally:
                    lost = conn.closed
        finally:
            if lost:
                await self.check()


class WebPool(Pool):
    """The pool of a web process. Before a request gets a connection, tenants take turns, and so do the clients of each.

    One tenant alone uses at most 6 of 10 connections, and one of its clients, or one network of callers without a token, 5, so that
    another finds a free one at once. The last `for_itself` connections are for the process's own work,
    which takes them from the pool directly. `probe` is a connection beside the pool for readiness: a service whose connections are all
    in use is busy, not unready.
    """

    def __init__(self, dsn: str, *, min_size: int, max_size: int, for_itself: int) -> None:
        options: dict[str, Any] = {
            "connection_class": AsyncConnection,
            "timeout": WAIT_SECONDS,
            "max_lifetime": 1800,
            "open": False,
            **OPTIONS,
        }
        super().__init__(dsn, min_size=min_size, max_size=max_size, **options)
        self.probe = Pool(dsn, min_size=0, max_size=1, **options)
        self.places = Places(max_size - for_itself, shares=SHARES, waiting=MOST_WAITING)

    async def open(self, wait: bool = False, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - psycopg's own signature
        await super().open(wait, timeout)
        await self.probe.open()

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - psycopg's own signature
        await self.probe.close(timeout)
        await super().close(timeout)

    @asynccontextmanager
    async def turn(self, caller: Caller | None) -> AsyncIterator[AsyncConnection]:
        """A connection, when the caller's turn comes.

        Raises after `WAIT_SECONDS`, or where too many wait: Problem (429) if the caller's organisation has others at work, or PoolTimeout.
        """
        path = party_of(caller)
        began = time.monotonic()
        try:
            place = await self.places.enter(path, WAIT_SECONDS)
        except NoPlace as error:
            # Whose turn has come gets a connection at once, unless the database is away.
            waited = time.monotonic() - began >= WAIT_SECONDS
            is_away = waited and self.get_stats().get("requests_waiting", 0) > 0
            if is_away or not path.tenant or not isinstance(error, Crowded):
                raise PoolTimeout from None
            detail = "Your organisation's other requests use its share of this service; wait for their answers."
            raise problems.too_many(detail) from None
        try:
            async with self.connection() as conn:
                yield conn
        finally:
            self.places.leave(place)


class TasksPool(ConnectionPool[Connection]):
    """The same for tasks: with a dead connection a batch would fail and wait until it is sent again."""

    def getconn(self, timeout: float | None = None) -> Connection:
        conn = super().getconn(timeout)
        while _is_readable(conn) and not self._is_alive(conn):
            conn = super().getconn(timeout)
        return conn

    def _is_alive(self, conn: Connection) -> bool:
        try:
            self.check_connection(conn)
        except BaseException as error:
            self.putconn(conn)
            if not isinstance(error, psycopg.OperationalError):
                raise
            self.check()
            return False
        return True

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Connection]:
        with super().connection(timeout) as conn:
            try:
                yield conn
            except psycopg.errors.ReadOnlySqlTransaction:
                self.drain()
                raise


def open_pool(dsn: str, *, min_size: int = 1, max_size: int = 10, for_itself: int = 0) -> WebPool:
    """A pool for endpoints; open it in the lifespan with `async with`. A caller waits up to 5 s for its turn."""
    pool = WebPool(dsn, min_size=min_size, max_size=max_size, for_itself=for_itself)
    _watched.add(pool)
    return pool


def open_tasks_pool(dsn: str, *, max_size: int) -> ConnectionPool[Connection]:
    """A pool for tasks and the relay, under the worker role."""
    pool = TasksPool(
        dsn,
        connection_class=Connection,
        min_size=1,
        max_size=max_size,
        timeout=5,
        open=True,
        **OPTIONS,
    )
    _watched.add(pool)
    return pool


@asynccontextmanager
async def tenant_transaction(request: Request, caller: Caller) -> AsyncIterator[AsyncConnection]:
    """One transaction that sees only the caller's tenant. Commits at the end; an exception rolls it back."""
    async with transaction(request, caller) as conn:
        statements = [BEGIN_OF % conn.literal(caller.tenant_id)]
        asked_at = clock.ask() if clock.is_due else None
        if asked_at is not None:
            statements.append(ASK_CLOCK.encode())
        results = await conn.begin(*statements)
        if asked_at is not None:
            clock.measured([float(results[-1].get_value(0, 0))], asked_at)
        clock.require()
        yield conn


@asynccontextmanager
async def transaction(request: Request, caller: Caller | None = None) -> AsyncIterator[AsyncConnection]:
    """One transaction without a tenant: row-level security hides all rows except in tables that are exempt from it.

    It waits for the turn of `caller`, or of the request's own caller.
    """
    pool: WebPool = request.state.pool
    async with pool.turn(caller or request.scope.get("caller")) as conn:
        conn.has_messages = False
        yield conn
        has_messages = conn.has_messages
    if has_messages:
        request.state.bell.ring()


@contextmanager
def task_transaction(pool: ConnectionPool[Connection], tenant_id: str | None = None) -> Iterator[Connection]:
    """The same for tasks; the calls given to `after_commit` run after the commit."""
    with pool.connection() as conn:
        conn.has_messages = False
        conn.forget_after_commit()
        if clock.is_due:
            asked_at = clock.ask()
            clock.measured(conn.execute(ASK_CLOCK).fetchone(), asked_at)
        if tenant_id is not None:
            set_tenant(conn, tenant_id)
        yield conn
        conn.commit()
        conn.run_after_commit()


def set_tenant(conn: psycopg.Connection[Any], tenant_id: str) -> None:
    conn.execute(SET_TENANT, (tenant_id,))


async def aset_tenant(conn: psycopg.AsyncConnection[Any], tenant_id: str) -> None:
    await conn.execute(SET_TENANT, (tenant_id,))


async def require_right_clock(conn: psycopg.AsyncConnection[Any], *, now: bool = False) -> None:
    """Raises ClockApart if this process's clock is wrong. Asks the database once a second, or in any case with `now`."""
    if now or clock.is_due:
        asked_at = clock.ask()
        clock.measured(await (await conn.execute(ASK_CLOCK)).fetchone(), asked_at)
    clock.require()


def _is_readable(conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether an idle connection has data to read, which nearly always means that the server closed it; else a notice."""
    if conn.closed:
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def ping(pool: WebPool) -> None:
    """Raises when the database does not answer or refuses writes, or when its clock differs from this process's."""
    async with pool.probe.connection(timeout=2) as conn:
        asked_at = clock.ask()
        read_only, *moment = await (await conn.execute(READ_ONLY)).fetchone() or (True,)
        if read_only:
            raise psycopg.errors.ReadOnlySqlTransaction
    clock.measured(moment, asked_at)
    clock.require()


def measure(*names: str) -> float:
    """Sums psycopg_pool's figure `names[0]` over this process's pools, minus the other figures named."""
    figures = [pool.get_stats() for pool in list(_watched)]
    first, *others = (sum(each.get(name, 0) for each in figures) for name in names)
    return first - sum(others)


def waiting() -> float:
    """How many requests and tasks of this process wait for a connection."""
    places = [pool.places for pool in list(_watched) if isinstance(pool, WebPool)]
    return measure("requests_waiting") + sum(one.waiting for one in places)


Row = TypeVar("Row", bound=msgspec.Struct)
PAGE_BYTES = 1 << 20
"""A page of large rows ends after so many bytes of their values; its first row may be larger."""
CONTROL = bytes(range(32))
"""Characters that JSON writes as six bytes."""


async def first(
    conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any = None, *, binary: bool = False
) -> Row | None:
    """`binary` is for large bytes: as text the database writes, and the loop reads, two characters for each."""
    async with conn.cursor(row_factory=class_row(kind), binary=binary) as cursor:
        return await (await cursor.execute(query, parameters)).fetchone()


async def found(
    conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any = None, *, binary: bool = False
) -> Row:
    """As `first`. Raises a 404 Problem if there is none."""
    row = await first(conn, kind, query, parameters, binary=binary)
    if row is None:
        raise problems.not_found()
    return row


async def every(conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any = None) -> list[Row]:
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(query, parameters)).fetchall()


async def page_of(
    conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any, page: Page, largest: int
) -> tuple[list[Row], Page]:
    """Rows for `http.listed`, and the page with a limit so low that they fit. `query` has a LIMIT of one row more than the page."""
    rows, fitting = await within(conn, kind, query, parameters, largest)
    return rows, msgspec.structs.replace(page, limit=min(page.limit, fitting))


async def within(
    conn: AsyncConnection, kind: type[Row], query: Any, parameters: Any, largest: int
) -> tuple[list[Row], int]:
    """The query's first rows, and how many of them have at most `PAGE_BYTES` together (at least one, if there are any).

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
    lengths = [0] * result.ntuples
    for row, column in product(range(result.ntuples), range(result.nfields)):
        value = result.get_value(row, column) or b""
        escaped = len(value) - len(value.translate(None, CONTROL))
        lengths[row] += len(value) + 5 * escaped + value.count(b'"') + value.count(b"\\")
    return lengths
