"""An integration like a partner's: an app, a token and a webhook receiver."""

from collections.abc import Iterator
from typing import NamedTuple

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.support.receiver import SECRET, Received, Receiver, running
from tests.support.stack import Stack

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

    def arrivals_of(self, encounter_id: str) -> list[Received]:
        return self.receiver.about(encounter_id)


@pytest.fixture
def integration(stack: Stack) -> Iterator[Integration]:
    """An integration that subscribes to all events of epcr."""
    app = stack.register_app(SCOPES)
    stack.govern(app, approved_events=["incident.*", "epcr.*", "device.*"])
    token = stack.token(app, " ".join(SCOPES))
    with running(Receiver()) as listening:
        stack.subscribe(token, listening.url, "epcr.encounter.created", secret=SECRET)
        yield Integration(stack, app.client_id, token, listening)
