"""Each service starts, becomes ready and answers alone: with its own settings and database, and without Redis."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import httpx2
import pytest
from typer.testing import CliRunner

from deploy.local import ports
from deploy.local.databases import Database
from deploy.local.table import ROOT, by_name
from shared.primitives.crypto import base64url_encode
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.conftest import FreshDatabase
from tests.support.child import start_child
from tests.support.messages import PUBLIC_KEYS, signing_key
from tests.support.plain import PLAIN
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.full

KEY = base64url_encode(b"k" * 32)
GATEWAY = SigningKey(f"alone:{KEY}")
SERVICES = {
    "auth": (
        "/v1/platform/apps",
        "platform:apps",
        {"ISSUER": "https://a.example", "API_BASE_URL": "https://b.example"},
    ),
    "webhook_dispatcher": ("/v1/webhooks", "webhooks:read", {}),
    "graphql_api": ("/api/v1/graphql/bundles", "argus:acqi:read", {}),
    "epcr": ("/api/v1/epcr/encounters", "argus:epcr:read", {"PSEUDONYM_KEYS": f"1:{KEY}"}),
    "device_ingest": ("/api/v1/devices", "argus:devices:read", {}),
    "control_plane": ("/api/v1/platform/packages", "argus:platform:read", {}),
    "console": (
        "/signed-out",
        "",
        dict.fromkeys(
            ("ISSUER", "API_BASE_URL", "DOCS_BASE_URL", "CONSOLE_BASE_URL", "GATEWAY_URL"), "https://a.example"
        )
        | {"CLIENT_KEYS": f"1:{KEY}"},
    ),
}

# Open on request, and no service knows this tenant.
ANSWERS = {"control_plane": 403}


def settings(database: Database, own: dict[str, str]) -> dict[str, str]:
    nobody = f"redis://127.0.0.1:{ports.free_port(0)}/0"
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database.app,
        "REDIS_URL": nobody,
        "IDENTITY_PUBLIC_KEYS": GATEWAY.public_text(),
        "ENCRYPTION_KEYS": f"1:{KEY}",
        **own,
    }


@contextmanager
def serving(service: str, environment: dict[str, str]) -> Iterator[str]:
    port = ports.free_port(0)
    command = [sys.executable, "-m", f"services.{service}", "web", "--port", str(port)]
    process = start_child(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def status(url: str, headers: dict[str, str] | None = None) -> int:
    try:
        return httpx2.get(url, headers=headers, timeout=PATIENCE, verify=PLAIN).status_code
    except httpx2.TransportError:
        return 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_answers_alone(service: str, fresh_database: FreshDatabase) -> None:
    path, scope, own = SERVICES[service]
    with serving(service, settings(fresh_database(service), own)) as url:
        wait_for(lambda: status(f"{url}/readyz") == 200, what=f"{service} to be ready")
        caller = Caller(tenant_id="org_x", client_id="app_x", scopes=frozenset({scope}), token_use="access")
        assert status(url + path, {HEADER: mint(caller, GATEWAY, service)}) == ANSWERS.get(service, 200)
        assert status(url + path) == 401


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL", "IDENTITY_PUBLIC_KEYS", "ENCRYPTION_KEYS"])
def test_a_missing_setting_ends_the_start_with_one_line_naming_it(service: str, missing: str) -> None:
    nowhere = Database(name="x", service=service, admin="", migrator="", app="postgresql://x@127.0.0.1/x", worker="")
    environment = settings(nowhere, SERVICES[service][2]) | {missing: None}
    cli = import_module(f"services.{service}.__main__").cli
    ended = CliRunner().invoke(cli, ["web", "--port", "0"], env=environment)
    assert ended.exit_code == 1
    assert ended.output == f"setting {missing} is missing\n"


@pytest.mark.parametrize(
    ("service", "kind"),
    [(name, kind) for name in SERVICES for kind in by_name(name).processes if kind in ("web", "worker", "relay")],
)
@pytest.mark.parametrize("malformed", ["DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS", "LOG_LEVEL", "SPANS_FILE"])
def test_a_malformed_setting_ends_the_start_with_one_line_naming_it(service: str, kind: str, malformed: str) -> None:
    nowhere = Database(name="x", service=service, admin="", migrator="", app="postgresql://x@127.0.0.1/x", worker="")
    environment = settings(nowhere, SERVICES[service][2]) | {malformed: "/nowhere/hunter2"}
    cli = import_module(f"services.{service}.__main__").cli
    ended = CliRunner().invoke(cli, [kind], env=environment)
    assert ended.exit_code == 1
    assert ended.output.startswith(f"setting {malformed} is malformed: ")
    assert "expected " in ended.output
    assert (ended.output.count("\n"), "hunter2" in ended.output) == (1, False)


def test_a_worker_that_cannot_reach_its_queue_is_alive_and_not_ready() -> None:
    nowhere = Database(name="x", service="epcr", admin="", migrator="", app="postgresql://x@127.0.0.1/x", worker="")
    port = ports.free_port(0)
    environment = settings(nowhere, SERVICES["epcr"][2]) | {
        "WORKER_DATABASE_URL": nowhere.app,
        "SERVICE_SIGNING_KEY": signing_key("epcr"),
        "SERVICE_PUBLIC_KEYS": PUBLIC_KEYS,
        "OPS_PORT": str(port),
    }
    command = [sys.executable, "-m", "services.epcr", "worker"]
    process = start_child(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: status(f"http://127.0.0.1:{port}/livez") == 200, what="the worker to live")
        assert status(f"http://127.0.0.1:{port}/readyz") == 503
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("process", ["worker", "relay"])
@pytest.mark.parametrize("missing", ["SERVICE_SIGNING_KEY", "SERVICE_PUBLIC_KEYS"])
def test_a_process_that_exchanges_messages_does_not_start_without_its_keys(process: str, missing: str) -> None:
    if (process, missing) == ("relay", "SERVICE_PUBLIC_KEYS"):
        return  # it only signs
    nowhere = Database(name="x", service="epcr", admin="", migrator="", app="postgresql://x@127.0.0.1/x", worker="")
    keys = {"SERVICE_SIGNING_KEY": signing_key("epcr"), "SERVICE_PUBLIC_KEYS": PUBLIC_KEYS}
    environment = settings(nowhere, SERVICES["epcr"][2]) | {"WORKER_DATABASE_URL": nowhere.app} | keys
    del environment[missing]
    command = [sys.executable, "-m", "services.epcr", process]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"setting {missing} is missing"
