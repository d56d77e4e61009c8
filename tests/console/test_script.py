"""The script in a real browser: copying, parts that keep themselves current, the pause, and forms that are sent once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from playwright.sync_api import Browser, expect

from services.console.pages import moments
from tests.console.answers.overview import FRONT
from tests.console.conftest import ISSUER, Console
from tests.console.platform import Person
from tests.console.test_pages import Watched
from tests.console.test_signing_in import make_idle
from tests.support.browser import needs_browser
from tests.support.waiting import wait_for

pytestmark = [needs_browser, pytest.mark.full]
WEBHOOKS = "GET /v1/webhooks"
NONE = {"webhooks": []}


@pytest.fixture
def watched(console: Console, browser: Browser) -> Iterator[Watched]:
    console.platform.overrides |= FRONT
    watched = Watched(browser, console)
    watched.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=console.url)
    yield watched
    watched.close()


def soon(watched: Watched) -> None:
    """Pages ask again at once when they become visible."""
    watched.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def polled(watched: Watched) -> int:
    """The status of the answer to a question of the page."""
    with watched.page.expect_response(lambda answer: answer.request.headers.get("x-console-poll") == "1") as asked:
        soon(watched)
    return asked.value.status


def test_a_live_part_is_replaced_when_it_changes_and_not_before(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "3 minutes ago" would change meanwhile.
    monkeypatch.setattr(moments, "moment", partial(moments.moment, now=datetime.now(UTC)))
    watched.open("/")
    expect(watched.page.locator("#failing")).to_be_visible()
    # The first answers are whole, until the script has read one.
    wait_for(lambda: polled(watched) == 304)
    expect(watched.page.locator(".changed")).to_have_count(0)
    watched.console.platform.overrides[WEBHOOKS] = NONE
    soon(watched)
    expect(watched.page.locator("#failing")).to_have_count(0)
    expect(watched.page.locator("#expiring")).to_be_visible()


def test_a_paused_page_does_not_move(watched: Watched) -> None:
    watched.open("/")
    watched.page.get_by_label("Pages that update").select_option("1")
    watched.page.get_by_role("button", name="Apply").click()
    expect(watched.page.locator("body[data-paused='1']")).to_have_count(1)
    asked = len(watched.console.platform.calls)
    soon(watched)
    watched.page.wait_for_timeout(300)
    assert len(watched.console.platform.calls) == asked


def test_an_id_is_copied_and_it_is_read_out(watched: Watched) -> None:
    watched.open("/")
    watched.page.locator("#everything summary").click()
    watched.page.get_by_role("button", name="Copy org_").click()
    expect(watched.page.locator("#says")).to_have_text("Copied")
    expect(watched.page.locator("#everything button", has_text="Copied")).to_be_visible()
    expect(watched.page.locator("#everything button", has_text="Copied")).to_have_count(0)
    assert watched.page.evaluate("navigator.clipboard.readText()").startswith("org_")


def test_a_session_that_ended_elsewhere_leads_to_the_sign_in(console: Console, browser: Browser) -> None:
    console.platform.overrides |= FRONT
    person = Person()
    watched = Watched(browser, console, person=person)
    watched.open("/")
    for held in (console.platform.tokens, console.platform.refreshes):
        for token in [token for token, holder in held.items() if holder is person]:
            del held[token]
    with watched.page.expect_navigation(url="**/signed-out?why=ended*"):
        soon(watched)
    with watched.page.expect_request(lambda one: one.url.startswith(ISSUER)) as asked:
        watched.page.get_by_role("link", name="Sign in").click()
    assert "prompt=login" in asked.value.url
    watched.context.close()


@pytest.mark.parametrize("is_used", [False, True])
def test_an_idle_page_leaves_once_the_session_is_over(console: Console, browser: Browser, *, is_used: bool) -> None:
    """It asks in a way that does not count as use; a session that another tab used goes on."""
    person = Person()
    watched = Watched(browser, console, person=person)
    watched.page.clock.install()
    watched.open("/apps")
    if not is_used:
        make_idle(console, person)
    watched.page.clock.run_for(int(console.settings.idle_seconds - 100) * 1000)
    expect(watched.page.locator("#ending")).to_be_visible()
    if is_used:
        with watched.page.expect_response(lambda answer: answer.request.method == "HEAD"):
            watched.page.clock.run_for(102_000)
        expect(watched.page.locator("#ending")).not_to_be_visible()
    else:
        with watched.page.expect_navigation(url="**/signed-out?why=ended&to=%2Fapps"):
            watched.page.clock.run_for(102_000)
        expect(watched.page.locator("h1")).to_have_text("You are signed out")
    watched.context.close()


def test_a_form_is_sent_once_however_often_its_button_is_pressed(watched: Watched) -> None:
    watched.open("/")
    posts: list[str] = []
    watched.page.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)
    with watched.page.expect_navigation():
        watched.page.get_by_role("button", name="Apply").dblclick()
    watched.page.wait_for_load_state("networkidle")
    assert len(posts) == 1
