"""Pages of reports and their schedules: asking, following, downloading; making, pausing and deleting a schedule."""

import re

import httpx2
import pytest
from starlette.responses import Response

from services.console.quality import reports
from tests.console.answers.quality import FAILED, REPORT, SCHEDULE, SCHEDULED, WAITING
from tests.console.conftest import Console
from tests.console.platform import HOSTILE, Answer, Person
from tests.console.test_quality import read, text_of
from tests.console.test_webhooks import Sent

API = "/api/v1/acqi/reports"
SCHEDULES = "/api/v1/acqi/report-schedules"
ONE = f"/quality/reports/{REPORT['id']}"
RULE = f"/quality/schedules/{SCHEDULE['id']}"
OFFICER = Person(scopes=("argus:acqi:read", "argus:acqi:schedule", "argus:epcr:read"))
READER = Person(scopes=("argus:acqi:read", "platform:audit"))
LIMIT = {
    "type": "https://knogin.com/api/docs#limit-reached",
    "title": "Limit reached",
    "status": 409,
    "detail": "An organisation has at most 500 quality reports; delete some, or ask Knogin for more.",
}


@pytest.fixture
def sent(console: Console) -> Sent:
    return Sent(console)


@pytest.fixture
def browser(console: Console) -> httpx2.Client:
    return console.signed_in()


def fault(pointer: str, detail: str = "no good") -> Answer:
    errors = [{"pointer": pointer, "code": "invalid", "detail": detail}]
    return Answer({"type": "https://knogin.com/api/docs#invalid", "status": 422, "detail": "", "errors": errors}, 422)


def test_a_list_of_reports_moves_by_itself_while_one_is_being_made(console: Console) -> None:
    page = read(console, "/quality/reports")
    shown = text_of(page.text)
    for text in (
        "Quarter 2026-07-01 – 2026-09-30",
        "being made",
        "ready",
        "failed",
        "a schedule",
        "a person or an app",
    ):
        assert text in shown
    assert 'data-live="2"' in page.text
    assert "cursor=b3RoZXI" in page.text
    console.platform.overrides[f"GET {API}"] = {"reports": [REPORT, FAILED], "next_cursor": None}
    assert 'data-live="30"' in read(console, "/quality/reports").text


def test_empty_lists_lead_to_the_act_that_fills_them(console: Console) -> None:
    console.platform.overrides[f"GET {API}"] = {"reports": [], "next_cursor": None}
    console.platform.overrides[f"GET {SCHEDULES}"] = {"schedules": [], "next_cursor": None}
    assert 'href="/quality/reports/new"' in read(console, "/quality/reports").text
    filtered = read(console, "/quality/reports", query={"schedule_id": SCHEDULE["id"]}).text
    assert "made no report yet" in filtered
    assert 'href="/quality/schedules/new"' in read(console, "/quality/schedules").text
    plain = read(console, "/quality/schedules", READER).text
    assert "Nothing is scheduled" in plain
    assert "/quality/schedules/new" not in plain


def test_a_report_is_asked_for_once_and_followed(console: Console, sent: Sent) -> None:
    sent.answer(f"POST {API}", Answer(WAITING, 202))
    browser = console.signed_in(OFFICER)
    form = browser.get("/quality/reports/new").text
    value = form.partition('<option value="quarter ')[2].partition('"')[0]
    answer = console.post(browser, "/quality/reports/new", {"period": f"quarter {value}"})
    assert answer.headers["location"].startswith(f"/quality/reports/{WAITING['id']}?")
    assert [body for _, body, _ in sent.bodies] == [{"period": "quarter", "from_date": value}]


def test_the_form_offers_ended_periods_alone_and_takes_no_other(console: Console, sent: Sent) -> None:
    sent.answer(f"POST {API}", Answer(WAITING, 202))
    browser = console.signed_in()
    form = browser.get("/quality/reports/new").text
    offered = re.findall('<option value="(quarter|month|year) ', form)
    assert {length: offered.count(length) for length in reports.CHOICES} == reports.CHOICES
    for period in ("quarter 2999-01-01", "week 2026-01-01", "month"):
        answer = console.post(browser, "/quality/reports/new", {"period": period})
        assert (answer.status_code, "Choose one of the periods." in answer.text) == (422, True)
    assert sent.bodies == []


def test_a_full_organisation_is_told_so_in_the_form(console: Console) -> None:
    console.platform.overrides[f"POST {API}"] = Answer(LIMIT, 409)
    browser = console.signed_in()
    form = browser.get("/quality/reports/new").text
    value = form.partition('<option value="')[2].partition('"')[0]
    answer = console.post(browser, "/quality/reports/new", {"period": value})
    assert answer.status_code == 422
    assert "at most 500 quality reports" in answer.text


def test_a_report_is_followed_until_its_files_are_there(console: Console) -> None:
    console.platform.overrides[f"GET {API}/{{report_id}}"] = WAITING
    page = read(console, ONE).text
    assert 'data-live="2"' in page
    assert "/file?as=" not in page
    console.platform.overrides[f"GET {API}/{{report_id}}"] = FAILED
    assert "could not be made" in read(console, ONE).text
    console.platform.overrides[f"GET {API}/{{report_id}}"] = REPORT
    ready = read(console, ONE).text
    assert ready.index("as=csv-en") < ready.index("as=csv-it") < ready.index("as=fhir")
    assert "Counts that would reveal fewer than five people are withheld" in ready
    italian = read(console, ONE, language="it").text
    assert italian.index("as=csv-it") < italian.index("as=csv-en")


def test_a_file_is_the_platforms_bytes_under_a_name_of_its_own(console: Console) -> None:
    asked: list[str] = []

    def answer(request: object) -> Response:
        asked.append(request.url.query)  # pyright: ignore[reportAttributeAccessIssue]
        return Response(b"\xef\xbb\xbffrom,to\r\n", media_type="text/csv")

    console.platform.overrides[f"GET {API}/{{report_id}}/content"] = answer
    file = read(console, f"{ONE}/file", OFFICER, query={"as": "csv-it"})
    assert file.content == b"\xef\xbb\xbffrom,to\r\n"
    assert file.headers["content-disposition"] == 'attachment; filename="indicators-2026-07-quarter.it.csv"'
    assert sorted(asked[0].split("&")) == ["format=csv", "language=it"]
    console.platform.overrides[f"GET {API}/{{report_id}}"] = REPORT | {"period": '"\r\nx', "sandbox": True}
    hostile = read(console, f"{ONE}/file", query={"as": "fhir"})
    assert 'filename="sandbox-indicators-2026-07-period.fhir.json"' in hostile.headers["content-disposition"]


def test_a_file_that_is_not_given_out_is_a_page(console: Console) -> None:
    detail = "The report is from before your organisation withheld small counts; ask for it again."
    problem = {"type": "https://knogin.com/api/docs#conflict", "status": 409, "detail": detail}
    console.platform.overrides[f"GET {API}/{{report_id}}/content"] = Answer(problem, 409)
    page = read(console, f"{ONE}/file")
    assert page.status_code == 409
    assert detail in page.text
    assert "content-disposition" not in page.headers


def test_a_report_is_deleted_after_a_page_that_says_what_ends(console: Console, sent: Sent) -> None:
    sent.answer(f"DELETE {API}/{{report_id}}", Response(None, 204))
    browser = console.signed_in()
    assert "everybody in the organisation" in browser.get(f"{ONE}/delete").text
    answer = console.post(browser, f"{ONE}/delete", {"confirmed": "1"})
    assert answer.headers["location"].startswith("/quality/reports?")
    assert [call for call, _, _ in sent.bodies] == [f"DELETE {API}/{{report_id}}"]


def test_schedules_show_their_rule_next_run_last_run_and_error(console: Console) -> None:
    page = read(console, "/quality/schedules").text
    shown = text_of(page)
    for text in (
        "Every quarter on day 5 of its first month",
        "Every Monday",
        "Every month on day 5",
        "at 06:00, Europe/Rome",
        "the last year that has ended",
        "no report Your organisation has as many reports as it may have.",
        "paused",
    ):
        assert text in shown
    assert 'datetime="2027-01-05T05:00:00Z"' in page
    assert f'action="{RULE}/pause"' in page
    assert f'action="/quality/schedules/{SCHEDULED[1]["id"]}/resume"' in page
    assert "Ogni lunedì" in text_of(read(console, "/quality/schedules", language="it").text)


def test_a_schedule_is_made_paused_resumed_and_deleted(console: Console, sent: Sent) -> None:
    sent.answer(f"POST {SCHEDULES}", Answer(SCHEDULE, 201))
    sent.answer(f"PATCH {SCHEDULES}/{{schedule_id}}", SCHEDULE)
    sent.answer(f"DELETE {SCHEDULES}/{{schedule_id}}", Response(None, 204))
    browser = console.signed_in()
    draft = {"every": "week", "day": "1", "time_zone": "Europe/Rome", "period": "month"}
    for path, form in (
        ("/quality/schedules/new", draft),
        (f"{RULE}/pause", {}),
        (f"{RULE}/resume", {}),
        (f"{RULE}/delete", {"confirmed": "1"}),
    ):
        answer = console.post(browser, path, form)
        assert answer.headers["location"].startswith("/quality/schedules?"), path
    assert [body for _, body, _ in sent.bodies] == [draft | {"day": 1}, {"paused": True}, {"paused": False}, None]


@pytest.mark.parametrize(
    ("given", "answer", "said"),
    [
        ({"day": "x"}, None, "Write a day from 1 to 28"),
        ({"day": "²"}, None, "Write a day from 1 to 28"),
        ({"day": "8"}, fault("/day"), "Write a day from 1 to 28"),
        ({"time_zone": "Nowhere"}, fault("/time_zone"), "as Europe/Rome"),
        ({}, Answer(LIMIT, 409), "at most 500"),
    ],
)
def test_a_schedule_that_does_not_fit_is_shown_again_with_its_faults(
    console: Console, given: dict[str, str], answer: Answer | None, said: str
) -> None:
    if answer is not None:
        console.platform.overrides[f"POST {SCHEDULES}"] = answer
    draft = {"every": "week", "day": "3", "time_zone": "Europe/Paris", "period": "year"} | given
    page = console.post(console.signed_in(), "/quality/schedules/new", draft)
    assert page.status_code == 422
    assert said in page.text
    assert '<option value="week" selected>' in page.text
    assert f'value="{draft["time_zone"]}"' in page.text


def test_a_quality_officer_schedules_reports_and_deletes_none(console: Console, sent: Sent) -> None:
    sent.answer(f"POST {SCHEDULES}", Answer(SCHEDULE, 201))
    page = read(console, "/quality/schedules", OFFICER).text
    for act in ("/schedules/new", f"{RULE}/pause", f"{RULE}/delete"):
        assert act in page, act
    browser = console.signed_in(OFFICER)
    draft = {"every": "month", "day": "5", "time_zone": "Europe/Rome", "period": "month"}
    assert console.post(browser, "/quality/schedules/new", draft).status_code == 303
    assert "/delete" not in browser.get(ONE).text
    assert browser.get(f"{ONE}/delete").status_code == 403


def test_who_may_only_read_reads_reports_and_makes_and_changes_nothing(console: Console) -> None:
    for path in ("/quality/reports", ONE, "/quality/schedules"):
        page = read(console, path, READER)
        assert page.status_code == 200, path
        for act in ("/delete", "/pause", "/resume", "/schedules/new"):
            assert act not in page.text, (path, act)
    assert "quality officers and integrators make" in read(console, "/quality/schedules", READER).text
    browser = console.signed_in(READER)
    for path in (f"{ONE}/delete", "/quality/reports/new", "/quality/schedules/new", f"{RULE}/delete"):
        assert browser.get(path).status_code == 403
    for path in (f"{RULE}/pause", f"{RULE}/resume"):
        assert console.post(browser, path, {}).status_code == 403
    stranger = Person(scopes=("platform:apps", "argus:acqi:schedule"))
    for path in ("/quality/reports", ONE, f"{ONE}/file", "/quality/schedules"):
        assert read(console, path, stranger).status_code in (403, 404)


@pytest.mark.parametrize("path", ["/quality/reports", ONE, f"{ONE}/delete", "/quality/schedules", f"{RULE}/delete"])
def test_hostile_texts_of_reports_and_schedules_are_texts(console: Console, path: str) -> None:
    texts = {"period": HOSTILE, "state": HOSTILE, "names": [HOSTILE]}
    rule = {"every": HOSTILE, "time_zone": HOSTILE, "period": HOSTILE, "last_error": HOSTILE}
    report, schedule = REPORT | texts, SCHEDULE | rule
    console.platform.overrides |= {
        f"GET {API}": {"reports": [report], "next_cursor": HOSTILE},
        f"GET {API}/{{report_id}}": report,
        f"GET {SCHEDULES}": {"schedules": [schedule], "next_cursor": HOSTILE},
        f"GET {SCHEDULES}/{{schedule_id}}": schedule,
    }
    page = read(console, path)
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "<script>document" not in page.text


@pytest.mark.parametrize("path", ["/quality/reports", "/quality/schedules"])
def test_a_refusal_of_the_platform_is_a_part_of_the_list(console: Console, path: str) -> None:
    console.platform.overrides |= {f"GET {one}": Answer({"detail": "secret words"}, 503) for one in (API, SCHEDULES)}
    page = read(console, path)
    assert page.status_code == 200
    assert 'class="missing"' in page.text
    assert "secret words" not in page.text


def test_a_reader_of_reports_makes_none(console: Console) -> None:
    browser = console.signed_in(READER)
    assert "/quality/reports/new" not in browser.get("/quality/reports").text
    before = len(console.platform.asked("POST"))
    assert browser.get("/quality/reports/new").status_code == 403
    assert console.post(browser, "/quality/reports/new", {"period": "quarter 2026-07-01"}).status_code == 403
    assert not [one for one in console.platform.asked("POST")[before:] if "reports" in one]
