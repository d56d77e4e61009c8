"""docker-compose.yml in real containers: it starts, costs little, does its work, survives crashes and stops cleanly."""

import json
import re
import secrets
import time
from typing import Any

import httpx2
import pytest

from deploy.local.table import ROOT, SERVICES
from deploy.receiver import Delivery
from tests.compose.platform import PORT, Platform
from tests.compose.strange_hands import assert_all_refused, strange_hands
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


pytestmark = pytest.mark.compose
# On an idle machine; on a busy one as many times longer as any work takes there.
START_SECONDS = 60
# Milliseconds of processor time per second, all containers together.
IDLE = 150
SILENCED = "redis-exporter"


@pytest.fixture(scope="module")
def partner(platform: Platform) -> Partner:
    command = ["exec", "-T", "auth-worker", "python", "-m", "services.auth", "tenant", "open"]
    printed = platform.compose(*command, "Riviera Emergency Services", "admin@riviera.example")
    partner = Partner(platform, dict(line.split(maxsplit=1) for line in printed.splitlines()))
    partner.subscribe()
    return partner


def test_everything_is_up_within_a_minute(platform: Platform) -> None:
    print(
        f"\nup after {platform.seconds_to_start:.1f} s, where work takes {platform.crowd:.1f} times its processor time"
    )
    assert platform.seconds_to_start <= START_SECONDS * max(1, platform.crowd)


def test_containers_that_do_nothing_cost_next_to_nothing(platform: Platform) -> None:
    time.sleep(20)  # until the work of the start has ended
    before, began = platform.cpu_seconds(), time.monotonic()
    time.sleep(60)
    seconds, after = time.monotonic() - began, platform.cpu_seconds()
    of_each = {name: 1000 * (after[name] - spent) / seconds for name, spent in before.items()}
    used = sum(of_each.values())
    print(f"\n{len(of_each)} idle containers use {used:.0f} ms of processor time a second; those that use most:")
    print(", ".join(f"{name} {of_each[name]:.1f}" for name in sorted(of_each, key=lambda name: -of_each[name])[:12]))
    assert used <= IDLE


def test_an_image_holds_no_installer_and_the_gateways_no_database_driver_and_no_queue(platform: Platform) -> None:
    find = "import importlib.util as u, sys; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"
    foreign = {"gateway": ["celery", "kombu", "psycopg", "services"], "epcr-web": ["gateway", "services.auth"]}
    for service, unwanted in foreign.items():
        found = platform.compose("exec", "-T", service, "python", "-c", find, "pip", *unwanted)
        assert found.split() == [], service


def test_the_gateways_image_holds_the_contract(partner: Partner) -> None:
    assert partner.call("GET", "docs", "/api/docs/openapi.json").json()["openapi"] == "3.1.0"


def test_the_first_tenant_gets_a_verified_webhook_and_a_reading_in_its_bundle(partner: Partner) -> None:
    opened = partner.open_encounter()
    encounter = opened.json()["id"]
    delivery = wait_for(lambda: partner.deliveries().get(encounter), what="the webhook")
    assert delivery.verified(SECRET)
    assert delivery.trace_id == opened.headers["x-trace-id"]
    partner.measure(encounter)
    wait_for(lambda: partner.holds_the_reading(encounter), what="the reading in the bundle")


def test_a_container_in_strange_hands_is_refused_what_its_keys_do_not_open(platform: Platform) -> None:
    """From inside the worker of epcr, with its settings: every command on a queue of another service, and a dozen statements."""
    wanted = strange_hands("epcr")
    script = (ROOT / "tests" / "compose" / "attempts.py").read_text()
    printed = platform.compose("exec", "-T", "epcr-worker", "python", "-c", script, json.dumps(wanted))
    assert_all_refused(wanted, json.loads(printed))


def test_what_was_accepted_outlives_a_crash_of_every_container(platform: Platform, partner: Partner) -> None:
    platform.compose("stop", SILENCED)
    accepted: list[str] = []
    for service, container in platform.ids().items():
        if service != "receiver":
            accepted.append(partner.open_encounter().json()["id"])
            platform.kill(container)
            print(f"killed {service}: well again")
    wait_for(lambda: not set(accepted) - set(partner.deliveries()), seconds=180, what="every accepted webhook")


def test_an_alert_reaches_somebody(platform: Platform) -> None:
    def told() -> bool:
        alerts = [alert for one in platform.received("/alerts") for alert in one.json()["alerts"]]
        return any(alert["labels"].get("instance", "").startswith(SILENCED) for alert in alerts)

    wait_for(told, seconds=240, what=f"an alert about {SILENCED}")


def test_prometheus_finds_everything_it_looks_for(platform: Platform) -> None:
    platform.compose("start", SILENCED)
    question = [
        "wget",
        "-q",
        "-O",
        "-",
        "http://127.0.0.1:9090/api/v1/query?query=up+==+0+or+pg_up+==+0+or+redis_up+==+0",
    ]

    def away() -> list[str]:
        return re.findall(r'"instance":"([^"]+)"', platform.compose("exec", "-T", "prometheus", *question))

    wait_for(lambda: not away(), seconds=120, what="every target to be up")
    counted = platform.compose(
        "exec", "-T", "prometheus", *question[:-1], question[-1].partition("up+==")[0] + "count(pg_up)"
    )
    assert f'"{len(SERVICES)}"' in counted, "one database for each service"


def test_every_container_ends_by_itself(platform: Platform) -> None:
    containers = platform.ids()
    platform.compose("stop")
    states = {service: platform.inspect(container)["State"] for service, container in containers.items()}
    # 137 is the engine's patience at its end.
    assert [name for name, state in states.items() if state["ExitCode"] == 137] == []
    assert not any(state["OOMKilled"] for state in states.values())
