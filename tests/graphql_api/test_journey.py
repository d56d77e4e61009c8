"""Through the whole running stack: from an approved document to a subscriber, and from an encounter to an indicator."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.graphql_api.transport.documents import Catalogue
from shared.primitives.ids import new_id
from shared.web.identity import Caller
from tests.support.plain import PLAIN
from tests.support.receiver import SECRET, Receiver, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

SCOPES = ["argus:incidents:write", "argus:acqi:read", "argus:telephony:write", "argus:epcr:write", "webhooks:write"]


class Partner:
    """An app with bundles granted, sending approved documents through the gateway."""

    def __init__(self, stack: Stack, catalogue: Catalogue, *bundles: str) -> None:
        self.stack = stack
        self.catalogue = catalogue
        self.app: App = stack.register_app(SCOPES)
        stack.govern(self.app, graphql_bundles=bundles)
        self.api = stack.client("api", token=stack.token(self.app, " ".join(SCOPES)))
        wait_for(lambda: {one["name"] for one in self.bundles()} == set(bundles), what="the grant")

    def bundles(self) -> list[dict[str, Any]]:
        return self.api.get("/api/v1/graphql/bundles").json()["bundles"]

    def send(self, name: str, variables: dict[str, Any]) -> httpx2.Response:
        operations = [operation for bundle in self.catalogue.bundles.values() for operation in bundle.operations]
        text = next(operation.text for operation in operations if operation.name == name)
        response = self.api.post("/graphql", json={"query": text, "variables": variables})
        assert response.status_code == 200, response.text
        return response

    def data(self, name: str, variables: dict[str, Any]) -> Any:
        answer = self.send(name, variables).json()
        assert "errors" not in answer, answer
        return next(iter(answer["data"].values()))

    def figures(self, at: datetime) -> dict[str, tuple[int, int]]:
        """Numerator and denominator of three indicators on that day."""
        document = (
            "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to, names: "
            '["response_time", "incident_response_time", "nontransport_vitals"]) { name numerator denominator } }'
        )
        day = at.replace(hour=0, minute=0, second=0)
        window = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}
        answer = self.api.post("/graphql", json={"query": document, "variables": window}).json()
        return {one["name"]: (one["numerator"], one["denominator"]) for one in answer["data"]["acqiMetrics"]}


@pytest.fixture
def partner(stack: Stack, catalogue: Catalogue) -> Iterator[Partner]:
    partner = Partner(stack, catalogue, "incident-management", "incident-webhooks")
    yield partner
    partner.api.close()


@pytest.fixture
def listening() -> Iterator[Receiver]:
    with running(Receiver()) as one:
        yield one


def test_a_closed_incident_reaches_a_subscriber_in_one_trace(partner: Partner, listening: Receiver) -> None:
    subscription = {"url": listening.url, "events": ["created", "closed"], "secret": SECRET}
    webhook = partner.data("CreateIncidentWebhook", {"input": subscription})
    assert webhook["events"] == ["created", "closed"]
    assert webhook["id"] in [one["id"] for one in partner.data("ListIncidentWebhooks", {})]
    incident = partner.data("CreateIncident", {"input": {"type": "medical", "priority": "high"}})
    response = partner.send(
        "CloseIncident", {"id": incident["id"], "expectedVersion": 1, "reason": "no_action_required"}
    )
    closed = response.json()["data"]["closeIncident"]

    def arrived() -> Any:
        bodies = [(arrival, arrival.verified_by(SECRET)) for arrival in list(listening.requests)]
        return next((one for one in bodies if isinstance(one[1], dict) and one[1]["type"] == "incident.closed"), None)

    arrival, body = wait_for(arrived, what="incident.closed")
    assert arrival.trace_id == response.headers["x-trace-id"]
    assert body["data"] == {
        "incident_id": incident["id"],
        "number": incident["number"],
        "type": "medical",
        "priority": "high",
        "status": "closed",
        "units": [],
        "closed_reason": "no_action_required",
        "version": closed["version"],
    }
    partner.data("DeleteIncidentWebhook", {"id": webhook["id"]})


def test_subscriptions_are_updated_and_deleted_and_others_are_left_alone(partner: Partner) -> None:
    given = {"url": "https://integrator.example/hook", "events": ["updated"], "secret": SECRET}
    webhook = partner.data("CreateIncidentWebhook", {"input": given})
    changed = partner.data("UpdateIncidentWebhook", {"id": webhook["id"], "input": {"events": ["updated", "closed"]}})
    assert changed["events"] == ["updated", "closed"]
    assert changed["url"] == given["url"]
    assert partner.data("DeleteIncidentWebhook", {"id": webhook["id"]}) == webhook["id"]
    for name, more in (("DeleteIncidentWebhook", {}), ("UpdateIncidentWebhook", {"input": {"enabled": False}})):
        (error,) = partner.send(name, {"id": webhook["id"]} | more).json()["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"
    (error,) = partner.send("CreateIncidentWebhook", {"input": given | {"url": "ftp://x"}}).json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert SECRET not in str(error)


def test_an_encounter_completed_at_epcr_counts_and_a_correction_corrects(partner: Partner, stack: Stack) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def figures() -> dict[str, tuple[int, int]]:
        return partner.figures(now)

    before = figures()
    encounter = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-7",
        "crew_ids": ["usr_1"],
        "cad_incident_id": new_id("cad"),
        "times": {"call": now.isoformat(), "on_scene": (now + timedelta(minutes=6)).isoformat()},
    }
    created = partner.api.post("/api/v1/epcr/encounters", json=encounter)
    assert created.status_code == 201, created.text
    write_record(stack, created.json()["id"], {"status": "completed", "disposition": {"outcome": "refused"}})
    met, cases = before["nontransport_vitals"]
    wait_for(lambda: figures()["nontransport_vitals"] == (met, cases + 1), what="the refusal to count")
    measured = before["response_time"][1]
    wait_for(lambda: figures()["response_time"] == (measured + 1, measured + 1), what="the response to count")
    signs = {"heart_rate": 80, "respiratory_rate": 14, "systolic": 130, "diastolic": 80, "spo2": 98, "avpu": "alert"}
    correction = {"vital_signs": [{"taken_at": now.isoformat()} | signs]}
    write_record(stack, created.json()["id"], correction)
    wait_for(lambda: figures()["nontransport_vitals"] == (met + 1, cases + 1), what="the correction to count")


def test_three_crews_of_one_incident_are_one_incidents_response(partner: Partner, stack: Stack) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def figures() -> list[int]:
        found = partner.figures(now)
        return [found[name][1] for name in ("response_time", "incident_response_time")]

    crews, incidents = figures()
    incident = new_id("cad")
    for vehicle, minutes in (("AMB-7", 9), ("AMB-8", 6), ("AMB-9", 12)):
        encounter = {
            "care_model": "prehospital_emergency",
            "vehicle_id": vehicle,
            "crew_ids": ["usr_1"],
            "cad_incident_id": incident,
            "times": {"call": now.isoformat(), "on_scene": (now + timedelta(minutes=minutes)).isoformat()},
        }
        created = partner.api.post("/api/v1/epcr/encounters", json=encounter)
        assert created.status_code == 201, created.text
        write_record(stack, created.json()["id"], {"status": "completed", "disposition": {"outcome": "refused"}})
    wait_for(lambda: figures() == [crews + 3, incidents + 1], what="three crews, one incident")


def write_record(stack: Stack, encounter_id: str, change: dict[str, Any]) -> None:
    """The crew's own application."""
    crew = Caller(
        tenant_id=stack.tenant.id,
        client_id=new_id("app"),
        scopes=frozenset({"argus:epcr:clinical"}),
        token_use="access",
    )
    url = f"{stack.service_url('epcr')}/api/v1/epcr/records/{encounter_id}"
    with httpx2.Client(headers=stack.identity(crew, "epcr"), trust_env=False, verify=PLAIN) as client:
        etag = client.get(url).headers["etag"]
        answer = client.patch(url, json=change, headers={"if-match": etag})
    assert answer.status_code == 200, answer.text
