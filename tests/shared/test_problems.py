"""Problem documents: one form for every refusal, without internal details."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.storage import database
from shared.web import http, problems
from shared.web.problems import FieldError, Problem
from shared.web.routing import resource
from shared.web.serving import TracingMiddleware
from tests.shared.asking import Answer, ask

SECRET = "postgresql://user:hunter2@db.internal/epcr"


def app(endpoint: Callable[[Request], Awaitable[Response]]) -> Starlette:
    return Starlette(
        routes=[resource("/things/{id}", GET=endpoint, PATCH=endpoint)],
        middleware=[Middleware(TracingMiddleware)],
        exception_handlers=database.exception_handlers,
    )


def answer_to(error: Exception, method: str = "GET", path: str = "/things/1") -> Answer:
    async def endpoint(request: Request) -> Response:
        raise error

    return asyncio.run(ask(app(endpoint), method, path))


def test_a_problem_document_holds_what_rfc_9457_and_the_contract_ask_for() -> None:
    answer = answer_to(problems.invalid("It does not fit.", [FieldError("/a/0", "too long")]))
    document = answer.json()
    assert answer.status == document["status"] == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert document["type"] == problems.DOCUMENTATION + "invalid-request"
    assert (document["title"], document["detail"]) == ("Invalid request", "It does not fit.")
    assert document["errors"] == [{"pointer": "/a/0", "code": "invalid", "detail": "too long"}]
    assert document["trace_id"] == answer.headers["x-trace-id"]
    assert len(document["trace_id"]) == 32


def test_further_members_and_headers_go_out_with_it() -> None:
    answer = answer_to(Problem(409, "Conflict", "Taken.", headers={"retry-after": "1"}, extra={"id": "enc_1"}))
    assert (answer.json()["id"], answer.headers["retry-after"]) == ("enc_1", "1")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError(SECRET), 500),
        (psycopg.ProgrammingError(SECRET), 500),
        (psycopg.OperationalError(SECRET), 503),
        (PoolTimeout(SECRET), 503),
        (psycopg.DataError(SECRET), 422),
        (psycopg.errors.NumericValueOutOfRange(SECRET), 422),
        (ClientDisconnect(), 400),
    ],
)
def test_what_nobody_foresaw_is_answered_without_a_word_of_it(error: Exception, status: int) -> None:
    answer = answer_to(error)
    assert answer.status == answer.json()["status"] == status
    assert b"hunter2" not in answer.body
    assert b"psycopg" not in answer.body
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]


def test_an_unavailable_database_says_when_to_come_back() -> None:
    assert answer_to(psycopg.OperationalError()).headers["retry-after"] == "1"


def test_a_wrong_method_names_every_right_one() -> None:
    answer = answer_to(RuntimeError(), "DELETE")
    assert answer.status == 405
    assert {method.strip() for method in answer.headers["allow"].split(",")} == {"GET", "HEAD", "PATCH"}
    assert answer.json()["title"] == "Method not allowed"
    assert answer.json()["detail"] == "The path does not take this method; it takes GET, PATCH, HEAD."


def test_an_unknown_path_is_a_problem_too() -> None:
    answer = answer_to(RuntimeError(), path="/elsewhere")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "There is no such path; the documentation lists all calls."


def test_starlettes_own_refusals_become_problems() -> None:
    assert answer_to(HTTPException(400, "no")).json()["status"] == 400


def test_a_missing_scope_is_named_twice() -> None:
    answer = answer_to(problems.insufficient_scope("argus:epcr:write"))
    assert answer.status == 403
    assert 'error="insufficient_scope", scope="argus:epcr:write"' in answer.headers["www-authenticate"]
    assert answer.json()["scope"] == "argus:epcr:write"


def test_nobody_knows_is_answered_with_a_challenge() -> None:
    assert answer_to(problems.unauthorized()).headers["www-authenticate"] == 'Bearer realm="knogin"'


def test_a_body_cut_off_is_the_callers_problem() -> None:
    async def endpoint(request: Request) -> Response:
        await http.read_body(request)
        return http.no_content()

    async def cut_off() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def exchange() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/things/1", "query_string": b"", "headers": [], "state": {}}
        await app(endpoint)(scope, cut_off, send)
        return sent

    assert asyncio.run(exchange())[0]["status"] == 400


def test_a_surface_opened_on_request_says_how_to_ask_for_it() -> None:
    answer = answer_to(problems.access_on_request("telephony"))
    document = answer.json()
    assert (answer.status, document["type"]) == (403, problems.DOCUMENTATION + "access-on-request")
    assert document["capability"] == "telephony"
    asked = {"method": "POST", "path": "/v1/platform/integration-requests", "body": {"capability": "telephony"}}
    assert document["request"] == asked
