"""Nine generators of clients take the contract, their clients compile, and two of them call a running platform: `make contract`."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import gateway.docs
from deploy.docs import generators
from deploy.docs.generators import GENERATORS, LINTERS, NODE, PYTHON, Tool
from shared.primitives.ids import new_id
from tests.support.stack import Stack

pytestmark = pytest.mark.contract
CLIENTS = Path(__file__).parent / "clients"
WHOLE, FOR_GENERATORS = gateway.docs.FILES / "openapi.json", gateway.docs.FILES / "openapi-client.json"
# Complaints that stay, by tool. The paths exist, and a literal segment decides between them; the media type of SAML's metadata is SAML's
# own, and that of an export is of lines of JSON; the events are schemas for receivers, and no call refers to them.
ACCEPTED = {
    "redocly": [
        r"no-ambiguous-paths .*`/v1/saml/connections/\{connection_id\}` and `/v1/saml/\{connection\}/metadata`\.",
        r"no-ambiguous-paths .*`/api/v1/platform/automations/\{automation_id\}/runs` and `/api/v1/platform/automations/runs/\{run_id\}`\.",
        r"no-unused-components +Component: \"events\..*\" is never used\.",
    ],
    "spectral": [r"oas3-unused-component .*components\.schemas\.events\..*"],
    "openapi-python-client": [
        r"parsing GET /v1/saml/\{connection\}/metadata within saml\.",
        r"parsing GET /v1/audit/\{service\}/export within audit_trail\.",
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clients")
    generators.link_node_modules(made)
    return made


def complaints_of(tool: Tool, document: Path, folder: Path) -> list[str]:
    outcome = generators.run(tool, document, folder)
    assert outcome.works, outcome
    accepted = ACCEPTED.get(tool.name, [])
    return [line for line in outcome.complaints if not any(re.fullmatch(pattern, line) for pattern in accepted)]


@pytest.mark.parametrize("document", [WHOLE, FOR_GENERATORS], ids=lambda path: path.stem)
@pytest.mark.parametrize("linter", LINTERS, ids=lambda tool: tool.name)
def test_linters_find_nothing_new(linter: Tool, document: Path, folder: Path) -> None:
    assert complaints_of(linter, document, folder) == []


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda tool: tool.name)
def test_a_client_is_generated_and_compiles(generator: Tool, folder: Path) -> None:
    assert complaints_of(generator, FOR_GENERATORS, folder) == []


def in_python(folder: Path) -> list[str]:
    _generated("openapi-python-client", folder)
    (package,) = (folder / "client").glob("*_client")
    shutil.copy(CLIENTS / "calls.py", package.parent)
    return [str(PYTHON / "python"), str(package.parent / "calls.py")]


def in_typescript(folder: Path) -> list[str]:
    _generated("@hey-api/openapi-ts", folder)
    shutil.copy(CLIENTS / "calls.ts", folder)
    options = "--strict --skipLibCheck --target es2022 --module commonjs --moduleResolution node10 --lib es2022,dom,dom.iterable"
    compiled = subprocess.run(
        [str(NODE / "tsc"), *options.split(), "--outDir", "js", "calls.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stdout
    return ["node", "--require", str(CLIENTS / "localhost.cjs"), str(folder / "js" / "calls.js")]


def _generated(name: str, folder: Path) -> None:
    (tool,) = [one for one in GENERATORS if one.name == name]
    assert generators.run(tool, FOR_GENERATORS, folder).works


@pytest.mark.parametrize("host", ["api", "auth"])
@pytest.mark.parametrize("language", [in_python, in_typescript], ids=lambda made: made.__name__)
def test_a_generated_client_calls_the_platform_through_one_base_url(
    language: Callable[[Path], list[str]], host: str, stack: Stack, folder: Path
) -> None:
    name = f"{stack.described['hosts'][host]}:{stack.port}"
    environment = os.environ | {
        "BASE_URL": f"http://{name}" if language is in_typescript else stack.described["gateway"],
        "HOST": name,
        "ADMIN_TOKEN": stack.admin_token,
        "INCIDENT": new_id("cad"),
    }
    ended = subprocess.run(language(folder), env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (ended.returncode, ended.stdout.strip()) == (0, "18 calls"), ended.stderr[-3000:]
