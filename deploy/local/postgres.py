"""Our own PostgreSQL 18 cluster: scram passwords, TCP only on 127.0.0.1, no sockets in shared folders."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from deploy.local import binaries, ports
from deploy.local.children import Account, end, start_of_program, unprivileged_account

SUPERUSER = "knogin"
# The name of a file in a data folder outside of its state folder; the file holds the state folder's path.
OWNER = "belongs-to"
START_SECONDS = 60
# For clusters of a test session: nothing is flushed, the kernel copies a template's files (in a seventh of the time that writing it
# to the log takes), a password is hashed once, and no vacuum runs through hundreds of databases.
FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "file_copy_method": "clone",
    "scram_iterations": 1,
    "autovacuum": "off",
}


class ServerFailed(Exception):
    """A server did not start; the text ends with its last log lines."""


class Cluster:
    """One data directory and the server running on it.

    `folder` holds the log and a file with the path of the data. The data is in a new folder below `within` if that is given, else in
    `folder`. If root runs the stack and the unprivileged account cannot reach `folder`, the data is below /var/tmp.
    """

    name = "postgres"

    def __init__(self, folder: Path, password: str, durable: bool = True, within: Path | None = None) -> None:
        self.folder = folder
        self.password = password
        self.durable = durable
        self.within = within
        self.account = unprivileged_account()
        self.log = folder / "postgres.log"
        self.port = 0
        self.server: subprocess.Popen[bytes] | None = None
        self._initdb: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{ports.LOOPBACK}:{self.port}/postgres"

    def start(self, preferred_port: int = 0) -> None:
        """Starts the server, or first begins to make the cluster if there is none. Call `wait` afterwards."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port(preferred_port)
        if (self._data / "PG_VERSION").exists():
            self.launch()
        else:
            shutil.rmtree(self._data, ignore_errors=True)
            self._password_file.unlink(missing_ok=True)
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(self.password)
            if self.account:
                os.chown(self._password_file, *self.account)
            self._initdb = self._run(
                [self._home() / "bin" / "initdb", "-D", self._data, "-U", SUPERUSER, "-A", "scram-sha-256",
                 "--pwfile", self._password_file, "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync",
                 *([] if self.durable else ["-c", f"scram_iterations={FORGETFUL['scram_iterations']}"])]
            )  # fmt: skip

    def launch(self) -> None:
        """Starts the server of an existing cluster on `port`."""
        self.server = self._run([self._home() / "bin" / "postgres", "-D", self._data, *self._options()])

    @property
    def running(self) -> bool:
        return self.server is not None and self.server.poll() is None

    def wait(self) -> None:
        """Returns when the server answers. Raises ServerFailed with the end of its log when it does not start."""
        if self._initdb is not None:
            self._finish_making(self._initdb)
            self.launch()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.running:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.03)
            else:
                return
        self.stop()
        raise ServerFailed(f"PostgreSQL did not start:\n{tail(self.log)}")

    def stop(self) -> None:
        """A fast shutdown: it ends sessions; committed data is on disk. Removes a cluster that initdb has not finished."""
        if self._initdb is not None:
            # initdb runs a server, which would write on while the cluster is removed. They are a process group of their own.
            servers = psutil.Process(self._initdb.pid).children(recursive=True)
            os.killpg(self._initdb.pid, signal.SIGKILL)
            psutil.wait_procs(servers, timeout=10)
            with suppress(ServerFailed):
                self._finish_making(self._initdb)
        if self.server:
            end(self.server, signal.SIGINT, patience=30)
        self.server = None

    def delete(self) -> None:
        """Removes all data. The server must be stopped."""
        remembered = self.folder / "place"
        if remembered.exists():
            shutil.rmtree(self.place, ignore_errors=True)
            remembered.unlink()

    @property
    def place(self) -> Path:
        """The folder with the data. It is chosen once and then read from a file."""
        remembered = self.folder / "place"
        if remembered.exists():
            return Path(remembered.read_text().strip())
        inside = self.folder / "cluster"
        if self.within is not None:
            place = _new_place(self.within)
        elif self.account is None or reachable(self.folder, self.account):
            inside.mkdir(exist_ok=True)
            place = inside
        else:
            place = _new_place(Path("/var/tmp"))  # noqa: S108 - within it a folder of its own is made
        place.chmod(0o700)
        if self.account:
            os.chown(place, *self.account)
        remembered.write_text(f"{place}\n")
        if not place.is_relative_to(self.folder):
            (place / OWNER).write_text(f"{self.folder.resolve()}\n")
        return place

    def _home(self) -> Path:
        """The folder with the programs; a copy beside the data if the account cannot reach the installed ones."""
        installed = binaries.postgres_home()
        if self.account is None or reachable(installed / "bin", self.account):
            return installed
        copy = self.place / "programs" / "postgres" / "pginstall"
        if not copy.exists():
            libraries = binaries.postgres_libraries(installed)
            shutil.copytree(libraries, binaries.postgres_libraries(copy), dirs_exist_ok=True)
            shutil.copytree(installed, copy, symlinks=True)
            folder = self.place / "programs"
            for path in (folder, *folder.rglob("*")):
                os.chown(path, *self.account, follow_symlinks=False)
        return copy

    @property
    def _data(self) -> Path:
        return self.place / "data"

    @property
    def _password_file(self) -> Path:
        return self.place / "password"

    def _finish_making(self, initdb: subprocess.Popen[bytes]) -> None:
        code = initdb.wait()
        self._initdb = None
        self._password_file.unlink(missing_ok=True)
        if code != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            raise ServerFailed(f"initdb failed:\n{tail(self.log)}")

    def _options(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": ports.LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": 600,
            "shared_buffers": "128MB",
            "max_wal_size": "2GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %u@%d ",
            "synchronize_seqscans": "off",
            "cluster_name": "knogin",
        }
        if not self.durable:
            settings |= FORGETFUL
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _run(self, command: list[Path | str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                preexec_fn=start_of_program(os.getpid(), signal.SIGINT, self.account),
            )


def _new_place(parent: Path) -> Path:
    """A new folder for data below a shared one. First deletes the data of state folders that were removed."""
    for owner in parent.glob(f"knogin-*/{OWNER}"):
        if _is_forgotten(owner):
            shutil.rmtree(owner.parent, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="knogin-", dir=parent))


def _is_forgotten(owner: Path) -> bool:
    """Whether no state folder names this data any more, and no server runs on it."""
    place = owner.parent
    try:
        remembered = Path(owner.read_text().strip()) / "place"
        if remembered.exists() and remembered.read_text().strip() == str(place):
            return False
        lines = (place / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return owner.exists()
    except OSError:  # the folder is another account's
        return False
    return not psutil.pid_exists(int(lines[0]))


def reachable(folder: Path, account: Account) -> bool:
    """Whether the account may enter the folder and every folder above it."""
    return all(_may_enter(parent, account) for parent in (folder, *folder.resolve().parents) if parent.exists())


def _may_enter(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def tail(log: Path, lines: int = 20, since: int = 0) -> str:
    """The last `lines` of the log after its first `since` bytes."""
    text = log.read_bytes()[since:].decode(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(it logged nothing)"
