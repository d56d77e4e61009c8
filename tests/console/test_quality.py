"""Pages of quality indicators: their content, their refusals, and withheld counts."""

import csv
import html
import io
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, expect
from starlette.requests import Request

from services.console.quality import reading
from services.console.quality.report import GROUPS
from services.graphql_api.acqi.indicators import INDICATORS
from tests.console.answers.quality import DEFINITIONS, ID, METRICS, MONTHS, WITHHELD, metric
from tests.console.conftest import Console
from tests.console.platform import HOSTILE, Answer, Person
from tests.console.test_pages import Watched
from tests.support.browser import needs_browser

PAGES = ("/quality", "/quality/print", "/quality/indicators/rosc_at_hospital")


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    reading._definitions.clear()


def read(
    console: Console,
    path: str,
    person: Person | None = None,
    language: str = "en",
    query: dict[str, str] | None = None,
) -> httpx2.Response:
    """The page, for somebody who has just signed in."""
    with closing(console.signed_in(person, accept_language=language)) as browser:
        return browser.get(path, params=query)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_share_has_its_value_counts_interval_and_definition(console: Console) -> None:
    page = text_of(read(console, "/quality/indicators/rosc_at_hospital").text)
    for shown in ("31.2 %", "15 of 48", "19.9 to 45.3 %", "IHE QORE CPR-7", "1 more case whose record does not say"):
        assert shown in page


def test_italian_pages_have_italian_numbers(console: Console) -> None:
    page = text_of(read(console, "/quality/indicators/rosc_at_hospital", language="it").text)
    assert "31,2 %" in page
    assert "15 su 48" in page


def test_a_time_has_its_median_and_nine_in_ten(console: Console) -> None:
    page = text_of(read(console, "/quality").text)
    assert "8.4 min" in page
    assert "nine in ten within 15.2 min" in page


def test_a_withheld_value_is_said_to_be_withheld_and_not_to_be_nothing(console: Console) -> None:
    console.platform.overrides["POST /graphql"] = {"data": {"acqiMetrics": [METRICS[2]]}}
    page = text_of(read(console, "/quality/indicators/survival_utstein").text)
    assert "too few to show" in page
    assert "no cases" not in page.replace("no cases, or too few to show", "")
    console.platform.overrides["POST /graphql"] = {"data": {"acqiMetrics": [METRICS[3]]}}
    assert "no cases" in text_of(read(console, "/quality/indicators/tbi_monitored").text)


def test_an_indicator_that_the_catalogue_does_not_know_is_shown(console: Console) -> None:
    assert "As the API describes it." in read(console, "/quality").text


def test_figures_are_shown_without_the_documentation(console: Console) -> None:
    console.platform.overrides["GET /api/docs/{language}/catalogues/indicators.json"] = Answer({}, 503)
    page = read(console, "/quality")
    assert page.status_code == 200
    assert "31.2 %" in page.text


def test_words_filter_the_list(console: Console) -> None:
    page = read(console, "/quality", query={"q": "described RESPONSE_TIME"}).text
    assert "/quality/indicators/response_time?" in page
    assert "/quality/indicators/rosc_at_hospital?" not in page
    assert "No indicator matches" in read(console, "/quality", query={"q": "no such words"}).text


def test_the_period_asked_for_is_the_period_read(console: Console) -> None:
    asked: list[bytes] = []

    def answer(request: Request) -> object:
        asked.append(request._body)
        return {"data": {"acqiMetrics": METRICS}}

    console.platform.overrides["POST /graphql"] = answer
    query = {"period": "months", "from": "2025-01", "to": "2025-03", "compare": "year"}
    read(console, "/quality", query=query)
    bodies = b" ".join(asked)
    for day in (b"2025-01-01T00:00:00Z", b"2025-04-01T00:00:00Z", b"2024-01-01T00:00:00Z", b"2024-04-01T00:00:00Z"):
        assert day in bodies


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"period": "months", "from": "2025-03", "to": "2025-01"}, "after the last"),
        ({"period": "months", "from": "x", "to": "2025-01"}, "as 2026-03"),
        ({"period": "months", "from": "2990-01", "to": "2990-02"}, "have ended"),
    ],
)
def test_a_period_that_is_none_is_explained_and_another_is_shown(
    console: Console, query: dict[str, str], said: str
) -> None:
    page = read(console, "/quality", query=query)
    assert page.status_code == 200
    assert said in page.text
    assert "31.2 %" in page.text


@pytest.mark.parametrize("path", PAGES)
def test_a_refusal_of_the_platform_is_a_part_of_the_page(console: Console, path: str) -> None:
    console.platform.overrides["POST /graphql"] = {
        "data": None,
        "errors": [{"message": "secret words", "extensions": {"code": "FORBIDDEN"}}],
    }
    page = read(console, path)
    assert page.status_code == 200
    assert "Trace id" in page.text
    assert "secret words" not in page.text


@pytest.mark.parametrize("path", PAGES)
def test_hostile_texts_are_texts(console: Console, path: str) -> None:
    console.platform.hostile = True
    console.platform.overrides["POST /graphql"] = {
        "data": {"acqiMetrics": [metric("rosc_at_hospital", description=HOSTILE)]}
    }
    page = read(console, path).text
    assert "<img" not in page
    assert "<script>document" not in page


@pytest.mark.parametrize("path", [*PAGES, "/quality/indicators.csv"])
def test_only_people_with_the_scope_see_indicators(console: Console, path: str) -> None:
    before = len(console.platform.asked("POST", "/graphql"))
    assert read(console, path, Person(scopes=("platform:apps",))).status_code in (403, 404)
    assert len(console.platform.asked("POST", "/graphql")) == before


def test_an_unknown_indicator_is_not_found(console: Console) -> None:
    assert read(console, "/quality/indicators/none_such").status_code == 404
    assert read(console, "/quality/indicators/..%2f..%2fv1%2fplatform%2fapps").status_code == 404


def rows_of(console: Console, language: str) -> list[list[str]]:
    answer = read(console, "/quality/indicators.csv", language=language)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("\ufeff")
    separator = ";" if language == "it" else ","
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=separator))


def test_the_file_has_one_row_for_each_period_and_indicator(console: Console) -> None:
    heads, *rows = rows_of(console, "en")
    assert len({(row[0], row[1], row[2]) for row in rows}) == len(rows) == len(METRICS) * (2 + 12)
    of_share = next(row for row in rows if row[2] == "rosc_at_hospital")
    assert of_share[heads.index("value")] == "0.3125"
    assert next(row for row in rows if row[2] == "survival_utstein")[heads.index("suppressed")] == "yes"
    assert (
        next(row for row in rows_of(console, "it")[1:] if row[2] == "rosc_at_hospital")[heads.index("value")]
        == "0,3125"
    )


def test_every_field_of_care_has_a_title_in_both_languages() -> None:
    from services.console.pages.texts import Texts

    groups = {one.judge.__module__.rpartition(".")[2] for one in INDICATORS}
    assert groups <= set(GROUPS)
    assert all(Texts(language, "quality").has(f"group.{group}") for language in ("en", "it") for group in GROUPS)


def test_the_report_says_as_of_when(console: Console) -> None:
    assert f"{datetime.now(UTC):%Y}" in read(console, "/quality/print").text
    assert len(DEFINITIONS) < len(METRICS)


BEHIND = "GET /api/v1/acqi/indicators/{name}/encounters"
DRILL = "/quality/indicators/rosc_at_hospital/encounters"


def test_counts_lead_to_the_encounters_behind_them(console: Console) -> None:
    """Of the period, of the one that it is compared with, and of each month; the list of indicators leads there too."""
    page = read(
        console, "/quality/indicators/rosc_at_hospital", query={"period": "months", "from": "2026-01", "to": "2026-03"}
    ).text
    links = [
        html.unescape(one) for one in re.findall(r'href="(/quality/indicators/rosc_at_hospital/encounters[^"]*)"', page)
    ]
    groups = {
        (parse_qs(urlsplit(one).query)["from"][0], parse_qs(urlsplit(one).query).get("group", [""])[0]) for one in links
    }
    assert {("2026-01", group) for group in ("numerator", "not_met", "excluded", "unknown")} <= groups
    assert ("2025-10", "numerator") in groups
    assert {(f"{month[:7]}", "") for month in MONTHS} <= groups
    assert DRILL in read(console, "/quality").text


def test_a_withheld_count_leads_nowhere(console: Console) -> None:
    withheld = metric("rosc_at_hospital", suppressed=True, excluded=None, unknown=None, sparkline=[], **WITHHELD)
    console.platform.overrides["POST /graphql"] = {"data": {"acqiMetrics": [withheld]}}
    for path in ("/quality", "/quality/indicators/rosc_at_hospital"):
        assert "/encounters" not in read(console, path).text


def test_who_may_not_read_records_is_led_to_none(console: Console) -> None:
    person = Person(scopes=("argus:acqi:read",))
    for path in ("/quality", "/quality/indicators/rosc_at_hospital"):
        assert "/encounters" not in read(console, path, person).text
    assert read(console, DRILL, person).status_code == 403


def test_the_encounters_behind_a_count_have_their_judgement_and_reason(console: Console) -> None:
    page = read(console, DRILL)
    shown = text_of(page.text)
    for text in ("2026-03-09", "8.4 min", "witnessed by the crew", "not in the record", "recorded in the audit trail"):
        assert text in shown
    assert f"/operations/encounters/{ID.format('a')}" in page.text
    assert "cursor=b3RoZXI" in page.text
    assert "davanti all&#39;equipaggio" in read(console, DRILL, language="it").text


def test_the_group_and_the_days_of_the_address_are_those_that_are_read(console: Console) -> None:
    query = {"period": "months", "from": "2026-01", "to": "2026-03", "group": "excluded", "cursor": "abc"}
    before = len(console.platform.calls)
    read(console, DRILL, query=query)
    (called,) = [path for _, path, _ in console.platform.calls[before:] if "/acqi/" in path]
    assert parse_qs(urlsplit(called).query) == {
        "from_date": ["2026-01-01"],
        "to_date": ["2026-04-01"],
        "population": ["excluded"],
        "cursor": ["abc"],
        "limit": ["50"],
    }


def test_where_small_counts_are_withheld_the_page_says_why_nothing_is_listed(console: Console) -> None:
    console.platform.overrides[BEHIND] = Answer({"title": "Forbidden", "detail": "…", "status": 403}, 403)
    page = read(console, DRILL)
    assert page.status_code == 200
    assert "withholds small counts" in page.text


def test_a_page_without_encounters_may_lead_on(console: Console) -> None:
    console.platform.overrides[BEHIND] = {"encounters": [], "next_cursor": "b3RoZXI"}
    page = read(console, DRILL).text
    assert "go on to the next page" in page
    assert "cursor=b3RoZXI" in page
    console.platform.overrides[BEHIND] = {"encounters": [], "next_cursor": None}
    assert "No encounter of this period" in read(console, DRILL).text


def test_the_printed_report_has_the_moment_of_its_data_and_not_an_age(console: Console) -> None:
    """On paper "less than a minute ago" says nothing."""
    page = text_of(read(console, "/quality/print").text)
    assert re.search(r"Data as of \d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC", page)


@pytest.fixture
def watched(console: Console, browser: Browser) -> Iterator[Watched]:
    watched = Watched(browser, console)
    yield watched
    watched.close()


@pytest.mark.full
@needs_browser
@pytest.mark.parametrize("chosen", ["", "dark"])
def test_paper_is_white_in_a_dark_theme(watched: Watched, chosen: str) -> None:
    """The board got black words on a black card."""
    watched.open("/quality/print?q=rosc_at_hospital")
    page = watched.page
    page.evaluate("chosen => document.documentElement.setAttribute('data-theme', chosen)", chosen)
    page.emulate_media(media="print", color_scheme="dark")
    for part in ("header", "article", "body"):
        assert (
            page.locator(part).first.evaluate("part => getComputedStyle(part).backgroundColor") == "rgb(255, 255, 255)"
        )
    assert page.locator("h1").evaluate("part => getComputedStyle(part).color") == "rgb(0, 0, 0)"


@needs_browser
def test_the_report_for_print_prints_and_leads_to_its_file_and_back(watched: Watched) -> None:
    """It had neither a button to print, nor the file, nor the way back to its indicator."""
    watched.open("/quality/indicators/rosc_at_hospital")
    page = watched.page
    page.get_by_role("link", name="Report for print").click()
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")
    assert "name=rosc_at_hospital" in (page.get_by_role("link", name="Download as CSV").get_attribute("href") or "")
    page.get_by_role("link", name="Back to the indicator").click()
    expect(page.locator("h1")).to_contain_text("Spontaneous circulation")


@pytest.mark.parametrize("query", [{"from": "2990-01", "to": "2990-02"}, {"from": "2026-03", "to": "2026-01"}])
def test_a_period_that_is_none_makes_no_file_and_a_print_that_says_so(console: Console, query: dict[str, str]) -> None:
    asked = {"period": "months"} | query
    answer = read(console, "/quality/indicators.csv", query=asked)
    assert (answer.status_code, "content-disposition" in answer.headers) == (422, False)
    assert '<div class="alert" role="alert">' in answer.text
    assert '<div class="alert" role="alert">' in read(console, "/quality/print", query=asked).text
    assert '<div class="alert" role="alert">' not in read(console, "/quality/print").text


def test_a_file_of_an_indicator_that_is_none_is_not_found(console: Console) -> None:
    answer = read(console, "/quality/indicators.csv", query={"name": "nonsense"})
    assert (answer.status_code, "content-disposition" in answer.headers) == (404, False)
