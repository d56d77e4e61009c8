"""Requests that two parsers could read differently are refused, and a client's own claims about itself do not reach services."""

from typing import Any

import pytest

from tests.gateway.conftest import IDENTITIES, Running, World

GET = b"GET /api/v1/devices HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer TOKEN\r\n"
POST = b"POST /api/v1/devices/enrol HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer TOKEN\r\n"
SMUGGLED = b"GET /api/v1/devices/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"
TOKEN = b"Authorization: Bearer TOKEN\r\n"

REFUSED: dict[str, tuple[bytes, int]] = {
    # A length that is given twice or is ambiguous
    "content-length and chunked": (
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        400,
    ),
    "chunked and content-length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
        400,
    ),
    "two differing lengths": (POST + b"Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd" + SMUGGLED, 400),
    "two equal lengths": (POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "a list of lengths": (POST + b"Content-Length: 4, 4\r\n\r\nabcd", 400),
    "a signed length": (POST + b"Content-Length: +4\r\n\r\nabcd", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a hexadecimal length": (POST + b"Content-Length: 0x4\r\n\r\nabcd", 400),
    "an endless length": (POST + b"Content-Length: 99999999999999999999999\r\n\r\nabcd", 400),
    "a length of zeros, and one digit past all that a parser reads": (
        GET + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: %s%d\r\n\r\n" % (b"0" * 25, 63) + SMUGGLED,
        400,
    ),
    "twenty digits": (POST + b"Content-Length: 00000000000000000004\r\n\r\nabcd", 400),
    "an empty length": (POST + b"Content-Length: \r\n\r\n", 400),
    "a length with a space inside": (POST + b"Content-Length: 1 0\r\n\r\nabcdefghij", 400),
    # Transfer codings
    "chunked twice in one field": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in two fields": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "gzip before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "an unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "identity coding with a length": (POST + b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "chunked behind a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in quotes": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    "chunked in HTTP/1.0": (POST.replace(b"1.1", b"1.0", 1) + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a chunk size that is no number": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
    "a chunk size past 64 bits": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000f\r\nabcd\r\n0\r\n\r\n",
        400,
    ),
    "chunks ended by bare line feeds": (POST + b"Transfer-Encoding: chunked\r\n\r\n4\nabcd\n0\n\n", 400),
    "a negative chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabcd\r\n0\r\n\r\n", 400),
    # Field syntax
    "a folded field": (GET + b"X-A: one\r\n two\r\n\r\n", 400),
    "a folded transfer coding": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "a space before the colon": (GET + b"Transfer-Encoding : chunked\r\n\r\n", 400),
    "a field without colon": (GET + b"nonsense\r\n\r\n", 400),
    "a field without name": (GET + b": value\r\n\r\n", 400),
    "a space before the first field": (b"GET /api/v1/devices HTTP/1.1\r\n Host: api.test\r\n\r\n", 400),
    "bare line feeds": (GET.replace(b"\r\n", b"\n") + b"\n", 400),
    "a bare carriage return in a value": (GET + b"X-A: one\rContent-Length: 5\r\n\r\n", 400),
    "a NUL in a value": (GET + b"X-A: o\x00ne\r\n\r\n", 400),
    "a NUL in a name": (GET + b"X\x00A: one\r\n\r\n", 400),
    "a control character in a value": (GET + b"X-A: o\x01ne\r\n\r\n", 400),
    "a non-ASCII name": (GET + b"X-\xc3\xa9: one\r\n\r\n", 400),
    # Host
    "no host": (b"GET /api/v1/devices HTTP/1.1\r\n" + TOKEN + b"\r\n", 400),
    "two hosts": (GET + b"Host: auth.test\r\n\r\n", 400),
    "two equal hosts": (GET + b"Host: api.test\r\n\r\n", 400),
    "an empty host": (b"GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
    "a host with user information": (b"GET / HTTP/1.1\r\nHost: api.test@evil.test\r\n\r\n", 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: api.test/evil\r\n\r\n", 400),
    "a list of hosts": (b"GET / HTTP/1.1\r\nHost: api.test, evil.test\r\n\r\n", 400),
    "a host with a port that is no number": (b"GET / HTTP/1.1\r\nHost: api.test:80x\r\n\r\n", 400),
    "an unknown host": (b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
    "an absolute target for another host": (
        b"GET http://auth.test/v1/webhooks HTTP/1.1\r\nHost: api.test\r\n" + TOKEN + b"\r\n",
        400,
    ),
    "an absolute target with user information": (
        b"GET http://api.test@evil.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n",
        400,
    ),
    # Request line
    "an authority as target": (b"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test\r\n\r\n", 405),
    "a target without slash": (b"GET api/v1/devices HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "an asterisk as target": (b"OPTIONS * HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "a fragment in the target": (b"GET /api/v1/devices#x HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "a backslash in the path": (b"GET /api/v1\\devices HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "a broken escape in the path": (b"GET /api/v1/%zz HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "a raw space in the target": (b"GET /api/v1/dev ices HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "a non-ASCII target": (b"GET /api/v1/d\xc3\xa9v HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "no version": (b"GET /api/v1/devices\r\nHost: api.test\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /api/v1/devices HTTP/0.9\r\nHost: api.test\r\n\r\n", 505),
    "HTTP/1.2": (b"GET /api/v1/devices HTTP/1.2\r\nHost: api.test\r\n\r\n", 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a lower-case method": (b"get /api/v1/devices HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "TRACE": (b"TRACE /api/v1/devices HTTP/1.1\r\nHost: api.test\r\n\r\n", 405),
    "a method of WebDAV": (b"PROPFIND /api/v1/devices HTTP/1.1\r\nHost: api.test\r\n\r\n", 405),
    # Too much, or too strange
    "a hundred and one fields": (GET + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n", 431),
    "32 KiB in one field": (GET + b"X-A: " + b"a" * 33_000 + b"\r\n\r\n", 431),
    "a target past 8 KiB": (b"GET /api/v1/devices?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: api.test\r\n\r\n", 414),
    "an expectation unknown to anybody": (POST + b"Expect: cake\r\nContent-Length: 4\r\n\r\nabcd", 417),
    "an upgrade with a body": (POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "two tokens": (GET + b"Authorization: Bearer other\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, gateway: Running, shared_world: World) -> None:
    sent, status = REFUSED[case]
    before = len(shared_world.service.seen)
    with gateway.door() as door:
        reply = door.send(sent.replace(b"TOKEN", shared_world.issuer.token().encode())).reply()
        assert (reply.status, reply.get("content-type")) == (status, "application/problem+json")
        assert reply.json()["trace_id"] == reply.get("x-trace-id")
        assert (reply.get("traceresponse") or "--").split("-")[1] == reply.get("x-trace-id")
    assert not [seen for seen in shared_world.service.seen[before:] if seen.body or "smuggled" in seen.target]


FRAMING = {case for case, (_, status) in REFUSED.items() if status in (400, 405, 414, 431, 505)} - {"two tokens"}


@pytest.mark.parametrize("case", sorted(FRAMING))
def test_nothing_after_a_broken_request_is_read(case: str, gateway: Running, shared_world: World) -> None:
    token = shared_world.issuer.token().encode()
    before = len(shared_world.service.seen)
    with gateway.door() as door:
        door.send(REFUSED[case][0].replace(b"TOKEN", token))
        door.send(SMUGGLED.replace(b"\r\n\r\n", b"\r\n" + TOKEN.replace(b"TOKEN", token) + b"\r\n"))
        assert door.reply().get("connection") == "close"
        assert door.ends()
    assert not [seen for seen in shared_world.service.seen[before:] if "smuggled" in seen.target]


FORGED = [
    "X-Knogin-Identity: k.e30.e30",
    "x_knogin_identity: k.e30.e30",
    "X-Knogin_Identity: k.e30.e30",
    "X-KNOGIN-ANYTHING: 1",
    "X-Auth-User: root",
    "X_Auth_User: root",
    "X-Authenticated-Userid: root",
    "X-Forwarded-For: 10.0.0.1",
    "X_Forwarded_For: 10.0.0.1",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Proto: https",
    "Forwarded: for=10.0.0.1",
    "X-Real-IP: 10.0.0.1",
    "True-Client-IP: 10.0.0.1",
    "X-Original-URL: /internal/revocations",
    "X-Rewrite-URL: /internal/revocations",
    "X-HTTP-Method-Override: DELETE",
    "Proxy: http://evil.test",
    "Proxy-Authorization: Basic x",
    "Proxy-Connection: keep-alive",
    "Keep-Alive: timeout=5",
    "TE: trailers",
    "Trailer: X-Knogin-Identity",
    "Upgrade: websocket",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    "tracestate: a=1",
    "baggage: a=1",
    "b3: 0",
    "X-Trace-Id: 1",
]


@pytest.mark.parametrize("forged", FORGED)
def test_dropped_before_the_service(forged: str, gateway: Running, shared_world: World) -> None:
    name, _, value = forged.partition(": ")
    with gateway.door() as door:
        reply = door.send(
            GET.replace(b"TOKEN", shared_world.issuer.token().encode()) + f"{forged}\r\nX-Kept: 1\r\n\r\n".encode()
        ).reply()
    assert reply.status == 200
    seen = shared_world.service.last("/api/v1/devices")
    assert value not in seen.all(name.lower())
    assert seen.get("x-kept") == "1"
    assert len(seen.all("x-knogin-identity")) == 1
    caller = IDENTITIES.verify(seen.get("x-knogin-identity") or "")
    assert caller is not None
    assert caller.address == "127.0.0.1"


def test_fields_that_connection_names_end_here_in_both_directions(gateway: Running, shared_world: World) -> None:
    shared_world.service.answers["/api/v1/epcr/hop"] = lambda seen: (
        b"HTTP/1.1 200 OK\r\nconnection: x-inside, keep-alive\r\nkeep-alive: timeout=5\r\nx-inside: 1\r\nx-outside: 1\r\n"
        b"proxy-authenticate: Basic\r\nx-knogin-secret: 1\r\nserver: uvicorn\r\ncontent-length: 0\r\n\r\n"
    )
    with gateway.door() as door:
        fields: dict[str, Any] = {"Connection": "X-Hop, close-ish", "X_Hop": "1", "X_Kept": "1"}
        reply = door.request("GET", "/api/v1/epcr/hop", token=shared_world.issuer.token(), **fields)
    seen = shared_world.service.last("/api/v1/epcr/hop")
    assert (seen.get("x-hop"), seen.get("x-kept"), seen.get("connection")) == (None, "1", None)
    assert reply.get("x-outside") == "1"
    assert {name for name, _ in reply.fields}.isdisjoint(
        {"x-inside", "keep-alive", "proxy-authenticate", "x-knogin-secret", "server"}
    )


def test_connection_cannot_take_away_what_the_gateway_says(gateway: Running, shared_world: World) -> None:
    with gateway.door() as door:
        reply = door.request(
            "GET",
            "/api/v1/devices",
            token=shared_world.issuer.token(),
            Connection="x-knogin-identity, traceparent, host, content-length",
        )
    seen = shared_world.service.last("/api/v1/devices")
    assert reply.status == 200
    assert (len(seen.all("x-knogin-identity")), len(seen.all("traceparent")), seen.get("host")) == (1, 1, "api.test")


def test_trailers_reach_nobody(gateway: Running, shared_world: World) -> None:
    token = shared_world.issuer.token()
    with gateway.door() as door:
        chunks = b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nX-Knogin-Identity: forged\r\nX-Trailer: forged\r\n\r\n"
        assert door.send(POST.replace(b"TOKEN", token.encode()) + chunks).reply().status == 200
        assert door.request("GET", "/api/v1/devices", token=token).status == 200
    seen = shared_world.service.last("/api/v1/devices/enrol")
    assert (b"forged" in seen.raw, seen.body) == (False, b"abcd")


def test_an_absolute_target_of_the_same_host_is_the_same_request(gateway: Running, shared_world: World) -> None:
    with gateway.door() as door:
        assert (
            door.request("GET", "http://API.test/api/v1/devices?a=1", token=shared_world.issuer.token()).status == 200
        )
    assert shared_world.service.last("/api/v1/devices").target == "/api/v1/devices?a=1"


def test_a_wish_to_upgrade_is_ignored_and_the_connection_goes_on(gateway: Running, shared_world: World) -> None:
    token = shared_world.issuer.token()
    with gateway.door() as door:
        fields: dict[str, Any] = {
            "Connection": "Upgrade, HTTP2-Settings",
            "Upgrade": "h2c",
            "HTTP2_Settings": "AAMAAABkAAQCAAAAAAIAAAAA",
        }
        assert door.request("GET", "/api/v1/devices", token=token, **fields).status == 200
        assert door.request("GET", "/api/v1/devices/second", token=token).json() == {"path": "/api/v1/devices/second"}
        asked = GET.replace(b"TOKEN", token.encode())
        door.send(
            asked + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + asked.replace(b"devices", b"devices/3") + b"\r\n"
        )
        assert [door.reply().json()["path"] for _ in range(2)] == ["/api/v1/devices", "/api/v1/devices/3"]


def test_a_large_head_in_many_pieces_is_read_and_an_endless_one_is_not(gateway: Running, shared_world: World) -> None:
    start = GET.replace(b"TOKEN", shared_world.issuer.token().encode())
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 500) for number in range(57))
    with gateway.door() as door:
        for piece in (start, fields[:9000], fields[9000:18000], fields[18000:], b"\r", b"\n"):
            door.send(piece)
        assert door.reply().status == 200
    with gateway.door() as door:
        door.send(start + b"X-A: ")
        for _ in range(8):
            door.send(b"a" * 8000)
        assert door.reply().status == 431


def test_pipelined_requests_are_answered_in_order_and_the_broken_one_ends_them(
    gateway: Running, shared_world: World
) -> None:
    token = shared_world.issuer.token().encode()
    first, second = (GET.replace(b"TOKEN", token).replace(b"devices", b"devices/%d" % n) + b"\r\n" for n in (1, 2))
    with gateway.door() as door:
        door.send(first + second)
        assert [door.reply().json()["path"] for _ in range(2)] == ["/api/v1/devices/1", "/api/v1/devices/2"]
    with gateway.door() as door:
        door.send(first + b"GARBAGE\r\n\r\n" + second)
        assert door.reply().json()["path"] == "/api/v1/devices/1"
        assert door.ends()


@pytest.mark.parametrize(
    "path",
    [
        "/internal/revocations",
        "/v1/webhooks/../../internal/revocations",
        "/v1/webhooks/%2e%2e/%2E%2e/internal/revocations",
        "/v1/webhooks/..%2f..%2finternal/revocations",
        "/v1/./webhooks",
        "//internal/revocations",
        "/livez",
        "/readyz",
        "/metrics",
        "/v1/oauthx",
        "/",
    ],
)
def test_no_path_of_auth_leads_inside(path: str, gateway: Running, shared_world: World) -> None:
    before = len(shared_world.issuer.origin.seen)
    with gateway.door() as door:
        reply = door.request("GET", path, host="auth.test", token=shared_world.issuer.token())
    assert (reply.status, reply.json()["title"]) == (404, "Not found")
    inside = [seen for seen in shared_world.issuer.origin.seen[before:] if "internal" in seen.target]
    assert all(seen.get("user-agent") is None and seen.target == "/internal/revocations" for seen in inside)
