"""Makes one of each resource that has an id in a path."""

from typing import Any, NamedTuple

from shared.primitives.ids import new_id
from tests.support.stack import Stack


class Recipe(NamedTuple):
    host: str
    path: str
    field: str
    body: dict[str, Any]


RECIPES = {
    "app": Recipe("auth", "/v1/platform/apps", "client_id", {"name": "x", "grant_types": ["client_credentials"]}),
    "webhook": Recipe(
        "auth", "/v1/webhooks", "id", {"url": "https://integrator.example/h", "events": ["incident.updated"]}
    ),
    "encounter": Recipe(
        "api",
        "/api/v1/epcr/encounters",
        "id",
        {"care_model": "event_medical", "vehicle_id": "V", "crew_ids": []},
    ),
    "request": Recipe(
        "auth",
        "/v1/platform/integration-requests",
        "id",
        {"capability": "sandbox", "details": {"admin_email": "rehearsals@coastal.example"}},
    ),
    "device": Recipe("api", "/api/v1/devices/enrol", "id", {"serial_number": new_id("sn"), "device_class": "defib"}),
}


def make_all(stack: Stack, admin_token: str, token: str) -> dict[str, str]:
    """Makes the resources. Returns their ids by the names in `test_refusals.ENDPOINTS`."""
    ids: dict[str, str] = {}
    for name, recipe in RECIPES.items():
        with stack.client(recipe.host, token=admin_token if name in ("app", "request") else token) as client:
            # Several modules make encounters, and each incident may have only one for a vehicle and patient.
            own = {"cad_incident_id": new_id("cad")} if name == "encounter" else {}
            answer = client.post(recipe.path, json=recipe.body | own)
            # If a request of an earlier module is still pending, the 409 has its id.
            assert answer.is_success or (name, answer.status_code) == ("request", 409), answer.text
            ids[name] = answer.json()[recipe.field]
    return ids
