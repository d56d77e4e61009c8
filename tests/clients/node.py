"""The TypeScript SDK as its users have it: the docs host's package, installed into a project, whose programs run in Node.js."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.docs import packages

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "typescript"
PROGRAMS = Path(__file__).parent / "typescript"
COMPILER = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
LOCALHOST = ROOT / "tests" / "docs" / "clients" / "localhost.cjs"
SECONDS = 300
NODE = shutil.which("node")
README_BLOCK = re.compile(r"(?:<!-- runs: (\w+) -->\n)?```ts\n(.*?)```", re.DOTALL)
# The names that a block of the README uses.
PRELUDE = "".join(
    f"const {name} = process.env['{name}'] ?? '';\n"
    for name in ("CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "ENCOUNTER", "INCIDENT", "SECRET")
)
# A project as strict as one can be, without the types of Node.js: node.d.ts has those that its programs use.
OPTIONS: dict[str, Any] = {
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "module": "nodenext",
    "types": [],
    "skipDefaultLibCheck": True,
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "rootDir": "src",
    "outDir": "js",
}


def _version() -> int:
    if not NODE:
        return 0
    shown = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=False).stdout
    return int(found[1]) if (found := re.match(r"v(\d+)", shown)) else 0


is_there = _version() >= 18 and COMPILER.exists()
needed = pytest.mark.skipif(
    not is_there,
    reason="the TypeScript SDK needs Node.js ≥ 18 and its compiler, which `make typescript` installs",
)


def blocks() -> dict[str, str]:
    """The samples of the README by name."""
    return dict(README_BLOCK.findall((PACKAGE / "README.md").read_text()))


def tsc(folder: Path) -> str:
    """The complaints of the compiler about a project."""
    command = [str(NODE), str(COMPILER), "--pretty", "false", "-p", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS).stdout


def installed(base: Path) -> Path:
    """A project with the packed SDK, and the tests' programs compiled in `js`. Test processes with the same base share it."""
    folder = base / "typescript"
    with _alone(folder.with_suffix(".lock")):
        if not (folder / "js").exists():
            _make(folder)
    return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path) -> None:
    packed = packages.tarball()
    assert packed
    folder.mkdir()
    (folder / "knogin.tgz").write_bytes(packed.body)
    with tarfile.open(folder / "knogin.tgz") as opened:
        opened.extractall(folder / "unpacked", filter="data")
    (folder / "node_modules").mkdir()
    shutil.move(folder / "unpacked" / "package", folder / "node_modules" / "knogin")
    shutil.copytree(PROGRAMS, folder / "src")
    for name, block in blocks().items():
        # A stack has each incident once, and other READMEs use it too.
        sample = block.replace("'cad_999'", "INCIDENT")
        (folder / "src" / f"readme_{name}.ts").write_text(PRELUDE + sample)
    (folder / "package.json").write_text('{ "private": true, "type": "module" }')
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "include": ["src"]}))
    assert (complaints := tsc(folder)) == "", complaints


def environment(**more: str) -> dict[str, str]:
    """Without the settings that the SDK reads from the environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KNOGIN_", "NODE_"))}
    return kept | {"NODE_NO_WARNINGS": "1"} | more


class Program:
    """A running program that answers each line of JSON with one."""

    def __init__(
        self, project: Path, name: str, runtime: Sequence[str] = ("node",), settings: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [*runtime, str(project / "js" / f"{name}.js")],
            cwd=project,
            env=environment() | dict(settings or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def ask(self, given: object) -> Any:
        """The answer; the program is ended where none comes."""
        ending = threading.Timer(SECONDS, self._process.kill)
        ending.start()
        try:
            self._stdin.write(json.dumps(given) + "\n")
            self._stdin.flush()
            line = self._stdout.readline()
        finally:
            ending.cancel()
        assert line, f"the program ended with {self._process.wait()}"
        return json.loads(line)

    def close(self) -> int:
        """Its exit code: it ends by itself, so nothing of the SDK keeps it."""
        self._stdin.close()
        try:
            return self._process.wait(SECONDS)
        finally:
            self._process.kill()
            self._stdout.close()


def run(project: Path, program: str, given: object = None, **more: str) -> Any:
    """The last line that a program prints, as JSON; `given` is its standard input."""
    ended = subprocess.run(
        ["node", str(project / "js" / f"{program}.js")],
        input=json.dumps(given),
        cwd=project,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])
