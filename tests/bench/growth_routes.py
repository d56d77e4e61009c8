"""A request for each route of the public API, from an owner of much data; and the routes without a request, with the reason."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx2

from deploy.local.table import ROOT
from shared.primitives.ids import new_id
from tests.support.plain import PLAIN
from tests.support.stack import Stack

CONTRACT = ROOT / "gateway" / "docs" / "static" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")
PARAMETER = re.compile(r"\{(\w+)\}")
ENCOUNTERS = "/api/v1/epcr/encounters"
DEVICES = "/api/v1/devices"
INCIDENTS = "query ListIncidents"
_numbers = count(1)

Route = tuple[str, str]


@dataclass
class Owner:
    """The organisation of `make demo`, which has most of a loaded stack's data; `known` are the ids for paths."""

    stack: Stack
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        described, tenant = self.stack.described, self.stack.tenant
        bearer = {"authorization": f"Bearer {tenant.access_token}"}
        self.clients = {
            name: httpx2.Client(
                verify=PLAIN,
                base_url=described["gateway"],
                headers=bearer | {"host": f"{host}:{self.stack.port}"},
                timeout=60,
                trust_env=False,
            )
            for name, host in described["hosts"].items()
        }
        self.basic = (tenant.client_id, tenant.client_secret)
        self.known["client_id"] = self.stack.register_app(["webhooks:write"]).client_id
        self.known["encounter_id"] = self._oldest(ENCOUNTERS) or self.made("POST", ENCOUNTERS)["id"]
        self.known["device_id"] = self._oldest(DEVICES) or self.made("POST", DEVICES + "/enrol")["id"]
        observations = f"{DEVICES}/{self.known['device_id']}/observations"
        self.known["observation_id"] = self._oldest(observations) or self._observed()
        self.known["webhook_id"] = self.made("POST", "/v1/webhooks")["id"]
        self.made("POST", "/v1/webhooks/{webhook_id}/test")

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def ask(self, method: str, path: str) -> httpx2.Response:
        """Sends the route's request; an unknown id in the path becomes one that does not exist."""
        host, options = HOSTS[method, path], WRITES.get((method, path), _nothing)(self)
        filled = PARAMETER.sub(lambda match: self.known.get(match[1]) or new_id(match[1][:3]), path)
        return self.clients[host].request(method, filled, **options)

    def made(self, method: str, path: str) -> dict[str, Any]:
        answer = self.ask(method, path)
        assert answer.is_success, answer.text
        return answer.json()

    def _oldest(self, path: str) -> str | None:
        """The id of the last item on the first page, if there is one."""
        answer = self.clients["api"].get(f"{path}?limit=100").json()
        page = answer if isinstance(answer, list) else next(each for each in answer.values() if isinstance(each, list))
        return page[-1]["id"] if page else None

    def _observed(self) -> str:
        made = self.made("POST", DEVICES + "/{device_id}/observations")
        return made.get("id") or made["observation"]["id"]


def routes() -> Iterator[tuple[Route, str]]:
    """Every operation of the published contract, with the gateway host that answers it."""
    described = json.loads(CONTRACT.read_text())
    for path, item in described["paths"].items():
        for method in METHODS:
            if method in item:
                server = (item[method].get("servers") or item.get("servers"))[0]["url"]
                yield (method.upper(), path), "auth" if server.startswith("https://auth.") else "api"


HOSTS = dict(routes())


def _nothing(_: Owner) -> dict[str, Any]:
    return {}


def _json(body: Callable[[Owner], dict[str, Any]]) -> Callable[[Owner], dict[str, Any]]:
    return lambda owner: {"json": body(owner)}


def _reading(owner: Owner) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(milliseconds=next(_numbers) % 100_000)
    return {
        "mdc_code": "MDC_PULS_OXIM_PULS_RATE",
        "value": 72,
        "unit_code": "/min",
        "observed_at": at.isoformat(),
        "encounter_id": owner.known["encounter_id"],
    }


def _encounter(_: Owner) -> dict[str, Any]:
    return {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": new_id("cad"),
    }


def _webhook(owner: Owner) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:9/{next(_numbers)}", "events": ["incident.closed"]}


def _graphql(_: Owner) -> dict[str, Any]:
    document = ROOT / "services" / "graphql_api" / "bundles" / "incident-management" / "ListIncidents.graphql"
    return {"query": document.read_text()}


WRITES: dict[Route, Callable[[Owner], dict[str, Any]]] = {
    ("POST", "/v1/oauth/token"): lambda owner: {"data": {"grant_type": "client_credentials"}, "auth": owner.basic},
    ("POST", "/v1/oauth/introspect"): lambda owner: {"data": {"token": "unknown"}, "auth": owner.basic},
    ("POST", "/v1/oauth/revoke"): lambda owner: {"data": {"token": "unknown"}, "auth": owner.basic},
    ("PATCH", "/v1/platform/apps/{client_id}"): _json(lambda _: {"name": f"Growth {next(_numbers) % 9}"}),
    ("PUT", "/v1/webhooks/{webhook_id}"): _json(lambda _: {"description": f"Growth {next(_numbers)}"}),
    ("POST", "/v1/webhooks"): _json(_webhook),
    ("POST", "/v1/webhooks/{webhook_id}/test"): lambda _: {},
    ("POST", "/graphql"): _json(_graphql),
    ("POST", ENCOUNTERS): _json(_encounter),
    ("POST", DEVICES + "/enrol"): _json(
        lambda _: {"serial_number": f"growth-{next(_numbers) % 50}", "device_class": "multiparameter"}
    ),
    ("PATCH", DEVICES + "/{device_id}"): _json(lambda _: {"vehicle_id": f"AMB-{next(_numbers) % 9}"}),
    ("POST", DEVICES + "/{device_id}/observations"): _json(_reading),
    ("POST", DEVICES + "/{device_id}/observations:batch"): _json(
        lambda owner: {"observations": [_reading(owner) for _ in range(20)]}
    ),
}
_BROWSER = "a page of the sign-in, which needs a browser; its statements are planned in tests/shared/test_plans.py"
_SAML = "reads a few rows of an organisation's configuration, which no load adds to"
_BY_KEY = "writes one row that its path or body names; its statements are planned in tests/shared/test_plans.py"
LEFT_OUT: dict[Route, str] = {
    ("GET", "/v1/oauth/authorize"): _BROWSER,
    ("GET", "/api/v1/platform/agents/content/{package_id}/{version}"): "is asked by an agent with a secret of its own",
    **{route: _SAML for route in HOSTS if route[0] == "GET" and route[1].startswith("/v1/saml/")},
    ("POST", "/v1/webhooks"): "made once above and not in a loop: an app has at most so many",
    ("POST", "/v1/webhooks/{webhook_id}/test"): "is paced by what it sends, and by a limit of its own",
    **dict.fromkeys(
        [
            ("POST", "/v1/platform/apps"),
            ("DELETE", "/v1/platform/apps/{client_id}"),
            ("POST", "/v1/platform/apps/{client_id}/disable"),
            ("POST", "/v1/platform/apps/{client_id}/enable"),
            ("PATCH", "/v1/platform/apps/{client_id}/governance"),
            ("POST", "/v1/platform/apps/{client_id}/rotate-secret"),
            ("POST", "/v1/platform/apps/{client_id}/service-token"),
            ("DELETE", "/v1/platform/apps/{client_id}/service-tokens/{token_id}"),
            ("POST", "/v1/platform/integration-requests"),
            ("POST", "/v1/platform/integration-requests/{request_id}/withdraw"),
            ("POST", "/v1/platform/integration-requests/{request_id}/credentials"),
            ("POST", "/v1/saml/connections"),
            ("PATCH", "/v1/saml/connections/{connection_id}"),
            ("DELETE", "/v1/saml/connections/{connection_id}"),
            ("DELETE", "/v1/saml/connections/{connection_id}/users/{user_id}"),
            ("POST", "/v1/saml/connections/{connection_id}/domains"),
            ("DELETE", "/v1/saml/connections/{connection_id}/domains/{domain}"),
            ("POST", "/v1/saml/connections/{connection_id}/domains/{domain}/prove"),
            ("PUT", "/v1/saml/policy"),
            ("DELETE", "/v1/webhooks/{webhook_id}"),
            ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"),
            ("POST", "/v1/webhooks/{webhook_id}/recover"),
            *(route for route in HOSTS if route[0] != "GET" and route[1].startswith("/api/v1/platform/")),
        ],
        _BY_KEY,
    ),
}


def measured() -> list[Route]:
    """The routes with a case: every read, and the writes listed above."""
    return [route for route in HOSTS if route not in LEFT_OUT and (route[0] == "GET" or route in WRITES)]


def forgotten() -> set[Route]:
    """Routes of the contract with neither a case nor a reason, and cases and reasons of routes that do not exist any more."""
    return (HOSTS.keys() - set(measured()) - LEFT_OUT.keys()) | ((WRITES.keys() | LEFT_OUT.keys()) - HOSTS.keys())
