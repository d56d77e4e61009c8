"""A service that calls another for its caller gets a header for that one: only with its own key, and never with more scopes than the
caller has.
"""

import asyncio
import time
from typing import Any

import httpx2
import msgspec
import pytest

from gateway.exchange import PATH
from gateway.ops import create_ops
from shared.primitives.crypto import Signer, base64url_encode
from shared.web import identity as shared_identity
from shared.web.identity import Caller, SigningKey, Verifier, mint
from tests.gateway.conftest import PUBLIC_KEY, SIGNING_KEY, Running, World
from tests.support.waiting import wait_for

GRAPHQL = Signer("test:" + base64url_encode(b"g" * 32))
EPCR = Signer("test:" + base64url_encode(b"e" * 32))
KEYS = f"{GRAPHQL.public_text('graphql_api')},{EPCR.public_text('epcr')}"
SCOPES = frozenset({"webhooks:write", "argus:incidents:write", "offline_access"})
MADE_MS = 1_790_000_000_000
CALLER = Caller(
    tenant_id="org_1", client_id="app_1", scopes=SCOPES, address="192.0.2.1", token_use="access", grant_id="gnt_1"
)


def header(audience: str = "graphql_api", caller: Caller = CALLER, **more: Any) -> str:
    return mint(caller, SigningKey(SIGNING_KEY), audience, made_ms=MADE_MS, kid="2026-03", **more)


def ask(
    running: Running, identity: str, *, signer: Signer = GRAPHQL, service: str = "graphql_api", **changes: Any
) -> httpx2.Response:
    body = msgspec.json.encode({"identity": identity, "audience": "webhook_dispatcher"} | changes.pop("body", {}))
    signed = shared_identity.sign_call(
        signer, service, "POST", changes.pop("path", PATH), changes.pop("signs", body), **changes
    )

    async def post() -> httpx2.Response:
        transport = httpx2.ASGITransport(create_ops(running.gateway, lambda: True))
        async with httpx2.AsyncClient(transport=transport, base_url="http://ops.test") as http:
            return await http.post(
                PATH, content=body, headers={shared_identity.SERVICE_HEADER: signed} if signed else {}
            )

    return asyncio.run(post())


@pytest.fixture
def running(world: World) -> Running:
    return world.start(service_public_keys=KEYS)


def test_the_header_is_for_the_other_service_has_its_scopes_alone_and_lives_no_longer(running: Running) -> None:
    own = header(now=time.time() - 10)
    answer = ask(running, own)
    assert answer.status_code == 200, answer.text
    given = Verifier(PUBLIC_KEY, "webhook_dispatcher").read(answer.json()["identity"])
    original = Verifier(PUBLIC_KEY, "graphql_api").read(own)
    assert given is not None
    assert original is not None
    assert given.caller.scopes == {"webhooks:write"}
    assert (given.exp, given.made_ms, given.kid) == (original.exp, original.made_ms, original.kid)
    assert (given.caller.tenant_id, given.caller.client_id, given.caller.address) == ("org_1", "app_1", "192.0.2.1")
    assert answer.json()["expires_at"] == given.exp


REFUSED: dict[str, tuple[Any, int]] = {
    "a header for another service": (lambda r: ask(r, header("epcr")), 403),
    "a header that was exchanged already": (lambda r: ask(r, ask(r, header()).json()["identity"]), 403),
    "a header past its time": (lambda r: ask(r, header(now=time.time() - 120)), 403),
    "a forged header": (
        lambda r: ask(r, mint(CALLER, SigningKey(f"test:{base64url_encode(b'f' * 32)}"), "graphql_api")),
        403,
    ),
    "an anonymous caller": (lambda r: ask(r, header(caller=Caller(address="192.0.2.1"))), 403),
    "another audience": (lambda r: ask(r, header(), body={"audience": "epcr"}), 403),
    "a service that calls nobody": (lambda r: ask(r, header("epcr"), signer=EPCR, service="epcr"), 403),
    "another service's key": (lambda r: ask(r, header(), signer=EPCR), 401),
    "a signature for another body": (lambda r: ask(r, header(), signs=b"{}"), 401),
    "a signature for another path": (lambda r: ask(r, header(), path="/internal/revocations"), 401),
    "a signature of an hour ago": (lambda r: ask(r, header(), now=time.time() - 3600), 401),
    "no JSON": (lambda r: ask(r, header(), body={"more": 1}), 422),
    "too much": (lambda r: ask(r, "x" * 40_000), 413),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, running: Running) -> None:
    asked, status = REFUSED[case]
    answer = asked(running)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_token_that_was_revoked_exchanges_nothing(running: Running, world: World) -> None:
    assert ask(running, header()).status_code == 200
    world.issuer.revoke("client", "app_1", client="app_1")
    wait_for(lambda: ask(running, header()).status_code == 403)


def test_without_the_services_keys_nobody_exchanges_anything(world: World) -> None:
    assert ask(world.start(), header()).status_code == 401


def test_the_exchange_is_not_on_the_public_side(running: Running) -> None:
    with running.door() as door:
        assert door.request("POST", PATH, body=b"{}").status == 404
        assert door.request("POST", PATH, host="auth.test", body=b"{}").status == 404


def test_a_header_minted_for_a_request_names_the_service_it_goes_to(world: World) -> None:
    gateway = world.start()
    seen = {"/v1/webhooks": "webhook_dispatcher", "/api/v1/devices": "device_ingest", "/api/v1/epcr/x": "epcr"}
    with gateway.door() as door:
        for path, service in seen.items():
            host = "auth.test" if path.startswith("/v1/") else "api.test"
            assert door.request("GET", path, host=host, token=world.issuer.token()).status == 200
            stated = Verifier(PUBLIC_KEY, service).read(world.service.last(path).get("x-knogin-identity") or "")
            assert stated is not None, path
            assert stated.made_ms
            assert stated.kid
