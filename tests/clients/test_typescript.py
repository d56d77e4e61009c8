"""The TypeScript SDK as a package: its types compile, each operation is a method, it is small, and its README runs."""

import json
import re
import subprocess
from pathlib import Path

import pytest

import knogin
from deploy.clients.contract import Contract, camel
from deploy.clients.typescript import FORMS, PACKAGE, attribute
from shared.primitives.ids import new_id
from tests.clients import node
from tests.clients.test_live import SCOPES, draft
from tests.clients.test_webhooks import BODY, SECRET, signed
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

ROOT = node.ROOT
CONTRACT = Contract.read()
MOST_TRANSPORT_LINES = 600
MOST_PACKED_BYTES = 300_000
PRINTED = {
    "first": r"Bundle \d+\n",
    "devices": r"\[ 201 \]\n",
    "lists": r"enc_\w+ AMB-42\n(?:.*\n)*\d+\n",
    "webhook": "",
    "receiver": r"encounter enc_1\n204 400\n",
    "consumer": r"epcr\.\w+\.\w+ enc_\w+ \{[^}]+\}\n",
    "graphql": r"\[?\{.*\"numerator\".*\n",
    "errors": r"/serial_number \w+ .+\nfor support: [0-9a-f]{32}\n",
    "raw": r"GET /api/v1/epcr/encounters/enc_\w+ 200 [0-9a-f]{32}\ngetEncounter 304 [0-9a-f]{32}\ntrue\n",
}
SIGNATURE = re.compile(r"^  (?:async )?(\w+)(?:<.*>)?\($|^  (\w+)(?:<[^(]*>)?\(", re.MULTILINE)


def resource(tag: str) -> str:
    return (ROOT / PACKAGE / "resources" / f"{attribute(tag)}.ts").read_text()


@pytest.mark.parametrize("tag", CONTRACT.tags)
def test_each_operation_is_a_method(tag: str) -> None:
    written = resource(tag)
    methods = {one or other for one, other in SIGNATURE.findall(written)} - {"constructor"}
    assert methods == {operation.id for operation in CONTRACT.operations if operation.tag == tag}
    assert re.search(rf"\* {re.escape(CONTRACT.tags[tag][:40])}", written)


def test_forms_of_answers_are_chosen_by_parameters_that_exist() -> None:
    operations = {operation.id: operation for operation in CONTRACT.operations}
    for name, forms in FORMS.items():
        options = {camel(one.name) for one in operations[name].parameters if one.place == "query"}
        for form in forms:
            assert set(re.findall(r"(\w+)\??:", form.options)) <= options
            for model in re.findall(r"models\.(\w+\.\w+)", form.answer):
                assert model in CONTRACT.received | CONTRACT.chosen


def test_the_hand_written_transport_stays_small() -> None:
    lines = [
        line
        for name in ("client", "transport", "tokens", "credentials")
        for line in re.sub(r"/\*.*?\*/", "", (ROOT / PACKAGE / f"{name}.ts").read_text(), flags=re.DOTALL).splitlines()
        if line.strip() and not line.strip().startswith("//")
    ]
    assert len(lines) <= MOST_TRANSPORT_LINES


def test_public_types_have_no_any() -> None:
    for path in (ROOT / PACKAGE).rglob("*.ts"):
        code = re.sub(r"/\*.*?\*/|//[^\n]*|'[^'\n]*'", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"[:<|&(,] *any\b|\bas any\b", code), path


def test_the_lock_names_its_compiler_by_hash_and_no_registry() -> None:
    lock = json.loads((node.PACKAGE / "package-lock.json").read_text())
    manifest = json.loads((node.PACKAGE / "package.json").read_text())
    assert list(lock["packages"]) == ["", "node_modules/typescript"]
    compiler = lock["packages"]["node_modules/typescript"]
    assert compiler["integrity"].startswith("sha512-")
    assert "resolved" not in compiler
    assert manifest["devDependencies"] == {"typescript": compiler["version"]}
    assert "dependencies" not in manifest
    assert lock["version"] == manifest["version"]


@node.needed
def test_the_package_is_small_and_whole(project: Path) -> None:
    assert (project / "knogin.tgz").stat().st_size <= MOST_PACKED_BYTES
    installed = project / "node_modules" / "knogin"
    assert {path.name for path in installed.iterdir()} == {"CHANGELOG.md", "README.md", "dist", "package.json"}
    sources = {path.relative_to(ROOT / PACKAGE).with_suffix("") for path in (ROOT / PACKAGE).rglob("*.ts")}
    for kind in ("esm", "cjs"):
        built = installed / "dist" / kind
        for end in (".js", ".d.ts"):
            assert {
                path.relative_to(built).with_name(path.name.removesuffix(end)) for path in built.rglob(f"*{end}")
            } >= sources


@node.needed
def test_both_module_systems_have_the_same_names(project: Path) -> None:
    script = (
        "const required = require('knogin'); import('knogin').then((imported) => {"
        "console.log(JSON.stringify([Object.keys(required), Object.keys(imported)].map((one) => one.sort())));"
        "new required.Knogin({ token: 'x' }); new imported.Knogin({ token: 'x' }) })"
    )
    ended = subprocess.run(
        ["node", "--input-type=commonjs", "-e", script],
        cwd=project,
        env=node.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    required, imported = json.loads(ended.stdout)
    assert required == imported
    assert {"Knogin", "consume", "problems", "webhooks", "APIError", "Pages", "CONTRACT"} <= set(required)


@node.needed
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("commonjs", {"module": "nodenext"}),
        ("module", {"module": "esnext", "moduleResolution": "bundler"}),
        ("commonjs", {"module": "commonjs", "moduleResolution": "node10"}),
    ],
    ids=["require", "bundler", "node10"],
)
def test_other_projects_find_the_types(kind: str, options: dict[str, str], project: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(project / "node_modules")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "types.ts").write_text((node.PROGRAMS / "types.ts").read_text())
    (tmp_path / "package.json").write_text(json.dumps({"private": True, "type": kind}))
    settings = {key: value for key, value in node.OPTIONS.items() if key != "outDir"} | {"noEmit": True} | options
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": settings, "include": ["src"]}))
    assert node.tsc(tmp_path) == ""


@pytest.fixture(scope="module")
def reader(stack: Stack) -> dict[str, str]:
    """The values of the names that a block uses."""
    app = stack.register_app(SCOPES)
    base_url = f"http://{stack.described['hosts']['api']}:{stack.port}"
    stack.govern(app, approved_events=["epcr.*"])
    with knogin.Knogin(app.client_id, app.client_secret, base_url=base_url) as client:
        encounter = client.epcr.create_encounter(draft())
        wait_for(lambda: list(client.event_log.list_events(key=encounter.id)), what="its event")
    return {
        "CLIENT_ID": app.client_id,
        "CLIENT_SECRET": app.client_secret,
        "BASE_URL": base_url,
        "ENCOUNTER": encounter.id,
        "INCIDENT": new_id("cad"),
        "SECRET": SECRET,
    }


def test_every_block_is_named() -> None:
    assert set(node.blocks()) == set(PRINTED) - {"receiver"}
    assert len(node.README_BLOCK.findall((node.PACKAGE / "README.md").read_text())) == len(PRINTED) - 1


@node.needed
@pytest.mark.parametrize("name", PRINTED)
def test_a_block_of_the_readme_runs(name: str, reader: dict[str, str], project: Path) -> None:
    ended = subprocess.run(
        ["node", str(project / "js" / f"readme_{name}.js")],
        input=json.dumps({"body": BODY.decode(), "headers": signed()}),
        cwd=project,
        env=node.environment(**reader),
        capture_output=True,
        text=True,
        check=False,
        timeout=node.SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    assert re.fullmatch(PRINTED[name], ended.stdout), ended.stdout
