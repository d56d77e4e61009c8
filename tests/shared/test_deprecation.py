"""A deprecated call announces its end in every answer and in the contract (RFC 9745, RFC 8594)."""

from datetime import date
from email.utils import parsedate_to_datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from shared.contract.openapi import document
from shared.web import http, problems
from shared.web.deprecation import Deprecation
from shared.web.routing import Operation, Part, routes

ENDS = Deprecation(date(2027, 1, 1), date(2027, 7, 1), "Call `GET /v1/newer` instead.", "/v1/newer")


async def read_older(request: Request) -> Response:
    if "missing" in request.query_params:
        raise problems.not_found()
    return http.json({}, headers={"link": '</v1/older?cursor=b>; rel="next"'})


async def read_newer(request: Request) -> Response:
    return http.json({})


def operation(path: str, deprecated: Deprecation | None) -> Operation:
    endpoint = read_older if deprecated else read_newer
    answers = {200: {"type": "object"}}
    return Operation("GET", path, endpoint, "Read", None, answers, "Reads.", deprecated=deprecated)


PART = Part("Things", "things", "Things.", [operation("/v1/older", ENDS), operation("/v1/newer", None)])
CLIENT = TestClient(Starlette(routes=routes([PART]), exception_handlers=problems.exception_handlers))


def test_every_answer_of_a_deprecated_call_announces_when_it_ends() -> None:
    for query, status in (("", 200), ("?missing=1", 404)):
        answer = CLIENT.get(f"/v1/older{query}")
        assert answer.status_code == status
        assert answer.headers["deprecation"] == "@1798761600"
        assert parsedate_to_datetime(answer.headers["sunset"]).isoformat() == "2027-07-01T00:00:00+00:00"
        assert '</v1/newer>; rel="successor-version"' in answer.headers["link"]
        assert 'rel="deprecation"' in answer.headers["link"]


def test_a_link_to_the_next_page_stays_beside_those_of_the_deprecation() -> None:
    assert 'rel="next"' in CLIENT.get("/v1/older").headers["link"]


def test_other_calls_announce_nothing() -> None:
    headers = CLIENT.get("/v1/newer").headers
    assert not {"deprecation", "sunset", "link"} & set(headers)


def test_the_contract_marks_it_and_describes_the_fields_of_its_answers() -> None:
    paths = document({}, [], [PART], {})["paths"]
    older, newer = paths["/v1/older"]["get"], paths["/v1/newer"]["get"]
    assert (older["deprecated"], older["x-sunset"]) == (True, "2027-07-01")
    assert all({"Deprecation", "Sunset", "Link"} <= set(one["headers"]) for one in older["responses"].values())
    assert not {"deprecated", "x-sunset"} & set(newer)
