"""Organisations with hospitals: destinations, their apps, and encounters that are bound for them."""

from typing import Any, NamedTuple

import httpx2

from shared.primitives import ids
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation
from tests.epcr.deliveries import app_changed

DESTINATIONS = "/api/v1/epcr/destinations"
ARRIVALS = "/api/v1/epcr/arrivals"
SCOPES = ("argus:epcr:handover", "argus:epcr:outcome", "argus:epcr:read")
REGISTER = "urn:oid:1.2.372.980010.2.1"


class Hospital(NamedTuple):
    id: str
    app: Client

    def handover(self, encounter_id: str, **query: str) -> httpx2.Response:
        return self.app.get(handover_of(encounter_id), params=query)

    def read(self, encounter_id: str, **query: str) -> dict[str, Any]:
        answer = self.handover(encounter_id, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def open(self, encounter_id: str, **changes: Any) -> httpx2.Response:
        body = {
            "destination_id": self.id,
            "reason": "patient_present",
            "explanation": "The other hospital was full, so the crew came to us.",
        }
        return self.app.call("POST", handover_of(encounter_id) + "/emergency", json=body | changes)


def handover_of(encounter_id: str) -> str:
    return f"{ENCOUNTERS}/{encounter_id}/handover"


class Region:
    """A service with an administrator, two hospitals, a partner that reads de-identified, and the crew."""

    def __init__(self, organisation: Organisation, inside: Inside) -> None:
        self.organisation, self.inside = organisation, inside
        self.partner, self.reader, self.crew = organisation.partner, organisation.hospital, organisation.crew
        self.administrator = Client(organisation.partner.http, organisation.id, "platform:apps", "argus:epcr:write")
        self.cork, self.kerry = self.hospital("724"), self.hospital("725", allows_break_glass=True)

    def app(self, *scopes: str, **state: Any) -> Client:
        """An app of the organisation, whose state reached this service."""
        app = Client(self.partner.http, self.organisation.id, *scopes or SCOPES)
        self.inside.receive(self.organisation.id, app_changed(app.caller.client_id, **state))
        return app

    def draft(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": "Cork University Hospital",
            "code": ids.new_id("c"),
            "code_system": REGISTER,
            "type": "emergency_department",
            "legal_basis": "provision_of_care",
        } | changes

    def define(self, **changes: Any) -> httpx2.Response:
        return self.administrator.call("POST", DESTINATIONS, json=self.draft(**changes))

    def hospital(self, code: str, **changes: Any) -> Hospital:
        app = self.app()
        answer = self.define(code=code, client_id=app.caller.client_id, **changes)
        assert answer.status_code == 201, answer.text
        return Hospital(answer.json()["id"], app)

    def change(self, hospital: Hospital, **changes: Any) -> httpx2.Response:
        return self.administrator.call("PATCH", f"{DESTINATIONS}/{hospital.id}", json=changes)

    def bind(self, encounter_id: str, hospital: Hospital, client: Client | None = None, **more: Any) -> httpx2.Response:
        path = f"{ENCOUNTERS}/{encounter_id}/destination"
        return (client or self.partner).call("PUT", path, json={"destination_id": hospital.id} | more)

    def bound(self, hospital: Hospital, **fields: Any) -> str:
        """A new encounter that is bound for the hospital."""
        id = self.partner.create(**fields)
        answer = self.bind(id, hospital)
        assert answer.status_code == 200, answer.text
        return id

    def age(self, encounter_id: str, days: float) -> None:
        """Lets days pass since the encounter and its destination were written."""
        for statement in (
            """UPDATE encounter_destinations SET named_at = named_at - passed, counted_from = counted_from - passed,
                listed_until = listed_until - passed
            FROM make_interval(secs => %s) passed WHERE encounter_id = %s""",
            "UPDATE encounter_versions SET written_at = written_at - make_interval(secs => %s) WHERE encounter_id = %s",
        ):
            self.inside.owner.execute(statement, (days * 86400, encounter_id))

    def disclosures(self, encounter_id: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.administrator.get(f"{ENCOUNTERS}/{encounter_id}/disclosures", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["disclosures"]
