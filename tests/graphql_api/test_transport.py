"""POST /graphql as a transport: scopes, tenants, bodies and errors."""

import json
from typing import Any

import pytest

from shared.web.identity import HEADER
from tests.graphql_api.asking import Asking

PAGE = (
    "query($from: DateTime!, $to: DateTime!) "
    "{ acqiMetrics(fromDate: $from, toDate: $to) { name value numerator denominator unit } }"
)
RANGE = {"from": "2026-04-01T00:00:00Z", "to": "2026-04-17T00:00:00Z"}


def test_the_pages_own_query_is_answered_for_whoever_has_the_scope(ask: Asking) -> None:
    metrics = ask.document(PAGE, RANGE, scopes=["argus:acqi:read"])["data"]["acqiMetrics"]
    assert len(metrics) >= 20
    assert metrics[0] == {"name": "rosc_survival", "value": None, "numerator": 0, "denominator": 0, "unit": "1"}


def test_without_the_scope_the_field_is_null_and_the_error_names_it(ask: Asking) -> None:
    answer = ask.document(PAGE, RANGE, scopes=["argus:telephony:read"])
    (error,) = answer["errors"]
    assert answer["data"] == {"acqiMetrics": None}
    assert error["path"] == ["acqiMetrics"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["scope"] == "argus:acqi:read"
    assert len(error["extensions"]["trace_id"]) == 32


def test_a_field_that_is_refused_leaves_the_others_their_data(ask: Asking) -> None:
    document = """{
      telephonyProviders { id }
      acqiMetrics(fromDate: "2026-04-01T00:00:00Z", toDate: "2026-04-02T00:00:00Z", names: ["rosc_survival"]) { name }
    }"""
    answer = ask.document(document, scopes=["argus:acqi:read"])
    assert answer["data"] == {"telephonyProviders": None, "acqiMetrics": [{"name": "rosc_survival"}]}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


def test_the_tenant_header_may_only_name_the_tokens_tenant(ask: Asking) -> None:
    body = {"query": PAGE, "variables": RANGE}
    assert ask.raw(json=body, headers={"x-tenant-id": ask.tenant}).status_code == 200
    for tenants in ([ask.other_tenant], [ask.tenant] * 2, [f"{ask.tenant},{ask.other_tenant}"], [""]):
        headers = [(HEADER, ask.identity())] + [("x-tenant-id", tenant) for tenant in tenants]
        refused = ask.client.post("/graphql", json=body, headers=headers)
        assert refused.status_code == 403, tenants
        assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("field", ["telephonyProviders", "telephonyRoutes"])
def test_another_tenants_id_as_an_argument_is_forbidden(ask: Asking, field: str) -> None:
    document = f"query($tenantId: ID) {{ {field}(tenantId: $tenantId) {{ id }} }}"
    assert ask.document(document, {"tenantId": ask.tenant}) == {"data": {field: []}}
    (error,) = ask.document(document, {"tenantId": ask.other_tenant})["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b'{"query": "{a}", "query": "{b}"}', "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b"{}", "headers": {"content-type": "application/graphql"}}, 415),
        ({"files": {"operations": b"{}"}}, 415),
        ({"json": {}}, 422),
        ({"json": {"query": 1}}, 422),
        ({"json": {"query": PAGE, "variables": []}}, 422),
        ({"json": {"query": PAGE, "surplus": 1}}, 422),
        ({"json": [{"query": PAGE, "variables": RANGE}]}, 422),
        ({"json": {"query": "{ a }\0"}}, 422),
        ({"content": b" " * (1 << 20) + b"{}", "headers": {"content-type": "application/json"}}, 413),
    ],
)
def test_what_is_no_graphql_request_is_a_problem_of_transport(ask: Asking, given: dict[str, Any], status: int) -> None:
    response = ask.raw(**given)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.json()["trace_id"]) == 32


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_only_post_is_offered(ask: Asking, method: str) -> None:
    response = ask.raw(method, params={"query": "{ __typename }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


def test_a_request_that_did_not_come_through_the_gateway_is_401(ask: Asking) -> None:
    assert ask.raw(json={"query": PAGE}, headers={HEADER: None}).status_code == 401
    assert ask.raw(json={"query": PAGE}, headers={HEADER: "forged"}).status_code == 401


@pytest.mark.parametrize(
    ("variables", "at"),
    [
        ({"from": "2026-04-01", "to": "2026-04-17T00:00:00Z"}, "from"),
        ({"from": "2026-04-01T00:00:00", "to": "2026-04-17T00:00:00Z"}, "from"),
        ({"from": "2026-02-30T00:00:00Z", "to": "2026-04-17T00:00:00Z"}, "from"),
        ({"from": 5, "to": "2026-04-17T00:00:00Z"}, "from"),
        ({"from": None, "to": "2026-04-17T00:00:00Z"}, "from"),
        ({"to": "2026-04-17T00:00:00Z"}, "from"),
    ],
)
def test_a_variable_of_the_wrong_type_is_named_without_its_value(
    ask: Asking, variables: dict[str, object], at: str
) -> None:
    answer = ask.document(PAGE, variables)
    assert "data" not in answer
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
    assert answer["errors"][0]["extensions"]["variable"] == at
    assert "2026" not in str(answer)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-04-17T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("2026-04-17T00:00:00Z", "2026-04-17T00:00:00Z"),
        ("1990-01-01T00:00:00Z", "2026-04-17T00:00:00Z"),
        ("9999-12-30T00:00:00Z", "9999-12-31T23:00:00Z"),
    ],
)
def test_an_impossible_range_is_bad_input(ask: Asking, start: str, end: str) -> None:
    (error,) = ask.document(PAGE, {"from": start, "to": end})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_ranges_at_the_edges_of_the_calendar_are_answered(ask: Asking) -> None:
    for start, end in (
        ("0001-01-01T00:00:00Z", "0001-03-01T00:00:00Z"),
        ("9999-11-02T00:00:00Z", "9999-12-31T00:00:00Z"),
    ):
        document = PAGE.replace("unit", "unit sparkline { periodStart }")
        answer = ask.document(document, {"from": start, "to": end})
        assert "errors" not in answer
        assert len(answer["data"]["acqiMetrics"][0]["sparkline"]) == 12


def test_a_variable_the_document_does_not_declare_is_not_dropped(ask: Asking) -> None:
    (error,) = ask.document(PAGE, RANGE | {"form": "x"})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (error["extensions"]["pointer"], error["extensions"]["allowed"]) == ("/form", ["from", "to"])
    assert error["extensions"]["did_you_mean"] == "from"


def test_an_unknown_indicator_is_bad_input_that_lists_those_there_are(ask: Asking) -> None:
    document = PAGE.replace("toDate: $to", 'toDate: $to, names: ["nope"]')
    (error,) = ask.document(document, RANGE)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (error["extensions"]["pointer"], "rosc_survival" in error["extensions"]["allowed"]) == ("/names/0", True)


def test_an_operation_name_is_accepted_only_as_the_documents_own(ask: Asking) -> None:
    body = {"query": PAGE.replace("query(", "query Mine("), "variables": RANGE}
    for name, fits in (("Mine", True), (None, True), ("", True), ("Other", False)):
        answer = ask.raw(json=body | {"operationName": name}).json()
        assert ("data" in answer) is fits, name
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["operation"]) == ("BAD_USER_INPUT", "Mine")
    assert "operationName" in error["message"]
    nameless = ask.raw(json=body | {"query": PAGE, "operationName": "Mine"}).json()["errors"][0]
    assert (nameless["extensions"]["code"], "has no name" in nameless["message"]) == ("BAD_USER_INPUT", True)


def test_large_variables_are_refused_before_anything_runs(ask: Asking) -> None:
    (error,) = ask.document(PAGE, RANGE | {"from": "x" * 70_000})["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("depth", [50, 200, 400, 480, 600, 900, 8_000])
def test_variables_nested_at_any_depth_are_refused_in_order(ask: Asking, depth: int) -> None:
    ask.grant("incident-management")
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        nested = opening * depth + "1" + closing * depth
        for document in (PAGE, ask.text("CreateIncident")):
            body = f'{{"query": {json.dumps(document)}, "variables": {{"from": {nested}, "input": {nested}}}}}'
            response = ask.raw(content=body, headers={"content-type": "application/json"})
            if response.status_code == 200:
                (error, *_) = response.json()["errors"]
                assert error["extensions"]["code"] in {"LIMIT_EXCEEDED", "BAD_USER_INPUT"}
            else:
                assert response.status_code == 400
