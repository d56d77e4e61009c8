"""The indicators as FHIR MeasureReports: the figures of plain loops, no fault for validators, and nothing for others."""

import json
from typing import Any

import fhirkit
import httpx2
import psycopg
import pytest
from fhir.resources.R4B.measure import Measure
from fhir.resources.R4B.measurereport import MeasureReport

from deploy.docs import build
from deploy.local.databases import Database
from services.graphql_api.acqi import measures
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS
from services.graphql_api.settings import Settings
from services.graphql_api.transport.documents import Catalogue
from shared.storage.database import set_tenant
from tests.epcr.fhir_server import FhirServer
from tests.graphql_api import population, second_way
from tests.graphql_api.asking import Asking
from tests.support.waiting import wait_for

PATH = "/api/v1/acqi/measure-reports"
MARCH = {"from_date": "2026-03-01", "to_date": "2026-04-01"}
WHOLE = {"from_date": "2026-01-01", "to_date": "2026-07-01"}
FHIR = "application/fhir+json"
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def counted(http: httpx2.Client, settings: Settings, catalogue: Catalogue) -> Asking:
    """Of a tenant whose 1,000 encounters are counted."""
    ask = Asking(http, settings, catalogue)
    ask.count(*[population.facts(one) for one in population.encounters()])
    return ask


def exported(ask: Asking, **query: Any) -> Json:
    response = ask.raw("GET", PATH, params=query)
    assert (response.status_code, response.headers["content-type"]) == (200, FHIR), response.text
    return response.json()


def reports(bundle: Json) -> dict[str, Json]:
    """By the name of the indicator."""
    names = {measures.canonical(one): one.name for one in INDICATORS}
    return {names[entry["resource"]["measure"]]: entry["resource"] for entry in bundle["entry"]}


def populations(report: Json) -> dict[str, Any]:
    return {one["code"]["coding"][0]["code"]: one.get("count") for one in report["group"][0]["population"]}


def scores(report: Json) -> list[float | None]:
    return [group.get("measureScore", {}).get("value") for group in report["group"]]


@pytest.mark.parametrize("span", [WHOLE, MARCH, {"from_date": "2026-03-10", "to_date": "2026-03-11"}])
def test_every_count_and_score_is_that_of_plain_loops(counted: Asking, span: Json) -> None:
    wait_for(lambda: populations(reports(exported(counted, **WHOLE))["conveyance"])["denominator"])
    truth = second_way.tally(population.encounters(), span["from_date"], span["to_date"])
    for name, report in reports(exported(counted, **span)).items():
        one = truth.get(name, second_way.figures(name, {"met": 0, "not": 0, "excluded": 0, "unknown": 0, "times": []}))
        everyone = one["denominator"] + one["excluded"] + one["unknown"]
        rounded = [None if one[key] is None else round(one[key], 6) for key in ("value", "mean", "p90")]
        if BY_NAME[name].is_time:
            wanted = {"measure-population": one["denominator"], "measure-population-exclusion": one["excluded"]}
            assert scores(report) == pytest.approx(rounded)
        else:
            wanted = {key: one[key] for key in ("numerator", "denominator")} | {
                "denominator-exclusion": one["excluded"]
            }
            assert scores(report) == rounded[:1]
        assert populations(report) == wanted | {"initial-population": everyone}


def test_validators_find_no_fault_in_reports_and_measures(counted: Asking) -> None:
    bundle = exported(counted, **MARCH)
    assert [str(issue) for issue in fhirkit.validate(json.dumps(bundle))] == []
    for entry in bundle["entry"]:
        MeasureReport.model_validate(entry["resource"])
    for measure in measures.resources():
        assert [str(issue) for issue in fhirkit.validate(json.dumps(measure))] == []
        Measure.model_validate(measure)
    wrong = bundle["entry"][0]["resource"]
    del wrong["status"]
    assert fhirkit.validate(json.dumps(wrong))


def test_each_report_names_a_measure_that_the_docs_host_serves_in_that_version(counted: Asking) -> None:
    served = {name: body for name, body in build.files().items() if name.startswith("fhir/Measure/")}
    assert len(served) == len(INDICATORS)
    for entry in exported(counted, **MARCH)["entry"]:
        url, _, version = entry["resource"]["measure"].partition("|")
        measure = json.loads(served[f"fhir/Measure/{url.rpartition('/')[2]}.json"])
        assert (measure["url"], measure["version"]) == (url, version)
        assert measure["improvementNotation"] == entry["resource"]["improvementNotation"]
        told = {one["code"]["coding"][0]["code"] for one in measure["group"][0]["population"]}
        assert set(populations(entry["resource"])) <= told


def test_a_repeated_batch_replaces_the_reports_of_the_same_days(counted: Asking) -> None:
    server = FhirServer()
    first: Json = exported(counted, **MARCH) | {"type": "transaction"}
    again: Json = exported(counted, **MARCH) | {"type": "transaction"}
    for bundle in (first, again):
        for entry in bundle["entry"]:
            entry["request"]["url"] = (
                entry["request"]["url"].replace("%7C", "|").replace("%3A", ":").replace("%2F", "/")
            )
    assert set(server.transaction(first)) == {"201"}
    assert set(server.transaction(again)) == {"200"}
    assert len(server.resources) == len(INDICATORS)
    other = exported(counted, **WHOLE)["entry"][0]["resource"]["identifier"]
    assert other != first["entry"][0]["resource"]["identifier"]


def test_chosen_indicators_come_alone_in_the_usual_order(ask: Asking) -> None:
    assert list(reports(exported(ask, **MARCH, names="conveyance,rosc_survival,conveyance"))) == [
        "rosc_survival",
        "conveyance",
    ]


def test_without_cases_there_is_no_score(ask: Asking) -> None:
    for report in reports(exported(ask, **MARCH)).values():
        assert set(populations(report).values()) == {0}
        assert set(scores(report)) == {None}
        assert "no cases" in report["text"]["div"]


def test_the_period_is_whole_days_and_the_reporter_the_callers_organisation(ask: Asking) -> None:
    for report in reports(exported(ask, **MARCH)).values():
        assert report["period"] == {"start": "2026-03-01", "end": "2026-03-31"}
        assert report["reporter"]["identifier"]["value"] == ask.tenant
        assert (report["status"], report["type"]) == ("complete", "summary")


def test_who_asks_for_json_gets_the_same_bytes_as_json(ask: Asking) -> None:
    plain = ask.raw("GET", PATH, params=MARCH, headers={"accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"
    assert plain.json()["type"] == "batch"
    both = ask.raw("GET", PATH, params=MARCH, headers={"accept": f"application/json, {FHIR}"})
    assert both.headers["content-type"] == FHIR


def test_another_tenants_encounters_are_in_no_report(counted: Asking) -> None:
    response = counted.raw(
        "GET", PATH, params=WHOLE, headers={"x-knogin-identity": counted.identity(tenant=counted.other_tenant)}
    )
    assert {count for one in reports(response.json()).values() for count in populations(one).values()} == {0}
    named = counted.raw("GET", PATH, params=WHOLE, headers={"x-tenant-id": counted.other_tenant})
    assert named.status_code == 403


@pytest.mark.parametrize("scopes", [["argus:incidents:write"], ["argus:telephony:write"], ["webhooks:write"], []])
def test_without_the_scope_nothing_is_exported(ask: Asking, scopes: list[str]) -> None:
    response = ask.raw("GET", PATH, params=MARCH, headers={"x-knogin-identity": ask.identity(scopes=scopes)})
    assert (response.status_code, response.json()["scope"]) == (403, "argus:acqi:read")
    assert ask.raw("GET", PATH, params=MARCH, headers={"x-knogin-identity": None}).status_code == 401


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"to_date": "2026-04-01"}, "from_date"),
        (MARCH | {"from_date": "2026-13-01"}, "from_date"),
        (MARCH | {"from_date": "2026-04-01"}, "to_date"),
        (MARCH | {"from_date": "2001-04-01"}, "to_date"),
        (MARCH | {"to_date": "9999-12-31"}, "to_date"),
        (MARCH | {"names": "conveyence"}, "names"),
        (MARCH | {"names": ""}, "names"),
        (MARCH | {"names": "," * 2_001}, "names"),
        (MARCH | {"format": "xml"}, "format"),
    ],
)
def test_a_wrong_query_is_refused_with_its_field(ask: Asking, query: Json, pointer: str) -> None:
    response = ask.raw("GET", PATH, params=query)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_a_misspelt_name_is_answered_with_the_near_one(ask: Asking) -> None:
    (error,) = ask.raw("GET", PATH, params=MARCH | {"names": "conveyence"}).json()["errors"]
    assert (error["did_you_mean"], len(error["allowed"])) == ("conveyance", len(INDICATORS))


def test_an_export_is_audited_with_its_range(ask: Asking, database: Database) -> None:
    exported(ask, **MARCH, names="conveyance")
    ask.raw("GET", PATH, params=MARCH | {"names": "none"})
    with psycopg.connect(database.admin) as conn:
        rows = conn.execute(
            "SELECT action, client_id, subject_id, detail FROM audit WHERE tenant_id = %s", (ask.tenant,)
        ).fetchall()
    detail = {"from": "2026-03-01", "to": "2026-04-01", "indicators": 1}
    assert rows == [("indicators.export", ask.client_id, ask.tenant, detail)]


@pytest.fixture
def withholding(ask: Asking) -> Asking:
    with ask.worker() as conn:
        set_tenant(conn, ask.tenant)
        conn.execute("INSERT INTO acqi_tenants (tenant_id, suppress_small_cells) VALUES (%s, true)", (ask.tenant,))
    return ask


def test_a_withheld_count_is_masked_and_the_same_as_in_graphql(withholding: Asking) -> None:
    ask = withholding
    ask.count(*[population.facts(one) for one in population.encounters(count=400)])
    span = 'fromDate: "2026-03-01T00:00:00Z", toDate: "2026-04-01T00:00:00Z"'
    text = f"{{ acqiMetrics({span}) {{ name numerator denominator excluded unknown suppressed }} }}"
    wait_for(lambda: any(one["denominator"] for one in ask.document(text)["data"]["acqiMetrics"]))
    shown = {one["name"]: one for one in ask.document(text)["data"]["acqiMetrics"]}
    masked = 0
    for name, report in reports(exported(ask, **MARCH)).items():
        one, found = shown[name], populations(report)
        excluded = "measure-population-exclusion" if BY_NAME[name].is_time else "denominator-exclusion"
        cases = "measure-population" if BY_NAME[name].is_time else "denominator"
        assert (found[cases], found[excluded]) == (one["denominator"], one["excluded"])
        parts = (one["denominator"], one["excluded"], one["unknown"])
        assert found["initial-population"] == (None if None in parts else sum(parts))
        if one["suppressed"]:
            masked += 1
            assert [group["measureScore"] for group in report["group"]] == [MASKED] * len(report["group"])
            assert "withheld" in report["text"]["div"]
        hidden = [each for each in report["group"][0]["population"] if "count" not in each]
        assert [each["_count"] for each in hidden] == [MASKED] * len(hidden)
        assert not {1, 2, 3, 4} & {count for count in found.values() if count is not None}
    assert masked


def test_where_small_counts_are_withheld_a_range_is_whole_months(withholding: Asking) -> None:
    response = withholding.raw("GET", PATH, params=MARCH | {"to_date": "2026-03-15"})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["pointer"], "whole calendar months" in error["detail"]) == ("from_date", True)
