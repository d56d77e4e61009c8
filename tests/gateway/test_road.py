"""The way of an ordinary request: host, route, token, identity, service and back."""

import pytest

from tests.gateway.conftest import IDENTITIES, Running, World


def test_a_valid_token_reaches_the_service_as_a_signed_identity(gateway: Running, shared_world: World) -> None:
    token = shared_world.issuer.token(scope="webhooks:write argus:epcr:read")
    with gateway.door() as door:
        reply = door.request("GET", "/v1/webhooks?limit=2", host="auth.test", token=token)
    assert reply.status == 200
    seen = shared_world.service.last("/v1/webhooks")
    caller = IDENTITIES.verify(seen.get("x-knogin-identity") or "")
    assert caller is not None
    assert (caller.tenant_id, caller.client_id, caller.address) == ("org_1", "app_1", "127.0.0.1")
    assert caller.scopes == {"webhooks:write", "argus:epcr:read"}
    assert seen.target == "/v1/webhooks?limit=2"
    assert seen.get("authorization") is None


@pytest.mark.parametrize("host", ["auth.test", "api.test"])
@pytest.mark.parametrize(
    ("path", "owner"), [("/v1/webhooks", "http://auth.test"), ("/api/v1/devices", "http://api.test")]
)
def test_both_hosts_answer_each_path_with_a_token_for_the_host_that_owns_it(
    gateway: Running, shared_world: World, host: str, path: str, owner: str
) -> None:
    (other,) = {"http://auth.test", "http://api.test"} - {owner}
    with gateway.door() as door:
        assert door.request("GET", path, host=host, token=shared_world.issuer.token(aud=owner)).status == 200
        refused = door.request("GET", path, host=host, token=shared_world.issuer.token(aud=other))
    assert refused.status == 401
    assert f'resource_metadata="{owner}/.well-known/oauth-protected-resource"' in (
        refused.get("www-authenticate") or ""
    )


@pytest.mark.parametrize("path", ["/v1/oauth/authorize?client_id=a&state=%2F%2Fevil.test", "/v1/saml/c/login"])
def test_a_page_with_cookies_is_answered_by_its_own_host_alone(
    gateway: Running, shared_world: World, path: str
) -> None:
    before = len(shared_world.service.seen)
    with gateway.door() as door:
        led = door.request("GET", path, host="api.test")
        assert (led.status, led.get("location"), led.get("content-length")) == (302, f"http://auth.test{path}", "0")
        assert door.request("POST", path, host="api.test", body=b"").status == 404
    assert len(shared_world.service.seen) == before


def test_the_address_comes_from_x_forwarded_for_only_through_a_trusted_proxy(world: World) -> None:
    for trusted, address in (("127.0.0.0/8", "198.51.100.7"), ("10.0.0.0/8", "127.0.0.1")):
        gateway = world.start(trusted_proxies=trusted)
        with gateway.door() as door:
            fields = {"X_Forwarded_For": "1.2.3.4, 198.51.100.7"}
            door.request("GET", "/v1/webhooks", host="auth.test", token=world.issuer.token(), body=None, **fields)
        seen = world.service.last("/v1/webhooks")
        caller = IDENTITIES.verify(seen.get("x-knogin-identity") or "")
        assert caller is not None
        assert (caller.address, seen.get("x-forwarded-for")) == (address, None)


def test_every_answer_carries_its_trace_and_the_service_is_told_the_same_one(
    gateway: Running, shared_world: World
) -> None:
    with gateway.door() as door:
        reply = door.request("GET", "/api/v1/devices", token=shared_world.issuer.token())
    seen = shared_world.service.last("/api/v1/devices")
    assert reply.all("traceresponse") == [seen.get("traceparent")]
    assert reply.get("x-trace-id") == (seen.get("traceparent") or "").split("-")[1]


def test_bodies_pass_both_ways_with_length_and_in_chunks(gateway: Running, shared_world: World) -> None:
    shared_world.service.answers["/graphql"] = lambda seen: (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    token = shared_world.issuer.token()
    with gateway.door() as door:
        assert door.request("POST", "/graphql", token=token, body=b'{"query":""}').body == b"abcde"
        assert shared_world.service.last("/graphql").body == b'{"query":""}'
        door.send(
            f"POST /graphql HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        door.send(b"4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n")
        assert door.reply().body == b"abcde"
    assert shared_world.service.last("/graphql").body == b"wikipedia"
