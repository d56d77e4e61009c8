"""The docs host in a real browser: both languages, both colour schemes, large and small screen, with and without scripts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import MOST_MILLISECONDS, is_accessible, needs_browser
from tests.support.stack import Stack

pytestmark = pytest.mark.full

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
# One page of each kind.
SHOWN = (
    "",
    "/guides/webhooks",
    "/guides/sandbox",
    "/reference/epcr",
    "/reference/epcr/createEncounter",
    "/reference/schemas/webhooks",
    "/catalogues/errors",
    "/catalogues/metrics",
    "/changelog",
)


def opened(browser: Browser, stack: Stack, path: str = "", **options: Any) -> tuple[Page, list[str]]:
    """The page, and the browser's errors and warnings while it is open."""
    context = browser.new_context(**options)
    context.set_default_timeout(MOST_MILLISECONDS)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(address(stack, f"/api/docs{path}"))
    return page, complaints


def address(stack: Stack, path: str, host: str = "docs") -> str:
    return f"http://{stack.described['hosts'][host]}:{stack.port}{path}"


@needs_browser
@pytest.mark.parametrize(
    ("language", "scheme", "viewport"),
    [("en", "dark", DESK), ("it", "light", DESK), ("en", "light", PHONE), ("it", "dark", PHONE)],
)
def test_every_kind_of_page_is_accessible_fits_the_screen_and_obeys_its_own_policy(
    browser: Browser, stack: Stack, language: str, scheme: Any, viewport: Any
) -> None:
    page, complaints = opened(browser, stack, color_scheme=scheme, viewport=viewport)
    for path in SHOWN:
        page.goto(address(stack, f"/api/docs/{language}{path}"))
        assert page.locator("html").get_attribute("lang") == language
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.locator("h1").count() == 1
        assert is_accessible(page)
    assert complaints == []


QUESTIONS = [
    ("en", "how do I verify a signature in C#?", "/guides/webhooks#csharp", "FixedTimeEquals"),
    ("en", "which units for etCO2?", "/catalogues/codes#etco2", "mm[Hg]"),
    ("en", "what happens after five days of failures?", "/guides/webhooks#five-days", "disabled"),
    ("en", "how can I repeat a call safely?", "/guides/errors-and-retries#idempotency", "Idempotency-Key"),
    (
        "en",
        "how do I see retries in a sandbox without waiting for days?",
        "/guides/sandbox#clock",
        "shortens the waits",
    ),
    ("en", "how long are observations kept?", "/catalogues/limits", "400 days"),
    ("it", "come verifico una firma in C#?", "/guides/webhooks#csharp", "FixedTimeEquals"),
    ("it", "quali unità per EtCO2?", "/catalogues/codes#etco2", "mm[Hg]"),
    ("it", "che cosa succede dopo cinque giorni di fallimenti?", "/guides/webhooks#five-days", "disabilitato"),
]


@needs_browser
@pytest.mark.parametrize(("language", "question", "answer", "words"), QUESTIONS)
def test_a_question_is_answered_with_one_click_on_one_of_the_first_results(
    browser: Browser, stack: Stack, language: str, question: str, answer: str, words: str
) -> None:
    page, complaints = opened(browser, stack, f"/{language}", viewport=DESK)
    page.keyboard.press("/")
    page.keyboard.type(question)
    page.locator(f'#results li:nth-child(-n+3) a[href*="{answer}"]').first.click()
    expect(page).to_have_url(re.compile(re.escape(f"/api/docs/{language}{answer}")))
    expect(page.locator("main")).to_contain_text(words)
    assert complaints == []


@needs_browser
def test_the_search_finds_calls_by_path_and_says_when_there_is_nothing(browser: Browser, stack: Stack) -> None:
    page, complaints = opened(browser, stack, "/en", viewport=DESK)
    query = page.locator("#query")
    query.fill("POST observations:batch")
    expect(page.locator('#results a[href="/api/docs/en/reference/devices/recordObservations"]')).to_be_visible()
    query.press("ArrowDown")
    expect(page.locator("#results a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#results")).to_be_hidden()
    query.fill("xyzzy")
    expect(page.locator("#found")).to_have_text("Nothing found")
    query.fill("MDC_PULS_OXIM_SAT_O2")
    query.press("Enter")
    expect(page.locator("tr:target")).to_contain_text("MDC_PULS_OXIM_SAT_O2")
    assert complaints == []


@needs_browser
def test_on_a_phone_the_contents_open_and_lead_to_a_page(browser: Browser, stack: Stack) -> None:
    page, _ = opened(browser, stack, "/en", viewport=PHONE, java_script_enabled=False)
    contents = page.get_by_role("navigation", name="Contents")
    expect(contents).to_be_hidden()
    page.get_by_role("button", name="Contents").click()
    contents.get_by_role("link", name="Devices and observations").click()
    expect(page.locator("h1")).to_have_text("Devices and observations")


@needs_browser
def test_an_address_of_the_single_page_leads_to_its_page_of_today(browser: Browser, stack: Stack) -> None:
    page, complaints = opened(browser, stack, "#createEncounter", locale="en", viewport=DESK)
    expect(page).to_have_url(address(stack, "/api/docs/en/reference/epcr/createEncounter"))
    page.goto(address(stack, "/api/docs#schema-epcr-encounterdraft"))
    expect(page.locator(":target")).to_contain_text("EncounterDraft")
    assert complaints == []


@needs_browser
def test_the_type_of_a_problem_leads_to_its_explanation_also_without_scripts(browser: Browser, stack: Stack) -> None:
    with stack.client("api") as client:
        problem = client.get("/api/v1/devices").json()
    anchor = problem["type"].partition("#")[2]
    for enabled in (True, False):
        page, _ = opened(browser, stack, f"#{anchor}", viewport=DESK, java_script_enabled=enabled)
        expect(page.locator(":target")).to_contain_text("401")


@needs_browser
def test_a_command_is_copied_whole_and_the_chosen_language_is_remembered(browser: Browser, stack: Stack) -> None:
    page, _ = opened(
        browser,
        stack,
        "/en/reference/epcr/createEncounter",
        viewport=DESK,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # otherwise its mark may disappear before the check
    block = page.locator(".samples .code").first
    block.get_by_role("button").click()
    expect(block.locator(".done")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == block.locator("code").text_content()
    page.locator("summary", has_text="Python").click()
    page.goto(address(stack, "/api/docs/en/reference/devices/listDevices"))
    expect(page.locator("details[open] summary")).to_have_text("Python")


@needs_browser
def test_everything_can_be_read_without_scripts_and_the_language_switched(browser: Browser, stack: Stack) -> None:
    page, _ = opened(browser, stack, "/en/guides/webhooks", java_script_enabled=False, viewport=PHONE)
    expect(page.locator("#search")).to_be_hidden()
    expect(page.get_by_role("button", name="Copy").first).to_be_hidden()
    page.locator(".languages a[lang=it]").click()
    expect(page).to_have_url(address(stack, "/api/docs/it/guides/webhooks"))
    expect(page.locator("html")).to_have_attribute("lang", "it")


@needs_browser
@pytest.mark.parametrize("host", ["api", "auth", "docs"])
def test_the_root_of_each_host_greets_a_browser(browser: Browser, stack: Stack, host: str) -> None:
    page, complaints = opened(browser, stack, locale="it", viewport=PHONE)
    page.goto(address(stack, "/", host))
    expect(page.locator("html")).to_have_attribute("lang", "it")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert is_accessible(page)
    page.get_by_role("link", name="Prima chiamata in cinque minuti").first.click()
    documentation = f"http://localhost:{stack.port}" if host != "docs" else address(stack, "")
    expect(page).to_have_url(f"{documentation}/api/docs/it/first-call")
    assert complaints == []


@pytest.mark.parametrize("host", ["api", "auth", "docs"])
def test_a_program_gets_a_problem_from_the_root_as_before(stack: Stack, host: str) -> None:
    with stack.client(host) as client:
        for accept in ("*/*", "application/json"):
            answer = client.get("/", headers={"accept": accept})
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_program_at_the_docs_host_is_shown_the_host_of_calls(stack: Stack) -> None:
    with stack.client("docs") as client:
        detail = client.get("/", headers={"accept": "application/json"}).json()["detail"]
    assert f"calls go to http://localhost:{stack.port}." in detail


def test_programs_get_the_contract_people_the_page_and_both_may_keep_it(stack: Stack) -> None:
    with stack.client("docs") as client:
        page = client.get("/api/docs", headers={"accept": "text/html", "accept-language": "it"})
        contract = client.get("/api/docs", headers={"accept": "application/json"})
        again = client.get("/api/docs/openapi.json", headers={"if-none-match": contract.headers["etag"]})
        markdown = client.get("/api/docs/en/guides/webhooks.md")
        moved = client.get("/api/docs/guides/webhooks", headers={"accept-language": "it"})
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="it">' in page.text
    assert contract.json()["openapi"] == "3.1.0"
    assert contract.json()["servers"][0]["url"] == f"http://localhost:{stack.port}"
    assert (again.status_code, again.content) == (304, b"")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert (moved.status_code, moved.headers["location"]) == (302, "/api/docs/it/guides/webhooks")
    assert_strict(page)


def assert_strict(answer: httpx2.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "max-age" in answer.headers["cache-control"]


def test_the_page_of_limits_states_those_that_this_platform_answers_with(stack: Stack) -> None:
    token = stack.app_token("argus:epcr:write")
    faults = []
    with stack.client("docs") as docs, stack.client("api", token) as client:
        [(quota, window)] = re.findall(
            r'"read";q=(\d+);w=(\d+)', client.get("/api/v1/epcr/encounters").headers["ratelimit-policy"]
        )
        for language, words in (("en", "{} requests in {} seconds"), ("it", "{} richieste in {} secondi")):
            for suffix in (".md", ""):
                text = docs.get(f"/api/docs/{language}/catalogues/limits{suffix}").text
                row = re.search(r"^.*(?:`read`|<code>read</code>)(?:.*\n){1,2}", text, re.MULTILINE)
                if row is None or words.format(quota, window) not in row[0]:
                    faults.append(f"{language}{suffix}: {quota} in {window} s, and the page has {row and row[0]}")
                faults += re.findall(r"%\w+:\w+%", text)
    assert faults == []
