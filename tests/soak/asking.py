"""The kinds of requests, how often each is sent, and its right answers. All route classes are used, mostly as partners use them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.primitives.ids import new_id
from tests.soak.integration import Integration


@dataclass
class Ask:
    """One request. `body` is sent as JSON, `form` as a form. `then` gets the decoded answer if its status is right."""

    method: str
    host: str
    path: str
    token: str = ""
    body: Any = None
    form: dict[str, str] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    then: Callable[[Any], object] | None = None


Asker = Callable[[Integration], Ask]


def _token(it: Integration) -> Ask:
    form = {"client_id": it.app.client_id, "client_secret": it.app.client_secret}
    return Ask("POST", "auth", "/v1/oauth/token", form=form | {"grant_type": "client_credentials"})


def _introspect(it: Integration) -> Ask:
    form = {"client_id": it.app.client_id, "client_secret": it.app.client_secret, "token": it.token}
    return Ask("POST", "auth", "/v1/oauth/introspect", form=form)


def _rename(it: Integration) -> Ask:
    path = f"/v1/platform/apps/{it.app.client_id}"
    return Ask("PATCH", "auth", path, it.admin_token, {"name": f"Soak {random.randrange(10)}"})


def create_encounter(it: Integration) -> Ask:
    body = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": new_id("cad"),
    }
    headers = {"idempotency-key": new_id("key")}
    path = "/api/v1/epcr/encounters"
    return Ask("POST", "api", path, it.token, body, status=201, headers=headers, then=it.encounter_created)


def of_encounter(suffix: str) -> Asker:
    def ask(it: Integration) -> Ask:
        if not it.encounters:
            return create_encounter(it)
        return Ask("GET", "api", f"/api/v1/epcr/encounters/{random.choice(it.encounters)}{suffix}", it.token)

    return ask


def _reading(it: Integration) -> dict[str, Any]:
    """A new observation with its own time: two with the same time would count as one that was sent twice."""
    return {
        "mdc_code": "MDC_PULS_OXIM_SAT_O2",
        "value": random.randrange(900, 1000) / 10,
        "unit_code": "%",
        "encounter_id": it.encounters[-1],
        "observed_at": f"{datetime.now(UTC) - timedelta(seconds=random.random()):%Y-%m-%dT%H:%M:%S.%fZ}",
    }


def observe(it: Integration) -> Ask:
    if not it.encounters:
        return create_encounter(it)
    path = f"{random.choice(it.devices)}/observations"
    return Ask("POST", "api", path, it.token, _reading(it), status=201, then=it.reading_taken)


def _observe_many(it: Integration) -> Ask:
    if not it.encounters:
        return create_encounter(it)
    body = {"observations": [_reading(it) for _ in range(20)]}
    return Ask("POST", "api", f"{random.choice(it.devices)}/observations:batch", it.token, body, then=it.readings_taken)


def _enrol(it: Integration) -> Ask:
    body = {"serial_number": f"soak-{random.randrange(200)}", "device_class": "oximeter"}
    return Ask("POST", "api", "/api/v1/devices/enrol", it.token, body, status=0)


def _readings(it: Integration) -> Ask:
    return Ask("GET", "api", f"{random.choice(it.devices)}/observations?limit=20", it.token)


def graphql(it: Integration, name: str, variables: dict[str, Any], then: Callable[[Any], object] | None = None) -> Ask:
    return Ask("POST", "api", "/graphql", it.token, {"query": it.documents[name], "variables": variables}, then=then)


def metrics(it: Integration) -> Ask:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    return graphql(it, "AcqiMetrics", {"from": (today - 28 * day).isoformat(), "to": (today + day).isoformat()})


def create_incident(it: Integration) -> Ask:
    return graphql(it, "CreateIncident", {"input": {"type": "medical", "priority": "high"}}, it.incident_created)


def _close_incident(it: Integration) -> Ask:
    incident = it.take_incident()
    if incident is None:
        return create_incident(it)
    variables = {"id": incident, "expectedVersion": 1, "reason": "no_action_required"}
    return graphql(it, "CloseIncident", variables, it.incident_closed)


def _create_package(it: Integration) -> Ask:
    body = {"name": f"soak-{new_id('p')[-20:]}", "kind": "connector"}
    return Ask("POST", "api", "/api/v1/platform/packages", it.token, body, status=201)


def _forged(it: Integration) -> Ask:
    """A real token with a different signature each time, so that no cache helps."""
    head, payload, _ = it.token.split(".")
    signature = "".join(random.choices("ABCDEFGHabcdefgh0123456789-_", k=342))
    return Ask("GET", "api", "/api/v1/devices", f"{head}.{payload}.{signature}", status=401)


def _get(host: str, path: str, *, by: str = "", status: int = 200) -> Asker:
    return lambda it: Ask("GET", host, path.format(it=it), getattr(it, by) if by else "", status=status)


KINDS: dict[str, tuple[int, Asker]] = {
    "token": (6, _token),
    "introspect": (2, _introspect),
    "jwks": (4, _get("auth", "/.well-known/jwks.json")),
    "metadata": (1, _get("auth", "/.well-known/oauth-authorization-server")),
    "sign-in page": (1, _get("auth", "/v1/auth/sign-in")),
    "docs page": (1, _get("docs", "/api/docs")),
    "scopes": (4, _get("auth", "/v1/platform/scopes", by="token")),
    "apps": (2, _get("auth", "/v1/platform/apps?limit=20", by="admin_token")),
    "rename app": (1, _rename),
    "webhooks": (4, _get("auth", "/v1/webhooks", by="token")),
    "deliveries": (3, _get("auth", "/v1/webhooks/{it.webhook}/deliveries?limit=20", by="token")),
    "create encounter": (8, create_encounter),
    "encounter": (8, of_encounter("")),
    "FHIR bundle": (6, of_encounter("/fhir-bundle")),
    "encounters": (4, _get("api", "/api/v1/epcr/encounters?limit=20", by="token")),
    "observation": (16, observe),
    "20 observations": (2, _observe_many),
    "enrol": (3, _enrol),
    "devices": (4, _get("api", "/api/v1/devices?limit=20", by="token")),
    "readings": (4, _readings),
    "acqiMetrics": (6, metrics),
    "create incident": (3, create_incident),
    "close incident": (2, _close_incident),
    "packages": (3, _get("api", "/api/v1/platform/packages?limit=20", by="token")),
    "create package": (1, _create_package),
    "automations": (2, _get("api", "/api/v1/platform/automations?limit=20", by="token")),
    "no token (401)": (1, _get("api", "/api/v1/devices", status=401)),
    "forged token (401)": (1, _forged),
    "no such path (404)": (1, _get("api", "/api/v1/nothing", status=404)),
    "no such id (404)": (
        1,
        lambda it: Ask("GET", "api", f"/api/v1/epcr/encounters/{new_id('enc')}", it.token, status=404),
    ),
    "unknown field (422)": (1, lambda it: Ask("POST", "api", "/api/v1/devices/enrol", it.token, {"x": 1}, status=422)),
}
NAMES = list(KINDS)
WEIGHTS = [weight for weight, _ in KINDS.values()]


def next_kind() -> str:
    return random.choices(NAMES, WEIGHTS)[0]
