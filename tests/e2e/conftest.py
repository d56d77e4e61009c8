"""An integration like a partner's: an app, a token and a webhook receiver."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.e2e.receiver import Receiver, receiver
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SCOPES = ["webhooks:write", "argus:epcr:write", "argus:devices:write"]


class Integration(NamedTuple):
    stack: Stack
    client_id: str
    token: str
    receiver: Receiver

    def api(self) -> httpx2.Client:
        return self.stack.client("api", token=self.token)

    def create_encounter(self) -> httpx2.Response:
        body = {
            "care_model": "prehospital_emergency",
            "vehicle_id": "AMB-42",
            "crew_ids": ["usr_1"],
            "cad_incident_id": new_id("cad"),
        }
        with self.api() as client:
            answer = client.post("/api/v1/epcr/encounters", json=body)
        assert answer.status_code == 201, answer.text
        return answer

    def arrivals_of(self, encounter_id: str) -> list[Any]:
        return [arrival for arrival in list(self.receiver.arrivals) if encounter_id.encode() in arrival.body]


@pytest.fixture
def integration(stack: Stack) -> Iterator[Integration]:
    """An integration that subscribes to all events of epcr."""
    app = stack.register_app(SCOPES)
    with stack.client("auth", token=stack.admin_token) as client:
        path = f"/v1/platform/apps/{app.client_id}/governance"
        client.patch(path, json={"approved_events": ["incident.*", "epcr.*", "device.*"]}).raise_for_status()
    token = stack.token(app, " ".join(SCOPES))
    with receiver() as listening:
        integration = Integration(stack, app.client_id, token, listening)
        subscribe(integration)
        yield integration


def subscribe(integration: Integration) -> None:
    """Repeats the call, because the dispatcher refuses the subscription until the message with the approval arrives."""
    subscription = {"url": integration.receiver.url, "events": ["epcr.encounter.created"], "secret": SECRET}
    with integration.stack.client("auth", token=integration.token) as client:
        wait_for(lambda: client.post("/v1/webhooks", json=subscription).status_code == 201)
