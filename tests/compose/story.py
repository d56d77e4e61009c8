"""From nothing to a delivered webhook, with only the commands of the runbook first-install and the public interface."""

import secrets
from typing import Any

import httpx2

from deploy.receiver import Delivery
from tests.compose.platform import PORT, Platform
from tests.support.waiting import wait_for

SECRET = "a-secret-for-the-compose-test"
SCOPES = "webhooks:write argus:epcr:write argus:devices:write"


class Partner:
    """An app of the first tenant, subscribed to events of encounters."""

    def __init__(self, platform: Platform, opened: dict[str, str]) -> None:
        self.platform = platform
        admin = self.token(opened["client_id"], opened["client_secret"], "platform:apps")
        registration = {
            "name": "Compose test",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "requested_scopes": SCOPES.split(),
        }
        app = self.call("POST", "auth", "/v1/platform/apps", admin, json=registration).json()
        governance = f"/v1/platform/apps/{app['client_id']}/governance"
        self.call("PATCH", "auth", governance, admin, json={"approved_events": ["epcr.*", "device.*"]})
        self.access_token = self.token(app["client_id"], app["client_secret"], SCOPES)

    def call(self, method: str, host: str, path: str, token: str = "", **content: Any) -> httpx2.Response:
        """One request through the gateway, repeated while a part of the platform does not answer. It must succeed at last."""

        def answered() -> httpx2.Response | None:
            headers = {"host": f"{host}.localhost:{PORT}"} | ({"authorization": f"Bearer {token}"} if token else {})
            try:
                answer = httpx2.request(
                    method, f"http://127.0.0.1:{PORT}{path}", headers=headers, timeout=30, trust_env=False, **content
                )
            except httpx2.TransportError:
                return None
            # 403 until the approval has travelled from auth to the dispatcher.
            return None if answer.status_code in (403, 502, 503, 504) else answer

        answer = wait_for(answered, seconds=120, what=f"an answer to {method} {path}")
        assert answer.is_success, answer.text
        return answer

    def token(self, client_id: str, client_secret: str, scope: str) -> str:
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = self.call("POST", "auth", "/v1/oauth/token", data=form, auth=(client_id, client_secret))
        return answer.json()["access_token"]

    def subscribe(self) -> None:
        wanted = {"url": "http://partner.example:8000/webhooks", "events": ["epcr.encounter.created"], "secret": SECRET}
        self.call("POST", "auth", "/v1/webhooks", self.access_token, json=wanted)

    def open_encounter(self) -> httpx2.Response:
        encounter = {
            "care_model": "prehospital_emergency",
            "vehicle_id": "AMB-42",
            "crew_ids": ["usr_1"],
            "cad_incident_id": f"cad_{secrets.token_hex(6)}",
        }
        return self.call("POST", "api", "/api/v1/epcr/encounters", self.access_token, json=encounter)

    def measure(self, encounter: str) -> None:
        """Sends an observation of an oximeter in that encounter."""
        device = {"serial_number": secrets.token_hex(6), "device_class": "oximeter", "manufacturer": "ACME"}
        enrolled = self.call("POST", "api", "/api/v1/devices/enrol", self.access_token, json=device).json()["id"]
        reading = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%", "encounter_id": encounter}
        self.call("POST", "api", f"/api/v1/devices/{enrolled}/observations", self.access_token, json=reading)

    def holds_the_reading(self, encounter: str) -> bool:
        path = f"/api/v1/epcr/encounters/{encounter}/fhir-bundle"
        entries = self.call("GET", "api", path, self.access_token).json()["entry"]
        return any(entry["resource"].get("valueQuantity", {}).get("value") == 98 for entry in entries)

    def deliveries(self) -> dict[str, Delivery]:
        """The webhooks that arrived, by encounter."""
        return {one.json()["data"]["encounter_id"]: one for one in self.platform.received("/webhooks")}
