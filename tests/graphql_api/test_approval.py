"""Approved documents: matched by their normalised form, granted by bundle, shown to those who have them."""

from typing import Any

import jsonschema_rs
import pytest
from graphql import build_schema
from hypothesis import given
from hypothesis import strategies as st

from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.documents import BadBundle, Catalogue
from shared.primitives import ids
from tests.graphql_api.asking import Asking

LIST = {"first": 5}


def refused(answer: dict[str, Any]) -> bool:
    """The one generic refusal, with nothing beside it."""
    (error,) = answer["errors"]
    assert "data" not in answer
    assert error.keys() == {"message", "extensions"}
    assert error["extensions"].keys() == {"code", "trace_id"}
    return error["extensions"]["code"] == "OPERATION_NOT_APPROVED"


def not_granted(answer: dict[str, Any]) -> bool:
    """The refusal of an approved document that names the bundle to grant."""
    (error,) = answer["errors"]
    assert "data" not in answer
    found = error["extensions"]
    assert "incident-management" in error["message"]
    assert (found["operation"], found["fields"]) == ("ListIncidents", ["incidents"])
    assert "incident-management" in found["bundles"]
    return found["code"] == "OPERATION_NOT_APPROVED"


def test_an_approved_document_runs_once_granted_and_no_longer_once_withdrawn(ask: Asking) -> None:
    assert not_granted(ask.operation("ListIncidents", LIST))
    ask.grant("incident-management")
    assert ask.data("ListIncidents", LIST)["nodes"] == []
    ask.grant("telephony-admin")
    assert not_granted(ask.operation("ListIncidents", LIST))


def test_a_grant_is_the_apps_alone_and_ends_with_it(ask: Asking) -> None:
    ask.grant("incident-management")
    assert not_granted(ask.operation("ListIncidents", LIST, client_id=ids.new_id("app")))
    ask.grant("incident-management", status="disabled")
    assert not_granted(ask.operation("ListIncidents", LIST))


def test_all_faults_of_the_variables_are_named_with_their_places_and_never_a_value(ask: Asking) -> None:
    ask.grant("incident-management")
    answer = ask.operation("CreateIncident", {"input": {"type": "medicall", "priority": 7, "canary-name": "canary"}})
    (error,) = answer["errors"]
    found = {one["pointer"]: one for one in error["extensions"]["errors"]}
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert found["/input/type"]["did_you_mean"] == "medical"
    assert "medical" in found["/input/type"]["allowed"]
    assert found["/input/priority"]["allowed"] == ["critical", "high", "medium", "low"]
    assert found["/input/canary-name"]["code"] == "unknown"
    assert "medicall" not in str(answer)


CASE = {"type": "medical", "priority": "high"}
SIP = {"sip": {"host": "sip.example.org", "username": "u", "password": "longenough"}}
MARCH = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
MISFITS: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    ("CreateIncident", {"inputs": CASE}, [("/inputs", "unknown", "input"), ("/input", "missing", "")]),
    ("CreateIncident", {"input": CASE, "Input": 1}, [("/Input", "unknown", "input")]),
    (
        "CreateIncident",
        {"input": {"type": "MEDICAL", "priority": "HIGH"}},
        [("/input/type", "enum", "medical"), ("/input/priority", "enum", "high")],
    ),
    ("ListIncidents", {"first": 0}, [("/first", "range", "")]),
    ("ListIncidents", {"first": 100_000}, [("/first", "range", "")]),
    ("ListIncidents", {"after": "x"}, [("/after", "invalid", "")]),
    ("ListIncidents", {"first": 0, "after": "ée"}, [("/first", "range", ""), ("/after", "invalid", "")]),
    (
        "ListIncidents",
        {"first": 101, "filter": {"cadIncidentId": " x"}, "after": ""},
        [("/first", "range", ""), ("/filter/cadIncidentId", "text", ""), ("/after", "invalid", "")],
    ),
    ("AcqiReport", MARCH | {"to": MARCH["from"]}, [("/to", "range", "")]),
    (
        "AcqiReport",
        {"from": MARCH["to"], "to": MARCH["from"], "names": ["rosc_survival", "Rosc_Surviva"]},
        [("/to", "range", ""), ("/names/1", "enum", "rosc_survival")],
    ),
    ("CreateTelephonyRoute", {"input": {"providerId": "tpr_x", "targetSubsystem": "psap"}}, [("/input", "one_of", "")]),
    (
        "CreateTelephonyRoute",
        {"input": {"providerId": "tpr_x", "targetSubsystem": "psap", "subaccount": "a"}},
        [("/input/providerId", "invalid", "")],
    ),
    (
        "CreateTelephonyProvider",
        {"input": {"name": "x", "carrier": SIP, "isDefault": True, "isActive": False}},
        [("/input/isActive", "invalid", "")],
    ),
]


def test_each_fault_of_a_variable_has_its_place_and_what_was_meant(ask: Asking) -> None:
    ask.grant("incident-management", "acqi-reporting", "telephony-admin")
    faults = list[str]()
    for name, variables, wanted in MISFITS:
        (error,) = ask.operation(name, variables)["errors"]
        found = error["extensions"]
        places = [(one["pointer"], one["code"], one.get("did_you_mean", "")) for one in found.get("errors", [])]
        if (found["code"], places, found.get("pointer")) != ("BAD_USER_INPUT", wanted, wanted[0][0]):
            faults.append(f"{name} {variables}: {error}")
    assert not faults, "\n".join(faults)


def test_another_operation_name_is_answered_with_the_documents_own(ask: Asking) -> None:
    ask.grant("incident-management")
    for name in ("Nope", "listincidents"):
        body = {"query": ask.text("ListIncidents"), "variables": LIST, "operationName": name}
        (error,) = ask.raw(json=body).json()["errors"]
        found = error["extensions"]
        assert (found["code"], found["operation"]) == ("BAD_USER_INPUT", "ListIncidents")
        assert "operationName" in error["message"]
    assert refused(ask.raw(json={"query": "{ nope { id } }", "operationName": "Nope"}).json())


def test_an_older_word_about_an_app_changes_nothing(ask: Asking) -> None:
    ask.versions = 10
    ask.grant("incident-management")
    ask.versions = 5
    ask.grant()
    assert ask.data("ListIncidents", LIST)["nodes"] == []


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda text: " ".join(text.split()),
        lambda text: text.replace("\n", "\r\n\t"),
        lambda text: "# mine\n" + text.replace("{", "{ # here\n", 1),
        lambda text: text.replace("ListIncidents", "SomethingElse"),
        lambda text: text.replace("query ListIncidents(", "query("),
        lambda text: text.replace("\n", ",\n"),
        lambda text: "\ufeff" + text,
    ],
)
def test_whitespace_comments_commas_and_the_operations_name_make_no_difference(ask: Asking, rewritten: Any) -> None:
    ask.grant("incident-management")
    answer = ask.document(rewritten(ask.text("ListIncidents")), LIST)
    assert answer["data"]["incidents"]["nodes"] == []


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda text: text.replace("id\n", "id\n      __typename\n", 1),
        lambda text: text.replace("      id\n      number\n", "      number\n      id\n"),
        lambda text: text.replace("      number\n", ""),
        lambda text: text.replace("      id\n", "      mine: id\n"),
        lambda text: text.replace("= 50", "= 51"),
        lambda text: text.replace("$first: Int!", "$first: Int"),
        lambda text: text.replace("nodes {", "nodes @include(if: true) {"),
        lambda text: text + "\nquery Other { incidents { nodes { id } } }",
        lambda text: text + "\nfragment F on Incident { id }",
        lambda text: text.replace("incidents(", "mine: incidents("),
        lambda text: text.replace(") {", ") @mine {", 1),
    ],
)
def test_any_other_document_is_another_document(ask: Asking, rewritten: Any) -> None:
    ask.grant("incident-management")
    changed = rewritten(ask.text("ListIncidents"))
    assert changed != ask.text("ListIncidents")
    assert refused(ask.document(changed, LIST))


def test_documented_fields_run_for_anyone_in_any_subset_and_form(ask: Asking) -> None:
    for document in (
        "query Mine { telephonyProviders { routes { provider { name __typename } } } }",
        "query { a: telephonyProviders { id } b: telephonyRoutes { ...R } } fragment R on TelephonyRoute { id }",
        "{ ... on Query { telephonyProviders { id @skip(if: false) } } }",
    ):
        assert "errors" not in ask.document(document), document


def test_a_partner_gets_its_own_documents_and_no_others(ask: Asking) -> None:
    assert ask.raw("GET", "/api/v1/graphql/bundles").json() == {"bundles": []}
    ask.grant("incident-management", "a-bundle-that-is-no-more")
    (bundle,) = ask.raw("GET", "/api/v1/graphql/bundles").json()["bundles"]
    assert (bundle["name"], bundle["version"]) == ("incident-management", "2026.2")
    names = [operation["name"] for operation in bundle["operations"]]
    assert names == [
        "CloseIncident",
        "CreateIncident",
        "GetIncident",
        "GetIncidentTimeline",
        "ListIncidents",
        "UpdateIncident",
    ]
    for operation in bundle["operations"]:
        assert not refused_by_form(ask, operation["document"])


def refused_by_form(ask: Asking, document: str) -> bool:
    answer = ask.document(document, {})
    return "errors" in answer and answer["errors"][0]["extensions"]["code"] == "OPERATION_NOT_APPROVED"


def test_variables_are_described_so_that_a_partner_can_check_them(ask: Asking) -> None:
    ask.grant("telephony-admin", "incident-management")
    listed = ask.raw("GET", "/api/v1/graphql/bundles").json()["bundles"]
    schemas = {one["name"]: one["variables_schema"] for bundle in listed for one in bundle["operations"]}
    close = jsonschema_rs.Draft202012Validator(schemas["CloseIncident"])
    assert close.is_valid({"id": "inc_1", "expectedVersion": 1, "reason": "resolved"})
    assert not close.is_valid({"id": "inc_1", "expectedVersion": 1, "reason": "because"})
    assert not close.is_valid({"id": "inc_1", "expectedVersion": 1})
    assert not close.is_valid({"id": "inc_1", "expectedVersion": 1, "reason": "resolved", "surplus": 1})
    provider = jsonschema_rs.Draft202012Validator(schemas["CreateTelephonyProvider"])
    sip = {"host": "a.example", "username": "u", "password": "p"}
    assert provider.is_valid({"input": {"name": "x", "carrier": {"sip": sip}}})
    assert not provider.is_valid({"input": {"name": "x", "carrier": {}}})
    assert not provider.is_valid({"input": {"name": "x", "carrier": {"sip": sip, "twilio": {"accountSid": "x"}}}})
    listing = jsonschema_rs.Draft202012Validator(schemas["ListIncidents"])
    assert listing.is_valid({"filter": {"status": ["open"], "type": None}})
    assert not listing.is_valid({"filter": {"status": ["opened"]}})


def test_every_bundle_in_the_tree_fits_the_schema_and_the_limits(catalogue: Catalogue) -> None:
    assert set(catalogue.bundles) == {"acqi-reporting", "incident-management", "incident-webhooks", "telephony-admin"}
    for bundle in catalogue.bundles.values():
        assert bundle.operations
        for operation in bundle.operations:
            plans.check_limits(operation.document)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Unknown.graphql", "query Unknown { nothing }"),
        ("Two.graphql", "query Two { a } query Three { a }"),
        ("Named.graphql", "query Otherwise { a }"),
        ("manifest.json", '{"version": 1}'),
        ("manifest.json", '{"version": "1", "description": "", "scopes": [], "surplus": 1}'),
    ],
)
def test_a_bundle_that_does_not_fit_stops_the_start(tmp_path: Any, file: str, text: str) -> None:
    folder = tmp_path / "some-bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"version": "1", "description": "", "scopes": []}')
    (folder / file).write_text(text)
    with pytest.raises(BadBundle, match=f"some-bundle/{file}"):
        documents.load(build_schema("type Query { a: Int }"), tmp_path)


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
blank = st.text(" \t\n,", min_size=1, max_size=3) | st.from_regex(r"#[ -~]{0,10}\n", fullmatch=True)


@given(st.lists(names, min_size=1, max_size=6), names, st.data())
def test_a_document_is_the_same_however_it_is_spaced_and_named(
    fields: list[str], name: str, data: st.DataObject
) -> None:
    spaced = "".join(data.draw(blank) + field for field in fields)
    one, other = documents.read("{ " + " ".join(fields) + " }"), documents.read(f"query {name} {{{spaced} }}")
    assert one.digest == other.digest
    assert one.roots == frozenset(fields)


@given(st.lists(names, min_size=2, max_size=6, unique=True), st.randoms())
def test_a_document_in_another_order_is_another(fields: list[str], random: Any) -> None:
    shuffled = random.sample(fields, len(fields))
    one, other = documents.read("{" + " ".join(fields) + "}"), documents.read("{" + " ".join(shuffled) + "}")
    assert (one.digest == other.digest) == (fields == shuffled)


@given(st.text(max_size=200))
def test_any_text_is_refused_or_stays_the_same_document_with_commas_and_line_breaks(text: str) -> None:
    try:
        digest = documents.read(text).digest
    except documents.NotADocument:
        return
    assert documents.read(f",\n{text}\n,").digest == digest
