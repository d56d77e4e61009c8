"""The stack at `localhost`, for programs that resolve no other name: Debian's Python and Node.js without further packages."""

import json
import shutil
import socket
import subprocess
import sys
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.local.table import ROOT
from tests.support.stack import Stack

pytestmark = pytest.mark.full

PYTHON = """
import json, sys, urllib.error, urllib.request
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
answers = []
for url, headers, form in json.load(sys.stdin):
    request = urllib.request.Request(url, form.encode() if form else None, headers)
    try:
        answer = open_url(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    answers.append([answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode()])
json.dump(answers, sys.stdout)
"""
NODE = """
const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const answers = [];
  for (const [url, headers, form] of calls) {
    const answer = await fetch(url, { headers, redirect: 'follow', ...(form ? { method: 'POST', body: form } : {}) });
    answers.push([answer.status, Object.fromEntries(answer.headers), await answer.text()]);
  }
  console.log(JSON.stringify(answers));
})();
"""
SYSTEM_PYTHON = "/usr/bin/python3" if shutil.which("/usr/bin/python3") else sys.executable
PROGRAMS = {"Python": [SYSTEM_PYTHON, "-c", PYTHON]} | (
    {"Node.js": ["node", "-e", NODE]} if shutil.which("node") else {}
)
CONTRACT: dict[str, Any] = json.loads((ROOT / "gateway" / "docs" / "static" / "openapi.json").read_text())
# Begins the answer of the gateway to a path that it does not have at `localhost`.
STRANGE = "There is no such page."
Call = tuple[str, dict[str, str], str]


def answers(program: list[str], calls: list[Call]) -> list[tuple[int, dict[str, str], str]]:
    """Status, fields and body of each call. The program has no settings of ours, and no proxy."""
    done = subprocess.run(
        program,
        input=json.dumps(calls),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [(status, fields, body) for status, fields, body in json.loads(done.stdout)]


def ask(program: list[str], url: str, form: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
    return answers(program, [(url, headers, form)])[0]


def documented() -> list[str]:
    """Every path of the contract, and the pages of the docs host."""
    paths = [path.replace("{service}", "auth").replace("{", "x").replace("}", "") for path in CONTRACT["paths"]]
    return [*paths, "/api/docs", "/api/docs/openapi.json", "/api/docs/en/first-call", "/fhir/Measure/rosc-survival"]


def test_programs_without_a_resolver_of_their_own_reach_every_documented_path(stack: Stack) -> None:
    names = ["localhost", "127.0.0.1"]
    paths, wrong = documented(), []
    for program, command in PROGRAMS.items():
        for base in [f"http://{name}:{stack.port}" for name in names]:
            asked = [(base + path, {"accept": "*/*"}, "") for path in paths]
            for path, (status, fields, body) in zip(paths, answers(command, asked), strict=True):
                challenge = fields.get("www-authenticate", "")
                if status in (421, 502, 503) or STRANGE in body:
                    wrong.append(f"{program} GET {base}{path}: {status} {body[:100]}")
                elif "resource_metadata" in challenge and f'resource_metadata="{base}/.well-known/' not in challenge:
                    wrong.append(f"{program} GET {base}{path} leads elsewhere: {challenge}")
    # The names of before, which a program reaches by address with a `Host` field.
    aliases = {"auth": "/v1/platform/scopes", "api": "/api/v1/devices", "docs": "/api/docs", "console": "/livez"}
    for site, path in aliases.items():
        for host in (stack.described["hosts"][site], f"{'' if site == 'docs' else site + '.'}knogin.com"):
            named = {"host": f"{host}:{stack.port}"}
            ((status, _, body),) = answers(PROGRAMS["Python"], [(f"{stack.described['gateway']}{path}", named, "")])
            if status == 421 or STRANGE in body:
                wrong.append(f"{host}{path}: {status} {body[:100]}")
    ((status, _, body),) = answers(PROGRAMS["Python"], [(stack.described["gateway"], {"host": "strange.example"}, "")])
    served = ["localhost", "127.0.0.1", *stack.described["hosts"].values(), "auth.knogin.com", "console.knogin.com"]
    wrong += [f"421 does not name {name}" for name in served if f" {name}" not in json.loads(body)["detail"]]
    assert (status, wrong) == (421, [])


def test_a_program_that_knows_localhost_alone_discovers_the_server_and_works(stack: Stack) -> None:
    """As openid-client and Authlib do: it follows the addresses of the metadata, and compares the issuer (RFC 8414 §3.3, RFC 9728 §3.3)."""
    app, wrong = stack.register_app(["argus:devices:read"]), []
    for program, command in PROGRAMS.items():
        for name in ("localhost", "127.0.0.1"):
            base = f"http://{name}:{stack.port}"

            call = partial(ask, command)
            _, challenge, _ = call(f"{base}/api/v1/devices")
            where = challenge["www-authenticate"].partition('resource_metadata="')[2].partition('"')[0]
            resource = json.loads(call(where)[2])
            (issuer,) = resource["authorization_servers"]
            found = json.loads(call(f"{issuer}/.well-known/oauth-authorization-server")[2])
            if (resource["resource"], issuer, found["issuer"]) != (base, base, base):
                wrong.append(f"{program} at {base}: {resource['resource']}, {issuer}, {found['issuer']}")
            addresses = {key: value for key, value in found.items() if key.endswith(("_endpoint", "_uri"))}
            wrong += [
                f"{base}: {key} is {value}" for key, value in addresses.items() if not value.startswith(base + "/")
            ]
            form = f"grant_type=client_credentials&client_id={app.client_id}&client_secret={app.client_secret}"
            kind = {"content-type": "application/x-www-form-urlencoded"}
            status, _, body = call(found["token_endpoint"], f"{form}&resource={resource['resource']}", **kind)
            if status != 200:
                wrong.append(f"{program}: no token at {found['token_endpoint']}: {body}")
                continue
            token = json.loads(body)["access_token"]
            status, _, body = call(f"{base}/api/v1/devices", authorization=f"Bearer {token}")
            if status != 200:
                wrong.append(f"{program}: {base}/api/v1/devices: {status} {body}")
    with stack.client("auth") as client:
        metadata = client.get("/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == stack.described["issuer"], "tokens and the name of before do not change"
    assert wrong == []


def test_the_command_line_works_at_localhost(stack: Stack) -> None:
    app = stack.register_app(["webhooks:read"])
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "KNOGIN_BASE_URL": f"http://localhost:{stack.port}",
        "KNOGIN_CLIENT_ID": app.client_id,
        "KNOGIN_CLIENT_SECRET": app.client_secret,
    }
    command = [sys.executable, "-m", "knogin", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    found = {one["check"]: one for one in json.loads(done.stdout)} if done.stdout else {}
    states = {check: one["state"] for check, one in found.items() if check in ("name", "answer", "token")}
    assert states == {"name": "ok", "answer": "ok", "token": "ok"}, done.stdout + done.stderr


def test_a_program_that_tries_ipv6_alone_reaches_the_stack_where_the_machine_has_it(stack: Stack) -> None:
    """Node.js before version 20 takes the first address of `localhost`, which on many machines is ::1."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    url = f"http://[::1]:{urlsplit(stack.described['gateway']).port}/api/docs/openapi.json"
    for command in PROGRAMS.values():
        assert answers(command, [(url, {}, "")])[0][0] == 200
