"""Each purpose of the form for a new app, on a whole stack: the first call of the app that the form makes works."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from services.console.apps import guide
from shared.primitives.ids import new_id, uuid7
from shared.web.scopes import ALL
from tests.console.through import Signed
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

CHOSEN = re.compile(r'<input[^>]* name="scopes" value="([^"]+)" checked')
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
    hook = {"url": "https://integrator.example/hook", "events": ["incident.created"]}
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


def made(administrator: Signed, purpose: guide.Purpose) -> tuple[App, list[str], str]:
    """The app of the form with this purpose ticked, the scopes that the form chose, and the app's page."""
    step = administrator.get(f"/apps/new?name=For+{purpose.name}&do={purpose.name}&kind=server").text
    scopes = CHOSEN.findall(step)
    form = {"kind": "server", "name": f"For {purpose.name}", "scopes": scopes, "auth": "secret", "once": str(uuid7())}
    answer = wait_for(
        lambda: found if (found := administrator.post("/apps/new", form)).status_code != 429 else None, what="the app"
    )
    assert answer.status_code == 303, html.unescape(answer.text)
    shown = dict.fromkeys(SHOWN.findall(administrator.get(answer.headers["location"]).text))
    client_id = next(one for one in shown if one.startswith("app_"))
    secret = next(one for one in shown if one.startswith("kns_"))
    return App(client_id, secret), scopes, html.unescape(administrator.get(f"/apps/{client_id}").text)


def test_the_first_call_of_each_ticked_purpose_works_and_no_page_says_that_something_lacks(
    stack: Stack, administrator: Signed
) -> None:
    calls, faults = first_calls(), []
    assert calls.keys() == {purpose.name for purpose in guide.PURPOSES}
    for purpose in guide.PURPOSES:
        app, scopes, page = made(administrator, purpose)
        if "Calls that the app cannot make yet" in page:
            faults.append(f"{purpose.name}: the page says that the app lacks something")
        with stack.client("api", stack.token(app, " ".join(scopes))) as client:
            complaint = calls[purpose.name](client)
        faults += [f"{purpose.name}: {complaint}"] if complaint else []
    assert not faults, "\n".join(faults)


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
