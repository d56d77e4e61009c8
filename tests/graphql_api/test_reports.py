"""Reports of indicators: the figures of the indicators' API, made once by the relay, of the caller's organisation alone."""

import csv
import io
import itertools
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest

from deploy.local.databases import Database
from services.graphql_api import metrics, tasks
from services.graphql_api.acqi import queries as indicator_queries
from services.graphql_api.acqi.descriptions import ITALIAN
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.reports import calendar, making
from services.graphql_api.reports.calendar import Timing
from services.graphql_api.settings import Settings
from services.graphql_api.transport.documents import Catalogue
from shared.storage.database import set_tenant
from shared.web.identity import HEADER
from tests.graphql_api import population
from tests.graphql_api.asking import Asking
from tests.support.messages import require_valid
from tests.support.waiting import wait_for

PATH = "/api/v1/acqi/reports"
SCHEDULES = "/api/v1/acqi/report-schedules"
READER, ADMINISTRATOR = ["argus:acqi:read"], ["argus:acqi:read", "argus:acqi:schedule", "platform:apps"]
MARCH = {"period": "month", "from_date": "2026-03-01"}
MONTHLY = {"every": "month", "day": 5}
TODAY = datetime.now(UTC).date()
ROOT = Path(__file__).parents[2]
COUNTS = ("numerator", "denominator", "excluded", "unknown")
FIGURES = ("value", "ci95Low", "ci95High", "mean", "p90")
CHILD = """
import sys, time
import psycopg
from psycopg.rows import class_row
from services.graphql_api.reports import making, queries
from services.graphql_api.reports.models import ReportRow
from shared.storage.database import Connection, set_tenant

conn = Connection.connect(sys.argv[1])
row = conn.cursor(row_factory=class_row(ReportRow)).execute(queries.TAKE, (sys.argv[2],)).fetchone()
set_tenant(conn, row.tenant_id)
making.make(conn, row)
print("made", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def counted(http: httpx2.Client, settings: Settings, catalogue: Catalogue) -> Asking:
    """Of a tenant whose 1,000 encounters are counted."""
    ask = Asking(http, settings, catalogue)
    ask.count(*[population.facts(one) for one in population.encounters()])
    return ask


@pytest.fixture(autouse=True)
def alone(database: Database) -> Iterator[None]:
    """No report and no schedule of another test is due."""
    yield
    run(database, "DELETE FROM quality_reports")
    run(database, "DELETE FROM report_schedules")


def run(database: Database, statement: Any, *parameters: Any) -> list[Any]:
    with psycopg.connect(database.admin, autocommit=True) as conn:
        cursor = conn.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def call(ask: Asking, method: str, path: str, scopes: Any = tuple(ADMINISTRATOR), **given: Any) -> httpx2.Response:
    identity = ask.identity(given.pop("tenant", ""), scopes=scopes, environment=given.pop("environment", "production"))
    headers = {HEADER: identity} | given.pop("headers", {})
    return ask.raw(method, path, headers=headers, **given)


def asked(ask: Asking, **draft: Any) -> str:
    """The path of a new report."""
    response = call(ask, "POST", PATH, READER, json=draft or MARCH)
    assert response.status_code == 202, response.text
    shown = response.json()
    assert (shown["state"], shown["made_at"]) == ("waiting", None)
    assert response.headers["location"] == f"{PATH}/{shown['id']}"
    return response.headers["location"]


def work(ask: Asking, **limits: int) -> int:
    """The relay's next runs, as long as they find work."""
    with ask.worker() as conn:
        return making.Making(msgspec.structs.replace(ask.settings, **limits)).go_on(conn, 60)


def made(ask: Asking, **draft: Any) -> str:
    path = asked(ask, **draft)
    work(ask)
    assert call(ask, "GET", path).json()["state"] == "ready"
    return path


def table(ask: Asking, path: str, language: str = "en") -> dict[str, dict[str, str]]:
    """The rows of a report's CSV by the name of the indicator."""
    response = call(ask, "GET", f"{path}/content", READER, params={"format": "csv", "language": language})
    assert response.status_code == 200, response.text
    text = response.content.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if language == "it" else ",")
    return {row["indicator"]: row for row in rows}


def metrics_of(ask: Asking, start: date, end: date, names: list[str] | None = None) -> dict[str, dict[str, Any]]:
    fields = f"name description definitionVersion unit suppressed {' '.join((*COUNTS, *FIGURES))}"
    document = (
        "query($from: DateTime!, $to: DateTime!, $names: [String!]) {"
        f" acqiMetrics(fromDate: $from, toDate: $to, names: $names) {{ {fields} }} }}"
    )
    variables = {"from": f"{start}T00:00:00Z", "to": f"{end}T00:00:00Z", "names": names}
    answer = ask.document(document, variables, scopes=READER)
    return {one["name"]: one for one in answer["data"]["acqiMetrics"]}


def withhold(ask: Asking, *, on: bool) -> None:
    """Until the indicators' API, whose answers may be a moment old, withholds small counts or shows them."""
    with ask.worker() as conn:
        set_tenant(conn, ask.tenant)
        conn.execute(indicator_queries.SET_SUPPRESSION, (ask.tenant, on))

    def is_so() -> bool:
        shown = metrics_of(ask, date(2026, 3, 1), date(2026, 4, 1)).values()
        return any(one["suppressed"] for one in shown) is on and any(one["denominator"] for one in shown)

    wait_for(is_so)


@pytest.mark.full
@pytest.mark.parametrize("withholds", [False, True])
def test_every_cell_is_that_of_the_indicators_api(counted: Asking, withholds: bool) -> None:
    withhold(counted, on=withholds)
    chance, hidden = random.Random(f"reports {withholds}"), 0
    for period, start in [("month", "2026-03-01"), ("quarter", "2026-01-01"), ("year", "2025-01-01")] * 4:
        names = chance.choice([None, chance.sample([one.name for one in INDICATORS], chance.randint(1, 20))])
        days = calendar.beginning(period, date.fromisoformat(start))  # pyright: ignore[reportArgumentType]
        assert days is not None
        path = made(counted, period=period, from_date=start, **({} if names is None else {"names": names}))
        rows = table(counted, path)
        shown = metrics_of(counted, *days, names)
        assert list(rows) == list(shown)
        for name, one in shown.items():
            row = rows[name]
            snake = {"ci95Low": "ci95_low", "ci95High": "ci95_high"}
            for field in COUNTS:
                assert row[field] == ("" if one[field] is None else str(one[field])), (name, field)
            for field in FIGURES:
                assert row[snake.get(field, field)] == ("" if one[field] is None else f"{one[field]:.6g}"), (
                    name,
                    field,
                )
            assert row["suppressed"] == ("yes" if one["suppressed"] else "no")
            assert (row["from"], row["to"]) == (start, str(days.end - timedelta(days=1)))
            hidden += one["suppressed"]
        assert call(counted, "GET", path).json()["withheld"] is withholds
    assert bool(hidden) is withholds
    withhold(counted, on=False)


@pytest.mark.parametrize("withholds", [False, True])
def test_the_fhir_batch_is_that_of_the_export(counted: Asking, withholds: bool) -> None:
    withhold(counted, on=withholds)
    path = made(counted, **MARCH)
    response = call(counted, "GET", f"{path}/content", READER, params={"format": "fhir"})
    assert response.headers["content-type"] == "application/fhir+json"
    query = {"from_date": "2026-03-01", "to_date": "2026-04-01"}
    exported = call(counted, "GET", "/api/v1/acqi/measure-reports", READER, params=query).json()

    def without_times(bundle: Any) -> Any:
        resources = [entry["resource"] | {"date": ""} for entry in bundle["entry"]]
        return [[entry["fullUrl"], entry["request"]] for entry in bundle["entry"]], resources

    assert without_times(response.json()) == without_times(exported)
    withhold(counted, on=False)


def test_an_italian_table_has_italian_descriptions_and_decimals(counted: Asking) -> None:
    path = made(counted, **MARCH)
    english, italian = table(counted, path), table(counted, path, "it")
    assert list(english) == list(italian) == [one.name for one in INDICATORS]
    for name, row in italian.items():
        assert row["description"] == ITALIAN[english[name]["description"]] != english[name]["description"]
        assert row["value"] == english[name]["value"].replace(".", ",")


def test_a_report_stays_as_it_was_made_when_records_are_corrected(ask: Asking) -> None:
    one = population.finished(0, day="2026-03-10")
    ask.count(population.facts(one))
    path = made(ask)
    before = table(ask, path)
    ask.count(population.facts(population.finished(1, day="2026-03-11")))
    assert table(ask, path) == before
    assert table(ask, made(ask)) != before


def test_a_report_from_before_counts_were_withheld_is_given_out_no_more(counted: Asking) -> None:
    path = made(counted, **MARCH)
    withhold(counted, on=True)
    for format in ("csv", "fhir"):
        response = call(counted, "GET", f"{path}/content", params={"format": format})
        assert response.status_code == 409
        assert "withheld small counts" in response.json()["detail"]
    again = made(counted, **MARCH)
    withhold(counted, on=False)
    assert table(counted, again)


def test_a_report_is_followed_with_its_etag_and_downloaded_once_it_is_ready(ask: Asking) -> None:
    path = asked(ask)
    first = call(ask, "GET", path)
    again = call(ask, "GET", path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    early = call(ask, "GET", f"{path}/content")
    assert (early.status_code, early.json()["state"]) == (409, "waiting")
    assert work(ask) == 1
    ready = call(ask, "GET", path, headers={"if-none-match": first.headers["etag"]}).json()
    assert (ready["state"], ready["withheld"]) == ("ready", False)
    assert ready["made_at"] >= ready["created_at"]
    file = call(ask, "GET", f"{path}/content")
    assert file.headers["content-disposition"] == 'attachment; filename="indicators-2026-03-month.csv"'
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert [one["id"] for one in call(ask, "GET", PATH).json()["reports"]] == [ready["id"]]


def test_without_a_first_day_a_report_is_of_the_last_period_that_has_ended(ask: Asking) -> None:
    for period in ("month", "quarter", "year"):
        shown = call(ask, "GET", asked(ask, period=period)).json()
        start, end = date.fromisoformat(shown["from_date"]), date.fromisoformat(shown["to_date"])
        assert end <= TODAY
        following = calendar.beginning(period, end)
        assert following is not None
        assert following.end > TODAY
        assert calendar.beginning(period, start) == (start, end)


def test_a_repeated_call_with_its_key_makes_one_report(ask: Asking) -> None:
    key = {"idempotency-key": "one"}
    answers = [call(ask, "POST", PATH, json=MARCH, headers=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert work(ask) == 1
    assert call(ask, "POST", PATH, json=MARCH | {"from_date": "2026-02-01"}, headers=key).status_code == 422


@pytest.mark.parametrize(
    ("draft", "pointers"),
    [
        ({}, ["/period"]),
        ({"period": "week"}, ["/period"]),
        ({"period": "month", "from_date": "2026-03-02"}, ["/from_date"]),
        ({"period": "quarter", "from_date": "2026-02-01"}, ["/from_date"]),
        ({"period": "year", "from_date": "2026-02-01"}, ["/from_date"]),
        ({"period": "year", "from_date": "9999-01-01"}, ["/from_date"]),
        ({"period": "month", "from_date": "9998-12-01"}, ["/from_date"]),
        ({"period": "month", "from_date": TODAY.replace(day=1).isoformat()}, ["/from_date"]),
        ({"period": "month", "from_date": "yesterday", "names": []}, ["/from_date", "/names"]),
        (
            {"period": "quarter", "from_date": "2026-02-01", "names": ["conveyence", "conveyance", "x"]},
            ["/names/0", "/names/2", "/from_date"],
        ),
        (MARCH | {"names": ["x"] * 201}, ["/names"]),
        (MARCH | {"tenant_id": "org_other"}, ["/tenant_id"]),
    ],
)
def test_all_faults_of_a_report_are_named_at_once(ask: Asking, draft: Any, pointers: list[str]) -> None:
    response = call(ask, "POST", PATH, json=draft)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == pointers
    assert call(ask, "GET", PATH).json()["reports"] == []


def test_a_misspelt_indicator_is_answered_with_the_near_one(ask: Asking) -> None:
    (error,) = call(ask, "POST", PATH, json=MARCH | {"names": ["conveyence"]}).json()["errors"]
    assert (error["did_you_mean"], len(error["allowed"])) == ("conveyance", len(INDICATORS))


@pytest.mark.parametrize("query", [{"format": "pdf"}, {"language": "de"}, {"columns": "all"}])
def test_an_unknown_form_of_the_file_is_refused(ask: Asking, query: Any) -> None:
    response = call(ask, "GET", f"{made(ask)}/content", params=query)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == list(query)


def test_another_organisation_finds_no_report_and_no_schedule(counted: Asking) -> None:
    path = made(counted, **MARCH)
    schedule = call(counted, "POST", SCHEDULES, json=MONTHLY).headers["location"]
    for method, target, body in [
        ("GET", path, None),
        ("GET", f"{path}/content", None),
        ("DELETE", path, None),
        ("GET", schedule, None),
        ("PATCH", schedule, {"paused": True}),
        ("DELETE", schedule, None),
    ]:
        response = call(counted, method, target, tenant=counted.other_tenant, json=body)
        assert response.status_code == 404, (method, target)
    for target, name in ((PATH, "reports"), (SCHEDULES, "schedules")):
        assert call(counted, "GET", target, tenant=counted.other_tenant).json()[name] == []
    for target in (path, f"{path}/content", schedule):
        assert call(counted, "GET", target).status_code == 200
    empty = asked_of_other(counted)
    assert {row["denominator"] for row in empty.values()} == {"0"}


def asked_of_other(ask: Asking) -> dict[str, dict[str, str]]:
    path = call(ask, "POST", PATH, json=MARCH, tenant=ask.other_tenant).headers["location"]
    work(ask)
    text = call(ask, "GET", f"{path}/content", tenant=ask.other_tenant).content.decode("utf-8-sig")
    return {row["indicator"]: row for row in csv.DictReader(io.StringIO(text))}


ANY = "rep_01jdkfx3c8e2r9v5m7q4t6w0ya"
OTHER = "sch_01jdkfx3c8e2r9v5m7q4t6w0ya"


@pytest.mark.parametrize(
    ("method", "path", "body", "needed"),
    [
        ("POST", PATH, MARCH, "argus:acqi:read"),
        ("GET", PATH, None, "argus:acqi:read"),
        ("GET", f"{PATH}/{ANY}", None, "argus:acqi:read"),
        ("GET", f"{PATH}/{ANY}/content", None, "argus:acqi:read"),
        ("DELETE", f"{PATH}/{ANY}", None, "platform:apps"),
        ("POST", SCHEDULES, MONTHLY, "argus:acqi:schedule"),
        ("GET", SCHEDULES, None, "argus:acqi:read"),
        ("GET", f"{SCHEDULES}/{OTHER}", None, "argus:acqi:read"),
        ("PATCH", f"{SCHEDULES}/{OTHER}", {"paused": True}, "argus:acqi:schedule"),
        ("DELETE", f"{SCHEDULES}/{OTHER}", None, "argus:acqi:schedule"),
    ],
)
def test_each_call_needs_its_scope(ask: Asking, method: str, path: str, body: Any, needed: str) -> None:
    others = {"argus:acqi:read", "argus:acqi:schedule", "platform:apps"} - {needed}
    for scopes in ([*others, "argus:incidents:write", "argus:epcr:read"], []):
        response = call(ask, method, path, scopes, json=body)
        assert (response.status_code, response.json()["scope"]) == (403, needed)
    assert ask.raw(method, path, headers={HEADER: None}, json=body).status_code == 401
    foreign = call(ask, method, path, json=body, headers={"x-tenant-id": ask.other_tenant})
    assert foreign.status_code == 403


def test_ids_of_no_report_and_of_no_schedule_are_404(ask: Asking) -> None:
    for path in (f"{PATH}/{ANY}", f"{PATH}/x", f"{PATH}/{OTHER}", f"{PATH}/{ANY}/content", f"{SCHEDULES}/{ANY}"):
        assert call(ask, "GET", path).status_code == 404
    assert call(ask, "DELETE", f"{PATH}/{ANY}").status_code == 404
    assert call(ask, "DELETE", f"{SCHEDULES}/{OTHER}").status_code == 404


def test_who_asked_downloaded_and_deleted_is_in_the_trail(ask: Asking, database: Database) -> None:
    path = made(ask, **MARCH, names=["conveyance"])
    call(ask, "GET", f"{path}/content", params={"format": "fhir"})
    assert call(ask, "DELETE", path).status_code == 204
    assert call(ask, "GET", path).status_code == 404
    rows = run(
        database,
        "SELECT action, client_id, subject_id, detail FROM audit WHERE tenant_id = %s ORDER BY id",
        ask.tenant,
    )
    days = {"from": "2026-03-01", "to": "2026-04-01"}
    report = path.rpartition("/")[2]
    assert rows == [
        ("report.requested", ask.client_id, report, days | {"indicators": 1}),
        ("report.downloaded", ask.client_id, report, days | {"format": "fhir"}),
        ("report.deleted", ask.client_id, report, days),
    ]


def test_reports_of_a_sandbox_are_marked(ask: Asking, database: Database) -> None:
    path = call(ask, "POST", PATH, json=MARCH, environment="sandbox").headers["location"]
    schedule = call(ask, "POST", SCHEDULES, json=MONTHLY, environment="sandbox").json()
    assert schedule["sandbox"] is True
    work(ask)
    assert call(ask, "GET", path).json()["sandbox"] is True
    assert {row["sandbox"] for row in table(ask, path).values()} == {"yes"}
    file = call(ask, "GET", f"{path}/content", params={"format": "fhir"})
    assert 'filename="sandbox-indicators-2026-03-month.fhir.json"' in file.headers["content-disposition"]
    for entry in file.json()["entry"]:
        assert entry["resource"]["meta"]["security"][0]["code"] == "HTEST"
    assert [event["test"] for event in sent(database, ask)] == [True]
    assert {row["sandbox"] for row in table(ask, made(ask)).values()} == {"no"}


def sent(database: Database, ask: Asking) -> list[dict[str, Any]]:
    """The bodies of the events in the outbox, each as the catalogue describes it."""
    rows = run(database, "SELECT body FROM outbox WHERE tenant_id = %s ORDER BY id", ask.tenant)
    return [body for (body,) in rows]


def test_a_ready_report_is_announced_once_without_figures(ask: Asking, database: Database) -> None:
    path = made(ask)
    work(ask)
    (body,) = sent(database, ask)
    require_valid(body["type"], body["data"])
    assert body["type"] == "report.ready"
    report = path.rpartition("/")[2]
    assert body["data"] == {
        "report_id": report,
        "period": "month",
        "from_date": "2026-03-01",
        "to_date": "2026-04-01",
    }


def test_an_organisation_has_so_many_reports_and_no_more(ask: Asking) -> None:
    paths = [asked(ask) for _ in range(3)]
    with ask.worker() as conn:
        set_tenant(conn, ask.tenant)
        conn.execute(
            "INSERT INTO quality_reports (id, tenant_id, period, from_date, to_date, sandbox) SELECT 'rep_x' || n, %s, 'month',"
            " '2026-03-01', '2026-04-01', false FROM generate_series(1, %s) n",
            (ask.tenant, ask.settings.most_reports - 3),
        )
    full = call(ask, "POST", PATH, json=MARCH)
    assert (full.status_code, full.json()["limit"], full.json()["resource"]) == (409, 500, "quality reports")
    assert call(ask, "DELETE", paths[0]).status_code == 204
    assert call(ask, "POST", PATH, json=MARCH).status_code == 202


def test_reports_expire_with_an_entry_in_the_trail(ask: Asking, database: Database) -> None:
    old, new = made(ask), made(ask)
    run(
        database,
        "UPDATE quality_reports SET created_at = now() - interval '401 days' WHERE id = %s",
        old.rpartition("/")[2],
    )
    with ask.worker() as conn:
        tasks.expire(conn, ask.settings.facts_kept_days, ask.settings.reports_kept_days)
    assert [call(ask, "GET", path).status_code for path in (old, new)] == [404, 200]
    rows = run(database, "SELECT detail FROM audit WHERE tenant_id = %s AND action = 'reports.expired'", ask.tenant)
    assert rows == [({"rows": 1},)]


def test_a_relay_that_is_killed_in_the_middle_leaves_the_report_to_the_next_with_one_effect(
    ask: Asking, database: Database
) -> None:
    path = asked(ask)
    command = [sys.executable, "-c", CHILD, database.worker, path.rpartition("/")[2]]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "made\n"
        assert work(ask) == 0, "another relay holds it"
        assert call(ask, "GET", path).json()["state"] == "waiting"
    finally:
        child.kill()
        child.communicate()
    wait_for(lambda: work(ask))
    assert call(ask, "GET", path).json()["state"] == "ready"
    assert len(sent(database, ask)) == 1


def known(database: Database, *tenants: str) -> None:
    """They have cases counted."""
    for tenant_id in tenants:
        run(database, "INSERT INTO acqi_tenants (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING", tenant_id)


def order_of_reports(ask: Asking, database: Database) -> list[str]:
    """The organisations whose reports the relay makes, each in a run that has time for one."""
    order: list[str] = []
    job = making.Making(ask.settings)
    waiting = "SELECT tenant_id FROM quality_reports WHERE state = 'waiting' ORDER BY id"
    while before := run(database, waiting):
        with ask.worker() as conn:
            assert job._make_next(conn)
        after = run(database, waiting)
        order += [tenant_id for (tenant_id,) in (Counter(before) - Counter(after)).elements()]
    return order


def test_tenants_take_turns(ask: Asking, database: Database) -> None:
    known(database, ask.tenant, ask.other_tenant)
    for _ in range(3):
        asked(ask)
    call(ask, "POST", PATH, json=MARCH, tenant=ask.other_tenant)
    assert order_of_reports(ask, database) == [ask.tenant, ask.other_tenant, ask.tenant, ask.tenant]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO quality_reports (id, tenant_id, period, from_date, to_date, sandbox, names)"
        " VALUES ('x', %s, 'month', '2026-03-01', '2026-04-01', false, ARRAY[repeat('x', 100000)])",
        "INSERT INTO quality_reports (id, tenant_id, period, from_date, to_date, sandbox, schedule_id)"
        " VALUES ('x', %s, 'month', '2026-03-01', '2026-04-01', false, repeat('x', 100000))",
        "INSERT INTO report_schedules (id, tenant_id, every, day, time_zone, period, sandbox, names)"
        " VALUES ('x', %s, 'month', 1, 'UTC', 'month', false, ARRAY[repeat('x', 100000)])",
        "INSERT INTO report_schedules (id, tenant_id, every, day, time_zone, period, sandbox, last_report_id)"
        " VALUES ('x', %s, 'month', 1, 'UTC', 'month', false, repeat('x', 100000))",
    ],
)
def test_no_web_process_writes_a_text_that_fills_the_relay(ask: Asking, database: Database, statement: str) -> None:
    """The relay reads these rows for all organisations."""
    with psycopg.connect(database.app) as conn:
        set_tenant(conn, ask.tenant)
        with pytest.raises(psycopg.errors.CheckViolation, match="texts_are_short"):
            conn.execute(statement.encode(), (ask.tenant,))


def test_a_report_that_fails_is_tried_again_and_then_given_up(
    ask: Asking, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = call(ask, "POST", SCHEDULES, json=MONTHLY).json()
    run(database, "UPDATE report_schedules SET next_run_at = now() - interval '1 minute'")
    good = call(ask, "POST", PATH, json=MARCH, tenant=ask.other_tenant).headers["location"]
    original = making.files

    def broken(tenant_id: str, *given: Any, **more: Any) -> Any:
        if tenant_id == ask.tenant:
            raise ValueError("figures of nobody")
        return original(tenant_id, *given, **more)

    monkeypatch.setattr(making, "files", broken)
    failed = metrics.reports_failed._value.get()
    shown: dict[str, Any] = {}
    for attempt in range(making.MOST_ATTEMPTS):
        work(ask)
        (state,) = run(database, "SELECT state, attempts FROM quality_reports WHERE tenant_id = %s", ask.tenant)
        gives_up = attempt + 1 == making.MOST_ATTEMPTS
        assert state == ("failed" if gives_up else "waiting", attempt + 1)
        shown = call(ask, "GET", f"{SCHEDULES}/{schedule['id']}").json()
        assert shown["last_error"] == ("failed" if gives_up else None)
        run(database, "UPDATE quality_reports SET due_at = now() WHERE due_at IS NOT NULL")
    assert metrics.reports_failed._value.get() == failed + making.MOST_ATTEMPTS
    assert call(ask, "GET", good, tenant=ask.other_tenant).json()["state"] == "ready"
    response = call(ask, "GET", f"{PATH}/{shown['last_report_id']}/content")
    assert (response.status_code, response.json()["state"]) == (409, "failed")
    assert metrics.reports_behind._value.get() == 0


def test_how_late_the_oldest_is_can_be_measured(ask: Asking, database: Database) -> None:
    asked(ask)
    run(database, "UPDATE quality_reports SET due_at = now() - interval '1 hour'")
    with ask.worker() as conn:
        making.Making(ask.settings).go_on(conn, 0)
    assert metrics.reports_behind._value.get() >= 3600
    work(ask)
    assert metrics.reports_behind._value.get() == 0


# --- Schedules --------------------------------------------------------------------------------------------------------


def test_a_schedule_runs_once_when_it_is_due_and_shows_its_runs(ask: Asking, database: Database) -> None:
    response = call(ask, "POST", SCHEDULES, json=MONTHLY | {"names": ["conveyance", "rosc_survival"]})
    assert response.status_code == 201
    schedule = response.json()
    path = response.headers["location"]
    assert (schedule["time_zone"], schedule["period"], schedule["paused"]) == ("Europe/Rome", "month", False)
    assert schedule["names"] == ["rosc_survival", "conveyance"]
    assert (schedule["last_run_at"], schedule["last_report_id"], schedule["last_error"]) == (None, None, None)
    assert work(ask) == 0
    run(database, "UPDATE report_schedules SET next_run_at = '2026-11-05T05:00:00Z'")
    assert work(ask) >= 2
    shown = call(ask, "GET", path).json()
    report = call(ask, "GET", f"{PATH}/{shown['last_report_id']}").json()
    assert (report["schedule_id"], report["names"]) == (schedule["id"], schedule["names"])
    assert shown["last_run_at"]
    assert [one["id"] for one in call(ask, "GET", SCHEDULES).json()["schedules"]] == [schedule["id"]]
    of_schedule = call(ask, "GET", PATH, params={"schedule_id": schedule["id"]}).json()["reports"]
    assert of_schedule[-1]["from_date"] == "2026-10-01"
    assert call(ask, "GET", PATH, params={"schedule_id": OTHER}).json()["reports"] == []
    assert [event["data"]["schedule_id"] for event in sent(database, ask)] == [schedule["id"]] * len(of_schedule)
    trail = run(
        database,
        "SELECT client_id, subject_id, detail->>'schedule' FROM audit WHERE tenant_id = %s AND action = 'report.requested'"
        " AND client_id <> %s ORDER BY id LIMIT 1",
        ask.tenant,
        ask.client_id,
    )
    assert trail == [("schedule", of_schedule[-1]["id"], schedule["id"])]


def test_runs_that_were_missed_are_made_up(ask: Asking, database: Database) -> None:
    schedule = call(ask, "POST", SCHEDULES, json={"every": "month", "day": 1}).json()
    first = (TODAY.replace(day=1) - timedelta(days=75)).replace(day=1)
    run(database, "UPDATE report_schedules SET next_run_at = %s", datetime(first.year, first.month, 1, 5, tzinfo=UTC))
    work(ask)
    reports = call(ask, "GET", PATH, params={"schedule_id": schedule["id"]}).json()["reports"]
    starts = [one["from_date"] for one in reports]
    assert starts == sorted(set(starts), reverse=True)
    months, day = 0, first
    while day <= TODAY:
        months, day = months + 1, (day + timedelta(days=31)).replace(day=1)
    assert len(starts) in (months - 1, months), "that of today may be due later in the morning"


def test_a_paused_schedule_does_not_run_and_a_resumed_one_goes_on_after_now(ask: Asking, database: Database) -> None:
    path = call(ask, "POST", SCHEDULES, json={"every": "week", "day": 1}).headers["location"]
    paused = call(ask, "PATCH", path, json={"paused": True}).json()
    assert (paused["paused"], paused["next_run_at"]) == (True, None)
    assert call(ask, "PATCH", path, json={"day": 2}).json()["next_run_at"] is None
    assert work(ask) == 0
    resumed = call(ask, "PATCH", path, json={"paused": False}).json()
    assert datetime.fromisoformat(resumed["next_run_at"]) > datetime.now(UTC)
    assert datetime.fromisoformat(resumed["next_run_at"]).isoweekday() == 2
    run(database, "UPDATE report_schedules SET next_run_at = now() + interval '1 minute'")
    same = call(ask, "PATCH", path, json={"names": ["conveyance"]}).json()
    again = call(ask, "PATCH", path, json={"paused": False}).json()
    assert same["next_run_at"] == again["next_run_at"]
    assert again["names"] == ["conveyance"]
    assert call(ask, "PATCH", path, json={"names": None}).json()["names"] is None
    assert call(ask, "DELETE", path).status_code == 204
    assert call(ask, "GET", path).status_code == 404


@pytest.mark.parametrize(
    ("draft", "pointers"),
    [
        ({}, ["/every", "/day"]),
        ({"every": "day", "day": 0}, ["/every", "/day"]),
        ({"every": "month", "day": 29}, ["/day"]),
        ({"every": "week", "day": 8}, ["/day"]),
        (MONTHLY | {"time_zone": "../etc/passwd"}, ["/time_zone"]),
        (
            {"every": "week", "day": 8, "time_zone": "Europe/Nowhere", "names": ["x"]},
            ["/names/0", "/day", "/time_zone"],
        ),
        (MONTHLY | {"time_zone": "Europe"}, ["/time_zone"]),
        (MONTHLY | {"period": "week"}, ["/period"]),
    ],
)
def test_all_faults_of_a_schedule_are_named_at_once(ask: Asking, draft: Any, pointers: list[str]) -> None:
    response = call(ask, "POST", SCHEDULES, json=draft)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == pointers


def test_a_change_that_does_not_fit_the_rest_is_refused(ask: Asking) -> None:
    path = call(ask, "POST", SCHEDULES, json={"every": "month", "day": 20}).headers["location"]
    response = call(ask, "PATCH", path, json={"every": "week"})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/day"]
    assert call(ask, "GET", path).json()["every"] == "month"


def test_an_organisation_has_so_many_schedules_and_no_more(ask: Asking) -> None:
    answers = [call(ask, "POST", SCHEDULES, json=MONTHLY) for _ in range(ask.settings.most_report_schedules + 1)]
    assert [one.status_code for one in answers] == [201] * ask.settings.most_report_schedules + [409]
    assert answers[-1].json()["limit"] == 20


def test_a_schedule_without_room_for_a_report_says_so_and_goes_on_later(ask: Asking, database: Database) -> None:
    path = call(ask, "POST", SCHEDULES, json=MONTHLY).headers["location"]
    run(database, "UPDATE report_schedules SET next_run_at = now() - interval '1 second'")
    assert work(ask, most_reports=1) == 2
    run(database, "UPDATE report_schedules SET next_run_at = now() - interval '1 second'")
    assert work(ask, most_reports=1) == 1
    shown = call(ask, "GET", path).json()
    assert shown["last_error"] == "too_many_reports"
    assert datetime.fromisoformat(shown["next_run_at"]) > datetime.now(UTC)
    run(database, "UPDATE report_schedules SET next_run_at = now() - interval '1 second'")
    work(ask)
    assert call(ask, "GET", path).json()["last_error"] is None


# --- The calendar -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timing", "after", "at", "start"),
    [
        (Timing("month", 1, "Europe/Rome", "month"), "2026-03-31T12:00Z", "2026-04-01T04:00Z", "2026-03-01"),
        (Timing("month", 1, "Europe/Rome", "month"), "2026-04-01T04:00Z", "2026-05-01T04:00Z", "2026-04-01"),
        (Timing("month", 28, "Europe/Rome", "year"), "2026-10-01T04:00Z", "2026-10-28T05:00Z", "2025-01-01"),
        (Timing("week", 7, "Europe/Rome", "month"), "2026-03-27T12:00Z", "2026-03-29T04:00Z", "2026-02-01"),
        (Timing("quarter", 5, "Europe/Rome", "quarter"), "2026-04-05T05:00Z", "2026-07-05T04:00Z", "2026-04-01"),
        (Timing("quarter", 1, "UTC", "quarter"), "2025-12-31T12:00Z", "2026-01-01T06:00Z", "2025-10-01"),
        # Six in the morning in the east is before the month has ended in UTC.
        (Timing("month", 1, "Asia/Tokyo", "month"), "2026-03-31T12:00Z", "2026-04-01T00:00Z", "2026-03-01"),
        (Timing("month", 2, "Asia/Tokyo", "month"), "2026-03-31T12:00Z", "2026-04-01T21:00Z", "2026-03-01"),
        (Timing("month", 1, "Pacific/Honolulu", "month"), "2026-03-31T12:00Z", "2026-04-01T16:00Z", "2026-03-01"),
    ],
)
def test_a_run_is_at_six_of_its_zone_when_its_period_has_ended(timing: Timing, after: str, at: str, start: str) -> None:
    found = calendar.next_run(timing, datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(at)
    days = calendar.days_of(timing, found)
    assert days.start == date.fromisoformat(start)
    assert datetime(days.end.year, days.end.month, days.end.day, tzinfo=UTC) <= found


def test_runs_follow_each_other_for_years() -> None:
    chance = random.Random("runs")
    for _ in range(50):
        every = chance.choice(["week", "month", "quarter"])
        timing = Timing(
            every,  # pyright: ignore[reportArgumentType]
            chance.randint(1, 7 if every == "week" else 28),
            chance.choice(["Europe/Rome", "UTC", "Pacific/Kiritimati", "America/New_York"]),
            chance.choice(["month", "quarter", "year"]),
        )
        at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=chance.randint(0, 9000))
        runs = [at := calendar.next_run(timing, at) for _ in range(12)]
        gaps = {(two - one).days for one, two in itertools.pairwise(runs)}
        assert gaps <= {"week": {6, 7}, "month": set(range(27, 32)), "quarter": set(range(89, 93))}[every]
        for one in runs:
            days = calendar.days_of(timing, one)
            assert calendar.beginning(timing.period, days.start) == days
            assert datetime(days.end.year, days.end.month, days.end.day, tzinfo=UTC) <= one


def test_each_indicator_has_an_italian_description() -> None:
    assert {one.description for one in INDICATORS} == set(ITALIAN)
    assert all(json.dumps(text) for text in ITALIAN.values())
