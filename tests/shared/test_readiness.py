"""No process works with a schema older than its code: requests and messages wait for the migrations."""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.applications import Starlette

import services.epcr
from deploy.local.databases import Database
from deploy.local.table import ROOT
from shared import operations
from shared.primitives.crypto import Signer, base64url_encode
from shared.storage import database, migrate
from shared.web import routing
from shared.web.identity import SigningKey
from tests.shared.asking import Answer, ask
from tests.support.child import start_child
from tests.support.cluster import start_cluster
from tests.support.waiting import PATIENCE, wait_for

EPCR = Path(services.epcr.__file__ or "").parent
EMPTY: LiteralString = "ALTER TABLE migrations RENAME TO elsewhere"
OLDER: LiteralString = """
    DELETE FROM migrations WHERE name = (SELECT max(name) FROM migrations) RETURNING name, digest
"""

BAR: LiteralString = """
    DO $$ BEGIN EXECUTE 'REVOKE CONNECT ON DATABASE ' || quote_ident(current_database()) || ' FROM epcr_app'; END $$
"""
ADMIT: LiteralString = """
    DO $$ BEGIN EXECUTE 'GRANT CONNECT ON DATABASE ' || quote_ident(current_database()) || ' TO epcr_app'; END $$
"""
END: LiteralString = """
    SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity
    WHERE usename = 'epcr_app' AND datname = current_database()
"""


def change(database: Database, statement: LiteralString, *parameters: Any) -> Any:
    with psycopg.connect(database.admin) as conn:
        changed = conn.execute(statement, parameters)
        return changed.fetchone() if changed.description else None


def probed(dsn: str, *between: Callable[[], object]) -> list[Answer]:
    """The answers of one process to `/readyz`: at first, and after each call of `between`."""

    async def probing() -> list[Answer]:
        app = Starlette(routes=routing.probes(migrate.readiness_checks(EPCR)))
        async with database.open_pool(dsn) as pool:
            answers = [await ask(app, path="/readyz", state={"pool": pool})]
            for happens in between:
                happens()
                answers.append(await ask(app, path="/readyz", state={"pool": pool}))
            return answers

    return asyncio.run(probing())


@pytest.mark.parametrize("state", [EMPTY, OLDER], ids=["empty", "older"])
def test_a_web_process_is_not_ready_on_a_database_without_the_migrations_it_expects(
    producer: Database, state: LiteralString
) -> None:
    change(producer, state)
    (answer,) = probed(producer.app)
    assert answer.status == 503
    assert answer.json()["checks"] == {"database": True, "schema": False}


def test_it_becomes_ready_with_them_and_does_not_ask_again(producer: Database) -> None:
    name, digest = change(producer, OLDER)
    applied = partial(change, producer, migrate.RECORD, name, digest)
    answers = probed(producer.app, applied, partial(change, producer, EMPTY))
    assert [answer.status for answer in answers] == [503, 200, 200]


def test_newer_migrations_than_it_knows_do_not_keep_an_old_process_from_its_work(producer: Database) -> None:
    change(producer, migrate.RECORD, "epcr/9999_later.sql", "x")
    assert [answer.status for answer in probed(producer.app)] == [200]


def test_a_process_whose_connections_are_all_in_use_is_ready_and_one_without_a_database_is_not(
    producer: Database,
) -> None:
    async def probing() -> list[int]:
        app = Starlette(routes=routing.probes(migrate.readiness_checks(EPCR)))
        async with database.open_pool(producer.app) as pool, AsyncExitStack() as crowd:
            for _ in range(pool.max_size):
                await crowd.enter_async_context(pool.connection())
            busy = await ask(app, path="/readyz", state={"pool": pool})
            change(producer, BAR)
            try:
                change(producer, END)
                dead = await ask(app, path="/readyz", state={"pool": pool})
            finally:
                change(producer, ADMIT)  # the next test gets the same database
        return [busy.status, dead.status]

    assert asyncio.run(probing()) == [200, 503]


def test_a_relay_is_not_ready_before_its_migrations_and_is_afterwards(producer: Database, redis_url: str) -> None:
    name, digest = change(producer, OLDER)
    with started("relay", producer, redis_url) as (_, port):
        wait_for(lambda: status(port) == 503, what="the ops port of the relay")
        change(producer, migrate.RECORD, name, digest)
        wait_for(lambda: status(port) == 200, what="the relay to be ready")


def test_a_worker_that_waits_for_migrations_ends_when_it_is_asked_to(
    producer: Database, redis_url: str, tmp_path: Path
) -> None:
    change(producer, OLDER)
    log = tmp_path / "log"
    with started("worker", producer, redis_url, log) as (process, port):
        wait_for(lambda: "waiting for migrations" in log.read_text(), what="the worker to wait")
        assert status(port) == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@contextmanager
def started(
    kind: str, database: Database, redis_url: str, log: Path = Path(os.devnull)
) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """A process of epcr and its ops port."""
    key = base64url_encode(b"k" * 32)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database.app,
        "WORKER_DATABASE_URL": database.worker,
        "REDIS_URL": redis_url,
        "IDENTITY_PUBLIC_KEYS": SigningKey(f"k:{key}").public_text(),
        "SERVICE_SIGNING_KEY": f"k:{key}",
        "SERVICE_PUBLIC_KEYS": Signer(f"k:{key}").public_text("epcr"),
        "ENCRYPTION_KEYS": f"1:{key}",
        "PSEUDONYM_KEYS": f"1:{key}",
        "OPS_PORT": str(port),
    }
    command = [sys.executable, "-m", "services.epcr", kind]
    with log.open("w") as output:
        process = start_child(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def status(port: int) -> int | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def test_a_probe_that_hangs_up_leaves_no_traceback_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    hung_up, asked = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    operations.serve(port, ready=lambda: asked.set() or hung_up.wait(PATIENCE))
    probe = socket.create_connection(("127.0.0.1", port))
    probe.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
    assert asked.wait(PATIENCE)
    # With SO_LINGER 0 the connection is reset at once.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    probe.close()
    hung_up.set()
    wait_for(lambda: not any("process_request_thread" in thread.name for thread in threading.enumerate()))
    assert status(port) == 200
    assert "Traceback" not in capfd.readouterr().err


def test_migrations_wait_for_a_server_that_does_not_answer_yet(tmp_path: Path, in_memory: Path | None) -> None:
    cluster = start_cluster(tmp_path / "late", within=in_memory)
    superuser = migrate.role_of(cluster.url)
    ran: list[str] = []
    try:
        cluster.stop()
        migrating = threading.Thread(
            target=lambda: ran.extend(migrate.migrate(cluster.url, superuser, superuser, [migrate.SHARED]))
        )
        migrating.start()
        cluster.launch()
        migrating.join(PATIENCE)
        assert ran == sorted(migrate.expected([migrate.SHARED]))
    finally:
        cluster.stop()
        cluster.delete()


def test_a_wrong_password_is_not_waited_for(producer: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate.time, "sleep", lambda _: pytest.fail("waits"))
    wrong = make_conninfo(producer.migrator, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password"):
        migrate.migrate(wrong, "app", "worker", [migrate.SHARED])
