"""Arbitrary bytes cause no 500, no hang and no identity that the gateway did not write."""

import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.conftest import IDENTITIES, Running, World
from tests.gateway.raw import Door

pytestmark = pytest.mark.full

TOKENS = [
    b"GET ", b"POST ", b"PUT ", b"OPTIONS ", b"/api/v1/devices", b"/v1/oauth/token", b"/graphql", b"*", b" HTTP/1.1", b" HTTP/1.0",
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b"\x00", b"\xff", b"%2e%2e/", b"Host: api.test\r\n", b"Host: auth.test\r\n",
    b"Authorization: Bearer TOKEN\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n",
    b"Expect: 100-continue\r\n", b"X-Knogin-Identity: forged\r\n", b"x_knogin_identity: forged\r\n", b" X-Knogin-Identity: forged\r\n",
    b"X-A: a\r\n X-Knogin-Identity: forged\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"0\r\nX-Knogin-Identity: forged\r\n\r\n",
    b"ffffffff\r\n",
    b"GET /api/v1/devices HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer TOKEN\r\n",
    b"POST /api/v1/devices/enrol HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer TOKEN\r\n",
]  # fmt: skip
PIECES = st.one_of(st.sampled_from(TOKENS), st.sampled_from(TOKENS), st.sampled_from(TOKENS), st.binary(max_size=12))
ACCEPTABLE = frozenset({200, 400, 401, 404, 405, 408, 413, 414, 417, 421, 431, 505})
ASK_LAST = b"\r\n\r\nGET /api/v1/devices HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"


@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pieces=st.lists(PIECES, max_size=14), split=st.integers(0, 400))
def test_raw_bytes(pieces: list[bytes], split: int, gateway: Running, shared_world: World) -> None:
    before = len(shared_world.service.seen)
    sent = b"".join(pieces).replace(b"TOKEN", _token(shared_world).encode()) + ASK_LAST
    with Door(gateway.port) as door:
        door.send(sent[:split])
        try:
            door.send(sent[split:])
            door.socket.shutdown(socket.SHUT_WR)
            while True:
                status = _status(door)
                assert status in ACCEPTABLE
        except OSError as ended:
            if isinstance(ended, TimeoutError):
                raise  # a time-out is a hang; the end of the connection is allowed
    for seen in shared_world.service.seen[before:]:
        identities = seen.all("x-knogin-identity") + seen.all("x_knogin_identity")
        assert len(identities) == 1
        assert IDENTITIES.verify(identities[0]) is not None


def _status(door: Door) -> int:
    return door.reply().status


_kept: dict[int, str] = {}


def _token(world: World) -> str:
    return _kept.setdefault(id(world), world.issuer.token())


def test_a_gateway_that_was_fuzzed_still_answers(gateway: Running, shared_world: World) -> None:
    with gateway.door() as door:
        assert door.request("GET", "/api/v1/devices", token=shared_world.issuer.token()).status == 200
