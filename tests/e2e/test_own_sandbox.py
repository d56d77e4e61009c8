"""A sandbox by oneself: made without an operator, with a year of data through every service, scenarios, reset, and its end."""

import time
from collections.abc import Iterator
from typing import Any, LiteralString

import httpx2
import pytest

from shared.messaging.sandboxes import CASES, DEVICES_OF_VEHICLE, VEHICLES
from tests.support.receiver import Receiver, always, answer, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

PATH = "/v1/platform/sandboxes"
SCOPES = "platform:apps argus:epcr:write argus:devices:write argus:incidents:write argus:acqi:read webhooks:write"
PATIENCE = 240


class Own:
    """A sandbox that the demo tenant made, and the time until its first call was answered."""

    def __init__(self, stack: Stack) -> None:
        # Other tests of this stack make sandboxes too.
        stack.operate("auth", "tenant", "limit", stack.tenant.id, "sandboxes", "100")
        self.stack, began = stack, time.monotonic()
        self.made = self.admin("POST", PATH, json={"seed": 5}).json()
        self.app = App(self.made["client_id"], self.made["client_secret"])
        with self.client() as api:
            assert api.get("/api/v1/epcr/encounters").status_code == 200
        self.first_call = time.monotonic() - began

    def admin(self, method: str, path: str, **options: Any) -> httpx2.Response:
        with self.stack.client("auth", self.stack.admin_token) as client:
            return client.request(method, path, **options)

    def client(self) -> httpx2.Client:
        return self.stack.client("api", self.stack.token(self.app, SCOPES))

    def state(self) -> dict[str, Any]:
        return self.admin("GET", f"{PATH}/{self.made['id']}").json()

    def wait(self, state: str) -> None:
        wait_for(lambda: self.state()["state"] == state, PATIENCE, f"the sandbox to be {state}")

    def act(self, action: str, **options: Any) -> httpx2.Response:
        return self.admin("POST", f"{PATH}/{self.made['id']}/{action}", **options)


@pytest.fixture(scope="module")
def own(stack: Stack) -> Iterator[Own]:
    own = Own(stack)
    yield own
    own.admin("DELETE", f"{PATH}/{own.made['id']}")


def encounters(api: httpx2.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while cursor or not found:
        page = api.get("/api/v1/epcr/encounters", params={"limit": 100} | ({"cursor": cursor} if cursor else {})).json()
        found += page["encounters"]
        cursor = page["next_cursor"]
        if not cursor:
            return found
    return found


def document(api: httpx2.Client, name: str) -> str:
    bundles = api.get("/api/v1/graphql/bundles").json()["bundles"]
    return next(one["document"] for bundle in bundles for one in bundle["operations"] if one["name"] == name)


def indicators(api: httpx2.Client) -> dict[str, int]:
    """The denominators of the indicators over the last year."""
    until, since = (time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + days * 86_400)) for days in (1, -360))
    asked = {"query": document(api, "AcqiMetrics"), "variables": {"from": since, "to": until}}
    answer = api.post("/graphql", json=asked).json()
    assert "errors" not in answer, answer
    return {one["name"]: one["denominator"] or 0 for one in answer["data"]["acqiMetrics"]}


def test_its_year_is_there_through_every_service_although_workers_are_killed(stack: Stack, own: Own) -> None:
    for service in ("epcr", "auth", "graphql-api"):
        killed = stack.kill(service, "worker")
        stack.wait_for_restart(service, "worker", killed)
    own.wait("ready")
    assert own.state()["percent"] == 100
    with own.client() as api:
        wait_for(lambda: len(encounters(api)) == CASES, PATIENCE, "all encounters")
        assert len(api.get("/api/v1/devices").json()) == VEHICLES * len(DEVICES_OF_VEHICLE)
        shown = wait_for(
            lambda: found if sum((found := indicators(api)).values()) > CASES else None, PATIENCE, "the indicators"
        )
        assert len([name for name, number in shown.items() if number]) > 15
        incidents = api.post("/graphql", json={"query": document(api, "ListIncidents"), "variables": {"first": 50}})
        assert len(incidents.json()["data"]["incidents"]["nodes"]) == 50
        newest = encounters(api)[0]
        path = f"/api/v1/epcr/encounters/{newest['id']}/fhir-bundle"

        def observed() -> bool:
            entries = api.get(path).json()["entry"]
            return len([one for one in entries if one["resource"]["resourceType"] == "Observation"]) > 40

        wait_for(observed, PATIENCE, "the readings in the record")
    with stack.client("auth", stack.token(own.app, SCOPES)) as client:
        [webhook] = client.get("/v1/webhooks").json()["webhooks"]
        assert client.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["deliveries"]


def test_an_arrest_reaches_a_webhook_of_the_sandbox_from_call_to_handover(stack: Stack, own: Own) -> None:
    own.wait("ready")
    token = stack.token(own.app, SCOPES)
    app = stack.register_app(["webhooks:write"], token)
    stack.govern(app, token, approved_events=["incident.*", "epcr.*", "device.*"])
    with running(Receiver()) as listening:
        events = ("incident.created", "incident.closed", "epcr.encounter.created", "epcr.encounter.updated")
        stack.subscribe(stack.token(app, "webhooks:write"), listening.url, *events)
        made = own.act("scenarios/arrest").json()
        wanted = {made["incident_id"]: 2, made["encounter_id"]: 2}
        for id, number in wanted.items():
            wait_for(lambda id=id, number=number: len(listening.about(id)) >= number, PATIENCE, f"the events of {id}")
        assert all(b'"test":true' in one.body for one in listening.requests)
    with own.client() as api:
        assert api.get(f"/api/v1/epcr/encounters/{made['encounter_id']}").json()["status"] == "handed_over"


def test_an_advance_of_the_clock_brings_the_next_attempt_of_a_failed_delivery(own: Own) -> None:
    own.wait("ready")
    with running(Receiver()) as receiver, own.client() as api:
        receiver.behaviour = always(answer(500))
        made = api.post("/v1/webhooks", json={"url": receiver.url, "events": ["incident.created"]}).json()
        assert own.act("scenarios/arrest").status_code == 202
        wait_for(lambda: len(receiver.requests) == 2, PATIENCE, "the attempt after five seconds")
        deliveries = f"/v1/webhooks/{made['id']}/deliveries"
        wait_for(lambda: api.get(deliveries).json()["deliveries"][0]["attempt"] == 2, PATIENCE, "its record")
        receiver.behaviour = always(answer(200))
        assert own.act("clock", json={"seconds": 600}).status_code == 202
        wait_for(lambda: len(receiver.requests) == 3, PATIENCE, "the attempt that was due in five minutes")
        own.wait("ready")
        wait_for(lambda: api.get(deliveries).json()["deliveries"][0]["status"] == "succeeded", PATIENCE, "its record")
        api.delete(f"/v1/webhooks/{made['id']}")


def test_revoked_tokens_are_refused_at_the_gateway_and_a_new_one_is_not(own: Own) -> None:
    own.wait("ready")
    with own.client() as before:
        assert before.get("/api/v1/devices").status_code == 200
        assert own.act("scenarios/revoked_tokens").status_code == 202
        wait_for(lambda: before.get("/api/v1/devices").status_code == 401, what="the token to be refused")
    with own.client() as after:
        assert after.get("/api/v1/devices").status_code == 200


def test_a_reset_begins_anew_with_the_same_credentials(own: Own) -> None:
    own.wait("ready")
    with own.client() as api:
        body = {
            "care_model": "prehospital_emergency",
            "vehicle_id": "MINE",
            "crew_ids": ["c"],
            "cad_incident_id": "MINE",
        }
        mine = api.post("/api/v1/epcr/encounters", json=body).json()["id"]
        assert own.act("reset").status_code == 202
        own.wait("ready")
        assert api.get(f"/api/v1/epcr/encounters/{mine}").status_code == 404
        assert len(encounters(api)) == CASES


def test_a_deleted_one_answers_nobody_and_leaves_no_encounter(stack: Stack, own: Own) -> None:
    """Last in this file, because it deletes the sandbox of the others: to fill one with a year takes half a minute."""
    own.wait("ready")
    with own.client() as api:
        assert own.admin("DELETE", f"{PATH}/{own.made['id']}").status_code == 204
        wait_for(lambda: api.get("/api/v1/devices").status_code == 401, what="the token to be refused")
    own.wait("deleted")
    left: dict[str, LiteralString] = {
        "epcr": "SELECT count(*) FROM encounters WHERE tenant_id = %s",
        "device-ingest": "SELECT count(*) FROM devices WHERE tenant_id = %s",
        "graphql-api": "SELECT count(*) FROM incidents WHERE tenant_id = %s",
        "webhook-dispatcher": "SELECT count(*) FROM subscriptions WHERE tenant_id = %s",
    }
    for service, statement in left.items():
        with stack.database(service, "migrator") as conn:
            assert conn.execute(statement, (own.made["tenant_id"],)).fetchone() == (0,), service
