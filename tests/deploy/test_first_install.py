"""The commands of the first installation with docker compose, pasted one block after another, on a stack without containers."""

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.state import read_json
from deploy.local.table import ROOT
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

RUNBOOK = ROOT / "deploy" / "runbooks" / "first-install.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LIST = {"query": (ROOT / "services/graphql_api/bundles/incident-management/ListIncidents.graphql").read_text()}
PLACE = re.compile(r"<([a-z _]+)>")
# In the place of docker: runs a command of a container with the settings that the stack gives to that service.
DOCKER = """#!{python}
import json, os, sys
compose, exec_, *words = sys.argv[1:]
assert (compose, exec_) == ("compose", "exec"), sys.argv
words = [word for word in words if word != "-T"]
service = words[0].rpartition("-")[0]
settings = json.load(open({settings!r}))[service] | {{"PATH": {path!r}}}
os.chdir({root!r})
os.execvpe(words[1], words[1:], settings)
"""


class Reader:
    """A person who pastes the blocks and fills in values of earlier answers."""

    def __init__(self, stack: Stack, folder: Path, section: str) -> None:
        self.stack, self.folder = stack, folder
        self.known: dict[str, str] = {}
        programs = folder / "bin"
        programs.mkdir()
        path = f"{programs}:{os.environ['PATH']}"
        settings = str(Path(stack.described["state"]) / "settings.json")
        assert read_json(Path(settings))
        docker = DOCKER.format(python=sys.executable, settings=settings, path=path, root=str(ROOT))
        python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
        for name, text in (("docker", docker), ("python", python)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {"PATH": path, "HOME": str(folder), "NO_PROXY": "*"}
        text = RUNBOOK.read_text().partition(f"## {section}")[2].partition("\n## ")[0]
        self.blocks = BLOCK.findall(text)

    def lines(self, marker: str) -> list[str]:
        """The commands of the block that has the text, one for each; a line may go on below."""
        (block,) = [text for kind, text in self.blocks if kind == "sh" and marker in text]
        return block.replace("\\\n", " ").splitlines()

    def paste(self, line: str) -> str:
        """The output of the command, which must end well."""
        filled = PLACE.sub(lambda place: self.known.get(place[1], place[0]), line)
        filled = filled.replace("localhost:8080", f"localhost:{self.stack.port}").replace("/tmp/", f"{self.folder}/")  # noqa: S108 a container's own
        where = ROOT if filled.startswith("make ") else self.folder
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", filled],
            cwd=where,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{filled}\n{done.stdout}{done.stderr}"
        return done.stdout

    def answer(self, line: str) -> Any:
        return json.loads(self.paste(line.replace("curl ", "curl -s ", 1)))


@pytest.fixture
def reader(stack: Stack, tmp_path: Path) -> Reader:
    return Reader(stack, tmp_path, "With docker compose")


def test_who_pastes_the_first_installation_gets_a_tenant_with_graphql_and_an_operator(
    reader: Reader, stack: Stack
) -> None:
    mark = f"{stack.port}{secrets.token_hex(3)}"
    *_, opening = reader.lines("make compose-tenant")
    opened = dict(
        line.split(maxsplit=1) for line in reader.paste(opening.replace("admin@", f"admin{mark}@")).splitlines()
    )
    reader.known = opened | {"org id": opened["tenant"]}
    assert "scopes grant-bundles" in opened["bundles"]
    registered = reader.lines("services.console jwks")
    assert [reader.paste(line) for line in registered] == [""]

    ask_token, register = reader.lines("/v1/oauth/token")
    reader.known["access_token"] = reader.answer(ask_token)["access_token"]
    app = reader.answer(register)
    reader.known["app_id"] = app["client_id"]

    grant, give = reader.lines("grant-bundles <org id>")
    refused = reader.answer(give)
    assert (refused["status"], [error["pointer"] for error in refused["errors"]]) == (422, ["/graphql_bundles/0"])
    assert sorted(reader.paste(grant).split()) == ["acqi-reporting", "incident-management", "incident-webhooks"]
    asked = ask_token.replace("<client_id>", app["client_id"]).replace("<client_secret>", app["client_secret"])
    token = reader.answer(asked.replace("platform:apps", "argus:incidents:write"))["access_token"]
    with stack.client("api", token) as client:
        assert client.post("/graphql", json=LIST).json()["errors"][0]["extensions"]["code"] == "OPERATION_NOT_APPROVED"
        assert reader.answer(give)["governance"]["graphql_bundles"] == ["incident-management"]
        # The grant travels from auth to graphql-api.
        wait_for(lambda: "errors" not in client.post("/graphql", json=LIST).json(), what="the app's GraphQL")
    mistyped = shlex.split(grant.replace("<org id>", opened["tenant"]))[-1]
    with pytest.raises(AssertionError, match="no bundles: incident-webhoks; there are acqi-reporting"):
        reader.paste(grant.replace(mistyped, "incident-webhoks"))

    create, factor = (line.replace("operator@", f"operator{mark}@") for line in reader.lines("--role operator"))
    link = reader.paste(create).strip()
    assert link.startswith(f"{stack.described['issuer']}/v1/auth/password?link=")
    assert reader.paste(factor).startswith("otpauth://totp/")
    listed = stack.operate("auth", "user", "list")
    assert re.search(rf"active  operator{mark}@riviera.example  totp", listed), listed

    (example,) = [text for kind, text in reader.blocks if kind == "json"]
    wanted = json.loads(example)
    tenant = wanted["tenants"][0]
    tenant["key"], tenant["admin"]["email"] = f"k{mark}", f"admin{mark}@lakeland.example"
    tenant["admin"] |= {"password": "correct horse battery staple", "client_secret": "s" * 40}
    wanted["operator"] |= {"email": f"second{mark}@riviera.example", "password": "another horse and battery"}
    wanted["operator"]["second_factor"] = "A" * 32
    (reader.folder / "first.json").write_text(json.dumps(wanted))
    (bootstrap,) = reader.lines("services.auth bootstrap")
    first, again = (json.loads(reader.paste(bootstrap))[f"k{mark}"] for _ in range(2))
    assert first["tenant_id"] == again["tenant_id"]
    with stack.client("auth", first["access_token"]) as client:
        assert client.get("/v1/platform/apps").status_code == 200
    assert not (reader.folder / "made").exists(), "the secrets stay nowhere"
