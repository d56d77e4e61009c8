"""One organisation publishes a package, another installs it, and an incident of the other starts its automation, in one trace."""

import hashlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.control_plane.app import PUBLIC, routes
from shared.primitives.ids import new_id
from tests.control_plane.publishing import jwk, sign
from tests.e2e.test_automations import BUNDLE, held, is_whole
from tests.support.receiver import SECRET, Received, Receiver, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

PLATFORM = "/api/v1/platform"
CONTENT = b"what the package holds"
FIRED = ["incident.created", "automation.fired"]
TEMPLATE = {
    "name": "Tell the ward of urgent incidents",
    "trigger": {"event_type": "incident.created", "filter": {"pointer": "/priority", "in": ["critical", "high"]}},
    "action": {"kind": "webhook", "fields": {"number": {"from": "/number"}}},
}


class Publisher:
    """An app of the demo tenant with a signing key and a package that brings an automation."""

    def __init__(self, stack: Stack) -> None:
        self.api = stack.client("api", token=stack.app_token("argus:platform:write"))
        # In a new stack, control-plane may not have the grant yet.
        wait_for(lambda: self.api.get(f"{PLATFORM}/packages").is_success, what="the grant to arrive")
        self.key = Ed25519PrivateKey.generate()
        self.key_id = self.made("/signing-keys", {"name": "build server", "jwk": jwk(self.key)})["id"]
        package = {"name": f"ward-alerts-{new_id('pkg')[-10:]}", "kind": "automations"}
        self.package_id = self.made("/packages", package)["id"]

    def made(self, path: str, body: Any) -> Any:
        answer = self.api.post(PLATFORM + path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def approved_release(self, version: str) -> str:
        """Makes a release of a new version and approves it for production. Returns its path."""
        manifest = {
            "version": version,
            "kind": "automations",
            "entry": "automations.json",
            "content_sha256": hashlib.sha256(CONTENT).hexdigest(),
            "key_id": self.key_id,
            "scopes": ["webhooks:write"],
            "event_types": FIRED,
            "automations": [TEMPLATE],
        }
        versions = f"/packages/{self.package_id}/versions"
        self.made(versions, manifest | {"signature": sign(self.key, self.package_id, manifest)})
        octets = {"content-type": "application/octet-stream"}
        self.api.put(f"{PLATFORM}{versions}/{version}/content", content=CONTENT, headers=octets).raise_for_status()
        draft = {"package_id": self.package_id, "version": version, "environment": "production"}
        release = f"{PLATFORM}/releases/{self.made('/releases', draft)['id']}"
        self.api.post(f"{release}/approve").raise_for_status()
        return release

    def promote(self, release: str) -> int:
        return self.api.post(f"{release}/promote").status_code


class Organisation:
    """The test's own tenant, with an administrator's app from an operator."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.tenant_id = stack.operate("auth", "tenant", "create", "Valley Ambulance Service")
        stack.operate("auth", "scopes", "grant-bundles", self.tenant_id, "incident-management")

    def administrator(self, *scopes: str) -> str:
        """A token of a new first-party app with these scopes."""
        made = self.stack.operate("auth", "first-party", "create", self.tenant_id, "Administration", *scopes)
        return self.stack.token(App(*made.split()), " ".join(scopes))

    def is_granted_the_control_plane(self) -> None:
        """Asks for the control plane, as its refusal advises; an operator approves the request."""
        with self.stack.client("auth", token=self.administrator("platform:apps")) as admin:
            asked = admin.post("/v1/platform/integration-requests", json={"capability": "platform_api"})
            assert asked.status_code == 201, asked.text
        self.stack.operate("auth", "requests", "approve", asked.json()["id"])

    def dispatcher(self, admin_token: str) -> httpx2.Client:
        """An app that opens incidents and has nothing to do with packages."""
        app = self.stack.register_app(["argus:incidents:write"], admin_token)
        self.stack.govern(app, admin_token, graphql_bundles=["incident-management"])
        return self.stack.client("api", token=self.stack.token(app, "argus:incidents:write"))


class Installed:
    """The package in the second organisation, with a webhook for the events of its automation."""

    def __init__(self, organisation: Organisation, listing: dict[str, Any], listening: Receiver) -> None:
        self.organisation, self.listening = organisation, listening
        stack = organisation.stack
        self.admin_token = organisation.administrator("platform:apps", "argus:platform:write")
        self.api = stack.client("api", token=self.admin_token)
        self.installation = self.install(listing)
        self.path = f"{PLATFORM}/installations/{self.installation['id']}"
        self.token = self._token(stack)
        self.subscribe(stack)
        self.incidents = organisation.dispatcher(self.admin_token)

    def install(self, listing: dict[str, Any]) -> dict[str, Any]:
        listed = wait_for(
            lambda: (
                answer.json() if (answer := self.api.get(f"{PLATFORM}/listings/{listing['id']}")).is_success else None
            ),
            what="the grant to arrive",
        )
        assert listed["scopes"] == ["webhooks:write"]
        consent = {
            "listing_id": listed["id"],
            "version": listed["version"],
            "consented_scopes": listed["scopes"],
            "consented_event_types": listed["event_types"],
            "consented_bundles": listed["graphql_bundles"],
        }
        assert self.api.post(f"{PLATFORM}/installations", json=consent | {"consented_scopes": []}).status_code == 422
        answer = self.api.post(f"{PLATFORM}/installations", json=consent)
        assert answer.status_code == 201, answer.text
        path = f"{PLATFORM}/installations/{answer.json()['id']}"
        return wait_for(lambda: it if (it := self.api.get(path).json())["status"] == "active" else None, what="the app")

    def _token(self, stack: Stack) -> str:
        """A token of the app, which gets its first secret when an administrator asks for one."""
        client_id = self.installation["client_id"]
        with stack.client("auth", token=self.admin_token) as admin:
            rotated = admin.post(f"/v1/platform/apps/{client_id}/rotate-secret").json()
        return stack.token(App(client_id, rotated["client_secret"]), "webhooks:write")

    def subscribe(self, stack: Stack) -> None:
        stack.subscribe(self.token, self.listening.url, "automation.fired", secret=SECRET)
        wait_for(self._is_heard_of, what="the dispatcher to hear of the automation")

    def _is_heard_of(self) -> bool:
        with self.organisation.stack.database("webhook-dispatcher", "admin") as conn:
            found = conn.execute(
                "SELECT FROM automation_interest WHERE tenant_id = %s AND event_types = '{incident.created}'",
                (self.organisation.tenant_id,),
            )
            return found.rowcount == 1

    @property
    def automation(self) -> dict[str, Any]:
        """The automation from the package, as the administrator sees it."""
        query = {"client_id": self.installation["client_id"]}
        [automation] = self.api.get(f"{PLATFORM}/automations", params=query).json()["automations"]
        return automation

    def open_incident(self, priority: str = "high") -> tuple[str, str]:
        """Opens an incident. Returns its id and the trace id of the call."""
        document = (BUNDLE / "CreateIncident.graphql").read_text()
        body = {"query": document, "variables": {"input": {"type": "medical", "priority": priority}}}

        def opened() -> httpx2.Response | None:
            answer = self.incidents.post("/graphql", json=body)
            return answer if "errors" not in answer.json() else None

        answer = wait_for(opened, what="an incident")
        return answer.json()["data"]["createIncident"]["id"], answer.headers["x-trace-id"]

    def arrivals_of(self, incident_id: str) -> list[Received]:
        return self.listening.about(incident_id)

    def runs(self) -> list[dict[str, Any]]:
        return self.api.get(f"{PLATFORM}/automations/{self.automation['id']}/runs").json()["runs"]

    def close(self) -> None:
        self.api.close()
        self.incidents.close()


@pytest.fixture(scope="module")
def publisher(stack: Stack) -> Iterator[Publisher]:
    publisher = Publisher(stack)
    yield publisher
    publisher.api.close()


@pytest.fixture(scope="module")
def listing(publisher: Publisher) -> dict[str, Any]:
    """A listing of a live release."""
    release = publisher.approved_release("1.0.0")
    assert publisher.promote(release) == 200
    draft = {"release_id": release.rpartition("/")[2], "title": "Ward alerts"}
    return publisher.made("/listings", draft)


@pytest.fixture(scope="module")
def installed(stack: Stack, listing: dict[str, Any]) -> Iterator[Installed]:
    organisation = Organisation(stack)
    organisation.is_granted_the_control_plane()
    with running(Receiver()) as listening:
        installed = Installed(organisation, listing, listening)
        yield installed
        installed.close()


def test_an_incident_of_the_second_organisation_reaches_the_packages_webhook_in_one_trace(
    stack: Stack, installed: Installed, listing: dict[str, Any]
) -> None:
    incident_id, trace_id = installed.open_incident()
    [arrival] = wait_for(lambda: installed.arrivals_of(incident_id), what="the webhook")
    body: Any = arrival.verified_by(SECRET)
    assert arrival.trace_id == trace_id
    assert body["type"] == "automation.fired"
    assert body["data"]["automation_id"] == installed.automation["id"]
    assert body["data"]["fields"] == {"number": body["data"]["event"]["number"]}
    [run] = wait_for(lambda: [run for run in installed.runs() if run["status"] == "succeeded"], what="the run")
    assert (run["trace_id"], run["result"]) == (trace_id, {"event_id": arrival.id})
    services = {"gateway", "graphql-api", "webhook-dispatcher", "control-plane"}
    wait_for(lambda: services <= {span.service for span in stack.spans(trace_id)}, what="the spans")
    wait_for(lambda: is_whole(stack, trace_id), what="the whole trace")
    assert [span.service for span in stack.spans(trace_id) if span.parent_id is None] == ["gateway"]
    assert installed.automation["scopes"] == listing["scopes"]


def test_what_the_filter_does_not_let_through_and_what_happens_to_the_publisher_set_nothing_off(
    stack: Stack, installed: Installed
) -> None:
    low, _ = installed.open_incident("low")
    high, _ = installed.open_incident()
    wait_for(lambda: installed.arrivals_of(high), what="the webhook")
    assert installed.arrivals_of(low) == []
    assert {run["event_type"] for run in installed.runs()} == {"incident.created"}


def test_a_worker_killed_in_the_middle_of_a_run_has_one_effect(stack: Stack, installed: Installed) -> None:
    statement = "SELECT FROM automations WHERE id = %s FOR UPDATE"
    with held(stack, "control-plane", statement, installed.automation["id"]) as is_waited_for:
        incident_id, _ = installed.open_incident()
        wait_for(is_waited_for, what="the worker to be in the middle of it")
        stack.kill("control-plane", "worker")
    assert len(wait_for(lambda: installed.arrivals_of(incident_id), what="the webhook")) == 1
    dispatcher = stack.pid("webhook-dispatcher", "worker")
    os.kill(dispatcher, signal.SIGSTOP)
    incident_id, _ = installed.open_incident()
    stack.kill("webhook-dispatcher", "worker")
    wait_for(lambda: installed.arrivals_of(incident_id), what="the webhook")
    wait_for(lambda: all(run["status"] == "succeeded" for run in installed.runs()), what="every run to be over")
    assert len(installed.arrivals_of(incident_id)) == 1


def test_of_two_simultaneous_promotions_one_wins_and_the_other_is_409(publisher: Publisher) -> None:
    releases = [publisher.approved_release(version) for version in ("2.0.0", "2.0.1")]
    with ThreadPoolExecutor(2) as both:
        statuses = list(both.map(publisher.promote, releases))
    assert sorted(statuses) == [200, 409]
    live = publisher.api.get(
        f"{PLATFORM}/releases?package_id={publisher.package_id}&environment=production&status=live"
    )
    assert [f"{PLATFORM}/releases/{one['id']}" for one in live.json()["releases"]] == [releases[statuses.index(200)]]


def test_without_the_grant_every_route_is_403_with_how_to_ask_for_it(stack: Stack) -> None:
    with stack.client("api", token=Organisation(stack).administrator("platform:apps", "argus:platform:write")) as api:
        known = {route.path for route in routes if route.path.startswith(PLATFORM)}
        paths = sorted(path for path in known if not PUBLIC.fullmatch(path))
        for path in paths:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                answer = api.request(method, path.replace("{", "").replace("}", ""))
                assert answer.status_code == 403, f"{method} {path}"
                assert answer.json()["type"].endswith("#access-on-request")
                assert answer.json()["capability"] == "platform_api"


def test_uninstalling_ends_the_apps_tokens_at_once_and_stops_its_automation(stack: Stack, installed: Installed) -> None:
    with stack.client("auth", token=installed.token) as app:
        assert app.get("/v1/webhooks").status_code == 200
        assert installed.api.post(f"{installed.path}/uninstall").status_code == 202
        wait_for(lambda: app.get("/v1/webhooks").status_code == 401, what="its token to end")
    wait_for(lambda: installed.api.get(installed.path).json()["status"] == "uninstalled", what="the app to be gone")
    automation = installed.automation
    assert automation["enabled"] is False
    before = len(installed.runs())
    incident_id, _ = installed.open_incident()
    wait_for(lambda: was_accepted(stack, incident_id), what="the event")
    assert len(installed.runs()) == before
    assert installed.arrivals_of(incident_id) == []


ACCEPTED = """
    SELECT FROM outbox WHERE consumer = 'webhook_dispatcher' AND body::text LIKE %s AND acknowledged_at IS NOT NULL
"""


def was_accepted(stack: Stack, incident_id: str) -> bool:
    """Whether webhook-dispatcher accepted the event. It does not store an event without a subscription."""
    with stack.database("graphql-api", "admin") as conn:
        return conn.execute(ACCEPTED, (f"%{incident_id}%",)).rowcount > 0
