"""The refusals of every endpoint have the statuses and documents of the conventions."""

import itertools
import re
from typing import Any, NamedTuple

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.contract.resources import make_all
from tests.support.cases import cases
from tests.support.stack import EVERYDAY_SCOPES, Stack


class Endpoint(NamedTuple):
    """A route with a sufficient scope, an insufficient one, and a valid body (None if it takes none)."""

    host: str
    method: str
    path: str
    scope: str
    body: dict[str, Any] | None = None
    wrong_scope: str = "argus:acqi:read"


GOVERNED = "/v1/platform/apps/{app}"
REQUESTS = "/v1/platform/integration-requests"
ENDPOINTS = [
    Endpoint("auth", "GET", "/v1/platform/apps", "platform:apps"),
    Endpoint(
        "auth", "POST", "/v1/platform/apps", "platform:apps", {"name": "x", "grant_types": ["client_credentials"]}
    ),
    Endpoint("auth", "GET", GOVERNED, "platform:apps"),
    Endpoint("auth", "PATCH", f"{GOVERNED}/governance", "platform:apps", {"enforce_pkce": True}),
    Endpoint("auth", "POST", f"{GOVERNED}/service-token", "platform:apps", {"scopes": ["webhooks:write"]}),
    Endpoint("auth", "POST", f"{GOVERNED}/rotate-secret", "platform:apps"),
    Endpoint("auth", "GET", REQUESTS, "platform:apps"),
    Endpoint("auth", "POST", REQUESTS, "platform:apps", {"capability": "telephony"}),
    Endpoint("auth", "GET", REQUESTS + "/{request}", "platform:apps"),
    Endpoint("auth", "POST", REQUESTS + "/{request}/withdraw", "platform:apps"),
    Endpoint("auth", "POST", REQUESTS + "/{request}/credentials", "platform:apps"),
    Endpoint("auth", "GET", "/v1/webhooks", "webhooks:read"),
    Endpoint(
        "auth",
        "POST",
        "/v1/webhooks",
        "webhooks:write",
        {"url": "https://integrator.example/h", "events": ["incident.updated"]},
    ),
    Endpoint("auth", "GET", "/v1/webhooks/{webhook}", "webhooks:read"),
    Endpoint("auth", "PUT", "/v1/webhooks/{webhook}", "webhooks:write", {"events": ["incident.updated"]}),
    Endpoint("auth", "DELETE", "/v1/webhooks/{webhook}", "webhooks:write"),
    Endpoint("auth", "GET", "/v1/webhooks/{webhook}/deliveries", "webhooks:read"),
    Endpoint("auth", "POST", "/v1/webhooks/{webhook}/test", "webhooks:write"),
    Endpoint(
        "api",
        "POST",
        "/api/v1/epcr/encounters",
        "argus:epcr:write",
        {"care_model": "prehospital_emergency", "vehicle_id": "A"},
    ),
    Endpoint("api", "GET", "/api/v1/epcr/encounters/{encounter}", "argus:epcr:read"),
    Endpoint("api", "GET", "/api/v1/epcr/encounters/{encounter}/fhir-bundle", "argus:epcr:read"),
    Endpoint("api", "GET", "/api/v1/devices", "argus:devices:read"),
    Endpoint(
        "api", "POST", "/api/v1/devices/enrol", "argus:devices:write", {"serial_number": "S", "device_class": "defib"}
    ),
    Endpoint(
        "api",
        "POST",
        "/api/v1/devices/{device}/observations",
        "argus:devices:write",
        {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"},
    ),
]
PLATFORM = "/api/v1/platform"
AUTOMATION = {
    "name": "x",
    "trigger": {"event_type": "incident.created"},
    "action": {"kind": "annotate_incident", "incident_id": {"from": "/incident_id"}, "note": "seen"},
}
VERSION = {
    "version": "1.0.0",
    "kind": "edge",
    "entry": "bin/start",
    "content_sha256": "0" * 64,
    "key_id": "sgk_x",
    "signature": "A" * 86,
}
JWK = {"kty": "OKP", "crv": "Ed25519", "x": "0J3n11pf6cgXkgQ1T-rMDBWDV1TUESRQuUHDmcR9rd8"}
RELEASE = {"package_id": "pkg_x", "version": "1.0.0", "environment": "sandbox"}
# For tenants with a grant of the control plane; the other tenant has none.
ON_REQUEST = [
    Endpoint("api", method, PLATFORM + path, f"argus:platform:{'read' if method == 'GET' else 'write'}", body)
    for method, path, body in [
        ("GET", "/signing-keys", None),
        ("POST", "/signing-keys", {"name": "x", "jwk": JWK}),
        ("GET", "/signing-keys/{key}", None),
        ("DELETE", "/signing-keys/{key}", None),
        ("GET", "/packages", None),
        ("POST", "/packages", {"name": "x", "kind": "edge"}),
        ("GET", "/packages/{package}", None),
        ("GET", "/packages/{package}/versions", None),
        ("POST", "/packages/{package}/versions", VERSION),
        ("GET", "/packages/{package}/versions/{version}", None),
        ("DELETE", "/packages/{package}/versions/{version}", None),
        ("GET", "/packages/{package}/versions/{version}/content", None),
        ("GET", "/releases", None),
        ("POST", "/releases", RELEASE),
        ("GET", "/releases/{release}", None),
        *(("POST", f"/releases/{{release}}/{step}", None) for step in ("approve", "reject", "promote", "rollback")),
        ("GET", "/listings", None),
        ("POST", "/listings", {"release_id": "rel_x", "title": "x"}),
        ("GET", "/listings/{listing}", None),
        ("DELETE", "/listings/{listing}", None),
        ("GET", "/installations", None),
        ("GET", "/installations/{installation}", None),
        ("GET", "/installations/{installation}/content", None),
        ("GET", "/automations", None),
        ("POST", "/automations", AUTOMATION),
        ("GET", "/automations/{automation}", None),
        ("PATCH", "/automations/{automation}", {"enabled": False}),
        ("DELETE", "/automations/{automation}", None),
        ("GET", "/automations/{automation}/runs", None),
        ("GET", "/automations/runs", None),
        ("GET", "/automations/runs/{run}", None),
        ("POST", "/automations/runs/{run}/retry", None),
        ("GET", "/agents", None),
        ("POST", "/agents", {"name": "x", "vehicle_id": "V"}),
        ("GET", "/agents/{agent}", None),
        ("PATCH", "/agents/{agent}", {"name": "x"}),
        ("POST", "/agents/{agent}/enrolment-code", None),
        ("POST", "/agents/{agent}/revoke", None),
    ]
]
OWNED = [endpoint for endpoint in ENDPOINTS if "{" in endpoint.path]
ENDPOINTS += ON_REQUEST
WITH_ID = [endpoint for endpoint in ENDPOINTS if "{" in endpoint.path]
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
ALL_SCOPES = [*EVERYDAY_SCOPES, "argus:platform:write"]
MALFORMED = [b"{", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 50_000, b"NaN"]
PREFIXES = {
    "app": "app",
    "request": "ireq",
    "webhook": "wh",
    "encounter": "enc",
    "device": "dev",
    "automation": "auto",
    "run": "run",
    "agent": "agt",
    "key": "sgk",
    "package": "pkg",
    "version": "pver",
    "release": "rel",
    "listing": "lst",
    "installation": "ins",
}


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


class Caller:
    """Sends requests to an endpoint with a token. Ids in the path are well-formed but do not exist, unless they are given."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.app = stack.register_app(ALL_SCOPES)
        self.tokens = {"platform:apps": stack.admin_token}

    def token(self, scope: str) -> str:
        if scope not in self.tokens:
            self.tokens[scope] = self.stack.token(self.app, scope)
        return self.tokens[scope]

    def send(
        self, endpoint: Endpoint, token: str | None, ids: dict[str, str] | None = None, **request: Any
    ) -> httpx2.Response:
        nobodys = {name: new_id(prefix) for name, prefix in PREFIXES.items()}
        headers = {"authorization": f"Bearer {token}"} if token else {}
        headers |= request.pop("headers", {})
        if not request and endpoint.body is not None:
            request["json"] = endpoint.body
        with self.stack.client(endpoint.host) as client:
            return client.request(
                endpoint.method, endpoint.path.format(**nobodys | (ids or {})), headers=headers, **request
            )


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Caller:
    return Caller(stack)


@pytest.fixture(scope="module")
def ours(caller: Caller) -> dict[str, str]:
    """Resources of the caller, for requests in which only the body is wrong."""
    return make_all(caller.stack, caller.stack.admin_token, caller.stack.token(caller.app, " ".join(ALL_SCOPES)))


@pytest.fixture(scope="module")
def others(stack: Stack) -> dict[str, str]:
    """Resources of the other tenant."""
    return make_all(stack, stack.other.access_token, stack.other.access_token)


def assert_problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document.keys() >= {"type", "title", "status", "detail", "trace_id"}
    assert document["trace_id"] == answer.headers["x-trace-id"]
    return document


def test_no_token_is_401_with_a_challenge(caller: Caller) -> None:
    with cases() as every:
        for endpoint in ENDPOINTS:
            with every.case(named(endpoint)):
                answer = caller.send(endpoint, None)
                assert_problem(answer, 401)
                assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_token_that_is_not_ours_is_401_invalid_token(caller: Caller) -> None:
    with cases() as every:
        for endpoint in ENDPOINTS:
            with every.case(named(endpoint)):
                head, payload, signature = caller.token(endpoint.scope).split(".")
                forged = f"{head}.{payload}.{'A' * len(signature)}"
                answer = caller.send(endpoint, forged)
                assert_problem(answer, 401)
                assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_without_the_scope_is_403_naming_it(caller: Caller) -> None:
    with cases() as every:
        for endpoint in ENDPOINTS:
            with every.case(named(endpoint)):
                answer = caller.send(endpoint, caller.token(endpoint.wrong_scope))
                assert_problem(answer, 403)
                assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
                assert re.search(rf'scope="{endpoint.scope}"', answer.headers["www-authenticate"])


def test_an_id_that_is_not_one_of_ours_is_404(caller: Caller) -> None:
    with cases() as every:
        for endpoint, shape in itertools.product(
            WITH_ID, ["not-an-id", "0", "%00", "' OR 1=1 --", "x" * 500, "../../etc", "😀"]
        ):
            with every.case(f"{named(endpoint)}, {shape[:16]!r}"):
                answer = caller.send(
                    endpoint, caller.token(endpoint.scope), dict.fromkeys(PREFIXES, shape.replace("/", "%2F"))
                )
                assert_problem(answer, 404)


def test_an_id_nobody_has_is_404(caller: Caller) -> None:
    with cases() as every:
        for endpoint in WITH_ID:
            with every.case(named(endpoint)):
                assert_problem(caller.send(endpoint, caller.token(endpoint.scope)), 404)


def test_another_tenants_resource_is_404(caller: Caller, others: dict[str, str]) -> None:
    with cases() as every:
        for endpoint in OWNED:
            with every.case(named(endpoint)):
                assert_problem(caller.send(endpoint, caller.token(endpoint.scope), others), 404)


def test_a_malformed_body_is_400(caller: Caller, ours: dict[str, str]) -> None:
    with cases() as every:
        for endpoint, body in itertools.product(WITH_BODY, MALFORMED):
            with every.case(f"{named(endpoint)}, {body[:16]!r}"):
                answer = caller.send(
                    endpoint,
                    caller.token(endpoint.scope),
                    ours,
                    content=body,
                    headers={"content-type": "application/json"},
                )
                assert_problem(answer, 400)


def test_no_body_where_one_is_needed_is_400(caller: Caller, ours: dict[str, str]) -> None:
    with cases() as every:
        for endpoint in [it for it in WITH_BODY if "service-token" not in it.path]:
            with every.case(named(endpoint)):
                answer = caller.send(
                    endpoint,
                    caller.token(endpoint.scope),
                    ours,
                    content=b"",
                    headers={"content-type": "application/json"},
                )
                assert_problem(answer, 400)


def test_an_unknown_field_is_422_with_its_pointer(caller: Caller, ours: dict[str, str]) -> None:
    with cases() as every:
        for endpoint in WITH_BODY:
            with every.case(named(endpoint)):
                answer = caller.send(
                    endpoint, caller.token(endpoint.scope), ours, json={**(endpoint.body or {}), "surprise": 1}
                )
                document = assert_problem(answer, 422)
                assert "/surprise" in [error["pointer"] for error in document["errors"]]


def test_another_content_type_is_415(caller: Caller, ours: dict[str, str]) -> None:
    with cases() as every:
        for endpoint in WITH_BODY:
            with every.case(named(endpoint)):
                answer = caller.send(
                    endpoint, caller.token(endpoint.scope), ours, content=b"{}", headers={"content-type": "text/plain"}
                )
                assert_problem(answer, 415)


def test_a_body_over_one_mebibyte_is_413(caller: Caller, ours: dict[str, str]) -> None:
    with cases() as every:
        for endpoint in WITH_BODY:
            with every.case(named(endpoint)):
                big = b'{"name":"' + b"x" * (1 << 20) + b'"}'
                answer = caller.send(
                    endpoint,
                    caller.token(endpoint.scope),
                    ours,
                    content=big,
                    headers={"content-type": "application/json"},
                )
                assert_problem(answer, 413)


@pytest.mark.parametrize("host", ["auth", "api"])
def test_an_unknown_path_is_404(caller: Caller, host: str) -> None:
    with caller.stack.client(host) as client:
        assert_problem(client.get("/nothing/here"), 404)


def test_a_method_that_is_not_there_is_405_with_allow(caller: Caller) -> None:
    with cases() as every:
        for endpoint in ENDPOINTS:
            with every.case(named(endpoint)):
                answer = caller.send(endpoint._replace(method="PROPFIND", body=None), caller.token(endpoint.scope))
                assert_problem(answer, 405)
                assert endpoint.method in answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/v1/platform/scopes%0a", "/v1/oauth/token%0A", "/.well-known/jwks.json%00", "/v1/webhooks%7f"]
)
def test_a_path_with_a_character_nobody_sees_is_404(caller: Caller, path: str) -> None:
    with caller.stack.client("auth", token=caller.stack.admin_token) as client:
        assert_problem(client.get(path), 404)


def test_a_host_that_is_not_ours_is_421(caller: Caller) -> None:
    with caller.stack.client("api") as client:
        assert_problem(client.get("/api/v1/devices", headers={"host": "elsewhere.example"}), 421)
