"""Route entries: the order of the checks, and the signatures that a service refuses to start with."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shared.web import http, problems, routing
from shared.web.identity import Caller
from shared.web.routing import Operation, Part, Unlisted

BASE = "http://service.test"
SCOPE = "argus:things:write"


class Draft(http.Body):
    name: str = "unnamed"


class Thing(msgspec.Struct):
    id: str
    name: str


async def change(request: Request, caller: Caller, thing_id: str, draft: Draft) -> Thing:
    return Thing(thing_id, draft.name)


async def refuse(request: Request, caller: Caller) -> None:
    raise problems.forbidden("Not open.")


async def text(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


def entry(**changes: Any) -> Operation:
    usual = Operation("POST", "/things/{thing_id}", change, "Change a thing", SCOPE, {201: Thing}, body=Draft)
    return usual._replace(**changes)


async def ask(operation: Operation, caller: Caller, path: str = "/things/a", **sent: Any) -> httpx2.Response:
    parts, unlisted = [Part("Things", "things", "Things.", [operation])], [Unlisted("GET", "/things/own", text)]
    app = Starlette(routes=routing.routes(parts, unlisted), exception_handlers=problems.exception_handlers)

    async def called(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"caller": caller}, receive, send)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(called), base_url=BASE) as client:
        return await client.request(sent.pop("method", "POST"), path, **sent)


ALLOWED = Caller(tenant_id="org_1", client_id="app_1", scopes=frozenset({SCOPE}))
POOR = Caller(tenant_id="org_1", client_id="app_1")
NOT_JSON = {"content": b"{", "headers": {"content-type": "application/json"}}


@pytest.mark.anyio
async def test_the_answer_is_the_struct_with_the_first_status() -> None:
    answer = await ask(entry(), ALLOWED, json={"name": "b"})
    assert (answer.status_code, answer.json()) == (201, {"id": "a", "name": "b"})


@pytest.mark.anyio
async def test_an_optional_body_may_be_left_out() -> None:
    assert (await ask(entry(body_required=False), ALLOWED)).json()["name"] == "unnamed"
    assert (await ask(entry(), ALLOWED)).status_code == 415


@pytest.mark.anyio
@pytest.mark.parametrize(("caller", "status"), [(Caller(), 401), (POOR, 403), (ALLOWED, 400)])
async def test_no_body_is_read_before_the_scope_is_checked(caller: Caller, status: int) -> None:
    assert (await ask(entry(), caller, **NOT_JSON)).status_code == status


@pytest.mark.anyio
async def test_a_guard_comes_before_the_scope_and_after_the_token() -> None:
    guarded = entry(guard=refuse)
    assert (await ask(guarded, Caller(), **NOT_JSON)).status_code == 401
    assert (await ask(guarded, POOR, **NOT_JSON)).json()["detail"] == "Not open."


@pytest.mark.anyio
async def test_an_owner_needs_a_token_and_no_scope() -> None:
    own = entry(owner_needs_no_scope=True)
    assert (await ask(own, POOR, json={})).status_code == 201
    assert (await ask(own, Caller(), json={})).status_code == 401


@pytest.mark.anyio
async def test_a_literal_segment_is_tried_before_a_parameter() -> None:
    assert (await ask(entry(), ALLOWED, "/things/own", method="GET")).text == "/things/own"
    refused = await ask(entry(), ALLOWED, method="GET")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def without_draft(request: Request, caller: Caller, thing_id: str) -> Thing: ...
async def with_other_name(request: Request, caller: Caller, id: str, draft: Draft) -> Thing: ...
async def without_caller(request: Request, thing_id: str, draft: Draft) -> Thing: ...
async def with_other_answer(request: Request, caller: Caller, thing_id: str, draft: Draft) -> Draft: ...


async def begin(request: Request, caller: Caller) -> Response:
    """Digests the body for the Idempotency-Key, as endpoints do in their transactions."""
    begun.append(len(request.state.body_bytes))
    return Response()


begun: list[int] = []


@pytest.mark.anyio
async def test_an_endpoint_begins_only_once_its_body_is_there_even_one_that_takes_none() -> None:
    """Else a body that stalls holds the connection of the endpoint's transaction."""
    begun.clear()

    async def stalling() -> AsyncIterator[bytes]:
        yield b"x"
        assert not begun
        yield b"x"

    operation = entry(path="/things", endpoint=begin, answers={200: Response}, body=None)
    assert (await ask(operation, ALLOWED, "/things", content=stalling())).status_code == 200
    assert begun == [2]


@pytest.mark.parametrize("endpoint", [without_draft, with_other_name, without_caller, with_other_answer])
def test_an_endpoint_that_differs_from_its_entry_stops_the_start(endpoint: Any) -> None:
    with pytest.raises(TypeError, match=f"^{entry(endpoint=endpoint).name}: "):
        routing.served(entry(endpoint=endpoint))
