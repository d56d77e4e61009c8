"""Each purpose of the form for a new app, on a whole stack: the first call of the app that the form makes works."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx2
import pytest

from services.auth.apps.rules import matches
from services.console.apps import guide
from shared.messaging.event_types import catalogue
from shared.primitives.ids import new_id, uuid7
from shared.web.scopes import ALL
from tests.console.through import Signed
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

CHOSEN = re.compile(r'<input[^>]* name="scopes" value="([^"]+)" checked')
WORDS = re.compile(r"\b[a-z_]+(?:\.[a-z_]+)*\.(?:[a-z_]+|\*)")
SHOWN = re.compile(r"\b(app_[0-9a-z]{26}|kns_[\w-]+)")
YEAR = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
FIGURES = "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { name } }"
ENCOUNTER = {"care_model": "prehospital_emergency", "vehicle_id": "AMB-42", "crew_ids": ["usr_1"]}
INCIDENT = {"input": {"type": "medical", "priority": "high"}}
PROVIDER = {"carrier": {"sip": {"host": "trunk.carrier.example", "username": "knogin", "password": "long-password"}}}


@pytest.fixture(scope="module")
def administrator(stack: Stack) -> Iterator[Signed]:
    signed = Signed(stack)
    yield signed
    signed.close()


def asked(client: httpx2.Client, query: str, variables: dict[str, Any] | None = None) -> str:
    answer = client.post("/graphql", json={"query": query, "variables": variables or {}})
    return answer.text if answer.status_code != 200 or "errors" in answer.json() else ""


def approved(client: httpx2.Client, bundle: str, operation: str, variables: dict[str, Any] | None = None) -> str:
    """The complaint about a document of a bundle, as the list of bundles has it."""
    listed = client.get("/api/v1/graphql/bundles").json()["bundles"]
    documents = {
        each["name"]: each["document"] for one in listed if one["name"] == bundle for each in one["operations"]
    }
    return asked(client, documents[operation], variables) if documents else f"the bundle {bundle} is not there"


def answered(client: httpx2.Client, method: str, path: str, **body: Any) -> str:
    answer = client.request(method, path, json=body or None)
    return "" if answer.is_success else f"{answer.status_code} {answer.text}"


def not_forbidden(client: httpx2.Client, path: str) -> str:
    """Of an encounter that is bound for nobody, 404 is the answer to an app that may ask."""
    answer = client.get(path)
    return "" if answer.status_code == 404 else f"{answer.status_code} {answer.text}"


def first_calls() -> dict[str, Callable[[httpx2.Client], str]]:
    """For each purpose its first call, which returns a complaint or nothing."""
    own = new_id("x")
    hook = {"url": "https://integrator.example/hook", "events": ["webhook.failing"]}
    return {
        "receive_events": lambda one: answered(one, "POST", "/v1/webhooks", **hook),
        "read_records": lambda one: answered(one, "GET", "/api/v1/epcr/encounters"),
        "write_records": lambda one: answered(one, "POST", "/api/v1/epcr/encounters", **ENCOUNTER, cad_incident_id=own),
        "read_devices": lambda one: answered(one, "GET", "/api/v1/devices"),
        "write_devices": lambda one: answered(
            one, "POST", "/api/v1/devices/enrol", serial_number=own, device_class="oximeter"
        ),
        "read_incidents": lambda one: approved(one, "incident-management", "ListIncidents"),
        "write_incidents": lambda one: approved(one, "incident-management", "CreateIncident", INCIDENT),
        "read_indicators": lambda one: asked(one, FIGURES, YEAR),
        "receive_patients": lambda one: answered(one, "GET", "/api/v1/epcr/arrivals"),
        "report_outcomes": lambda one: not_forbidden(one, f"/api/v1/epcr/encounters/{new_id('enc')}/outcome"),
        "read_telephony": lambda one: asked(one, "{ telephonyProviders { id } }"),
        "write_telephony": lambda one: approved(
            one, "telephony-admin", "CreateTelephonyProvider", {"input": PROVIDER | {"name": own}}
        ),
        "read_platform": lambda one: answered(one, "GET", "/api/v1/platform/packages"),
        "write_platform": lambda one: answered(one, "POST", "/api/v1/platform/agents", name=own, vehicle_id=own),
    }


class Made(NamedTuple):
    """The app of the form, the scopes that the form chose, the event types that two of its pages name, and the app's page."""

    app: App
    scopes: list[str]
    checked: set[str]
    confirmed: set[str]
    page: str


def made(administrator: Signed, *purposes: str) -> Made:
    """The app of the form with these purposes ticked."""
    ticked = "&do=".join(purposes)
    step = administrator.get(f"/apps/new?name=For+{purposes[-1]}&do={ticked}&kind=server").text
    scopes = CHOSEN.findall(step)
    form = {"kind": "server", "name": f"For {purposes[-1]}", "scopes": scopes, "auth": "secret", "once": str(uuid7())}
    answer = wait_for(
        lambda: found if (found := administrator.post("/apps/new", form)).status_code != 429 else None, what="the app"
    )
    assert answer.status_code == 303, html.unescape(answer.text)
    secret_page = administrator.get(answer.headers["location"]).text
    shown = dict.fromkeys(SHOWN.findall(secret_page))
    client_id = next(one for one in shown if one.startswith("app_"))
    secret = next(one for one in shown if one.startswith("kns_"))
    page = html.unescape(administrator.get(f"/apps/{client_id}").text)
    return Made(App(client_id, secret), scopes, named(step), named(secret_page), page)


def named(page: str) -> set[str]:
    """The types that the patterns on a page approve. Scopes and other words with a point are none."""
    return {one for one in catalogue() for pattern in WORDS.findall(page) if matches(pattern, one)}


def test_the_first_call_of_each_ticked_purpose_works_and_no_page_says_that_something_lacks(
    stack: Stack, administrator: Signed
) -> None:
    calls, faults = first_calls(), []
    assert calls.keys() == {purpose.name for purpose in guide.PURPOSES}
    for purpose in guide.PURPOSES:
        app, scopes, _, _, page = made(administrator, purpose.name)
        if "Calls that the app cannot make yet" in page:
            faults.append(f"{purpose.name}: the page says that the app lacks something")
        with stack.client("api", stack.token(app, " ".join(scopes))) as client:
            complaint = calls[purpose.name](client)
        faults += [f"{purpose.name}: {complaint}"] if complaint else []
    assert not faults, "\n".join(faults)


RECORDS = {f"epcr.{one}" for one in ("encounter.created", "encounter.updated", "encounter.completed")}
RECORDS |= {"epcr.identity.corrected", "epcr.outcome.recorded"}
DEVICES = {"device.enrolled", "device.observations.recorded"}
INCIDENTS = {"incident.created", "incident.updated", "incident.closed"}
EVENTS: dict[str, set[str]] = {
    "receive_events": {
        "webhook.disabled",
        "webhook.failing",
        "webhook.recovered",
        "delivery.exhausted",
        "app.secret_rotated",
    },
    "read_records": RECORDS,
    "write_records": RECORDS,
    "read_devices": DEVICES,
    "write_devices": DEVICES,
    "read_incidents": INCIDENTS,
    "write_incidents": INCIDENTS,
    "read_indicators": {"report.ready"},
    "receive_patients": {"epcr.destination.changed", "epcr.identity.corrected"},
    "report_outcomes": {"epcr.destination.changed", "epcr.outcome.recorded"},
    "read_telephony": set(),
    "write_telephony": set(),
    "read_platform": set(),
    "write_platform": {"automation.fired"},
}
BY_HAND = {"epcr.emergency_access.opened", "integration_request.decided"}
"""Types of no purpose: an administrator approves an app for them."""


def test_an_app_receives_the_events_of_its_ticked_purposes_and_no_others(stack: Stack, administrator: Signed) -> None:
    purposes = [purpose.name for purpose in guide.PURPOSES]
    assert EVENTS.keys() == set(purposes)
    assert set().union(*EVENTS.values()) | BY_HAND == set(catalogue())
    together = [("receive_events", one) for one in purposes if one != "receive_events"]
    faults = list[str]()
    for ticked in [
        ("receive_events",),
        *together,
        ("receive_events", "write_records", "read_devices"),
        tuple(purposes),
    ]:
        wanted = set().union(*(EVENTS[one] for one in ticked))
        app, scopes, checked, confirmed, _ = made(administrator, *ticked)
        faults += [f"{ticked}: a page names {one}" for one in (checked, confirmed) if one != wanted]
        with stack.client("auth", stack.token(app, " ".join(scopes))) as client:
            faults += [f"{ticked}: {one}" for one in webhooks_of(client, wanted)]
    for purpose in purposes[1:]:
        app = made(administrator, purpose).app
        with stack.client("auth", stack.admin_token) as client:
            shown = client.get(f"/v1/platform/apps/{app.client_id}").json()["governance"]
        faults += [f"{purpose} alone: {shown['approved_events']}"] if shown["approved_events"] else []
    assert not faults, "\n".join(faults)


def webhooks_of(client: httpx2.Client, wanted: set[str]) -> Iterator[str]:
    """The complaints about webhooks on all types and on the wanted ones. The dispatcher learns of the app a moment later."""
    body: dict[str, Any] = {"url": "https://integrator.example/hook"}
    refused = sorted(catalogue().keys() - wanted)

    def found() -> list[str]:
        answer = client.post("/v1/webhooks", json=body | {"events": sorted(catalogue())})
        return sorted(answer.json().get("unapproved_events", [])) if answer.status_code == 403 else [answer.text]

    try:
        wait_for(lambda: found() == refused, what="the approval")
    except AssertionError:
        yield f"refused: {found()}"
    answer = client.post("/v1/webhooks", json=body | {"events": sorted(wanted)})
    if answer.status_code != 201:
        yield answer.text


def test_the_page_of_an_app_names_the_bundle_that_it_lacks_until_it_is_approved(
    stack: Stack, administrator: Signed
) -> None:
    """An app that the API made has none."""
    faults = list[str]()
    for scope in (name for name, one in ALL.items() if one.bundle):
        app = stack.register_app([scope])
        page = html.unescape(administrator.get(f"/apps/{app.client_id}").text)
        for text in ("Calls that the app cannot make yet", ALL[scope].bundle, f"/apps/{app.client_id}/approvals"):
            faults += [] if text in page else [f"the page of an app with {scope} lacks {text!r}"]
        stack.govern(app, graphql_bundles=[ALL[scope].bundle])
        page = administrator.get(f"/apps/{app.client_id}").text
        faults += ["it lacks something after the grant"] if "cannot make yet" in page else []
    assert not faults, "\n".join(faults)
