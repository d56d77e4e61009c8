"""Calls each operation once on a running stack and stores the answers that the page's examples lack.
`python -m tests.docs.recording .local/stack.json`, then `make openapi`. An entry deleted from `examples.json` is recorded anew.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.docs.contract import EXAMPLES
from services.auth.apps.rules import DEVICE_CODE
from shared.primitives.ids import new_id
from tests.auth.federation import metadata_of, usual_signer
from tests.control_plane.publishing import CONTENT, jwk, sign
from tests.docs import validating
from tests.epcr.samples import TYPICAL
from tests.support.stack import EVERYDAY_SCOPES, Stack
from tests.support.waiting import wait_for

SECRET = {
    "client_secret",
    "password_link",
    "token",
    "access_token",
    "secret",
    "enrolment_code",
    "credential",
    "device_code",
}
SPO2 = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}
MOST_ITEMS = 2


class Recorder:
    """Stores the first answer of each operation, status and media type, without secrets and with the public host names."""

    def __init__(self, stack: Stack) -> None:
        described = stack.described["hosts"]
        self._names = {
            f"http://{described[host]}:{stack.port}": f"https://{host}.knogin.com" for host in ("auth", "api")
        }
        self.kept: dict[str, dict[str, dict[str, Any]]] = {}

    def keep(self, answer: httpx2.Response) -> Any:
        found = validating.operation_of(answer.request.method, answer.request.url.path)
        assert found is not None, answer.request.url
        assert answer.is_success, answer.text
        media = answer.headers["content-type"].partition(";")[0]
        statuses = self.kept.setdefault(found[1]["operationId"], {})
        statuses.setdefault(str(answer.status_code), {}).setdefault(media, self._shown(answer.json()))
        return answer.json()

    def _shown(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._shown(member, key) for key, member in value.items()}
        if isinstance(value, list):
            return [self._shown(item) for item in value[:MOST_ITEMS]]
        if not isinstance(value, str):
            return value
        if name in SECRET:
            return f"<{name.replace('_', '-')}>"
        for local, public in self._names.items():
            value = value.replace(local, public)
        return value[:24] + "…" if name == "n" else value  # a whole modulus is useless to a reader


def record_apps(stack: Stack, recorder: Recorder) -> str:
    """Records apps and OAuth. Returns a token of the app that it makes."""
    keep, draft = recorder.keep, {"name": "Case sync connector", "grant_types": ["client_credentials"]}
    with stack.client("auth", stack.admin_token) as admin, stack.client("auth") as anyone:
        keep(admin.get("/v1/platform/scopes"))
        keep(admin.get("/v1/platform/me"))
        app = keep(
            admin.post("/v1/platform/apps", json=draft | {"redirect_uris": [], "requested_scopes": EVERYDAY_SCOPES})
        )
        keep(admin.get("/v1/platform/apps"))
        path = f"/v1/platform/apps/{app['client_id']}"
        keep(admin.patch(path, json={"name": "Case sync connector 2"}))
        governance = {"approved_events": ["incident.*", "epcr.*"], "graphql_bundles": ["acqi-reporting"]}
        keep(admin.patch(f"{path}/governance", json=governance | {"allow_service_tokens": True, "enforce_pkce": True}))
        for answer in (admin.get(path), admin.post(f"{path}/disable"), admin.post(f"{path}/enable")):
            keep(answer)
        device = draft | {"grant_types": [DEVICE_CODE], "requested_scopes": ["webhooks:read"]}
        public = admin.post("/v1/platform/apps", json=device | {"token_endpoint_auth_method": "none"}).json()
        keep(anyone.post("/v1/oauth/device_authorization", data={"client_id": public["client_id"]}))
        secret = keep(admin.post(f"{path}/rotate-secret", json={"overlap_seconds": 3600}))["client_secret"]
        keep(admin.post(f"{path}/service-token", json={"scopes": ["webhooks:write"]}))
        keep(admin.get(f"{path}/service-tokens"))
        keep(admin.get("/v1/platform/ending-credentials"))
        token = _record_oauth(anyone, recorder, {"client_id": app["client_id"], "client_secret": secret})
        wait_for(lambda: admin.get(f"{path}/events").json()["events"], what="the refused call to be listed")
        keep(admin.get(f"{path}/events"))
        keep(admin.get(f"{path}/refusals"))
        keep(admin.get(f"{path}/dependents"))
        keep(admin.get(f"{path}/decisions"))
    return token


def record_people(stack: Stack, recorder: Recorder) -> None:
    keep, path = recorder.keep, "/v1/platform/invitations"
    with stack.client("auth", stack.admin_token) as admin:
        keep(admin.get("/v1/platform/roles"))
        email = f"quality-{new_id('x')[-8:]}@riviera.example"
        stack.operate("auth", "user", "create", email, "--tenant", stack.tenant.id, "--role", "integrator")
        user = keep(admin.get("/v1/platform/users", params={"search": email}))["users"][0]["user_id"]
        one = f"/v1/platform/users/{user}"
        keep(admin.get(one))
        keep(admin.put(f"{one}/role", json={"role": "quality_officer"}))
        keep(admin.get(f"{one}/sessions"))
        keep(admin.delete(f"{one}/sessions"))
        for act in ("reset-second-factor", "leave", "enable"):
            keep(admin.post(f"{one}/{act}"))
        invited = f"{path}/{keep(admin.post(path, json={'email': f'new-{email}', 'role': 'quality_officer'}))['id']}"
        keep(admin.get(path))
        keep(admin.get(invited))
        keep(admin.post(f"{invited}/withdraw"))


def record_requests(stack: Stack, recorder: Recorder) -> None:
    keep, path = recorder.keep, "/v1/platform/integration-requests"
    wanted = {"capability": "telephony", "reason": "Routing of our dispatch centre's numbers"}
    with stack.client("auth", stack.other.access_token) as admin:
        asked = keep(admin.post(path, json=wanted | {"details": {"scopes": ["argus:telephony:read"]}}))
        keep(admin.post(f"{path}/{asked['id']}/withdraw"))
        email = f"rehearsals-{asked['id'][-6:]}@county.example"
        made = admin.post(path, json={"capability": "sandbox", "details": {"admin_email": email}}).json()
        stack.operate("auth", "requests", "approve", made["id"], "--reason", "Enjoy the rehearsal")
        keep(admin.get(f"{path}/{made['id']}"))
        keep(admin.post(f"{path}/{made['id']}/credentials"))
        keep(admin.get(path))


def record_sandboxes(stack: Stack, recorder: Recorder) -> None:
    keep, path = recorder.keep, "/v1/platform/sandboxes"
    with stack.client("auth", stack.other.access_token) as admin:
        made = keep(admin.post(path, json={"name": "Trying out", "seed": 1}))
        one = f"{path}/{made['id']}"
        wait_for(lambda: admin.get(one).json()["state"] == "ready", 120, what="the year of the sandbox")
        keep(admin.get(path))
        keep(admin.get(one))
        keep(admin.post(f"{one}/scenarios/arrest"))
        keep(admin.post(f"{one}/clock", json={"seconds": 18_000}))
        wait_for(lambda: admin.get(one).json()["state"] == "ready", 120, what="the clock to be advanced")
        keep(admin.post(f"{one}/reset"))
        assert admin.delete(one).status_code == 204


def _record_oauth(anyone: httpx2.Client, recorder: Recorder, client: dict[str, str]) -> str:
    asked = {"grant_type": "client_credentials"} | client
    anyone.post("/v1/oauth/token", data=asked | {"scope": "argus:telephony:read"})
    token = recorder.keep(anyone.post("/v1/oauth/token", data=asked | {"scope": " ".join(EVERYDAY_SCOPES)}))[
        "access_token"
    ]
    other = anyone.post("/v1/oauth/token", data=asked | {"scope": "webhooks:write"}).json()["access_token"]
    recorder.keep(anyone.post("/v1/oauth/introspect", data=client | {"token": token}))
    recorder.keep(anyone.post("/v1/oauth/revoke", data=client | {"token": other}))
    for path in ("jwks.json", "oauth-authorization-server", "oauth-protected-resource"):
        recorder.keep(anyone.get(f"/.well-known/{path}"))
    recorder.keep(anyone.get("/v1/auth/jwks.json"))
    return token


def record_webhooks(stack: Stack, recorder: Recorder, token: str) -> None:
    keep, draft = recorder.keep, {"url": "https://integrator.example/webhooks/argus", "events": ["incident.updated"]}
    with stack.client("auth", token) as client:
        webhook = keep(client.post("/v1/webhooks", json=draft))
        path = f"/v1/webhooks/{webhook['id']}"
        keep(client.get("/v1/webhooks"))
        keep(client.get(path))
        keep(client.put(path, json={"events": ["incident.updated", "incident.closed"]}))
        delivery = f"{path}/deliveries/{keep(client.post(f'{path}/test'))['delivery_id']}"
        keep(client.post(f"{path}/test?wait=true"))
        wait_for(lambda: client.get(delivery).json()["attempts"], what="the test delivery to be tried")
        for answer in (client.get(f"{path}/deliveries"), client.get(delivery), client.post(f"{delivery}/retry")):
            keep(answer)
        keep(client.post(f"{path}/recover?since=2026-03-23T12:00:00Z"))
        keep(client.post(f"{path}/replays?dry_run=true", json={"status": "failed"}))
        replay = f"{path}/replays/{keep(client.post(f'{path}/replays', json={'status': 'failed'}))['id']}"
        for answer in (client.get(replay), client.get(f"{path}/replays"), client.post(f"{replay}/stop")):
            keep(answer)
        keep(client.post(f"{replay}/resume"))
        keep(client.get(f"{path}/reconciliation"))
        keep(client.get("/v1/deliveries"))
        keep(client.get(f"{path}/health"))
        keep(client.post(f"{path}/rotate-signing-key", json={"overlap_seconds": 3600}))
        filter = {"pointer": "/status", "eq": "closed"}
        keep(client.post("/v1/webhooks/try-filter", json={"events": ["incident.updated"], "filter": filter}))
        keep(client.get("/v1/webhooks/addresses"))
        client.put("/v1/webhooks/contacts", json={"emails": ["ops@integrator.example"]})
        keep(client.get("/v1/webhooks/contacts"))


def record_event_log(stack: Stack, recorder: Recorder, token: str) -> None:
    """After an incident: its event is read by a consumer that begins at the beginning."""
    keep = recorder.keep
    name = f"hospital-inbox-{token[-6:].lower().translate({ord('_'): 'a', ord('-'): 'b'})}"
    with stack.client("auth", token) as client:
        keep(client.post("/v1/consumers", json={"name": name, "start": "beginning"}))
        path = f"/v1/consumers/{name}"
        for answer in (client.get("/v1/consumers"), client.get(path)):
            keep(answer)
        wait_for(lambda: client.get("/v1/events").json()["events"], what="an event")
        keep(client.get(f"/v1/events/{keep(client.get('/v1/events?limit=1'))['events'][0]['id']}"))
        cursor = keep(client.post(f"{path}/read", json={"limit": 1, "wait": 20}))["cursor"]
        keep(client.post(f"{path}/extend", json={"cursor": cursor, "lease_seconds": 120}))
        keep(client.post(f"{path}/commit", json={"cursor": cursor}))
        keep(client.post(f"{path}/seek", json={"to": "end"}))
        client.delete(path)


def record_clinical(stack: Stack, recorder: Recorder, token: str) -> None:
    keep, encounters, devices = recorder.keep, "/api/v1/epcr/encounters", "/api/v1/devices"
    contract = validating.contract()["paths"]
    minimum = contract[encounters]["post"]["requestBody"]["content"]["application/json"]["example"]
    query = contract["/graphql"]["post"]["requestBody"]["content"]["application/json"]["example"]
    number = token[-6:]  # new each time, so that a second recording works
    with stack.client("api", token) as client:
        keep(client.get("/api/v1/graphql/bundles"))
        keep(client.post("/graphql", json=query))
        march = {"from_date": "2026-03-01", "to_date": "2026-04-01"}
        keep(client.get("/api/v1/acqi/measure-reports", params=march, headers={"accept": "application/fhir+json"}))
        keep(client.get("/api/v1/acqi/indicators/rosc_at_hospital/encounters", params=march))
        record_reports(stack, recorder, client)
        begun = keep(client.post(encounters, json=minimum | {"cad_incident_id": f"cad_{number}"}))
        whole = client.post(encounters, json=TYPICAL | {"cad_incident_id": f"cad_2{number}"}).json()
        keep(client.get(encounters))
        keep(client.get(f"{encounters}/{whole['id']}"))
        keep(client.get(f"{encounters}/{begun['id']}/fhir-bundle"))
        enrolment = {"serial_number": f"SN-{number}", "device_class": "multiparameter", "manufacturer": "ACME"}
        device = keep(client.post(f"{devices}/enrol", json=enrolment))
        keep(client.post(f"{devices}/enrol", json=enrolment | {"vehicle_id": "AMB-42"}))
        path = f"{devices}/{device['id']}"
        for answer in (
            client.get(devices),
            client.get(f"{devices}/vehicles"),
            client.get(path),
            client.patch(path, json={"vehicle_id": "AMB-43"}),
        ):
            keep(answer)
        observation = keep(client.post(f"{path}/observations", json=SPO2))
        keep(client.get(f"{path}/observations"))
        keep(client.get(f"{path}/observations/{observation['id']}"))
        unknown = SPO2 | {"mdc_code": "MDC_X"}
        keep(client.post(f"{path}/observations:batch", json={"observations": [SPO2 | {"value": 97.5}, unknown]}))


def record_reports(stack: Stack, recorder: Recorder, client: httpx2.Client) -> None:
    keep, path, schedules = recorder.keep, "/api/v1/acqi/reports", "/api/v1/acqi/report-schedules"
    report = keep(client.post(path, json={"period": "quarter", "from_date": "2026-07-01"}))["id"]
    wait_for(lambda: client.get(f"{path}/{report}").json()["state"] == "ready", what="the report to be made")
    for answer in (client.get(f"{path}/{report}"), client.get(path)):
        keep(answer)
    with stack.client("api", stack.admin_token) as admin:
        made = keep(admin.post(schedules, json={"every": "month", "day": 5}))["id"]
        keep(admin.patch(f"{schedules}/{made}", json={"paused": True}))
        keep(client.get(schedules))
        keep(client.get(f"{schedules}/{made}"))


def record_handover(stack: Stack, recorder: Recorder) -> None:
    keep, base, number = recorder.keep, "/api/v1/epcr", new_id("x")[-6:]
    contract = validating.contract()["paths"]

    def example(path: str, method: str = "post") -> dict[str, Any]:
        return contract[base + path][method]["requestBody"]["content"]["application/json"]["example"]

    hospital = stack.register_app(["argus:epcr:handover", "argus:epcr:outcome"])
    draft = example("/destinations") | {"client_id": hospital.client_id, "code": number}
    token = stack.token(hospital, "argus:epcr:handover argus:epcr:outcome")
    with stack.client("api", stack.admin_token) as admin, stack.client("api", token) as app:
        keep(admin.put(f"{base}/sender", json=example("/sender", "put")))
        keep(admin.get(f"{base}/sender"))
        wait_for(lambda: admin.post(f"{base}/destinations", json=draft).status_code == 201, what="the app to be known")
        made = keep(admin.get(f"{base}/destinations", params={"code": number}))["destinations"][0]
        destination = f"{base}/destinations/{made['id']}"
        keep(admin.get(destination))
        keep(admin.patch(destination, json={"readable_days": 14}))
        begun = admin.post(f"{base}/encounters", json=TYPICAL | {"cad_incident_id": f"cad_3{number}"}).json()
        path, named = f"{base}/encounters/{begun['id']}", {"destination_id": made["id"]}
        emergency = example("/encounters/{encounter_id}/handover/emergency") | named
        keep(app.post(f"{path}/handover/emergency", json=emergency))
        keep(admin.get(f"{base}/emergencies"))
        keep(admin.put(f"{path}/destination", json=named))
        keep(admin.get(f"{path}/destination"))
        keep(app.get(f"{base}/arrivals"))
        keep(app.get(f"{path}/handover"))
        keep(app.post(f"{path}/outcome", json=example("/encounters/{encounter_id}/outcome")))
        keep(app.get(f"{path}/outcome"))
        keep(admin.get(f"{path}/disclosures"))
        other = draft | {"code": f"{number}-2"}
        second = keep(admin.post(f"{base}/destinations", json=other))
        assert admin.delete(f"{base}/destinations/{second['id']}").status_code == 204


def record_automations(stack: Stack, recorder: Recorder) -> None:
    keep, path = recorder.keep, "/api/v1/platform/automations"
    app = stack.register_app(["argus:platform:write", "argus:incidents:write"])
    stack.govern(app, approved_events=["incident.*", "automation.fired"], graphql_bundles=["incident-management"])
    draft = validating.contract()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
    with stack.client("api", stack.token(app, "argus:platform:write argus:incidents:write")) as client:
        wait_for(lambda: client.post(path, json=draft | {"enabled": False}).status_code == 201, what="the approval")
        made = keep(client.post(path, json=draft))
        one = f"{path}/{made['id']}"
        for answer in (client.get(path), client.get(one), client.patch(one, json={"name": "Tell the ward"})):
            keep(answer)
        _open_incidents_until(client, lambda: client.get(f"{path}/runs?status=dead").json()["runs"])
        [run, *_] = keep(client.get(f"{path}/runs?status=dead"))["runs"]
        keep(client.get(f"{one}/runs"))
        keep(client.get(f"{path}/runs/{run['id']}"))
        keep(client.post(f"{path}/runs/{run['id']}/retry"))
        assert client.delete(one).status_code == 204


def _open_incidents_until(client: httpx2.Client, condition: Callable[[], Any]) -> None:
    """Repeats, because the first incident may come before the dispatcher has the automation's interest and its webhook."""
    bundle = next(
        one for one in client.get("/api/v1/graphql/bundles").json()["bundles"] if one["name"] == "incident-management"
    )
    document = next(one["document"] for one in bundle["operations"] if one["name"] == "CreateIncident")
    incident = {"query": document, "variables": {"input": {"type": "fire", "priority": "high"}}}

    def opened() -> Any:
        client.post("/graphql", json=incident)
        return condition()

    wait_for(opened, what="a run")


def record_agents(stack: Stack, recorder: Recorder) -> None:
    keep, path = recorder.keep, "/api/v1/platform/agents"
    now = datetime.now(UTC).isoformat()
    with stack.client("api", stack.app_token("argus:platform:write")) as client, stack.client("api") as edge:
        package = release_for_agents(client)
        draft = {"name": "Gateway box", "vehicle_id": "AMB-42", "packages": [package]}
        made = keep(client.post(path, json=draft))
        credential = edge.post(f"{path}/enrol", json={"code": made["enrolment_code"]})
        bearer = {"authorization": f"Bearer {keep(credential)['credential']}"}
        answer = keep(edge.post(f"{path}/heartbeat", json={"sent_at": now, "agent_version": "2.1.0"}, headers=bearer))
        download_in_parts(edge, answer["desired"][0], bearer)
        one = f"{path}/{made['id']}"
        for answer in (client.get(path), client.get(one), client.patch(one, json={"vehicle_id": "AMB-43"})):
            keep(answer)
        keep(client.post(f"{one}/enrolment-code"))
        keep(client.post(f"{one}/revoke"))


def release_for_agents(client: httpx2.Client) -> str:
    """The id of an edge package with a live version in production."""
    base, key = "/api/v1/platform", Ed25519PrivateKey.generate()

    def made(path: str, body: Any) -> Any:
        answer = client.post(base + path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    key_id = made("/signing-keys", {"name": "build server", "jwk": jwk(key)})["id"]
    package = made("/packages", {"name": f"gateway-box-{new_id('x')[-6:]}", "kind": "edge"})["id"]
    number = "1.4.0+box.7"
    manifest = {"version": number, "kind": "edge", "entry": "bin/start", "key_id": key_id}
    manifest |= {"content_sha256": hashlib.sha256(CONTENT).hexdigest()}
    made(f"/packages/{package}/versions", manifest | {"signature": sign(key, package, manifest)})
    octets = {"content-type": "application/octet-stream"}
    sent = client.put(f"{base}/packages/{package}/versions/{number}/content", content=CONTENT, headers=octets)
    assert sent.is_success, sent.text
    release = made("/releases", {"package_id": package, "version": number, "environment": "production"})["id"]
    for step in ("approve", "promote"):
        assert client.post(f"{base}/releases/{release}/{step}").is_success
    return package


def download_in_parts(edge: httpx2.Client, release: dict[str, Any], bearer: dict[str, str]) -> None:
    """Downloads like an agent whose connection breaks half way. The answers are bytes and no examples."""
    url, tag = release["content_url"], f'"{release["content_sha256"]}"'
    half = release["size"] // 2
    first = edge.get(url, headers=bearer | {"range": f"bytes=0-{half - 1}"})
    rest = edge.get(url, headers=bearer | {"range": f"bytes={half}-", "if-range": tag})
    assert (first.status_code, rest.status_code, first.content + rest.content) == (206, 206, CONTENT)
    assert edge.get(url, headers=bearer).content == CONTENT
    size = edge.head(url, headers=bearer)
    assert (size.status_code, size.headers["content-length"]) == (200, str(len(CONTENT)))
    assert edge.get(url, headers=bearer | {"if-none-match": tag}).status_code == 304
    past = edge.get(url, headers=bearer | {"range": f"bytes={release['size']}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{release['size']}")


def record_packages(stack: Stack, recorder: Recorder) -> None:
    """Records a package from its key to the download of its content. Signs with a new key: the example's private key is not known."""
    keep, base = recorder.keep, "/api/v1/platform"
    mark = new_id("x")[-6:]
    app = stack.register_app(["argus:platform:write", "webhooks:write"])
    token = stack.token(app, "argus:platform:write")
    with stack.client("api", token) as client, stack.client("api", stack.admin_token) as admin:
        key = Ed25519PrivateKey.generate()
        registered = keep(client.post(f"{base}/signing-keys", json={"name": "build server", "jwk": jwk(key)}))
        package = keep(client.post(f"{base}/packages", json={"name": f"ward-board-{mark}", "kind": "connector"}))
        path = f"{base}/packages/{package['id']}"
        example = validating.contract()["paths"][f"{base}/packages/{{package_id}}/versions"]["post"]["requestBody"]
        manifest = example["content"]["application/json"]["example"] | {"key_id": registered["id"]}
        manifest |= {"content_sha256": hashlib.sha256(CONTENT).hexdigest()}
        del manifest["signature"]
        version = f"{path}/versions/{manifest['version']}"
        keep(client.post(f"{path}/versions", json=manifest | {"signature": sign(key, package["id"], manifest)}))
        octets = {"content-type": "application/octet-stream"}
        keep(client.put(f"{version}/content", content=CONTENT, headers=octets))
        for place in (f"{base}/signing-keys", f"{base}/signing-keys/{registered['id']}", f"{base}/packages", path):
            keep(client.get(place))
        for place in (f"{path}/versions", version):
            keep(client.get(place))
        release = record_releases(recorder, client, admin, package["id"], manifest["version"])
        record_marketplace(recorder, client, admin, release)


def record_releases(recorder: Recorder, client: httpx2.Client, admin: httpx2.Client, package: str, version: str) -> str:
    """Records releases. Returns the one that is live in production at the end."""
    keep, base = recorder.keep, "/api/v1/platform/releases"
    draft = {"package_id": package, "version": version}
    refused = client.post(base, json=draft | {"environment": "sandbox"}).json()["id"]
    keep(admin.post(f"{base}/{refused}/reject", json={"reason": "The ward is not ready"}))
    taken_back = client.post(base, json=draft | {"environment": "sandbox"}).json()["id"]
    for step in ("approve", "promote"):
        admin.post(f"{base}/{taken_back}/{step}").raise_for_status()
    keep(admin.post(f"{base}/{taken_back}/rollback", json={"reason": "Numbers are missing"}))
    release = keep(client.post(base, json=draft | {"environment": "production"}))["id"]
    keep(admin.post(f"{base}/{release}/approve", json={"reason": "Tried in the sandbox for a week"}))
    keep(client.post(f"{base}/{release}/promote", json={"reason": "Go"}))
    keep(client.get(base))
    keep(client.get(f"{base}/{release}"))
    return release


def record_marketplace(recorder: Recorder, client: httpx2.Client, admin: httpx2.Client, release: str) -> None:
    keep, base = recorder.keep, "/api/v1/platform"
    draft = {"release_id": release, "title": "Ward board", "description": "Tells the wards what is on its way"}
    listing = keep(client.post(f"{base}/listings", json=draft))
    keep(client.post(f"{base}/listings", json=draft))
    keep(client.get(f"{base}/listings?own=true"))
    keep(client.get(f"{base}/listings/{listing['id']}"))
    consent = {
        "listing_id": listing["id"],
        "version": listing["version"],
        "consented_scopes": listing["scopes"],
        "consented_event_types": listing["event_types"],
        "consented_bundles": listing["graphql_bundles"],
    }
    path = f"{base}/installations/{keep(admin.post(f'{base}/installations', json=consent))['id']}"
    wait_for(lambda: admin.get(path).json()["status"] == "active", what="the app to be made")
    keep(admin.get(path))
    keep(admin.get(f"{base}/installations"))
    assert admin.get(f"{path}/content").content == CONTENT
    keep(admin.post(f"{path}/uninstall"))
    assert client.delete(f"{base}/listings/{listing['id']}").status_code == 204


def record_saml(stack: Stack, recorder: Recorder) -> None:
    """Records a connection of the demo tenant. Writes to the database the results of an operator, a DNS server and a person."""
    keep, connections = recorder.keep, "/v1/saml/connections"
    database = stack.described["services"]["auth"]["migration_database_url"]
    with psycopg.connect(database, autocommit=True) as owner, stack.client("auth", stack.admin_token) as admin:
        owner.execute("UPDATE tenants SET federation = true WHERE tenant_id = %s", (stack.tenant.id,))
        metadata = metadata_of("https://idp.integrator.example/metadata", usual_signer())
        keep(admin.post("/v1/saml/metadata", json={"metadata_xml": metadata}))
        made = keep(admin.post(connections, json={"name": "Our directory", "metadata_xml": metadata}))
        path = f"{connections}/{made['id']}"
        domain = keep(admin.post(f"{path}/domains", json={"domain": "integrator.example"}))["domain"]
        keep(admin.get(f"{path}/domains/{domain}"))
        owner.execute("UPDATE saml_domains SET verified_at = now() WHERE connection_id = %s", (made["id"],))
        owner.execute(
            """INSERT INTO saml_identities (connection_id, name_id, tenant_id, user_id)
            SELECT %s, 'x', tenant_id, user_id FROM users WHERE tenant_id = %s LIMIT 1""",
            (made["id"], stack.tenant.id),
        )
        mapping = {"attribute_mapping": {"roles": "groups"}, "role_mapping": {"dispatchers": ["argus:incidents:write"]}}
        with stack.client("auth") as anyone:
            anyone.post(f"/v1/saml/{made['id']}/acs", data={"SAMLResponse": "x"})
        wait_for(lambda: admin.get(f"{path}/events").json()["events"], what="the refused answer to be listed")
        for answer in (
            admin.post(f"{path}/domains/{domain}/prove"),
            admin.patch(path, json=mapping),
            admin.get(path),
            admin.get(connections),
            admin.get(f"{path}/events"),
            admin.get(f"{path}/users"),
            admin.get("/v1/saml/policy"),
            admin.put("/v1/saml/policy", json={"enforced": False}),
        ):
            keep(answer)
        admin.delete(path)


def record_everything(stack: Stack, recorder: Recorder) -> None:
    token = record_apps(stack, recorder)
    record_people(stack, recorder)
    record_requests(stack, recorder)
    record_sandboxes(stack, recorder)
    record_saml(stack, recorder)
    record_webhooks(stack, recorder, token)
    record_clinical(stack, recorder, token)
    record_event_log(stack, recorder, token)
    record_handover(stack, recorder)
    record_packages(stack, recorder)
    record_automations(stack, recorder)
    record_agents(stack, recorder)


def main(file: Path) -> None:
    stack = Stack(file)
    recorder = Recorder(stack)
    record_everything(stack, recorder)
    known = json.loads(EXAMPLES.read_text())
    EXAMPLES.write_text(json.dumps(recorder.kept | known, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
