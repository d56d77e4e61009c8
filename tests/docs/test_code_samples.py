"""`x-codeSamples` of the contract: every sample makes its own call, with curl, the Python SDK and the TypeScript SDK."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

import gateway.docs
import knogin
from tests.clients import node
from tests.docs import running
from tests.support.stack import EVERYDAY_SCOPES, Stack

pytestmark = pytest.mark.full

# The ids in the samples are those of no resource.
REACHED = {200, 201, 202, 204, 206, 302, 403, 404, 409, 410, 412}
# Codes and credentials in the samples are those of no client or agent.
UNKNOWN = {400, 401}
# Its body names an app.
NAMING = {"createDestination"}
STATUS = """curl() { command curl -sS -o /dev/null -w '%{http_code}' "$@"; }\n"""
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")


class Call(NamedTuple):
    id: str
    scope: str | None
    samples: dict[str, str]

    def is_reached(self, status: Any) -> bool:
        unknown = (self.scope is None and status in UNKNOWN) or (self.id in NAMING and status == 422)
        return status in REACHED or unknown


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = json.loads((gateway.docs.FILES / "openapi.json").read_text())
    for path, entries in document["paths"].items():
        for method, operation in entries.items():
            yield path, method, operation


def calls() -> list[Call]:
    found: list[Call] = []
    for _, _, one in operations():
        asked = one["security"][0].get("oauth2") if one["security"] else None
        samples = {sample["label"]: sample["source"] for sample in one["x-codeSamples"]}
        found.append(Call(one["operationId"], None if asked is None else "".join(asked), samples))
    return found


CALLS = calls()


@pytest.fixture(scope="module")
def settings(stack: Stack) -> dict[str, dict[str, str]]:
    """The environment of a reader: of the administrator, and of an app."""
    app = stack.register_app(EVERYDAY_SCOPES)
    base = {
        "KNOGIN_BASE_URL": f"http://{stack.described['hosts']['api']}:{stack.port}",
        "KNOGIN_CLIENT_ID": "",
        "KNOGIN_CLIENT_SECRET": "",
    }
    secret = {"KNOGIN_CLIENT_ID": app.client_id, "KNOGIN_CLIENT_SECRET": app.client_secret, "KNOGIN_TOKEN": ""}
    return {
        "administrator": base | {"KNOGIN_TOKEN": stack.admin_token},
        "app": base | {"KNOGIN_TOKEN": stack.token(app, " ".join(EVERYDAY_SCOPES))},
        "client": base | secret,
    }


def reader_of(call: Call, settings: dict[str, dict[str, str]]) -> dict[str, str]:
    if call.scope is None:
        return settings["client"]
    return settings["administrator" if call.scope == "" or call.scope.startswith("platform:") else "app"]


def test_every_operation_has_a_sample_in_each_language() -> None:
    for call in CALLS:
        expected = {"curl"} if call.id == "authorizeUser" else {"curl", "Python", "TypeScript"}
        assert set(call.samples) == expected, call.id


def test_each_sample_in_python_sends_the_example_of_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.zip").write_bytes(b"PK")
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(404)

    def client(base_url: str) -> knogin.Knogin:
        assert base_url == running.SHOWN
        transport = httpx2.MockTransport(answer)
        return real(token="a", base_url="http://api.test", http=httpx2.Client(transport=transport), max_retries=0)

    real = knogin.Knogin
    monkeypatch.setattr(knogin, "Knogin", client)
    for path, method, operation in operations():
        if len(operation["x-codeSamples"]) == 1:
            continue
        with pytest.raises(knogin.APIError):
            exec(compile(operation["x-codeSamples"][1]["source"], path, "exec"), {"__name__": "__main__"})  # noqa: S102
        request = sent.pop()
        assert request.method == method.upper(), operation["operationId"]
        assert re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)), request.url.path)
        content = operation.get("requestBody", {}).get("content", {})
        if example := content.get("application/json", {}).get("example"):
            assert json.loads(request.content) == example


@pytest.mark.parametrize("call", [one for one in CALLS if "Python" in one.samples], ids=lambda call: call.id)
def test_a_sample_in_python_makes_its_call(
    call: Call, settings: dict[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.zip").write_bytes(b"PK")
    for name in [name for name in os.environ if name.startswith("KNOGIN_")]:
        monkeypatch.delenv(name)
    for name, value in reader_of(call, settings).items():
        if value:
            monkeypatch.setenv(name, value)
    refused = None
    try:
        text = running.elsewhere(call.samples["Python"], os.environ["KNOGIN_BASE_URL"])
        exec(compile(text, call.id, "exec"), {"__name__": "__main__"})  # noqa: S102 - our own sample
    except knogin.APIError as error:
        refused = error
    assert refused is None or call.is_reached(refused.status), f"{refused.type} {refused.detail} {refused.errors}"


@needs_curl
def test_each_sample_for_curl_makes_its_call(settings: dict[str, dict[str, str]], tmp_path: Path) -> None:
    (tmp_path / "package.zip").write_bytes(b"PK")
    missed: list[str] = []
    for call in CALLS:
        text = STATUS + call.samples["curl"]
        status = int(running.in_shell(text, {"KNOGIN_TOKEN": ""} | reader_of(call, settings), tmp_path))
        missed += [] if call.is_reached(status) else [f"{call.id}: {status}"]
    assert missed == []


@node.needed
def test_the_samples_in_typescript_compile_and_make_their_calls(
    settings: dict[str, dict[str, str]], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    named = {call.id: call for call in CALLS if "TypeScript" in call.samples}
    made = running.project(base, tmp_path, {name: call.samples["TypeScript"] for name, call in named.items()})
    (made / "package.zip").write_bytes(b"PK")
    ended, _ = running.in_node(made, [(name, reader_of(call, settings)) for name, call in named.items()])
    assert set(ended) == set(named)
    assert {name: status for name, status in ended.items() if not named[name].is_reached(status)} == {}


def test_every_sample_in_python_is_typed(tmp_path: Path) -> None:
    for call in CALLS:
        if source := call.samples.get("Python"):
            (tmp_path / f"{call.id}.py").write_text(source)
    settings_of_checker = {"extraPaths": [str(Path(knogin.__file__).parents[1])], "typeCheckingMode": "standard"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings_of_checker))
    checker = shutil.which("basedpyright", path=str(Path(sys.executable).parent))
    assert checker
    ended = subprocess.run([checker, "--level", "error"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.search(r"^0 errors", ended.stdout, re.MULTILINE), ended.stdout[-3000:]
