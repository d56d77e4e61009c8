"""`make demo`: an integrator's first day, as calls through the gateway of the running stack."""

import base64
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from httpx2 import Response
from rich.text import Text

from deploy.local import waterfall
from deploy.local.narrator import DemoFailed, Narrator
from deploy.receiver import Delivery, Receiver

SCOPES = "webhooks:write argus:epcr:write argus:devices:write"
EVENT = "epcr.encounter.created"
OBSERVED = ("resourceType", "status", "code", "effectiveDateTime", "valueQuantity")


@dataclass
class App:
    """The integrator's credentials."""

    client_id: str
    client_secret: str
    token: str = ""


def play(narrator: Narrator, stack: Mapping[str, Any]) -> None:
    """Raises DemoFailed at the first step with an unexpected answer."""
    deliveries: SimpleQueue[Delivery] = SimpleQueue()
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    receiver = Receiver(lambda delivery: deliveries.put(delivery) or 204)
    receiver.start()
    try:
        app = _register(narrator, stack["admin"]["access_token"])
        _token(narrator, app)
        webhook = _subscribe(narrator, app, f"{receiver.url}/webhooks/argus", secret)
        encounter, trace_id = _encounter(narrator, app)
        _observation(narrator, app, encounter)
        _bundle(narrator, app, encounter)
        delivery = _delivery(narrator, deliveries, secret, encounter, trace_id)
        _trace(narrator, Path(stack["spans"]), delivery)
        # Nobody receives its webhooks any more.
        narrator.ask("DELETE", "auth", f"/v1/webhooks/{webhook}", app.token)
        narrator.ask("DELETE", "auth", f"/v1/platform/apps/{app.client_id}", stack["admin"]["access_token"])
        console = f"http://{stack['hosts']['console']}:{urlsplit(stack['gateway']).port}"
        narrator.tell(Text(f"look at it: {console}/audit?trace_id={delivery.trace_id}", "bold"))
        narrator.tell(Text(f"sign in as {stack['admin']['email']} with {stack['admin']['password']}", "dim"))
    finally:
        receiver.stop()


def _register(narrator: Narrator, admin_token: str) -> App:
    narrator.step(
        "Register an app", "The tenant's administrator registers the integration and the scopes it may ask for."
    )
    registration = {
        "name": "Hospital handover connector",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "requested_scopes": SCOPES.split(),
    }
    made = narrator.send("POST", "auth", "/v1/platform/apps", 201, admin_token, json=registration).json()
    narrator.step("Approve its events", "The tenant decides which event types an app may subscribe to.")
    path = f"/v1/platform/apps/{made['client_id']}/governance"
    narrator.send("PATCH", "auth", path, 200, admin_token, json={"approved_events": ["epcr.*", "device.*"]})
    return App(made["client_id"], made["client_secret"])


def _token(narrator: Narrator, app: App) -> None:
    narrator.step(
        "Get an access token",
        "OAuth 2 client credentials: a signed JWT, valid for an hour. The gateway checks it without asking auth.",
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "scope": SCOPES,
    }
    app.token = narrator.send("POST", "auth", "/v1/oauth/token", 200, data=form).json()["access_token"]


def _subscribe(narrator: Narrator, app: App, url: str, secret: str) -> str:
    narrator.step(
        "Subscribe to a webhook",
        "A small receiver listens on this machine. Deliveries are signed with the secret, so it knows the sender.",
    )
    subscription = {"url": url, "events": [EVENT], "secret": secret}

    def heard() -> Response | None:
        """The answer is 403 until the approval has arrived at the dispatcher, which gets it from auth through a queue."""
        answer = narrator.ask("POST", "auth", "/v1/webhooks", app.token, json=subscription)
        return None if answer.status_code == 403 else answer

    answer = narrator.wait(heard, "the approval to reach the dispatcher")
    narrator.show(answer)
    if answer.status_code != 201:
        raise DemoFailed(f"expected 201, got {answer.status_code}")
    return answer.json()["id"]


def _encounter(narrator: Narrator, app: App) -> tuple[str, str]:
    narrator.step(
        "Open a patient care record",
        "The dispatch centre sends an emergency to the ePCR. One commit writes the record and its event.",
    )
    encounter = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": f"cad_{secrets.token_hex(4)}",
    }
    made = narrator.send("POST", "api", "/api/v1/epcr/encounters", 201, app.token, json=encounter)
    return made.json()["id"], made.headers["x-trace-id"]


def _observation(narrator: Narrator, app: App, encounter: str) -> None:
    narrator.step("Enrol a medical device", "An oximeter on the ambulance, identified by its serial number.")
    device = {
        "serial_number": f"SN-{secrets.token_hex(3)}",
        "device_class": "oximeter",
        "manufacturer": "ACME",
        "vehicle_id": "AMB-42",
    }
    enrolled = narrator.send("POST", "api", "/api/v1/devices/enrol", 201, app.token, json=device).json()["id"]
    narrator.step("Send an observation", "An ISO/IEEE 11073 metric in a UCUM unit; 201 means that it is on disk.")
    reading = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%", "encounter_id": encounter}
    narrator.send("POST", "api", f"/api/v1/devices/{enrolled}/observations", 201, app.token, json=reading)


def _bundle(narrator: Narrator, app: App, encounter: str) -> None:
    narrator.step(
        "Hand over as FHIR",
        "The observation went from device-ingest through outbox and queue to epcr, and is in the bundle.",
    )
    path = f"/api/v1/epcr/encounters/{encounter}/fhir-bundle"

    def observed() -> Response | None:
        answer = narrator.ask("GET", "api", path, app.token)
        there = answer.is_success and any(_value(resource) == 98 for resource in _resources(answer.json()))
        return answer if there else None

    answer = narrator.wait(observed, "the observation to be in the bundle")
    narrator.show(answer, body=False)
    bundle = answer.json()
    counted = Counter(resource["resourceType"] for resource in _resources(bundle))
    narrator.tell(Text(f"Bundle of type {bundle['type']}: " + ", ".join(f"{n} {kind}" for kind, n in counted.items())))
    observation = next(resource for resource in _resources(bundle) if _value(resource) == 98)
    narrator.show_json({name: observation[name] for name in OBSERVED if name in observation})


def _delivery(
    narrator: Narrator, deliveries: SimpleQueue[Delivery], secret: str, encounter: str, trace_id: str
) -> Delivery:
    narrator.step(
        "Receive the webhook", "Signed by Standard Webhooks 1.0, verified here with the standardwebhooks package."
    )
    try:
        delivery = deliveries.get(timeout=30)
    except Empty:
        raise DemoFailed("no webhook came within 30 s") from None
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "traceparent"):
        narrator.tell(Text(f"{name}: {delivery.headers.get(name, '')}", "dim"))
    narrator.show_json(delivery.json())
    if not delivery.verified(secret):
        raise DemoFailed("the signature is wrong")
    narrator.tell(Text("✔ signature verified", "bold green"))
    if encounter not in delivery.body.decode():
        raise DemoFailed("the webhook names another encounter")
    if delivery.trace_id != trace_id:
        raise DemoFailed("the webhook belongs to another trace than the request that caused it")
    narrator.tell(Text("✔ same trace as the request that opened the record", "bold green"))
    return delivery


def _trace(narrator: Narrator, file: Path, delivery: Delivery) -> None:
    narrator.step(
        "See it as one trace", "From the partner's request to the delivery of the webhook, across every process."
    )
    last = delivery.headers["traceparent"].split("-")[2]

    def complete() -> list[waterfall.Span]:
        spans = waterfall.read(file, delivery.trace_id)
        told = {span.service for span in spans} >= {"gateway", "epcr", "webhook-dispatcher"}
        names = [span.name for span in spans]
        waits = names.count("outbox wait") >= names.count("queue wait") > 0
        return spans if told and waits and last in {span.span_id for span in spans} else []

    spans = narrator.wait(complete, "the spans of all processes")
    narrator.console.print(waterfall.draw(spans, narrator.console.width))
    narrator.tell(Text(f"again at any time: make trace ID={delivery.trace_id}", "dim"))


def _resources(bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"]]


def _value(resource: Mapping[str, Any]) -> float | None:
    return resource.get("valueQuantity", {}).get("value")
