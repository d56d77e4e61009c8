"""The SDKs as partners install them from the docs host: a wheel for pip, a tarball for npm. Equal sources give equal bytes."""

import base64
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flit_core.wheel import WheelBuilder

CLIENTS = Path(__file__).parents[2] / "clients"
TYPESCRIPT = CLIENTS / "typescript"
COMPILER = TYPESCRIPT / "node_modules" / "typescript" / "bin" / "tsc"
URL = "https://knogin.com/api/docs/packages"
TIME = (2026, 1, 1, 0, 0, 0)
"""The time of every file in a wheel; those in a tarball have none."""


class Package(NamedTuple):
    """A file to install. Its name has its version."""

    name: str
    body: bytes

    @property
    def url(self) -> str:
        return f"{URL}/{self.name}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def integrity(self) -> str:
        """The hash as npm writes it in `package-lock.json`."""
        return "sha512-" + base64.b64encode(hashlib.sha512(self.body).digest()).decode()


@cache
def wheel() -> Package:
    body = io.BytesIO()
    builder = WheelBuilder.from_ini_path(CLIENTS / "python" / "pyproject.toml", body)
    builder.source_time_stamp = TIME
    builder.build(editable=False)
    return Package(builder.wheel_filename, body.getvalue())


@cache
def tarball() -> Package | None:
    """None where nothing can compile TypeScript: the platform itself needs no Node.js."""
    with _compiled() as compiled:
        if compiled is None:
            return None
        described = json.loads((TYPESCRIPT / "package.json").read_text())
        files = {
            f"dist/{path.relative_to(compiled).as_posix()}": path for path in compiled.rglob("*") if path.is_file()
        }
        files |= {name: TYPESCRIPT / name for name in ("CHANGELOG.md", "README.md", "package.json")}
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as opened:
            for name in sorted(files):
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = files[name].stat().st_size
                opened.addfile(entry, io.BytesIO(files[name].read_bytes()))
    return Package(f"{described['name']}-{described['version']}.tgz", gzip.compress(archive.getvalue(), mtime=0))


@contextmanager
def _compiled() -> Iterator[Path | None]:
    """The folder `dist`: compiled now, or beforehand as in an image, where Node.js is in another stage."""
    node, before = shutil.which("node"), TYPESCRIPT / "dist"
    if not (node and COMPILER.exists()):
        yield before if before.exists() else None
        return
    with TemporaryDirectory() as folder:
        for project, kind in (("tsconfig.json", "esm"), ("tsconfig.cjs.json", "cjs")):
            command = [node, str(COMPILER), "-p", project, "--outDir", f"{folder}/{kind}"]
            subprocess.run(command, cwd=TYPESCRIPT, check=True)
        (Path(folder) / "cjs" / "package.json").write_text('{ "type": "commonjs" }\n')
        yield Path(folder)


def made() -> list[Package]:
    return [wheel(), *([one] if (one := tarball()) else [])]
