"""Fixtures every test may ask for: a PostgreSQL cluster, a Redis, a migrated database of one's own, the whole stack."""

import gc
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from deploy.local.databases import Database
from deploy.local.plan import new_secret
from deploy.local.postgres import Cluster
from deploy.local.redis_server import RedisServer
from deploy.local.table import ROOT
from tests.support import compiling, ending, memory, scheduling, stopping
from tests.support.cluster import TestDatabases, start_cluster
from tests.support.running import RunningStack
from tests.support.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Compiled modules are kept, though a shell may ask for the opposite: without them each process of the tests compiles for ten seconds.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

NEW_ID = re.compile(r"([a-z_]+_)[0-9a-hjkmnp-tv-z]{26}")
FreshDatabase = Callable[[str], Database]
RUNNING = pytest.StashKey[RunningStack]()
DOCUMENTS = "gateway/docs/static/openapi.json"


def pytest_configure(config: pytest.Config) -> None:
    """Builds the documents of the docs host if code has changed since, once and before any process of the tests reads them."""
    config.pluginmanager.register(ending)
    if not hasattr(config, "workerinput") and shutil.which("make"):
        command = ["make", "--silent", f"PY={sys.executable}", "--old-file=.venv/.installed", DOCUMENTS]
        subprocess.run(command, cwd=ROOT, check=True, timeout=ending.SECONDS)
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        compiling.once(config)


@pytest.fixture(scope="session")
def in_memory(pytestconfig: pytest.Config) -> Iterator[Path | None]:
    """The folder for databases in memory; None where there is too little, and where something is measured, which is done on the disk."""
    if pytestconfig.getoption("markexpr") in ("bench", "soak", "chaos"):
        yield None
        return
    with memory.folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(
    tmp_path_factory: pytest.TempPathFactory, in_memory: Path | None, request: pytest.FixtureRequest
) -> Iterator[Cluster]:
    """A real PostgreSQL 18 for this session; `.url` is its superuser's address."""
    with stopping.all_else_fails(request.session, "PostgreSQL"):
        cluster = start_cluster(tmp_path_factory.mktemp("postgres"), within=in_memory)
    yield cluster
    cluster.stop()
    cluster.delete()


@pytest.fixture(scope="session")
def databases(postgres: Cluster) -> Iterator[TestDatabases]:
    databases = TestDatabases(postgres)
    yield databases
    databases.close()


@pytest.fixture
def fresh_database(databases: TestDatabases) -> Iterator[FreshDatabase]:
    """`fresh_database("epcr")` is migrated and empty; `.app`, `.worker`, `.migrator`, `.admin` are addresses."""
    made: list[Database] = []

    def make(service: str) -> Database:
        made.append(databases.fresh(service))
        return made[-1]

    yield make
    for database in made:
        databases.take_back(database)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), new_secret())
    with stopping.all_else_fails(request.session, "Redis"):
        server.start()
        server.wait()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of a real Redis, emptied for this test."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    in_memory: Path | None,
    pytestconfig: pytest.Config,
    request: pytest.FixtureRequest,
) -> Iterator[Stack]:
    """The whole system, running: one for all files that use it, or the one whose stack.json KNOGIN_TEST_STACK names."""
    if named := os.environ.get("KNOGIN_TEST_STACK"):
        yield Stack(Path(named))
        return
    # Readings of an encounter nobody knows are told so soon, since a test waits for that.
    settings = {"epcr": {"UNKNOWN_AFTER_SECONDS": "1"}}
    if (
        pytestconfig.getoption("markexpr") == "chaos"
    ):  # attackers have the budget and the rate that a platform gives them
        settings["gateway"] = {"REFUSED_BYTES_LIMIT": "4194304/60", "RATE_LIMIT_WRITE": "1200/60"}
    chosen = json.dumps(settings)
    running = RunningStack(tmp_path_factory.mktemp("stack") / "state", data=in_memory, KNOGIN_SETTINGS=chosen)
    with stopping.all_else_fails(request.session, "the stack"):
        started = running.start()
    pytestconfig.stash[RUNNING] = running
    yield started
    running.stop()
    running.delete()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """For one file only: while it is open, nothing else in this thread can run an event loop."""
    from tests.support import browser  # most processes never need what this imports

    yield from browser.launched()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Files that use the stack come first. After the last of them it is stopped, since two dozen processes are never quite idle."""
    running = item.config.stash.get(RUNNING, None)
    if running and nextitem and not scheduling.uses_stack(scheduling.file_of(nextitem.nodeid)):
        running.stop()
        del item.config.stash[RUNNING]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imported modules and collected tests live as long as the process, so no garbage collection ever goes through them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    scheduling.order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.Scheduling:
    return scheduling.Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside the failure of a test that used the stack stand the last complaints of its processes."""
    report = yield
    used = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(used, Stack) and used.file.exists():
        report.sections.append(("complaints of the stack", "\n".join(used.complaints())))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    stopping.name_what_was_skipped(terminalreporter)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A test whose parameter is an id made on the spot has the same name in every process that runs a part of the tests."""
    made = NEW_ID.fullmatch(val) if isinstance(val, str) else None
    return f"{made[1]}new" if made else None
