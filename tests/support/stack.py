"""A running stack for tests: clients, tokens, databases, spans, and a way to kill its processes."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from deploy.local import databases, waterfall
from deploy.local.table import ROOT, by_name
from deploy.local.waterfall import Span
from shared.web import identity
from shared.web.identity import Caller, SigningKey
from shared.web.scopes import EVERYDAY
from tests.docs import validating
from tests.support.plain import PLAIN
from tests.support.waiting import wait_for

COMPLAINT = re.compile(r'^{"at":"[^"]*","level":"(warning|error|critical)"')
# Every scope that an app gets without a request or a person. A `…:write` is asked for in place of its `…:read`.
EVERYDAY_SCOPES = [
    name for name in EVERYDAY if name != "offline_access" and f"{name.removesuffix('read')}write" not in EVERYDAY
]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class App:
    """An app that a test registered."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Tenant:
    """A tenant of the stack with its administrator; `access_token` is a service token of 12 hours."""

    id: str
    client_id: str
    client_secret: str
    access_token: str
    email: str
    password: str


class Stack:
    """Reads stack.json at every use, because a restart changes pids."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def described(self) -> dict[str, Any]:
        """The present content of stack.json."""
        return json.loads(self.file.read_text())

    @property
    def tenant(self) -> Tenant:
        """The demo tenant, which has a grant of the on-request scopes."""
        described = self.described
        return _tenant(described["tenant"]["id"], described["admin"])

    @property
    def other(self) -> Tenant:
        """Another tenant, with only the everyday scopes."""
        other = self.described["other_tenant"]
        return _tenant(other["id"], other["admin"])

    @property
    def admin_token(self) -> str:
        return self.tenant.access_token

    @property
    def port(self) -> int:
        return httpx2.URL(self.described["gateway"]).port or 80

    def client(self, host: str = "api", token: str | None = None, **options: Any) -> httpx2.Client:
        """A client of the gateway under the host name of "auth", "api" or "docs". Checks every answer against the contract."""
        described = self.described
        headers = {"host": f"{described['hosts'][host]}:{self.port}"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        hooks = {"response": [validating.check]}
        return httpx2.Client(
            verify=PLAIN,
            base_url=described["gateway"],
            headers=headers,
            timeout=30,
            trust_env=False,
            event_hooks=hooks,
            **options,
        )

    def register_app(self, scopes: Sequence[str], admin_token: str | None = None) -> App:
        """A confidential app that may ask for those scopes."""
        registration = {
            "name": f"Test app {next(_numbers)}",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "requested_scopes": list(scopes),
        }
        with self.client("auth", admin_token or self.admin_token) as client:
            answer = client.post("/v1/platform/apps", json=registration)
        assert answer.status_code == 201, answer.text
        return App(answer.json()["client_id"], answer.json().get("client_secret", ""))

    def token(self, app: App, scope: str) -> str:
        """An access token by client credentials."""
        form = {"grant_type": "client_credentials", "scope": scope}
        with self.client("auth") as client:
            answer = client.post("/v1/oauth/token", data=form, auth=(app.client_id, app.client_secret))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def govern(self, app: App, admin_token: str | None = None, **changes: Any) -> None:
        """Changes the governance of an app, such as its `approved_events`."""
        with self.client("auth", admin_token or self.admin_token) as client:
            client.patch(f"/v1/platform/apps/{app.client_id}/governance", json=changes).raise_for_status()

    def subscribe(self, token: str, url: str, *events: str, **fields: Any) -> str:
        """The id of a new webhook. Repeats the call, because the dispatcher refuses it until it has the approval of the events."""
        body = {"url": url, "events": events} | fields
        with self.client("auth", token) as client:
            answer = wait_for(
                lambda: made if (made := client.post("/v1/webhooks", json=body)).status_code == 201 else None,
                what="the approval of the events",
            )
        return answer.json()["id"]

    def app_token(self, *scopes: str, admin_token: str | None = None) -> str:
        """A token with those scopes, from a new app."""
        return self.token(self.register_app(scopes, admin_token), " ".join(scopes))

    def service_url(self, name: str) -> str:
        """The URL of a service itself, behind the gateway."""
        return self.described["services"][name]["url"]

    def identity(self, caller: Caller, service: str, at: float | None = None) -> dict[str, str]:
        """The identity header that the gateway would send to a service for that caller; `at` sets another time."""
        key = SigningKey(self.described["identity_signing_key"])
        return {identity.HEADER: identity.mint(caller, key, by_name(service).database, at)}

    def database(self, name: str, role: str = "app") -> psycopg.Connection[Any]:
        """A connection to a service's database as `app`, `worker`, `migrator`, or `admin` (the superuser)."""
        described = self.described
        service = by_name(name)
        if role == "admin":
            return psycopg.connect(databases.address(described["postgres_url"], service.database))
        keys = {"app": "database_url", "worker": "worker_database_url", "migrator": "migration_database_url"}
        return psycopg.connect(described["services"][service.name][keys[role]])

    def operate(self, name: str, *words: str) -> str:
        """Runs an operator's command of a service, which must succeed, and returns its output."""
        command = [sys.executable, "-m", "deploy.local", "operate", name, *words]
        environment = os.environ | {"KNOGIN_STATE": str(self.file.parent)}
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def spans(self, trace_id: str) -> list[Span]:
        return waterfall.read(Path(self.described["spans"]), trace_id)

    def logs(self) -> dict[str, str]:
        """The log of each process, by process name."""
        return {log.stem: log.read_text(errors="replace") for log in sorted(Path(self.described["logs"]).glob("*.log"))}

    def complaints(self, last: int = 30) -> list[str]:
        """The newest warnings and errors in the logs of all processes, oldest first."""
        lines = [line for log in self.logs().values() for line in log.splitlines() if COMPLAINT.search(line)]
        return sorted(lines)[-last:]

    def pid(self, name: str, process: str = "web") -> int:
        """The pid of a process. The gateway has only one process."""
        described = self.described
        return described["gateway_pid"] if name == "gateway" else described["services"][name]["pids"][process]

    def kill(self, name: str, process: str = "web", number: signal.Signals = signal.SIGKILL) -> int:
        """Kills a process and returns its pid. The supervisor starts a new one: see `wait_for_restart`."""
        pid = self.pid(name, process)
        assert pid > 1, f"{name} {process} was never started"
        os.kill(pid, number)
        return pid

    def wait_for_restart(self, name: str, process: str, killed: int) -> int:
        """Waits until the successor of the killed process is ready, and returns its pid."""
        wait_for(lambda: self.pid(name, process) != killed, what=f"{name} {process} to be started again")
        probe = self._probe(name, process)
        wait_for(lambda: _answers(probe), what=f"{name} {process} to be ready")
        return self.pid(name, process)

    def _probe(self, name: str, process: str) -> str:
        described = self.described
        if name == "gateway":
            return f"{described['gateway_ops']}/readyz"
        service = described["services"][name]
        return f"{service['url'] if process == 'web' else service['ops'][process]}/readyz"


def _tenant(tenant_id: str, admin: dict[str, str]) -> Tenant:
    return Tenant(id=tenant_id, **{name: admin[name] for name in Tenant.__dataclass_fields__ if name != "id"})


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2, trust_env=False, verify=PLAIN).status_code == 200
    except httpx2.TransportError:
        return False
