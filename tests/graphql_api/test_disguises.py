"""Introspection in every disguise gives nothing of the schema."""

import json
from typing import Any

import httpx2
import pytest

from services.graphql_api import errors, schema
from shared.web.identity import HEADER
from tests.graphql_api.asking import Asking

GENERIC = {"message": errors.NOT_APPROVED, "code": "OPERATION_NOT_APPROVED"}
FRAGMENT_BOMB = (
    "{ ...F0 } "
    + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    + " fragment F40 on Query { __schema { types { name } } }"
)
DOCUMENTS = {
    "schema": "{ __schema { types { name fields { name } } } }",
    "schema, named": "query IntrospectionQuery { __schema { queryType { name } } }",
    "type": '{ __type(name: "Query") { fields { name } } }',
    "type by variable": "query($n: String!) { __type(name: $n) { name } }",
    "aliased": "{ telephonyProviders: __schema { types { name } } }",
    "in a fragment": "{ ...F } fragment F on Query { __schema { types { name } } }",
    "in an inline fragment": "{ ... on Query { __schema { types { name } } } }",
    "in an untyped fragment": "{ ... { __schema { types { name } } } }",
    "in a fragment of a fragment": "{ ...A } fragment A on Query { ...B } fragment B on Query { __schema { types { name } } }",
    "beside a documented field": "{ telephonyProviders { id } __schema { types { name } } }",
    "skipped": "{ telephonyProviders { id } __schema @skip(if: true) { types { name } } }",
    "included": "query($x: Boolean!) { telephonyProviders { id } __schema @include(if: $x) { types { name } } }",
    "below the root": "{ telephonyProviders { __schema { types { name } } } }",
    "type below the root": '{ telephonyProviders { __type(name: "Query") { name } } }',
    "typename at the root": "{ __typename }",
    "typename beside a documented field": "{ telephonyProviders { id } __typename }",
    "typename farmed": "{ " + " ".join(f"t{n}: __typename" for n in range(500)) + " }",
    "typename of mutations": "mutation { __typename }",
    "typename of subscriptions": "subscription { __typename }",
    "a field that is almost one": "{ telephonyProvider { id } }",
    "a member that is almost one": "{ telephonyProviders { ide credentialsEnc credentials } }",
    "credentials by their column": "{ telephonyProviders { credentials_enc } }",
    "an argument that is almost one": '{ telephonyProviders(tenant: "x") { id } }',
    "an enum that is almost one": '{ acqiMetrics(fromDate: "2026-01-01T00:00:00Z", toDate: 5) { name } }',
    "a type that is none": "query($x: Incidnt) { telephonyProviders { id } }",
    "a type that is one": "query($x: CreateIncidentInput) { telephonyProviders { id } }",
    "a fragment on a type that is one": "{ telephonyProviders { ... on Incident { id } } }",
    "an undocumented field": "{ incidents { nodes { id } } }",
    "an undocumented field beside a documented one": "{ telephonyProviders { id } incidents { nodes { id } } }",
    "an undocumented field under a documented name": "{ telephonyProviders: incidents { nodes { id } } }",
    "a mutation": 'mutation { deleteTelephonyProvider(id: "x") }',
    "two operations": "query A { telephonyProviders { id } } query B { __schema { types { name } } }",
    "a directive that is none": "{ telephonyProviders @export { id } }",
    "deferred": "{ ... @defer { telephonyProviders { id } } }",
    "a schema definition": "type Query { a: Int }",
    "an extension beside a query": "{ telephonyProviders { id } } extend type Query { a: Int }",
    "hidden after a comment": "# { telephonyProviders { id } }\n{ __schema { types { name } } }",
    "in odd whitespace": "\ufeff,,,{\r\n,__schema\t,{,types{name,}}}",
    "escaped": '{ __type(name: "\\u0051uery") { name } }',
    "a federation probe": "{ _service { sdl } }",
    "an entities probe": '{ _entities(representations: [{__typename: "Incident"}]) { __typename } }',
    "doubling fragments": FRAGMENT_BOMB,
    "circular fragments": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "a fragment that is not there": "{ ...Nowhere }",
    "an empty document": "",
    "only a comment": "# nothing",
    "an empty selection": "{ }",
    "an empty selection below": "{ telephonyProviders { } }",
    "a leaf without its fields": "{ telephonyProviders }",
    "not GraphQL": "SELECT * FROM pg_catalog.pg_tables",
}


@pytest.fixture(scope="module")
def secret_words() -> set[str]:
    """Every name of the schema that nothing in a refusal may contain."""
    built = schema.build()
    names = {name for name in built.type_map if not name.startswith("__")}
    for kind in built.type_map.values():
        names |= set(getattr(kind, "fields", {}) or {})
    return {name for name in names if len(name) > 5} - {"status", "unknown"}


def check(response: httpx2.Response, secret_words: set[str]) -> None:
    """Nothing came of it, and nothing was learnt: no data, the generic error, none of the schema's words."""
    assert response.status_code == 200
    answer = response.json()
    assert answer.keys() == {"errors"}
    (error,) = answer["errors"]
    assert error["extensions"].keys() == {"code", "trace_id"}
    if error["extensions"]["code"] != "LIMIT_EXCEEDED":
        assert {"message": error["message"], "code": error["extensions"]["code"]} == GENERIC
    assert not {word for word in secret_words if word in response.text}


@pytest.mark.parametrize("disguise", DOCUMENTS)
def test_no_disguise_of_a_document_gives_anything_of_the_schema(
    ask: Asking, disguise: str, secret_words: set[str]
) -> None:
    variables = {"n": "Query", "x": True} if "$" in DOCUMENTS[disguise] else {}
    check(ask.raw(json={"query": DOCUMENTS[disguise], "variables": variables}), secret_words)


INTROSPECTION = "{ __schema { types { name } } }"
APQ = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
TRANSPORTS: dict[str, dict[str, Any]] = {
    "GET": {"method": "GET", "params": {"query": INTROSPECTION}},
    "GET of a persisted query": {"method": "GET", "params": {"extensions": json.dumps(APQ)}},
    "HEAD": {"method": "HEAD", "params": {"query": INTROSPECTION}},
    "a browser that asks for a playground": {"method": "GET", "headers": {"accept": "text/html"}},
    "a query string beside an empty body": {"params": {"query": INTROSPECTION}, "json": {}},
    "a batch": {"json": [{"query": INTROSPECTION}, {"query": "{ telephonyProviders { id } }"}]},
    "a batch of one": {"json": [{"query": "{ telephonyProviders { id } }"}]},
    "a form": {"data": {"query": INTROSPECTION}},
    "multipart": {"files": {"operations": json.dumps({"query": INTROSPECTION}), "map": "{}"}},
    "application/graphql": {"content": INTROSPECTION, "headers": {"content-type": "application/graphql"}},
    "text": {"content": json.dumps({"query": INTROSPECTION}), "headers": {"content-type": "text/plain"}},
    "a persisted query alone": {"json": {"extensions": APQ}},
    "an id instead of a query": {"json": {"id": "IntrospectionQuery"}},
    "two queries in one object": {
        "content": b'{"query": "{ telephonyProviders { id } }", "query": "{ __schema { types { name } } }"}',
        "headers": {"content-type": "application/json"},
    },
    "GraphQL over a path below": {"path": "/graphql/", "json": {"query": INTROSPECTION}},
    "a schema file": {"method": "GET", "path": "/graphql/schema.graphql"},
    "another path": {"method": "GET", "path": "/graphiql"},
}


@pytest.mark.parametrize("disguise", TRANSPORTS)
def test_no_disguise_of_the_transport_gives_anything_of_the_schema(
    ask: Asking, disguise: str, secret_words: set[str]
) -> None:
    response = ask.raw(**TRANSPORTS[disguise])
    assert 400 <= response.status_code < 500
    words = {word for word in secret_words if word in response.text}
    assert not words, words


@pytest.mark.parametrize("extensions", [APQ, {"introspection": True}, {"tracing": {}}])
def test_no_extension_is_offered(ask: Asking, extensions: dict[str, Any], secret_words: set[str]) -> None:
    check(ask.raw(json={"query": "{ telephonyProviders { id } }", "extensions": extensions}), secret_words)
    check(ask.raw(json={"query": INTROSPECTION, "extensions": extensions}), secret_words)


def test_a_header_changes_nothing(ask: Asking, secret_words: set[str]) -> None:
    for name in ("apollo-require-preflight", "x-introspection", "x-http-method-override", "graphql-preflight"):
        check(ask.raw(json={"query": INTROSPECTION}, headers={name: "true"}), secret_words)


def test_refusals_are_the_same_whether_or_not_the_word_exists(ask: Asking) -> None:
    def shape(document: str) -> str:
        response = ask.raw(json={"query": document})
        return response.text.replace(response.headers["x-trace-id"], "")

    exists = shape("{ telephonyProviders { id ... on Incident { id } } }")
    assert exists == shape("{ telephonyProviders { id ... on Incidant { id } } }")
    assert exists == shape("{ incidents { nodes { id } } }") == shape("{ incidants { nodes { id } } }")
    assert exists == shape("query($x: IncidentFilter) { telephonyProviders { id } }")


def test_the_names_of_the_headers_do_not_tell_of_the_library(ask: Asking) -> None:
    headers = ask.raw(json={"query": INTROSPECTION}, headers={HEADER: ask.identity()}).headers
    assert not {name for name in headers if "graphql" in name or "ariadne" in name}
