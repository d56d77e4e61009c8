"""The gateway's statement of the caller: only the gateway can make one, and it expires soon."""

import asyncio
import gc
import time
import weakref
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.web import http, identity, problems, routing
from shared.web.identity import Caller, IdentityMiddleware, SigningKey, Verifier, mint, party_of
from shared.web.routing import resource
from shared.web.serving import TracingMiddleware
from tests.shared.asking import Answer, ask

KEY = SigningKey("2026-03:" + base64url_encode(b"k" * 32))
NEXT = SigningKey("2026-04:" + base64url_encode(b"n" * 32))
FORGER = SigningKey("2026-03:" + base64url_encode(b"f" * 32))
CALLER = Caller(
    tenant_id="org_1",
    client_id="app_1",
    scopes=frozenset({"argus:epcr:write"}),
    address="192.0.2.1",
    token_use="access",
)


HERE = "epcr"


async def whoami(request: Request) -> Response:
    who = identity.require(request, "argus:epcr:read")
    return http.json({"client_id": who.client_id})


async def anyone(request: Request) -> Response:
    return http.json({"address": identity.caller(request).address})


def app(public_keys: str = KEY.public_text()) -> Starlette:
    return Starlette(
        routes=[resource("/whoami", GET=whoami), resource("/anyone", GET=anyone), *routing.probes({})],
        middleware=[
            Middleware(TracingMiddleware),
            Middleware(IdentityMiddleware, public_keys=public_keys, service=HERE),
        ],
        exception_handlers=problems.exception_handlers,
    )


def asked(header: str | None, path: str = "/whoami", **options: Any) -> Answer:
    headers = {} if header is None else {identity.HEADER: header}
    return asyncio.run(ask(app(), path=path, headers=headers, **options))


def test_a_caller_is_who_the_gateway_says() -> None:
    assert asked(mint(CALLER, KEY, HERE)).json() == {"client_id": "app_1"}
    assert Verifier(KEY.public_text(), HERE).verify(mint(CALLER, KEY, HERE)) == CALLER


class Body:
    """In place of the megabyte that a request holds until it is answered."""


def test_a_request_and_its_body_are_freed_with_the_answer_and_not_by_the_garbage_collector() -> None:
    """A collection that finds the bodies of many requests stops the loop for tens of milliseconds."""
    bodies: list[weakref.ref[Body]] = []

    async def hold(request: Request) -> Response:
        identity.require_admitted(request)
        request.state.body = Body()
        bodies.append(weakref.ref(request.state.body))
        return http.no_content()

    middleware = [Middleware(IdentityMiddleware, public_keys=KEY.public_text(), service=HERE)]
    holding = Starlette(routes=[resource("/hold", GET=hold)], middleware=middleware)
    gc.disable()
    try:
        answer = asyncio.run(ask(holding, path="/hold", headers={identity.HEADER: mint(CALLER, KEY, HERE)}))
        assert (answer.status, len(bodies)) == (204, 1)
        assert bodies[0]() is None
    finally:
        gc.enable()


def test_a_call_that_did_not_come_through_the_gateway_is_unauthorized() -> None:
    answer = asked(None)
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
    assert "www-authenticate" in answer.headers
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]


def test_a_client_whose_token_ended_on_the_way_is_asked_for_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Verifier, "read_timely", lambda self, header: None)
    for is_revoked in (True, False):
        monkeypatch.setattr(Verifier, "is_revoked", lambda self, header, answer=is_revoked: answer)
        refused = asked(mint(CALLER, KEY, HERE))
        assert (refused.status, "invalid_token" in refused.headers["www-authenticate"]) == (401, is_revoked)


def test_a_forged_statement_is_unauthorized() -> None:
    assert asked(mint(CALLER, FORGER, HERE)).status == 401


def test_a_key_not_known_is_unauthorized_until_it_is() -> None:
    assert Verifier(KEY.public_text(), HERE).verify(mint(CALLER, NEXT, HERE)) is None
    both = Verifier(f"{NEXT.public_text()},{KEY.public_text()}", HERE)
    assert both.verify(mint(CALLER, NEXT, HERE)) == both.verify(mint(CALLER, KEY, HERE)) == CALLER


def test_a_statement_under_another_keys_name_is_unauthorized() -> None:
    _, rest = mint(CALLER, KEY, HERE).split(".", 1)
    assert Verifier(f"{KEY.public_text()},{NEXT.public_text()}", HERE).verify(f"{NEXT.kid}.{rest}") is None


@given(st.integers(0), st.integers(1, 255))
def test_any_character_changed_makes_it_worthless(position: int, change: int) -> None:
    header = bytearray(mint(CALLER, KEY, HERE).encode())
    header[position % len(header)] ^= change
    text = header.decode("latin-1")
    found = Verifier(KEY.public_text(), HERE).verify(text)
    # The last character of a signature has spare bits: the same bytes can have another spelling.
    assert found is None or (found == CALLER and position % len(header) == len(header) - 1)


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_text_is_mistaken_for_a_statement(text: str) -> None:
    assert Verifier(KEY.public_text(), HERE).verify(text) is None
    assert Verifier(KEY.public_text(), HERE).verify(f"{KEY.kid}.{text}") is None


def test_a_statement_ends_after_a_minute_even_where_it_was_seen_before() -> None:
    verifier = Verifier(KEY.public_text(), HERE)
    with time_machine.travel(time.time(), tick=False) as clock:
        header = mint(CALLER, KEY, HERE)
        assert verifier.verify(header) == CALLER
        clock.shift(identity.LIFETIME + identity.SKEW - 1)
        assert verifier.verify(header) == CALLER
        clock.shift(1)
        assert verifier.verify(header) is None
        assert Verifier(KEY.public_text(), HERE).verify(header) is None


def test_an_expired_statement_is_unauthorized() -> None:
    assert asked(mint(CALLER, KEY, HERE, now=time.time() - 3600)).status == 401


def test_a_statement_by_a_clock_that_is_behind_is_to_be_tried_again() -> None:
    """With a gateway ten minutes behind, or a service ten minutes ahead, the token itself is not at fault."""
    answer = asked(mint(CALLER, KEY, HERE, now=time.time() - 600))
    assert answer.status == 503
    assert answer.headers["retry-after"]
    assert asked(mint(CALLER, FORGER, HERE, now=time.time() - 600)).status == 401
    assert asked(mint(CALLER, KEY, "auth", now=time.time() - 600)).status == 401


def test_two_statements_are_none() -> None:
    header = mint(CALLER, KEY, HERE)
    assert asked(header, extra=[(identity.HEADER.encode(), header.encode())]).status == 401


def test_an_anonymous_caller_gets_no_further_than_what_is_for_everyone() -> None:
    header = mint(Caller(address="192.0.2.7"), KEY, HERE)
    assert asked(header, "/anyone").json() == {"address": "192.0.2.7"}
    assert asked(header).status == 401


def test_probes_answer_without_a_statement() -> None:
    assert asked(None, "/livez").status == asked(None, "/readyz").status == 200


@pytest.mark.parametrize(
    ("held", "wanted", "enough"),
    [
        ("argus:epcr:read", "argus:epcr:read", True),
        ("argus:epcr:write", "argus:epcr:read", True),
        ("argus:epcr:read", "argus:epcr:write", False),
        ("argus:devices:write", "argus:epcr:read", False),
        ("argus:epcr:writer", "argus:epcr:read", False),
    ],
)
def test_writing_includes_reading_of_the_same_resource_alone(held: str, wanted: str, enough: bool) -> None:
    assert Caller(scopes=frozenset({held})).has(wanted) is enough


def test_a_missing_scope_is_forbidden_and_named() -> None:
    answer = asked(mint(Caller(tenant_id="org_1", client_id="app_1", token_use="access"), KEY, HERE))
    assert (answer.status, answer.json()["scope"]) == (403, "argus:epcr:read")


def test_what_was_seen_never_outgrows_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "CACHED", 10)
    verifier = Verifier(KEY.public_text(), HERE)
    for number in range(35):
        who = Caller(tenant_id="org_1", client_id=f"app_{number}")
        assert verifier.verify(mint(who, KEY, HERE)) == who
        assert len(verifier._seen) <= 10


@pytest.mark.parametrize("text", ["", "kid", "kid:", "kid:AAAA", "kid:" + "A" * 43 + "=", KEY.public_text() + ","])
def test_a_malformed_public_key_stops_the_process_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="IDENTITY_PUBLIC_KEYS"):
        Verifier(text, HERE)


def test_a_malformed_signing_key_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the library's own
        SigningKey("kid:AAAA")


def test_the_public_key_gives_nothing_of_the_seed_away() -> None:
    public = base64url_decode(KEY.public_text().partition(":")[2])
    assert len(public) == 32
    assert public != b"k" * 32


def test_callers_without_a_token_are_clients_by_network_in_every_line() -> None:
    """A subscriber of IPv6 has 2^64 addresses, and many a network 2^16 subscribers."""
    one, neighbour, next_door, stranger = (
        party_of(Caller(address=address))
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db9::1")
    )
    assert one == neighbour
    assert (one.block, one.client != next_door.client) == (next_door.block, True)
    assert one.block != stranger.block
    assert (
        party_of(Caller(address="::ffff:192.0.2.1"))
        == party_of(Caller(address="192.0.2.1"))
        == ("", "192.0.2.0/24", "192.0.2.1")
    )
    assert len({party_of(Caller(tenant_id="org_1", client_id="app_1", address=f"192.0.2.{n}")) for n in range(9)}) == 1
