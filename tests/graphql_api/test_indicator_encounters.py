"""The encounters behind a count: those that plain loops find, for callers who may read records, audited, and none where counts are
withheld."""

from functools import cache
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import errors

from deploy.local.databases import Database
from services.graphql_api.acqi import encounters
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS, judgements, reasons_of
from services.graphql_api.acqi.months import rebuild_month
from services.graphql_api.settings import Settings
from services.graphql_api.transport.documents import Catalogue
from shared.messaging.messages import EncounterFacts
from shared.storage.database import set_tenant
from shared.web.problems import REFUSAL
from tests.graphql_api import population, second_way
from tests.graphql_api.asking import Asking

MARCH = {"from_date": "2026-03-01", "to_date": "2026-04-01"}
WHOLE = {"from_date": "2026-01-01", "to_date": "2026-07-01"}
FITTING = {
    "numerator": {"met"},
    "denominator": {"met", "not_met"},
    "not_met": {"not_met"},
    "excluded": {"excluded"},
    "unknown": {"unknown"},
}
Json = dict[str, Any]
BOTH = ["argus:acqi:read", "argus:epcr:read"]


@cache
def everybody() -> list[EncounterFacts]:
    """The facts of 1,000 encounters."""
    return [population.facts(one) for one in population.encounters()]


def path(name: str) -> str:
    return f"/api/v1/acqi/indicators/{name}/encounters"


def ask_for(ask: Asking, name: str, query: Json, **who: Any) -> httpx2.Response:
    """One page, for a caller with both scopes unless `who` says otherwise."""
    described: Json = {"scopes": BOTH} | who
    headers = {"x-knogin-identity": ask.identity(**described)}
    return ask.raw("GET", path(name), params=query, headers=headers)


@pytest.fixture(scope="module")
def counted(http: httpx2.Client, settings: Settings, catalogue: Catalogue) -> Asking:
    """Of a tenant whose 1,000 encounters are counted."""
    ask = Asking(http, settings, catalogue)
    ask.count(*everybody())
    return ask


def listed(ask: Asking, name: str, **query: Any) -> list[Json]:
    """The encounters of all pages."""
    found: list[Json] = []
    query = {"limit": 100} | query
    while True:
        response = ask_for(ask, name, query)
        assert response.status_code == 200, response.text
        page = response.json()
        found += page["encounters"]
        if page["next_cursor"] is None:
            return found
        assert 'rel="next"' in response.headers["link"]
        query["cursor"] = page["next_cursor"]


def expected(name: str, group: str, first: str, end: str) -> dict[str, Any]:
    """The outcome of each encounter, by its id."""
    found: dict[str, Any] = {}
    done = [one for one in population.encounters() if one["status"] in ("completed", "handed_over")]
    firsts = second_way.arrived_first(done)
    for facts in everybody():
        if BY_NAME[name].of_incident and facts.encounter_id not in firsts:
            continue
        outcome = BY_NAME[name].evaluate(facts) if facts.status in ("completed", "handed_over") else None
        is_measured = isinstance(outcome, int) and group in ("numerator", "denominator")
        if first <= facts.day.isoformat() < end and (is_measured or outcome in FITTING[group]):
            found[facts.encounter_id] = outcome
    return found


@pytest.mark.full
@pytest.mark.parametrize(
    "name",
    ["rosc_at_hospital", "response_time", "incident_response_time", "child_restraint", "conveyance", "rosc_utstein"],
)
@pytest.mark.parametrize("group", FITTING)
@pytest.mark.parametrize("span", [MARCH, WHOLE])
def test_a_list_has_exactly_the_encounters_of_its_count(counted: Asking, name: str, group: str, span: Json) -> None:
    if BY_NAME[name].is_time and group == "not_met":
        return
    found = listed(counted, name, population=group, **span)
    wanted = expected(name, group, span["from_date"], span["to_date"])
    values = {one["encounter_id"]: one["minutes"] or one["outcome"] for one in found if one["minutes"] != 0}
    assert values == {
        key: value / 10 if isinstance(value, int) else value for key, value in wanted.items() if value != 0
    }
    assert len(found) == len(wanted)
    places = [(one["day"], one["encounter_id"]) for one in found]
    assert places == sorted(places, reverse=True)


@pytest.mark.full
def test_an_excluded_encounter_has_its_reason_and_no_other_has_one(counted: Asking) -> None:
    reasons = {facts.encounter_id: reasons_of(judgements(facts)) for facts in everybody()}
    told: set[str] = set()
    for one in INDICATORS:
        for found in listed(counted, one.name, population="excluded", **WHOLE):
            assert found["reason"] == reasons[found["encounter_id"]][one.name]
            told.add(found["reason"])
        assert {found["reason"] for found in listed(counted, one.name, **WHOLE)} <= {None}
    assert told == {reason for of_one in reasons.values() for reason in of_one.values()}
    assert len(told) > 4


def test_rebuilding_a_month_writes_the_reasons_of_facts_from_before(ask: Asking) -> None:
    ask.count(*everybody()[:300])
    before = listed(ask, "conveyance", population="excluded", **WHOLE)
    assert before
    with ask.worker() as conn:
        conn.execute("UPDATE acqi_facts SET reasons = '{}' WHERE tenant_id = %s", (ask.tenant,))
    assert {one["reason"] for one in listed(ask, "conveyance", population="excluded", **WHOLE)} == {None}
    for month in sorted({facts.day.replace(day=1) for facts in everybody()[:300]}):
        with ask.worker() as conn:
            rebuild_month(conn, ask.tenant, month)
    assert listed(ask, "conveyance", population="excluded", **WHOLE) == before


def test_a_page_looks_at_a_bounded_number_of_encounters_and_leads_on(
    counted: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {one["encounter_id"] for one in listed(counted, "rosc_utstein", **WHOLE)}
    monkeypatch.setattr(encounters, "LOOKED", 7)
    first = ask_for(counted, "rosc_utstein", WHOLE).json()
    assert first["next_cursor"]
    assert len(first["encounters"]) < len(wanted)
    assert {one["encounter_id"] for one in listed(counted, "rosc_utstein", **WHOLE)} == wanted


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (["argus:acqi:read"], "argus:epcr:read"),
        (["argus:epcr:read"], "argus:acqi:read"),
        (["argus:epcr:write"], "argus:acqi:read"),
        ([], "argus:acqi:read"),
    ],
)
def test_a_list_needs_the_scope_of_indicators_and_of_records(ask: Asking, scopes: list[str], missing: str) -> None:
    response = ask_for(ask, "rosc_at_hospital", MARCH, scopes=scopes)
    assert (response.status_code, response.json()["scope"]) == (403, missing)


def test_another_tenants_encounters_are_in_no_list(counted: Asking) -> None:
    other = counted.other_tenant
    response = ask_for(counted, "response_time", WHOLE, tenant=other)
    assert response.json() == {"encounters": [], "next_cursor": None}
    cursor = ask_for(counted, "response_time", WHOLE | {"limit": 1}).json()["next_cursor"]
    response = ask_for(counted, "response_time", WHOLE | {"limit": 1, "cursor": cursor}, tenant=other)
    assert response.json() == {"encounters": [], "next_cursor": None}


def test_the_web_process_reads_outcomes_and_no_facts(settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as conn:
        conn.execute("SELECT encounter_id, day, outcomes, reasons FROM acqi_facts")
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute("SELECT facts FROM acqi_facts")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"to_date": "2026-04-01"}, "from_date"),
        (MARCH | {"from_date": "2026-04-01"}, "to_date"),
        (MARCH | {"from_date": "2001-04-01"}, "to_date"),
        (MARCH | {"population": "everybody"}, "population"),
        (MARCH | {"limit": "101"}, "limit"),
        (MARCH | {"cursor": "x"}, "cursor"),
        (MARCH | {"reason": "by_crew"}, "reason"),
    ],
)
def test_a_wrong_query_is_refused_with_its_field(ask: Asking, query: Json, pointer: str) -> None:
    response = ask_for(ask, "response_time", query)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_a_time_has_no_missed_cases_and_an_unknown_name_no_list(ask: Asking) -> None:
    response = ask_for(ask, "response_time", MARCH | {"population": "not_met"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "population")
    assert ask_for(ask, "no_such", MARCH).status_code == 404


def test_a_cursor_of_another_count_is_refused(counted: Asking) -> None:
    cursor = ask_for(counted, "response_time", WHOLE | {"limit": 1}).json()["next_cursor"]
    for name, query in (
        ("conveyance", WHOLE),
        ("response_time", MARCH),
        ("response_time", WHOLE | {"population": "excluded"}),
    ):
        assert ask_for(counted, name, query | {"cursor": cursor}).status_code == 422


def test_every_page_is_an_entry_of_the_audit_trail(ask: Asking, database: Database) -> None:
    ask.count(*everybody()[:50])
    query = MARCH | {"population": "numerator", "limit": "1"}
    first = ask_for(ask, "conveyance", query).json()
    ask_for(ask, "conveyance", query | {"cursor": first["next_cursor"]})
    ask_for(ask, "conveyance", query | {"population": "none"})
    with psycopg.connect(database.admin) as conn:
        rows = conn.execute(
            "SELECT action, client_id, subject_id, detail FROM audit WHERE tenant_id = %s", (ask.tenant,)
        ).fetchall()
    detail = {"from": "2026-03-01", "to": "2026-04-01", "population": "numerator", "encounters": 1}
    assert rows == [("indicators.encounters", ask.client_id, "conveyance", detail)] * 2


@pytest.mark.full
@pytest.mark.parametrize("name", [one.name for one in INDICATORS])
def test_no_encounters_are_listed_where_small_counts_are_withheld(ask: Asking, name: str) -> None:
    """Of no range and no group, whether the count is shown or not: `test_lists_of_shown_counts_would_tell_a_withheld_one` shows why."""
    with ask.worker() as conn:
        set_tenant(conn, ask.tenant)
        conn.execute("INSERT INTO acqi_tenants (tenant_id, suppress_small_cells) VALUES (%s, true)", (ask.tenant,))
    ask.count(*everybody()[:20])
    groups = [group for group in FITTING if group != "not_met" or not BY_NAME[name].is_time]
    for span in (MARCH, WHOLE, {"from_date": "2026-03-10", "to_date": "2026-03-11"}):
        for group in groups:
            response = ask_for(ask, name, span | {"population": group})
            assert (response.status_code, response.json()["title"]) == (403, "Forbidden")
            assert "withholds small counts" in response.json()["detail"]


def test_a_refusal_names_the_routes_template_and_the_scope_to_the_gateway(ask: Asking) -> None:
    response = ask_for(ask, "rosc_at_hospital", MARCH, scopes=["argus:acqi:read"])
    template = "/api/v1/acqi/indicators/{name}/encounters"
    assert response.headers[REFUSAL] == f"insufficient-scope {template} argus:epcr:read"
    assert REFUSAL not in ask_for(ask, "no_such", MARCH).headers
