"""The database itself separates tenants: code that sets no tenant reads no rows and writes none."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from deploy.local.databases import Database
from shared.messaging import outbox
from shared.storage import database
from shared.storage.database import SET_TENANT, UNAVAILABLE, AsyncConnection, open_pool, tenant_transaction
from shared.web.identity import Caller
from shared.web.problems import Problem
from tests.shared.asking import request
from tests.shared.support import link, publish, scalar
from tests.support.waiting import PATIENCE

ROWS = {
    "outbox": "INSERT INTO outbox (id, tenant_id, consumer, name, body) VALUES (gen_random_uuid(), %s, 'epcr', 'n', '{}')",
    "inbox": "INSERT INTO inbox (message_id, tenant_id) VALUES (gen_random_uuid(), %s)",
    "failures": "INSERT INTO failures (message_id, tenant_id, last_error) VALUES (gen_random_uuid(), %s, 'e')",
    "dead_letters": (
        "INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, occurred_at, error) "
        "VALUES (gen_random_uuid(), %s, 'epcr', 'n', '{}', now(), 'e')"
    ),
    "idempotency_keys": (
        "INSERT INTO idempotency_keys (tenant_id, client_id, key_digest, request_digest, answer) VALUES (%s, 'a', '', '', '')"
    ),
    "audit": (
        "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, trace_id) "
        "VALUES (gen_random_uuid(), %s, 'app_1', 'read', 'enc_1', '')"
    ),
}
OF_WORKERS = ("inbox", "failures", "dead_letters")
OF_BOTH = [table for table in ROWS if table not in OF_WORKERS]


def count(conn: psycopg.Connection[Any], table: str) -> int:
    row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row
    return row[0]


def caller(tenant: str) -> Caller:
    return Caller(tenant_id=tenant, client_id="app_1")


@pytest.mark.parametrize("table", OF_BOTH)
def test_a_query_that_forgets_its_tenant_sees_no_rows(producer: Database, table: str) -> None:
    with psycopg.connect(producer.admin) as conn:
        conn.execute(ROWS[table].encode(), ("org_1",))
    with psycopg.connect(producer.app) as conn:
        assert count(conn, table) == 0
        conn.execute(SET_TENANT, ("",))
        assert count(conn, table) == 0
        conn.execute(SET_TENANT, ("org_2",))
        assert count(conn, table) == 0
        conn.execute(SET_TENANT, ("org_1",))
        assert count(conn, table) == 1


@pytest.mark.parametrize("table", OF_BOTH)
@pytest.mark.parametrize("tenant", ["org_1", "", None])
def test_a_row_of_another_tenant_cannot_be_written(producer: Database, table: str, tenant: str | None) -> None:
    with psycopg.connect(producer.app) as conn:
        if tenant is not None:
            conn.execute(SET_TENANT, (tenant,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            conn.execute(ROWS[table].encode(), ("org_2",))


@pytest.mark.parametrize("table", OF_WORKERS)
def test_a_web_process_neither_reads_nor_writes_what_came_from_other_services(producer: Database, table: str) -> None:
    with psycopg.connect(producer.app, autocommit=True) as conn:
        conn.execute(SET_TENANT, ("org_1",))
        for statement in (ROWS[table].replace("%s", "'org_1'"), f"SELECT FROM {table}", f"DELETE FROM {table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                conn.execute(statement.encode())


@pytest.mark.parametrize("kind", ["app", "worker"])
def test_every_table_with_a_tenant_is_under_forced_row_level_security(producer: Database, kind: str) -> None:
    with psycopg.connect(getattr(producer, kind)) as conn:
        open_tables = conn.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
               WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"""
        ).fetchall()
        role = conn.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
        covered = conn.execute("SELECT count(*) FROM pg_class WHERE relname = ANY(%s)", (list(ROWS),)).fetchone()
    assert (open_tables, role, covered) == ([], (False,), (len(ROWS),))


def test_the_trail_can_be_added_to_and_nothing_else(producer: Database) -> None:
    for dsn in (producer.app, producer.worker):
        for statement in (
            "UPDATE audit SET action = 'x'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "DELETE FROM audit_batches",
        ):
            with psycopg.connect(dsn) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


def test_the_app_role_cannot_seal_or_keep_a_row_from_being_sealed(producer: Database) -> None:
    with psycopg.connect(producer.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DELETE FROM audit_waiting")
    with psycopg.connect(producer.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("INSERT INTO audit_batches VALUES (1, 1, '', now(), '')")


class Bell:
    """Records the committed rows at the moment of each ring."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.heard: list[int] = []

    def ring(self) -> None:
        self.heard.append(scalar(self.dsn, "SELECT count(*) FROM outbox"))


def in_pool(producer: Database, bell: Bell, work: Any) -> Any:
    async def whole() -> Any:
        async with database.open_pool(producer.app, max_size=1) as pool:
            asked = request()
            asked.state.pool, asked.state.bell = pool, bell
            return await work(asked)

    return asyncio.run(whole())


def test_the_bell_rings_after_the_commit_and_only_if_there_is_something_to_send(producer: Database) -> None:
    bell = Bell(producer.admin)

    async def work(asked: Any) -> None:
        async with tenant_transaction(asked, caller("org_1")) as conn:
            await conn.execute("SELECT 1")
        assert bell.heard == []
        async with tenant_transaction(asked, caller("org_1")) as conn:
            await outbox.add(conn, "org_1", link())
            assert bell.heard == []
        assert bell.heard == [1]
        async with tenant_transaction(asked, caller("org_1")) as conn:
            await conn.execute("SELECT 1")
        assert bell.heard == [1]

    in_pool(producer, bell, work)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_an_exception_leaves_nothing_behind_and_no_bell_rung(producer: Database, error: type[BaseException]) -> None:
    bell = Bell(producer.admin)

    async def work(asked: Any) -> None:
        with pytest.raises(error):  # noqa: PT012 - the rolled-back work must have happened
            async with tenant_transaction(asked, caller("org_1")) as conn:
                await outbox.add(conn, "org_1", link())
                raise error
        async with database.transaction(asked) as conn:
            assert await seen(conn) == 0

    in_pool(producer, bell, work)
    assert bell.heard == []
    assert scalar(producer.admin, "SELECT count(*) FROM outbox") == 0


async def seen(conn: AsyncConnection) -> int:
    row = await (await conn.execute("SELECT count(*) FROM outbox")).fetchone()
    assert row
    return row[0]


def test_a_tenant_does_not_linger_on_a_connection_that_goes_back_to_the_pool(producer: Database) -> None:
    publish(producer, link())

    async def work(asked: Any) -> list[int]:
        counts: list[int] = []
        async with tenant_transaction(asked, caller("org_1")) as conn:
            counts.append(await seen(conn))
        async with database.transaction(asked) as conn:
            counts.append(await seen(conn))
        async with tenant_transaction(asked, Caller()) as conn:
            counts.append(await seen(conn))
        return counts

    assert in_pool(producer, Bell(producer.admin), work) == [1, 0, 0]


def test_a_transaction_of_a_tenant_begins_in_one_round_trip(producer: Database, tmp_path: Path) -> None:
    """Every round trip wakes the loop and the server, and each may wait for a processor."""
    trace = tmp_path / "trace"

    async def work(asked: Any) -> None:
        async with asked.state.pool.connection() as conn:
            pass
        with trace.open("w") as file:
            conn.pgconn.trace(file.fileno())
            database.clock._asked_at = float("-inf")  # the transaction asks for the clock too
            async with tenant_transaction(asked, caller("org_1")):
                conn.pgconn.untrace()

    in_pool(producer, Bell(producer.admin), work)
    assert trace.read_text().count("ReadyForQuery") == 1


@pytest.mark.parametrize(
    "tenant", ["org'); SELECT set_config('app.tenant_id', 'org_1", "\\'; COMMIT; --", "org_1' || '"]
)
def test_the_name_of_a_tenant_is_no_statement(producer: Database, tenant: str) -> None:
    publish(producer, link())

    async def work(asked: Any) -> tuple[int, str]:
        async with tenant_transaction(asked, caller(tenant)) as conn:
            row = await (await conn.execute("SELECT current_tenant()")).fetchone()
            assert row
            return await seen(conn), row[0]

    assert in_pool(producer, Bell(producer.admin), work) == (0, tenant)


def test_a_transaction_that_does_not_begin_leaves_its_connection_clean(producer: Database) -> None:
    async def work(asked: Any) -> list[Any]:
        async with asked.state.pool.connection() as conn:
            with pytest.raises(psycopg.errors.UndefinedTable):
                await conn.begin(b"SELECT 1 FROM nothing_of_that_name")
        async with tenant_transaction(asked, caller("org_1")) as after:
            assert after is conn
            return [await seen(after), after.broken]

    assert in_pool(producer, Bell(producer.admin), work) == [0, False]


def test_tasks_of_different_tenants_on_one_connection_stand_apart(producer: Database) -> None:
    pool = database.open_tasks_pool(producer.worker, max_size=1)
    with database.task_transaction(pool, "org_1") as conn:
        outbox.add_sync(conn, "org_1", link())
        assert conn.has_messages
    with database.task_transaction(pool) as conn:
        assert not conn.has_messages
        assert conn.execute("SELECT current_tenant()").fetchone() == (None,)
    pool.close()


class Crowd:
    """Transactions of many tenants over one pool: each is at work until it is let go."""

    def __init__(self, pool: Any) -> None:
        self.pool, self.working, self.tasks = pool, list[str](), list[asyncio.Task[str]]()
        self.let_go, self.begun = asyncio.Event(), asyncio.Queue[str]()

    def come(self, tenant: str, client: str = "app_1", number: int = 1) -> list[asyncio.Task[str]]:
        return self._come(Caller(tenant_id=tenant, client_id=client), number)

    def come_from(self, address: str, number: int = 1) -> list[asyncio.Task[str]]:
        """Callers without a token."""
        return self._come(Caller(address=address), number)

    def _come(self, caller: Caller, number: int) -> list[asyncio.Task[str]]:
        came = [asyncio.create_task(self._work(caller)) for _ in range(number)]
        self.tasks += came
        return came

    async def _work(self, caller: Caller) -> str:
        asked = request()
        asked.state.pool, asked.state.bell = self.pool, None
        client = caller.client_id or caller.address
        try:
            async with tenant_transaction(asked, caller) as conn:
                await conn.execute("SELECT 1")
                self.working.append(client)
                self.begun.put_nowait(client)
                await self.let_go.wait()
        except Problem as problem:
            return str(problem.status)
        except UNAVAILABLE:
            return "503"
        return "done"

    async def until(self, number: int) -> None:
        """Waits until `number` transactions have begun, as many as ever will."""
        async with asyncio.timeout(PATIENCE):
            while len(self.working) < number:
                await self.begun.get()
        await asyncio.sleep(0.05)
        assert len(self.working) == number

    async def end(self) -> list[str]:
        self.let_go.set()
        return await asyncio.gather(*self.tasks)


def crowded(producer: Database, test: Callable[[Crowd], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        async with open_pool(producer.app) as pool:
            await test(Crowd(pool))

    asyncio.run(whole())


def test_another_tenant_finds_a_connection_however_long_the_work_of_one_takes(producer: Database) -> None:
    async def test(crowd: Crowd) -> None:
        crowd.come("org_1", number=90)
        await crowd.until(5)
        crowd.come("org_2", "other")
        await crowd.until(6)
        assert crowd.working[-1] == "other"
        assert database.waiting() == 85
        assert await crowd.end() == ["done"] * 91

    crowded(producer, test)


def test_tenants_take_turns_and_so_do_the_clients_of_each(producer: Database) -> None:
    async def test(crowd: Crowd) -> None:
        crowd.come("org_1", "first", number=40)
        await crowd.until(5)
        crowd.come("org_1", "second", number=2)
        crowd.come("org_2", "third", number=4)
        crowd.come("org_3", "fourth", number=3)
        await crowd.until(9)
        await crowd.end()
        assert crowd.working[:9] == ["first"] * 5 + ["second"] + ["third"] * 2 + ["fourth"]
        # Half the waiting clients of one are served before more than a few of the forty.
        last = max(crowd.working.index(client) for client in ("second", "third", "fourth"))
        assert crowd.working[:last].count("first") < 15

    crowded(producer, test)


@pytest.mark.parametrize("flood", ["203.0.113.{}", "2001:db8:1:{}::1"])
def test_a_network_of_strangers_leaves_connections_to_strangers_from_elsewhere_and_to_tenants(
    producer: Database, flood: str
) -> None:
    async def test(crowd: Crowd) -> None:
        for number in range(1, 100):
            crowd.come_from(flood.format(number))
        await crowd.until(5)
        crowd.come_from("198.51.100.7")
        await crowd.until(6)
        crowd.come("org_1", "tenant")
        await crowd.until(7)
        assert crowd.working[-2:] == ["198.51.100.7", "tenant"]
        assert set(await crowd.end()) == {"done"}

    crowded(producer, test)


def test_strangers_from_everywhere_together_hold_no_more_than_a_tenant(producer: Database) -> None:
    async def test(crowd: Crowd) -> None:
        for number in range(90):
            crowd.come_from(f"203.0.{number}.1")
        await crowd.until(6)
        crowd.come("org_1", "tenant")
        await crowd.until(7)
        assert set(await crowd.end()) == {"done"}

    crowded(producer, test)


def test_behind_a_network_of_strangers_others_wait_for_one_turn(producer: Database) -> None:
    """The line is full, and its newcomers are of paths of tenants and of strangers."""

    async def test(crowd: Crowd) -> None:
        crowd.come_from("203.0.113.1", number=database.MOST_WAITING + 5)
        await crowd.until(5)
        neighbour = crowd.come_from("203.0.113.2")
        crowd.come("org_1", "tenant", number=8)
        await asyncio.sleep(0.05)
        assert set(await crowd.end()) == {"done", "503"}
        assert neighbour[0].result() == "done"
        assert crowd.working.index("203.0.113.2") < 50

    crowded(producer, test)


def test_a_tenant_whose_requests_fill_the_line_loses_its_own(producer: Database) -> None:
    async def test(crowd: Crowd) -> None:
        crowd.come("org_1", number=database.MOST_WAITING + 26)
        await crowd.until(5)
        others = [task for number in range(2, 20) for task in crowd.come(f"org_{number}")]
        answers = await crowd.end()
        assert {task.result() for task in others} == {"done"}
        assert answers.count("429") >= 20
        assert set(answers) == {"done", "429"}

    crowded(producer, test)


@pytest.mark.parametrize(("tenant", "status"), [("org_1", "429"), ("org_6", "503"), ("", "503")])
def test_a_wait_ends_with_a_reason(
    producer: Database, monkeypatch: pytest.MonkeyPatch, tenant: str, status: str
) -> None:
    async def test(crowd: Crowd) -> None:
        for number, client, holds in (
            (1, "app_1", 5),
            (1, "app_2", 1),
            (2, "app_1", 2),
            (3, "app_1", 1),
            (4, "app_1", 1),
        ):
            crowd.come(f"org_{number}", client, holds)
        await crowd.until(10)
        monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
        (late,) = crowd.come(tenant)
        assert await late == status
        assert database.waiting() == 0
        assert set(await crowd.end()) == {"done", status}

    crowded(producer, test)


def test_a_tenant_does_not_wait_for_itself_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own requests hold all its places, but none of them has a connection: to blame them with 429 would mislead."""
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.5)

    async def test() -> None:
        async with open_pool("postgresql://nobody@127.0.0.1:1/nothing") as pool:
            crowd = Crowd(pool)
            crowd.come("org_1", number=20)
            assert set(await crowd.end()) == {"503"}

    asyncio.run(test())


END_ALL = """
    SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity
    WHERE usename = %s AND datname = current_database()
"""


def test_a_database_that_restarted_between_two_requests_costs_none_of_them(producer: Database) -> None:
    async def ask() -> list[bool]:
        async with open_pool(producer.app, min_size=4) as pool:
            await pool.wait()
            scalar(producer.admin, END_ALL, "epcr_app")
            return [await answers(pool) for _ in range(6)]

    assert asyncio.run(ask()) == [True] * 6


def test_a_connection_that_dies_within_a_request_costs_that_one_and_no_other(producer: Database) -> None:
    async def ask() -> list[bool]:
        async with open_pool(producer.app, min_size=4) as pool:
            await pool.wait()
            cut = await answers(pool, lambda: scalar(producer.admin, END_ALL, "epcr_app"))
            return [cut, *[await answers(pool) for _ in range(5)]]

    assert asyncio.run(ask()) == [False, True, True, True, True, True]


def test_a_task_gets_no_connection_that_died_while_it_was_idle(producer: Database) -> None:
    with database.open_tasks_pool(producer.worker, max_size=1) as pool:
        pool.wait()
        assert scalar(producer.admin, END_ALL, "epcr_worker") == 1
        with database.task_transaction(pool) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_with_a_notice_to_read_is_kept(producer: Database) -> None:
    """A notice nearly always comes with an answer. Sent alone it makes the socket readable, but the connection is alive."""

    async def ask() -> tuple[int, int]:
        async with open_pool(producer.app, max_size=1) as pool:
            await pool.wait()
            async with pool.connection() as conn:
                before = conn.info.backend_pid
                await conn.execute("LISTEN notices")
            scalar(producer.admin, "SELECT pg_notify('notices', '')")
            async with pool.connection() as conn:
                return before, conn.info.backend_pid

    before, after = asyncio.run(ask())
    assert before == after


async def answers(pool: AsyncConnectionPool[AsyncConnection], first: Callable[[], object] = lambda: None) -> bool:
    try:
        async with pool.connection() as conn:
            first()
            await conn.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
