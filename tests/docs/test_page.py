"""The contract's page in a real browser, as the docs host serves it: both languages, both colour schemes, large and small screen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import MOST_MILLISECONDS, is_accessible, needs_browser
from tests.support.stack import Stack

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1440, "height": 900}


def opened(browser: Browser, stack: Stack, path: str = "", **options: Any) -> tuple[Page, list[str]]:
    """The page, and the browser's errors and warnings while it is open."""
    context = browser.new_context(**options)
    context.set_default_timeout(MOST_MILLISECONDS)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(f"http://{stack.described['hosts']['docs']}:{stack.port}/api/docs{path}")
    return page, complaints


@needs_browser
@pytest.mark.parametrize(
    ("language", "scheme", "viewport"),
    [("en", "dark", DESK), ("it", "light", PHONE)],
)
def test_it_is_accessible_fits_the_screen_and_obeys_its_own_policy(
    browser: Browser, stack: Stack, language: str, scheme: Any, viewport: Any
) -> None:
    page, complaints = opened(browser, stack, locale=language, color_scheme=scheme, viewport=viewport)
    assert page.locator("html").get_attribute("lang") == language
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []
    assert is_accessible(page)


@needs_browser
def test_search_finds_operations_by_path_and_says_when_there_is_none(browser: Browser, stack: Stack) -> None:
    page, _ = opened(browser, stack, locale="en", viewport=DESK)
    page.keyboard.press("/")
    page.keyboard.type("observations:batch")
    expect(page.locator("#recordObservations")).to_be_visible()
    expect(page.locator("#listApps")).to_be_hidden()
    page.locator("#query").fill("no such words xyzzy")
    expect(page.locator("#found")).to_have_text("Nothing found")
    page.keyboard.press("Escape")
    expect(page.locator("#listApps")).to_be_visible()


@needs_browser
def test_the_contents_mark_what_is_being_read(browser: Browser, stack: Stack) -> None:
    page, complaints = opened(browser, stack, locale="en", viewport=DESK)
    marked = page.locator("nav a[aria-current]")
    expect(marked).to_have_attribute("href", "#start")
    page.goto(page.url + "#listObservations")
    expect(marked).to_have_attribute("href", "#listObservations")
    expect(marked).to_be_in_viewport()
    assert complaints == []


@needs_browser
def test_a_command_is_copied_whole(browser: Browser, stack: Stack) -> None:
    page, _ = opened(browser, stack, viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    block = page.locator("#createEncounter .code").first
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # otherwise its mark may disappear before the check
    block.get_by_role("button").click()
    expect(block.locator(".done")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == block.locator("code").text_content()


@needs_browser
def test_everything_can_be_read_without_scripts_and_the_language_switched(browser: Browser, stack: Stack) -> None:
    page, _ = opened(browser, stack, locale="en", java_script_enabled=False, viewport=PHONE)
    expect(page.locator("#search")).to_be_hidden()
    expect(page.get_by_role("button", name="Copy").first).to_be_hidden()
    expect(page.locator("#createEncounter")).to_be_visible()
    page.get_by_role("link", name="Italiano").click()
    expect(page.locator("html")).to_have_attribute("lang", "it")
    expect(page.locator("h1")).to_have_text("Piattaforma di integrazione Knogin")


@needs_browser
def test_the_type_of_a_problem_leads_to_its_explanation(browser: Browser, stack: Stack) -> None:
    with stack.client("api") as client:
        problem = client.get("/api/v1/devices").json()
    page, _ = opened(browser, stack, "#" + problem["type"].partition("#")[2], viewport=DESK)
    expect(page.locator(":target")).to_contain_text("401")


def test_programs_get_the_contract_people_the_page_and_both_may_keep_it(stack: Stack) -> None:
    with stack.client("docs") as client:
        page = client.get("/api/docs", headers={"accept": "text/html", "accept-language": "it"})
        contract = client.get("/api/docs", headers={"accept": "application/json"})
        again = client.get("/api/docs/openapi.json", headers={"if-none-match": contract.headers["etag"]})
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="it">' in page.text
    assert contract.json()["openapi"] == "3.1.0"
    assert contract.json()["servers"][0]["url"] == f"http://{stack.described['hosts']['api']}:{stack.port}"
    assert (again.status_code, again.content) == (304, b"")
    assert_strict(page)


def assert_strict(answer: httpx2.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "max-age" in answer.headers["cache-control"]
