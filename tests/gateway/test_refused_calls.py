"""Refused calls are counted for the app that made them: folded, without ids or secrets, within bounds, and for nobody else."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from gateway import refused
from gateway.refused import RefusedCalls
from shared.web.problems import REFUSAL
from tests.gateway.conftest import Running, World
from tests.gateway.origin import response
from tests.support.keys import rsa_key

SECRET = "enc_01m88d0qxrfeab348dr2e8tvkd"
PATH = f"/api/v1/epcr/encounters/{SECRET}"
TEMPLATE = "/api/v1/epcr/encounters/{encounter_id}"
Row = dict[str, Any]


def reported(world: World, gateway: Running) -> list[Row]:
    """All counts, once the gateway has sent its last ones; without times and trace ids, which have a test of their own."""
    gateway.stop()
    gone = ("first_at", "last_at", "trace_id")
    return [{name: value for name, value in row.items() if name not in gone} for row in world.issuer.refusals]


def row(status: int, reason: str, endpoint: str, scope: str = "", count: int = 1, **changes: Any) -> Row:
    named = {"tenant_id": "org_1", "client_id": "app_1", "status": status, "reason": reason}
    return named | {"endpoint": endpoint, "scope": scope, "count": count} | changes


def call(gateway: Running, token: str | None, path: str = PATH, method: str = "GET", host: str = "api.test") -> int:
    with gateway.door() as door:
        return door.request(method, path, token=token, host=host).status


def refusing(world: World, status: int, value: str | None) -> None:
    fields = [] if value is None else [(REFUSAL, value)]
    world.service.answers[PATH] = lambda _: response(status, b"{}", *fields)


def test_a_missing_scope_is_counted_with_the_routes_template_and_no_id(world: World) -> None:
    gateway, token = world.start(), world.issuer.token()
    refusing(world, 403, f"insufficient-scope {TEMPLATE} argus:epcr:read")
    for _ in range(3):
        assert call(gateway, token, PATH + "?patient=secret") == 403
    expected = row(403, "insufficient_scope", f"GET {TEMPLATE}", "argus:epcr:read", 3)
    assert reported(world, gateway) == [expected]
    assert SECRET not in str(world.issuer.refusals)
    assert "secret" not in str(world.issuer.refusals)


def test_the_field_of_a_refusal_reaches_no_client(world: World) -> None:
    gateway = world.start()
    refusing(world, 403, f"insufficient-scope {TEMPLATE} argus:epcr:read")
    with gateway.door() as door:
        reply = door.request("GET", PATH, token=world.issuer.token())
    assert reply.status == 403
    assert reply.get(REFUSAL) is None


@pytest.mark.parametrize(
    ("status", "value", "reason"),
    [
        (403, None, "forbidden"),
        (403, "handover-closed - -", "handover_closed"),
        (403, "access-on-request - -", "access_on_request"),
        (401, None, "revoked"),
        (401, "unauthorized - -", "revoked"),
        (429, "too-many-requests - -", "busy"),
        (429, None, "busy"),
        (403, "Not A Slug", "forbidden"),
        (403, "x" * 400, "forbidden"),
    ],
)
def test_each_refusal_of_a_service_has_a_reason(world: World, status: int, value: str | None, reason: str) -> None:
    gateway = world.start()
    refusing(world, status, value)
    call(gateway, world.issuer.token())
    assert [(one["status"], one["reason"]) for one in reported(world, gateway)] == [(status, reason)]


def test_a_scope_that_there_is_not_is_not_counted(world: World) -> None:
    gateway = world.start()
    refusing(world, 403, f"insufficient-scope {TEMPLATE} no:such:scope")
    call(gateway, world.issuer.token())
    assert reported(world, gateway)[0]["scope"] == ""


def test_tokens_that_ended_are_counted_for_the_app_to_which_auth_gave_them(world: World) -> None:
    gateway = world.start()
    past = int(time.time()) - 7200
    assert call(gateway, world.issuer.token(iat=past, exp=past + 60)) == 401
    token = world.issuer.token()
    world.issuer.revoke("client", "app_1")
    deadline = time.monotonic() + 60
    while call(gateway, token) != 401:
        assert time.monotonic() < deadline
    assert call(gateway, world.issuer.token(aud=["http://other.test"])) == 401
    found = {one["reason"]: one for one in reported(world, gateway)}
    assert found["expired"] == row(401, "expired", "GET /api/v1/epcr")
    assert found["revoked"] == row(401, "revoked", "GET /api/v1/epcr")


def test_a_rate_that_is_used_up_is_counted(world: World) -> None:
    gateway = world.start(rate_limit_read="1/60")
    token = world.issuer.token()
    world.service.answers[PATH] = lambda _: response(200)
    statuses = [call(gateway, token) for _ in range(4)]
    assert statuses.count(429) >= 2
    assert reported(world, gateway) == [row(429, "rate", "GET /api/v1/epcr", count=statuses.count(429))]


@pytest.mark.parametrize("token", [None, "abc", "e30.e30.e30"])
def test_calls_of_nobody_known_are_counted_for_nobody(world: World, token: str | None) -> None:
    gateway = world.start()
    assert call(gateway, token) == 401
    assert reported(world, gateway) == []


def test_a_token_of_a_strangers_key_counts_for_nobody(world: World) -> None:
    """Else anybody could fill the list of any app."""
    gateway = world.start()
    assert call(gateway, world.issuer.token(key=rsa_key(2))) == 401
    assert reported(world, gateway) == []


@pytest.mark.parametrize("status", [200, 400, 404, 409, 422, 500, 503])
def test_other_answers_are_no_refusals(world: World, status: int) -> None:
    gateway = world.start()
    refusing(world, status, f"insufficient-scope {TEMPLATE} argus:epcr:read")
    call(gateway, world.issuer.token())
    assert reported(world, gateway) == []


def test_refusals_of_graphql_count_and_its_faults_of_a_request_do_not(world: World) -> None:
    """graphql-api answers every refusal with 200."""
    gateway, token = world.start(), world.issuer.token()
    named = [
        "operation-not-approved - -",
        "forbidden - argus:incidents:write",
        "bad-user-input - -",
        "limit-exceeded - -",
    ]
    for value in named:
        refusing(world, 200, value)
        assert call(gateway, token) == 200
    assert sorted(reported(world, gateway), key=lambda one: one["reason"]) == [
        row(200, "forbidden", "GET /api/v1/epcr", "argus:incidents:write"),
        row(200, "operation_not_approved", "GET /api/v1/epcr"),
    ]


def test_the_last_trace_id_and_the_times_are_those_of_the_calls(world: World) -> None:
    gateway = world.start()
    refusing(world, 403, None)
    with gateway.door() as door:
        traces = [door.request("GET", PATH, token=world.issuer.token()).get("x-trace-id") for _ in range(2)]
    gateway.stop()
    (found,) = world.issuer.refusals
    assert found["trace_id"] == traces[1]
    assert found["first_at"] <= found["last_at"]


class Ended:
    """A call that ended, as far as a count reads it."""

    def __init__(self, tenant: str, client: str, template: str = "/a", scope: str = "", status: int = 403) -> None:
        self.tenant_id, self.client_id, self.status = tenant, client, status
        self.method, self.route, self.reason, self.upstream = "GET", "/a", "", "epcr"
        self.refusal = ("insufficient-scope", template, scope)
        self.trace: Any = type("Trace", (), {"trace_id": uuid4().hex})


def held(calls: list[Ended]) -> list[Row]:
    rows: list[Row] = []

    class Taken:
        status = 204

    async def report(body: bytes) -> Any:
        batch = msgspec.json.decode(body)["refusals"]
        assert len(batch) <= refused.BATCH
        rows.extend(batch)
        return Taken

    counted = RefusedCalls(report)
    for one in calls:
        counted.note(one)  # pyright: ignore[reportArgumentType]
    asyncio.run(counted.flush())
    return rows


def test_an_organisation_with_many_kinds_of_refusals_takes_no_room_from_others() -> None:
    flood = [Ended("org_1", "app_1", f"/a/{number}") for number in range(10_000)]
    rows = held([*flood, Ended("org_2", "app_2")])
    of_first = [one for one in rows if one["tenant_id"] == "org_1"]
    assert len(of_first) <= refused.MOST_OF_TENANT + refused.FURTHER
    assert sum(one["count"] for one in of_first) == len(flood)
    assert [one["count"] for one in rows if one["tenant_id"] == "org_2"] == [1]


def test_all_organisations_together_have_a_bounded_number() -> None:
    rows = held([Ended(f"org_{number}", "app") for number in range(2 * refused.MOST + 500)])
    assert len(rows) == 2 * refused.MOST


def test_an_organisation_with_many_sandboxes_leaves_room_for_the_refusals_of_others() -> None:
    flood = [Ended(f"org_{sandbox}", "app_1", f"/a/{number}") for sandbox in range(50) for number in range(500)]
    rows = held([*flood, *(Ended("org_of_others", "app_2", f"/b/{number}") for number in range(5))])
    assert len(rows) < 2 * refused.MOST
    assert [one["endpoint"] for one in rows if one["tenant_id"] == "org_of_others"] == [f"GET /b/{n}" for n in range(5)]


@pytest.mark.parametrize("template", ["/" + "x" * 200, "/a?b", "/\xe9", "a", '/"'])
def test_a_service_in_strange_hands_makes_no_report_that_auth_refuses(world: World, template: str) -> None:
    gateway, token = world.start(), world.issuer.token()
    refusing(world, 403, f"forbidden {template} -")
    assert call(gateway, token) == 403
    assert reported(world, gateway) == [row(403, "forbidden", "GET /api/v1/epcr")]


def test_one_kind_is_one_row_however_many_calls() -> None:
    rows = held([Ended("org_1", "app_1", "/a", "argus:epcr:read") for _ in range(5_000)])
    assert [(one["count"], one["endpoint"], one["scope"]) for one in rows] == [(5_000, "GET /a", "argus:epcr:read")]
