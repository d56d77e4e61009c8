"""Every line that installs something, on any page for partners, is pasted into a fresh environment; the SDK then calls the platform."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gateway.docs
from deploy.docs import packages
from deploy.local.table import ROOT
from tests.clients import node
from tests.support.stack import EVERYDAY_SCOPES, App, Stack

pytestmark = pytest.mark.full

INSTALLER = r"(?:pip3?|pipx|npm|pnpm|bun|uv pip) (?:install|add|i)|(?:yarn|uv|poetry|deno|bun) add|npx"
INSTALLS = re.compile(rf"""\b(?:{INSTALLER})(?: (?:"[^"\n]*"|'[^'\n]*'|[^\s`"'<)]+))+""")
SDK_SOURCES = ("clients/python/src", "clients/typescript/src")
BESIDE = ("README.md", "clients/python/README.md", "clients/typescript/README.md", "docs/release-notes.md")
BLOCK = re.compile(r"^```(python|ts|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS = 300


def lines_of(text: str) -> Iterator[str]:
    """Each installing line of a text; in a sentence or a string of a program it ends with its quote."""
    for found in INSTALLS.finditer(text):
        yield found[0].rstrip(".")


def collected(stack: Stack) -> dict[str, str]:
    """Every installing line, with the place that shows it."""
    found: dict[str, str] = {}
    with stack.client("docs") as client:
        served = [
            *(f"/api/docs/{path.relative_to(gateway.docs.FILES)}" for path in gateway.docs.FILES.rglob("*.md")),
            "/api/docs/llms.txt",
        ]
        for path in served:
            answer = client.get(path)
            assert answer.status_code == 200, path
            found |= dict.fromkeys(lines_of(answer.text), path)
    files = [*(ROOT / name for name in BESIDE), ROOT / "docs/release-notes.it.md"]
    files += [path for folder in SDK_SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".ts")]
    for path in files:
        found |= dict.fromkeys(lines_of(path.read_text()), str(path.relative_to(ROOT)))
    return found


def environment(bin_folder: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KNOGIN_", "PIP_", "PYTHON", "NODE_", "npm_")) and "proxy" not in name.lower()
    }
    return kept | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"} | more


def pasted(line: str, folder: Path, reached: dict[str, str]) -> str:
    """The complaints of a shell in which the line is pasted."""
    ended = subprocess.run(
        ["sh", "-euc", line], cwd=folder, env=reached, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return "" if ended.returncode == 0 else f"{line}: {ended.stdout[-600:]}{ended.stderr[-1200:]}"


def fresh(folder: Path) -> tuple[Path, dict[str, str]]:
    """A folder with a checkout's SDKs, and an environment of Python that holds the SDK's dependencies and no more: no registry is asked."""
    project = folder / "project"
    shutil.copytree(ROOT / "clients", project / "clients", ignore=shutil.ignore_patterns("node_modules", "dist"))
    if node.is_there:
        (project / "clients/typescript/node_modules").symlink_to(node.PACKAGE / "node_modules")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=SECONDS)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    offline |= {"npm_config_offline": "false", "npm_config_audit": "false", "npm_config_fund": "false"}
    offline |= {"npm_config_cache": str(folder / "npm"), "npm_config_fetch_retries": "0"}
    return project, environment(folder / "venv" / "bin", **offline)


@cache
def first_call(stack: Stack, language: str) -> dict[str, str]:
    """The samples of the first page's last step as this platform shows them, by their languages."""
    with stack.client("docs") as client:
        text = client.get(f"/api/docs/{language}/first-call.md").text
    return {kind: source for kind, source in BLOCK.findall(text.partition("\n## 3.")[2]) if "cad-4711" in source}


def calls(stack: Stack, language: str, kind: str, app: App, project: Path, reached: dict[str, str]) -> str:
    """The complaints of the first page's program, whose environment has its credentials and no address."""
    source = first_call(stack, language)[kind].replace("4711", os.urandom(6).hex())
    given = {"KNOGIN_CLIENT_ID": app.client_id, "KNOGIN_CLIENT_SECRET": app.client_secret}
    name, runs = {"python": ("first.py", "python first.py"), "ts": ("first.mjs", "node first.mjs")}[kind]
    (project / name).write_text(source)
    ended = subprocess.run(
        ["sh", "-euc", runs],
        cwd=project,
        env=reached | given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    is_made = re.search(r"enc_\w+ Bundle \d+", ended.stdout)
    return "" if is_made else f"the {kind} program of the {language} first page: {ended.stdout}{ended.stderr[-1200:]}"


def test_every_line_that_installs_something_works_as_pasted_and_the_sdk_then_calls_this_platform(
    stack: Stack, tmp_path: Path
) -> None:
    app = stack.register_app(EVERYDAY_SCOPES)
    found = collected(stack)
    faults: list[str] = []
    wheels = [line for line in found if packages.wheel().name in line]
    tarballs = [line for line in found if line.startswith("npm") and ".tgz" in line]
    for number, (line, place) in enumerate(sorted(found.items())):
        if line.startswith("npm") and not node.is_there:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        project, reached = fresh(folder)
        if complaint := pasted(line, project, reached):
            faults.append(f"{place}: {complaint}")
            continue
        kind = "ts" if line.startswith("npm") else "python"
        if kind == "ts" or "knogin" in line or "clients/python" in line:
            faults += [one for one in (calls(stack, "en", kind, app, project, reached),) if one]
        if line in tarballs:
            with stack.client("docs") as client:
                shown = client.get("/api/docs/it/first-call.md").text
            locked = json.loads((project / "package-lock.json").read_text())["packages"]["node_modules/knogin"]
            faults += [] if locked["integrity"] in shown else [f"{locked['integrity']} is not on the page"]
        if line in wheels:
            digest = line.rpartition("=")[2].strip('"')
            other = line.replace(digest, digest[::-1]).replace("pip install", "pip install --force-reinstall --no-deps")
            faults += [] if "sha256" in pasted(other, project, reached) else [f"any hash passes: {other}"]
    assert faults == [], "\n".join(faults)
    assert len(wheels) == 1, "one line, the same on every page"
    assert len(tarballs) == (1 if node.is_there else 0)
    assert {line for line in found if "./clients/" in line} == {
        "pip install ./clients/python",
        "npm install ./clients/typescript",
    }
