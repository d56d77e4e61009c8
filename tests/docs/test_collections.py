"""The collections for Postman and Bruno hold every call, and their story runs against a platform from top to bottom."""

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import gateway.docs
from deploy.docs import collections, contract
from deploy.docs.generators import NODE
from tests.support.stack import Stack

pytestmark = pytest.mark.full

POSTMAN, BRUNO = gateway.docs.FILES / "knogin.postman_collection.json", gateway.docs.FILES / "knogin.bruno.zip"
RESOLVES = Path(__file__).parent / "clients" / "localhost.cjs"


@cache
def calls() -> int:
    return sum(len(operations) for operations in contract.contract()["paths"].values())


def test_every_call_is_in_both_collections() -> None:
    folders = json.loads(POSTMAN.read_text())["item"]
    assert folders[0]["name"] == collections.STORY
    assert sum(len(folder["item"]) for folder in folders[1:]) == calls()
    names = [
        name for name in zipfile.ZipFile(BRUNO).namelist() if "/environments/" not in name and name.endswith(".bru")
    ]
    assert len(set(names)) == calls() + len(collections.STEPS)


def test_the_story_uses_only_variables_that_are_there_or_that_an_answer_gave() -> None:
    document = contract.contract()
    listed = [one for one in collections.requests(document) if one.folder == collections.STORY]
    known = {*collections.GIVEN, "$timestamp", "$guid"}
    for one in listed:
        sent = json.dumps([one.path, one.token and f"{{{{{one.token}}}}}", one.body])
        used = {part.partition("}}")[0] for part in sent.split("{{")[1:]}
        assert used <= known, one.name
        known |= set(one.kept)


def test_the_story_signs_in_with_whatever_an_administrators_app_may() -> None:
    """A scope that the app of a sandbox lacks would refuse the sign-in, and every call after it."""
    listed = [one for one in collections.requests(contract.contract()) if one.folder == collections.STORY]
    [scope] = [one.body["scope"] for one in listed if one.kept.get("admin_token")]
    assert scope == ""


def test_the_environment_has_what_a_person_fills_in_and_no_token() -> None:
    """A token in an environment would hide the one that the story keeps, and would be shared with the file."""
    values = json.loads((gateway.docs.FILES / "knogin.postman_environment.json").read_text())["values"]
    assert {one["key"]: one["value"] for one in values} == collections.GIVEN
    assert [one["key"] for one in values if one["type"] == "secret"] == ["admin_client_secret"]
    given = (gateway.docs.FILES / "knogin.postman_environment.json").read_bytes()
    shown = gateway.docs.Docs({"api": "http://api.localhost:8080"})._files["/api/docs/knogin.postman_environment.json"]
    assert shown.body == given.replace(b"https://api.knogin.com", b"http://api.localhost:8080")


@pytest.fixture(scope="module")
def variables(stack: Stack) -> Iterator[dict[str, str]]:
    """A sandbox by oneself: its credentials are all that the story needs."""
    with stack.client("auth", stack.admin_token) as admin:
        made = admin.post("/v1/platform/sandboxes", json={"name": "Collections"}).json()
        yield {
            "base_url": f"http://{stack.described['hosts']['api']}:{stack.port}",
            "admin_client_id": made["client_id"],
            "admin_client_secret": made["client_secret"],
        }
        admin.delete(f"/v1/platform/sandboxes/{made['id']}")


@pytest.mark.contract
def test_postmans_story_runs(variables: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [str(NODE / "newman"), "run", str(POSTMAN), "--folder", collections.STORY, "--timeout-request", "20000"]
    command += ["--reporters", "json,cli", "--reporter-json-export", str(report)]
    for name, value in variables.items():
        command += ["--env-var", f"{name}={value}"]
    output = _ran(command, tmp_path)
    ran: list[Any] = json.loads(report.read_text())["run"]["executions"]
    assert [one["item"]["name"] for one in ran if one["response"]["code"] >= 400] == [], output
    assert len(ran) == len(collections.STEPS)


@pytest.mark.contract
def test_brunos_story_runs(variables: dict[str, str], tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(BRUNO.read_bytes())).extractall(tmp_path)
    folder, report = tmp_path / "knogin", tmp_path / "report.json"
    command = [str(NODE / "bru"), "run", f"01 {collections.STORY}", "--env", "Local", "--reporter-json", str(report)]
    for name, value in variables.items():
        command += ["--env-var", f"{name}={value}"]
    output = _ran(command, folder)
    (ran,) = json.loads(report.read_text())
    assert [one["test"]["filename"] for one in ran["results"] if one["response"]["status"] >= 400] == [], output
    assert len(ran["results"]) == len(collections.STEPS)


def _ran(command: list[str], folder: Path) -> str:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "NODE_OPTIONS": f"--require {RESOLVES}"}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    return ended.stdout
