"""Schemathesis sends valid and invalid requests through the gateway; the contract must describe every answer.

It is a separate program in its own environment: `make fuzz` installs and runs it.
"""

import copy
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.primitives.ids import new_id
from tests.control_plane.publishing import CONTENT, jwk, sign
from tests.docs import validating
from tests.support.stack import EVERYDAY_SCOPES, App, Stack
from tests.support.waiting import wait_for

SCHEMATHESIS = shutil.which("schemathesis")
EXAMPLES = 50
PLATFORM = "/api/v1/platform"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)
pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.skipif(SCHEMATHESIS is None, reason="schemathesis is not on PATH: `make fuzz` installs it"),
]


class Ground(NamedTuple):
    """Tokens, and ids of existing resources."""

    admin_token: str
    app: App
    token: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def ground(stack: Stack) -> Ground:
    app, victim = stack.register_app(EVERYDAY_SCOPES), stack.register_app(["webhooks:write"])
    token = stack.token(app, " ".join(EVERYDAY_SCOPES))
    with stack.client("auth", stack.admin_token) as admin, stack.client("auth", token) as auth:
        minted = admin.post(f"/v1/platform/apps/{victim.client_id}/service-token").json()
        hook = {"url": "http://127.0.0.1:9/", "events": ["incident.created"]}
        webhook = auth.post("/v1/webhooks", json=hook).json()
        test = auth.post(f"/v1/webhooks/{webhook['id']}/test").json()
    ids = {"client_id": victim.client_id, "token_id": minted["id"], "webhook_id": webhook["id"]}
    ids |= {"delivery_id": test["delivery_id"]} | _clinical(stack, token) | _platform(stack)
    return Ground(stack.admin_token, app, token, ids)


def _clinical(stack: Stack, token: str) -> dict[str, str]:
    spo2 = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}
    draft = {
        "care_model": "event_medical",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": "cad_fuzz",
    }
    with stack.client("api", token) as api:
        encounter = api.post("/api/v1/epcr/encounters", json=draft).json()
        enrolment = {"serial_number": "SN-FUZZ", "device_class": "oximeter"}
        device = api.post("/api/v1/devices/enrol", json=enrolment).json()
        observation = api.post(f"/api/v1/devices/{device['id']}/observations", json=spo2).json()
    encounter_id = encounter.get("id") or encounter["encounter_id"]
    return {"encounter_id": encounter_id, "device_id": device["id"], "observation_id": observation["id"]}


def _platform(stack: Stack) -> dict[str, str]:
    """Makes a package with a live, listed version, owned by an app of the administrator's organisation. Returns the ids."""
    mark = new_id("x")[-8:]
    with stack.client("api", stack.app_token("argus:platform:write")) as api:

        def made(path: str, body: Any) -> Any:
            answer = api.post(PLATFORM + path, json=body)
            assert answer.status_code == 201, answer.text
            return answer.json()

        wait_for(lambda: api.get(f"{PLATFORM}/packages").is_success, what="the grant to arrive")
        key = Ed25519PrivateKey.generate()
        key_id = made("/signing-keys", {"name": "fuzz", "jwk": jwk(key)})["id"]
        package_id = made("/packages", {"name": f"fuzz-{mark}", "kind": "connector"})["id"]
        digest = hashlib.sha256(CONTENT).hexdigest()
        manifest = {"version": "1.0.0", "kind": "connector", "entry": "x", "content_sha256": digest, "key_id": key_id}
        versions = f"/packages/{package_id}/versions"
        made(versions, manifest | {"signature": sign(key, package_id, manifest)})
        octets = {"content-type": "application/octet-stream"}
        api.put(f"{PLATFORM}{versions}/1.0.0/content", content=CONTENT, headers=octets).raise_for_status()
        draft = {"package_id": package_id, "version": "1.0.0", "environment": "production"}
        release_id = made("/releases", draft)["id"]
        for step in ("approve", "promote"):
            api.post(f"{PLATFORM}/releases/{release_id}/{step}").raise_for_status()
        listing_id = made("/listings", {"release_id": release_id, "title": "Fuzz"})["id"]
    ids = {"key_id": key_id, "package_id": package_id, "version": "1.0.0"}
    return ids | {"release_id": release_id, "listing_id": listing_id}


def narrowed(ids: dict[str, str]) -> dict[str, Any]:
    """The contract with one server, in which path ids are sometimes those of existing resources."""
    document = copy.deepcopy(validating.contract())
    del document["webhooks"], document["servers"]
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter.get("in") == "path":
                    parameter["schema"] = {"type": "string", "enum": [ids.get(parameter["name"], "no_id"), "none"]}
                    parameter.pop("example", None)
    return document


def bearer(choose: Callable[[Ground], str]) -> Callable[[Ground], list[str]]:
    return lambda ground: ["--header", f"Authorization: Bearer {choose(ground)}"]


@pytest.mark.parametrize(
    ("host", "paths", "credentials"),
    [
        pytest.param("auth", "^/v1/platform", bearer(lambda ground: ground.admin_token), id="platform"),
        pytest.param(
            "auth",
            "^/(v1/webhooks|v1/deliveries|v1/events|v1/consumers|v1/auth|.well-known)",
            bearer(lambda ground: ground.token),
            id="webhooks",
        ),
        pytest.param(
            "auth",
            "^/v1/oauth",
            lambda ground: ["--auth", f"{ground.app.client_id}:{ground.app.client_secret}"],
            id="oauth",
        ),
        pytest.param("api", "^/(api/v1/(epcr|dev|gra|acq)|graphql)", bearer(lambda ground: ground.token), id="api"),
        pytest.param("api", "^/api/v1/platform", bearer(lambda ground: ground.admin_token), id="control-plane"),
    ],
)
def test_every_answer_is_a_described_one(
    stack: Stack, ground: Ground, tmp_path: Path, host: str, paths: str, credentials: Callable[[Ground], list[str]]
) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(narrowed(ground.ids)))
    asked = [SCHEMATHESIS or "", "run", str(document), "--url", f"http://127.0.0.1:{stack.port}"]
    asked += ["--header", f"Host: {stack.described['hosts'][host]}:{stack.port}", *credentials(ground)]
    # After a deletion every answer is 404, from which the test learns nothing.
    asked += ["--include-path-regex", paths, "--exclude-method", "DELETE", "--max-redirects", "0"]
    asked += ["--checks", CHECKS, "--continue-on-failure", "--phases", "examples,coverage,fuzzing"]
    asked += ["--max-examples", str(EXAMPLES), "--suppress-health-check", "all", "--no-color", "--warnings", "off"]
    printed: list[str] = []
    with subprocess.Popen(
        asked, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    ) as running:
        assert running.stdout
        for line in running.stdout:  # minutes pass: the terminal shows its progress
            sys.stdout.write(line)
            sys.stdout.flush()
            printed.append(line)
    assert running.returncode == 0, "".join(printed)[-20_000:]
    assert "passed" in "".join(printed)
