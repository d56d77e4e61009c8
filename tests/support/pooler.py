"""A real PgBouncer in transaction mode, with the configuration of deploy/pgbouncer."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from signal import SIGINT, SIGQUIT
from urllib.parse import urlsplit

import psycopg

from deploy.local import ports
from deploy.local.children import start_of_program, unprivileged_account
from deploy.local.databases import Database
from deploy.local.table import ROOT
from tests.support.waiting import PATIENCE

SHIPPED = ROOT / "deploy" / "pgbouncer" / "pgbouncer.ini"
SERVER_CONNECTIONS = 2
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@contextmanager
def pooled(database: Database) -> Iterator[Database]:
    """The same database with `app` and `worker` addresses of a pooler that has two server connections for each role."""
    folder = Path(tempfile.mkdtemp(prefix="knogin-pooler-", dir="/var/tmp"))
    port = ports.free_port(0)
    configure(folder, database, port)
    account = unprivileged_account()
    if account:
        for path in (folder, *folder.iterdir()):
            os.chown(path, *account)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), "-q", folder / "pgbouncer.ini"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            preexec_fn=start_of_program(os.getpid(), SIGINT, account),
        )
    moved = replace(database, app=at_port(database.app, port), worker=at_port(database.worker, port))
    try:
        wait_until_it_answers(moved.app, process, folder / "log")
        yield moved
    finally:
        process.send_signal(SIGQUIT)  # at once; after SIGTERM it waits for its clients
        process.wait(10)
        shutil.rmtree(folder)


def configure(folder: Path, database: Database, port: int) -> None:
    server = urlsplit(database.app)
    users = {part.username: part.password for part in map(urlsplit, (database.app, database.worker))}
    (folder / "users").write_text("".join(f'"{name}" "{password}"\n' for name, password in users.items()))
    text = re.sub(
        r"(?m)^epcr = .*$", f"{database.name} = host={server.hostname} port={server.port}", SHIPPED.read_text()
    )
    changed = {
        "listen_addr": ports.LOOPBACK,
        "listen_port": port,
        "auth_file": folder / "users",
        "default_pool_size": SERVER_CONNECTIONS,
        "reserve_pool_size": 0,
    }
    for name, value in changed.items():
        text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert found == 1, name
    (folder / "pgbouncer.ini").write_text(text)


def at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return url.replace(f"@{parts.hostname}:{parts.port}/", f"@{parts.hostname}:{port}/")


def wait_until_it_answers(dsn: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return
