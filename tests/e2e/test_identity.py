"""An identity header is accepted only by its service, and no longer than a second after the revocation of its token."""

import time

import httpx2
import pytest

from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.e2e.test_isolation import PATHS
from tests.support.plain import PLAIN
from tests.support.stack import App, Stack
from tests.support.waiting import Control, wait_for

SCOPES = {
    "auth": "platform:apps",
    "webhook-dispatcher": "webhooks:read",
    "graphql-api": "argus:incidents:read",
    "epcr": "argus:epcr:read",
    "device-ingest": "argus:devices:read",
}


def caller(stack: Stack, app: App, service: str) -> Caller:
    scopes = frozenset({SCOPES[service]})
    return Caller(tenant_id=stack.tenant.id, client_id=app.client_id, scopes=scopes, token_use="access")


def status(stack: Stack, service: str, headers: dict[str, str]) -> int:
    return httpx2.get(stack.service_url(service) + PATHS[service], headers=headers, verify=PLAIN).status_code


@pytest.mark.parametrize("service", SCOPES)
def test_a_header_seen_at_one_service_opens_no_other(stack: Stack, service: str) -> None:
    app = stack.register_app(["webhooks:read"])
    for other in SCOPES.keys() - {service}:
        assert status(stack, service, stack.identity(caller(stack, app, service), other)) == 401
    assert status(stack, service, stack.identity(caller(stack, app, service), service)) == 200


@pytest.mark.parametrize("service", SCOPES)
def test_a_header_dies_within_a_second_of_the_revocation_of_its_token(stack: Stack, service: str) -> None:
    app = stack.register_app(["webhooks:read"])
    name = service.replace("-", "_")
    key = SigningKey(stack.described["identity_signing_key"])
    made_ms = int(time.time() * 1000)
    headers = {HEADER: mint(caller(stack, app, service), key, name, made_ms=made_ms)}
    calls = Control(lambda: status(stack, service, headers))
    assert status(stack, service, headers) == 200
    with stack.client("auth", stack.admin_token) as admin:
        admin.post(f"/v1/platform/apps/{app.client_id}/disable").raise_for_status()
    began = time.monotonic()
    wait_for(lambda: status(stack, service, headers) == 401)
    assert time.monotonic() - began < calls.allows(1)
