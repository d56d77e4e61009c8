"""The image of the gateway builds the docs host's files, and every build has the same bytes."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import gateway.docs
from deploy.docs import build
from deploy.local.table import ROOT
from deploy.requirements import normalised
from tests.clients import node

pytestmark = pytest.mark.full

# The Dockerfile copies these, within .dockerignore.
COPIED = (
    "clients",
    "deploy/__init__.py",
    "deploy/clients",
    "deploy/docs",
    "docs/release-notes.md",
    "docs/release-notes.it.md",
    "gateway",
    "services",
    "shared",
)
IGNORED = shutil.ignore_patterns("__pycache__", "tools", "node_modules", "dist")
BUILD = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in absent:
            raise ModuleNotFoundError(name, name=name)

absent = set(sys.stdin.read().split())
sys.meta_path.insert(0, Absent())
from deploy.docs import build
build.main()
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_image_builds_the_same_documents_with_the_packages_it_installs(tmp_path: Path) -> None:
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, ignore=IGNORED) if source.is_dir() else shutil.copy(source, target)
    shutil.rmtree(tmp_path / "gateway/docs/static")
    if node.is_there:  # the stage that compiles the SDK
        sdk = tmp_path / "clients/typescript"
        (sdk / "node_modules").symlink_to(node.PACKAGE / "node_modules")
        subprocess.run(["npm", "run", "build", "--silent"], cwd=sdk, check=True)
        (sdk / "node_modules").unlink()

    lock = [sys.executable, "deploy/requirements.py", "documents"]
    listed = subprocess.run(lock, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    installed = {line.partition("==")[0] for line in listed if "==" in line}
    distributions = metadata.packages_distributions().items()
    absent = {module for module, names in distributions if not installed & {normalised(name) for name in names}}
    assert "pytest" in absent
    assert "starlette" not in absent

    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", BUILD], input=" ".join(absent), cwd=tmp_path, env=environment, text=True, check=True
    )
    assert contents(tmp_path / "gateway/docs/static") == contents(gateway.docs.FILES)


def test_a_build_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "withdrawn.json").write_text("{}")
    build.write(tmp_path)
    assert set(contents(tmp_path)) == set(build.files())
