"""The identity header of a call that asks for an act of operators names the whole call, so that the act can be proved by it, once."""

import hashlib
from typing import Any

import pytest

from shared.primitives.crypto import base64url_encode
from shared.web.identity import HEADER, Requested, Verifier
from tests.gateway.conftest import PUBLIC_KEY, Running, World
from tests.gateway.origin import json_response
from tests.gateway.raw import Reply

ACTS = "/v1/operations/device-ingest/acts"
BODY = b'{"action":"dead_letter.discard"}'
VERIFIER = Verifier(PUBLIC_KEY, "device_ingest")


def ask(world: World, gateway: Running, method: str = "POST", target: str = ACTS, **options: Any) -> Reply:
    world.service.answers[target.partition("?")[0]] = lambda _: json_response({})
    with gateway.door() as door:
        return door.request(method, target, token=world.issuer.token(), host="auth.test", **options)


def requested(world: World, path: str = ACTS) -> Requested | None:
    statement = VERIFIER.read(world.service.last(path).get(HEADER) or "")
    assert statement is not None
    assert statement.caller.client_id == "app_1"
    return statement.requested


def test_a_statement_of_an_act_names_method_path_query_and_body(shared_world: World, gateway: Running) -> None:
    assert ask(shared_world, gateway, target=ACTS + "?now=1", body=BODY).status == 200
    named = requested(shared_world)
    digest = base64url_encode(hashlib.sha256(BODY).digest())
    assert named is not None
    assert named == Requested(named.id, "operator_act", "POST", ACTS, "now=1", digest)


def test_a_body_in_chunks_is_named_without_its_framing(shared_world: World, gateway: Running) -> None:
    shared_world.service.answers[ACTS] = lambda _: json_response({})
    with gateway.door() as door:
        token = shared_world.issuer.token()
        head = f"POST {ACTS} HTTP/1.1\r\nHost: auth.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:]))
        door.send(head.encode() + chunks + b"0\r\n\r\n")
        assert door.reply().status == 200
    named = requested(shared_world)
    assert named is not None
    assert named.body == base64url_encode(hashlib.sha256(BODY).digest())


def test_each_act_has_a_statement_of_its_own(shared_world: World, gateway: Running) -> None:
    found: list[Requested | None] = []
    for _ in range(2):
        ask(shared_world, gateway, body=BODY)
        found.append(requested(shared_world))
    assert len({each.id for each in found if each is not None}) == 2


@pytest.mark.parametrize(
    ("method", "target"), [("GET", ACTS), ("POST", ACTS + "/act_1"), ("POST", "/v1/operations/device-ingest/x")]
)
def test_a_statement_of_another_call_proves_no_act(
    shared_world: World, gateway: Running, method: str, target: str
) -> None:
    ask(shared_world, gateway, method, target, body=b"" if method == "GET" else BODY)
    assert requested(shared_world, target) is None


def test_a_body_longer_than_an_act_is_refused_before_the_service(shared_world: World, gateway: Running) -> None:
    assert ask(shared_world, gateway, body=b" " * 8193).status == 413
