"""A sandbox from request to first call: an operator approves it, the public API fills it, and all its data is marked as a test."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from services.auth.requests import seeding
from shared.primitives.ids import new_id
from tests.support.receiver import Receiver, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

PATH = "/v1/platform/integration-requests"
SCOPES = "platform:apps argus:epcr:write argus:devices:read argus:incidents:read webhooks:write"


@pytest.fixture(scope="module")
def request_made(stack: Stack) -> dict[str, Any]:
    """An approved request for a sandbox, as the tenant that made it sees it."""
    details = {"admin_email": f"rehearsals@{new_id('org')[-12:]}.example"}
    with stack.client("auth", stack.admin_token) as admin:
        # An earlier module may have left a pending request, and a tenant has one at a time for a capability.
        for one in admin.get(PATH, params={"status": "pending"}).json()["integration_requests"]:
            admin.post(f"{PATH}/{one['id']}/withdraw")
        made = admin.post(PATH, json={"capability": "sandbox", "details": details}).json()
        stack.operate("auth", "requests", "approve", made["id"])
        return admin.get(f"{PATH}/{made['id']}").json()


@pytest.fixture(scope="module")
def sandbox(stack: Stack, request_made: dict[str, Any]) -> App:
    """The sandbox's admin app, with the secret that the tenant fetched."""
    with stack.client("auth", stack.admin_token) as admin:
        fetched = admin.post(f"{PATH}/{request_made['id']}/credentials").json()
    return App(fetched["client_id"], fetched["client_secret"])


@pytest.fixture
def api(stack: Stack, sandbox: App) -> Iterator[httpx2.Client]:
    with stack.client("api", stack.token(sandbox, SCOPES)) as client:
        yield client


def test_the_demo_data_is_there_through_every_service(
    stack: Stack, request_made: dict[str, Any], api: httpx2.Client
) -> None:
    assert request_made["sandbox"]["demo_data_at"] is not None
    devices = {device["serial_number"]: device for device in api.get("/api/v1/devices").json()}
    assert devices.keys() == {device["serial_number"] for device in seeding.DEVICES}
    path = f"/api/v1/devices/{devices[seeding.MEASURING]['id']}/observations"
    [observation] = api.get(path).json()
    assert observation["test"] is True
    [encounter] = api.get("/api/v1/epcr/encounters").json()["encounters"]
    assert encounter["cad_incident_id"] == seeding.INCIDENT
    wait_for(lambda: api.get(path).json()[0]["encounter_link"] == "linked", what="the reading to reach the record")
    bundle = api.get(f"/api/v1/epcr/encounters/{encounter['id']}/fhir-bundle").json()
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"Encounter", "Observation"} <= kinds
    for entry in bundle["entry"]:
        assert "HTEST" in {label["code"] for label in entry["resource"]["meta"]["security"]}
    document = next(
        one["document"]
        for bundle in api.get("/api/v1/graphql/bundles").json()["bundles"]
        for one in bundle["operations"]
        if one["name"] == "ListIncidents"
    )
    incidents = api.post("/graphql", json={"query": document, "variables": {}}).json()["data"]["incidents"]["nodes"]
    assert [incident["cadIncidentId"] for incident in incidents] == [seeding.INCIDENT]


def test_written_again_the_demo_data_is_the_same(
    stack: Stack, request_made: dict[str, Any], api: httpx2.Client
) -> None:
    """Like after a command that was killed before it could record the end."""
    with stack.database("auth", "migrator") as conn:
        conn.execute("UPDATE integration_requests SET demo_data_at = NULL WHERE id = %s", (request_made["id"],))
    stack.operate("auth", "requests", "seed", request_made["id"])
    assert len(api.get("/api/v1/devices").json()) == len(seeding.DEVICES)
    [encounter] = api.get("/api/v1/epcr/encounters").json()["encounters"]
    assert encounter["cad_incident_id"] == seeding.INCIDENT
    measuring = next(d for d in api.get("/api/v1/devices").json() if d["serial_number"] == seeding.MEASURING)
    assert len(api.get(f"/api/v1/devices/{measuring['id']}/observations").json()) == 1


def test_the_token_it_was_written_with_has_ended(stack: Stack, request_made: dict[str, Any]) -> None:
    with stack.database("auth", "migrator") as conn:
        row = conn.execute(
            "SELECT count(*), count(revoked_at) FROM service_tokens WHERE tenant_id = %s",
            (request_made["sandbox"]["tenant_id"],),
        ).fetchone()
    assert row is not None
    assert row[0] == row[1] >= 1


def test_an_event_of_the_sandbox_says_that_it_is_a_test_and_reaches_nobody_else(
    stack: Stack, sandbox: App, api: httpx2.Client
) -> None:
    administrator = stack.token(sandbox, SCOPES)
    app = stack.register_app(["webhooks:write"], administrator)
    stack.govern(app, administrator, approved_events=["epcr.*"])
    with running(Receiver()) as listening:
        stack.subscribe(stack.token(app, "webhooks:write"), listening.url, "epcr.encounter.created")
        body = {"care_model": "prehospital_emergency", "vehicle_id": "R-1", "crew_ids": ["c"]}
        made = api.post("/api/v1/epcr/encounters", json=body | {"cad_incident_id": new_id("cad")}).json()
        wait_for(lambda: listening.requests, what="the event")
        [arrival] = listening.requests
    assert made["id"].encode() in arrival.body
    assert b'"test":true' in arrival.body


def test_a_decision_reaches_subscribers(stack: Stack) -> None:
    app = stack.register_app(["webhooks:write"])
    stack.govern(app, approved_events=["integration_request.*"])
    with stack.client("auth", stack.admin_token) as admin, running(Receiver()) as listening:
        stack.subscribe(stack.token(app, "webhooks:write"), listening.url, "integration_request.decided")
        asked = {"capability": "sandbox", "details": {"admin_email": "nobody@riviera.example"}}
        request_id = admin.post(PATH, json=asked).json()["id"]
        stack.operate("auth", "requests", "decline", request_id, "--reason", "Not yet")
        wait_for(lambda: listening.requests, what="the decision")
        assert request_id.encode() in listening.requests[0].body
