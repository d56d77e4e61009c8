"""incident-webhooks: calls of webhook-dispatcher for the caller, and its answers in GraphQL."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.graphql_api.app import create_app
from services.graphql_api.settings import Settings
from services.graphql_api.transport.documents import Catalogue
from shared.primitives import ids
from shared.primitives.crypto import PublicKeys, Signer, base64url_encode
from shared.web import identity as shared_identity
from shared.web.identity import HEADER
from tests.graphql_api.asking import Asking
from tests.support.alone import client_of, settings_for
from tests.support.serving import serving

MINE = {"id": ids.new_id("wh"), "url": "https://a.example/x", "events": ["incident.closed"], "enabled": True}
MIXED = {"id": ids.new_id("wh"), "url": "https://a.example/y", "events": ["incident.closed", "device.enrolled"]}
SECRET = "canary-webhook-secret"
OUR_KEY = "test:" + base64url_encode(b"g" * 32)
OUR_KEYS = PublicKeys(Signer(OUR_KEY).public_text("graphql_api"))


class Dispatcher:
    """In place of webhook-dispatcher: records requests, gives prepared answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.answer: tuple[int, Any] | None = None
        self.exchanges: list[str] = []
        self.refuses = False
        routes = [
            Route("/v1/webhooks", self.respond, methods=["GET", "POST"]),
            Route("/v1/webhooks/{id}", self.respond, methods=["GET", "PUT", "DELETE"]),
            Route("/internal/exchange", self.exchange, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def exchange(self, request: Request) -> Response:
        """In place of the gateway, which trusts only graphql-api's signature."""
        body = await request.body()
        asked = json.loads(body)
        signed = request.headers[shared_identity.SERVICE_HEADER]
        assert shared_identity.verify_call(OUR_KEYS, signed, "POST", "/internal/exchange", body) == "graphql_api"
        assert asked["audience"] == "webhook_dispatcher"
        self.exchanges.append(asked["identity"])
        if self.refuses:
            return JSONResponse({"detail": "no"}, 403)
        return JSONResponse({"identity": f"exchanged {asked['identity']}", "expires_at": time.time() + 20})

    async def respond(self, request: Request) -> Response:
        body = await request.body()
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.asked.append((request.method, target, dict(request.headers), json.loads(body) if body else None))
        if self.answer is not None:
            return JSONResponse(self.answer[1], self.answer[0], media_type="application/problem+json")
        return self._usual(request, json.loads(body) if body else {})

    def _usual(self, request: Request, body: dict[str, Any]) -> Response:
        known = {webhook["id"]: webhook for webhook in (MINE, MIXED)}
        webhook = known.get(request.path_params.get("id", ""))
        match request.method, "id" in request.path_params:
            case "GET", False:
                more = "cursor" in request.query_params
                return JSONResponse({"webhooks": [MIXED if more else MINE], "next_cursor": None if more else "c1"})
            case "POST", _:
                return JSONResponse({"id": ids.new_id("wh"), "url": body["url"], "events": body["events"]}, 201)
            case "DELETE", _:
                return Response(status_code=204)
            case _:
                # As the public page shows it, PUT answers id and events alone.
                shown = {"id": webhook["id"], "events": body["events"]} if body and webhook else webhook
                return JSONResponse(shown) if webhook else JSONResponse({"detail": "no"}, 404)


@pytest.fixture(scope="module")
def standing_in() -> Dispatcher:
    return Dispatcher()


@pytest.fixture(scope="module")
def http(standing_in: Dispatcher, database: Database, redis_server: RedisServer) -> Iterator[httpx2.Client]:
    with serving(standing_in.app) as upstream:
        settings = settings_for(
            Settings,
            database,
            redis_server.url,
            webhook_dispatcher_url=upstream,
            identity_exchange_url=f"{upstream}/internal/exchange",
            service_signing_key=OUR_KEY,
        )
        with client_of(create_app(settings)) as client:
            yield client


@pytest.fixture
def dispatcher(standing_in: Dispatcher) -> Dispatcher:
    standing_in.asked, standing_in.answer = [], None
    standing_in.exchanges, standing_in.refuses = [], False
    return standing_in


@pytest.fixture(autouse=True)
def _granted(ask: Asking, dispatcher: Dispatcher) -> None:
    ask.grant("incident-webhooks")


def test_all_pages_are_listed_and_only_webhooks_for_incidents_alone(ask: Asking, dispatcher: Dispatcher) -> None:
    shown = ask.data("ListIncidentWebhooks")
    assert [(one["id"], one["events"], one["enabled"]) for one in shown] == [(MINE["id"], ["closed"], True)]
    assert [target for _, target, _, _ in dispatcher.asked] == [
        "/v1/webhooks?limit=100",
        "/v1/webhooks?limit=100&cursor=c1",
    ]


def test_an_identity_exchanged_for_the_dispatcher_the_trace_and_the_key_are_passed_on(
    ask: Asking, dispatcher: Dispatcher
) -> None:
    given = {"url": "https://a.example/x", "events": ["created", "updated"], "secret": SECRET}
    identity = ask.identity()
    body = {"query": ask.text("CreateIncidentWebhook"), "variables": {"input": given}}
    response = ask.raw(json=body, headers={HEADER: identity, "idempotency-key": "k1"})
    assert response.json()["data"]["createIncidentWebhook"]["events"] == ["created", "updated"]
    assert SECRET not in response.text
    ((method, target, headers, sent),) = dispatcher.asked
    assert (method, target) == ("POST", "/v1/webhooks")
    assert headers[HEADER] == f"exchanged {identity}"
    assert dispatcher.exchanges == [identity]
    assert shared_identity.SERVICE_HEADER not in headers
    assert headers["idempotency-key"] == "k1"
    assert headers["traceparent"].split("-")[1] == response.headers["x-trace-id"]
    assert sent == {"url": given["url"], "events": ["incident.created", "incident.updated"], "secret": SECRET}


def test_one_exchange_serves_all_calls_of_a_caller_while_it_lives(ask: Asking, dispatcher: Dispatcher) -> None:
    identity = ask.identity()
    for _ in range(3):
        ask.raw(json={"query": ask.text("ListIncidentWebhooks")}, headers={HEADER: identity})
    assert len(dispatcher.asked) == 6
    assert dispatcher.exchanges == [identity]


def test_without_an_exchange_the_dispatcher_is_not_called(ask: Asking, dispatcher: Dispatcher) -> None:
    dispatcher.refuses = True
    assert ask.code("ListIncidentWebhooks") == "UNAVAILABLE"
    assert not dispatcher.asked


def test_an_update_names_only_what_changes_and_shows_the_whole(ask: Asking, dispatcher: Dispatcher) -> None:
    shown = ask.data("UpdateIncidentWebhook", {"id": MINE["id"], "input": {"events": ["created"]}})
    assert shown["url"] == MINE["url"]
    assert [body for method, _, _, body in dispatcher.asked if method == "PUT"] == [{"events": ["incident.created"]}]


@pytest.mark.parametrize("id", [MIXED["id"], ids.new_id("wh"), "x", "../deliveries", ids.new_id("inc")])
def test_a_webhook_that_is_no_incident_webhook_is_not_found_and_not_touched(
    ask: Asking, dispatcher: Dispatcher, id: str
) -> None:
    assert ask.code("DeleteIncidentWebhook", {"id": id}) == "NOT_FOUND"
    assert ask.code("UpdateIncidentWebhook", {"id": id, "input": {"enabled": False}}) == "NOT_FOUND"
    assert {method for method, _, _, _ in dispatcher.asked} <= {"GET"}


@pytest.mark.parametrize(
    ("status", "problem", "code"),
    [
        (422, {"detail": "bad", "errors": [{"pointer": "/url", "detail": "not https"}]}, "BAD_USER_INPUT"),
        (400, {"detail": "bad"}, "BAD_USER_INPUT"),
        (403, {"detail": "no", "scope": "webhooks:write"}, "FORBIDDEN"),
        (401, {"detail": "no"}, "FORBIDDEN"),
        (404, {"detail": "no"}, "NOT_FOUND"),
        (409, {"detail": "in flight"}, "CONFLICT"),
        (429, {"detail": "slow down"}, "RATE_LIMITED"),
        (500, {"detail": "canary-internal"}, "UNAVAILABLE"),
        (503, "no object", "UNAVAILABLE"),
    ],
)
def test_the_dispatchers_problems_are_told_by_code(
    ask: Asking, dispatcher: Dispatcher, status: int, problem: Any, code: str
) -> None:
    dispatcher.answer = (status, problem)
    given = {"url": "https://a.example/x", "events": ["created"], "secret": SECRET}
    answer = ask.operation("CreateIncidentWebhook", {"input": given})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == code
    assert answer["data"] == {"createIncidentWebhook": None}
    assert "canary" not in str(answer)
    if code == "BAD_USER_INPUT" and "errors" in problem:
        assert error["extensions"]["errors"] == [
            one | {"pointer": "/input" + one["pointer"], "code": "invalid"} for one in problem["errors"]
        ]


def test_the_scope_is_asked_for_before_anything_is_called(ask: Asking, dispatcher: Dispatcher) -> None:
    given = {"url": "https://a.example/x", "events": ["created"], "secret": SECRET}
    reader = ["webhooks:read"]
    assert ask.code("CreateIncidentWebhook", {"input": given}, scopes=reader) == "FORBIDDEN"
    assert ask.code("ListIncidentWebhooks", scopes=["argus:acqi:read"]) == "FORBIDDEN"
    assert dispatcher.asked == []


def test_without_a_dispatcher_the_bundle_is_unavailable(
    database: Database, redis_server: RedisServer, catalogue: Catalogue
) -> None:
    for url in ("", "http://127.0.0.1:9"):
        settings = settings_for(
            Settings,
            database,
            redis_server.url,
            webhook_dispatcher_url=url,
            identity_exchange_url="http://127.0.0.1:9/internal/exchange",
            service_signing_key=OUR_KEY,
        )
        with client_of(create_app(settings)) as client:
            asking = Asking(client, settings, catalogue)
            asking.grant("incident-webhooks")
            assert asking.code("ListIncidentWebhooks") == "UNAVAILABLE"
