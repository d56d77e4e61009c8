"""Every page of the registry in a real browser: two languages, two themes, two widths, with and without script.

A page that is added to the registry is tested here without a new test. The tests' platform answers it as the contract's examples do.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.console.pages import registry
from services.console.pages.registry import Entry
from tests.console.conftest import Console
from tests.console.platform import HOSTILE, Answer, Person
from tests.support.browser import MOST_MILLISECONDS, WCAG_22, is_accessible, needs_browser
from tests.support.cases import cases

pytestmark = needs_browser
READ = [entry for entry in registry.entries() if entry.page.read is not None and entry.page.is_html]
NAMES = [f"{entry.area.name}.{entry.page.name}" for entry in READ]
LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", 360), ("dark", 360), ("light", 1280), ("dark", 1280)]
PICTURES = os.environ.get("CONSOLE_PICTURES")
"""A folder for a picture of each page in each look, for people who look at them."""
# axe takes a second, and a text in another language changes widths, not colours; without script there are fewer elements.
CHECKED = {
    ("en", True): [("light", 360), ("dark", 1280)],
    ("it", False): [("dark", 360)],
}
# `make console-looks` takes minutes.
EVERYWHERE = {(language, script): LOOKS for language in ("en", "it") for script in (True, False)}
# Two forms need an answer to be made. An indicator and an incident are known by the address, and their parts are asked for one by one.
OTHER_STATUS = {
    "apps.new": 503,
    "people.policy": 503,
    "quality.indicator": 200,
    "quality.encounters": 200,
    "operations.incident": 200,
}
of_every_page = pytest.mark.parametrize("entry", READ, ids=NAMES)


class Watched:
    """A page in a browser in which somebody is signed in, and everything that may not happen in it.

    `afresh` makes it as good as a new one for much less work: the process of the page has compiled its programs already.
    """

    def __init__(
        self,
        browser: Browser,
        console: Console,
        language: str = "en",
        *,
        script: bool = True,
        bypass_csp: bool = False,
        person: Person | None = None,
    ) -> None:
        locale = {"en": "en-GB", "it": "it-IT"}[language]
        self.console = console
        self.language = language
        self.context: BrowserContext = browser.new_context(locale=locale, bypass_csp=bypass_csp)
        self.context.set_default_timeout(MOST_MILLISECONDS)
        self.page: Page = self.context.new_page()
        self._enter(person)
        if not script:  # the page's own; axe could not run in a browser without any
            empty = {"status": 200, "body": "", "content_type": "text/javascript"}
            self.page.route("**/static/*.js*", lambda route: route.fulfill(**empty))
        self.wrong: list[str] = []
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda one: None if one.url.startswith(console.url) else self.wrong.append(one.url))

    def _enter(self, person: Person | None) -> None:
        """Replaces the cookies one by one: a page that is still open and asks again without any would leave for another address."""
        cookies = self.console.cookies(person or Person(), accept_language=self.language)
        self.context.add_cookies(cookies)
        for name in {one.get("name", "") for one in self.context.cookies()} - {one["name"] for one in cookies}:
            self.context.clear_cookies(name=name)

    def afresh(self) -> None:
        """Another person, no cookie of the one before, the looks of a new page. The browser keeps files that never change."""
        self._enter(None)
        self.page.emulate_media(color_scheme="light", reduced_motion="null", forced_colors="null")
        self.page.set_viewport_size({"width": 1280, "height": 720})
        self.wrong.clear()

    def open(self, path: str, status: int = 200) -> None:
        answer = self.page.goto(self.console.url + path)
        assert answer is not None
        assert answer.status == status
        if status >= 400:  # the browser reports it in its console
            self.wrong.clear()

    def close(self) -> None:
        self.context.close()
        assert not self.wrong

    def ends(self) -> None:
        """For a page that the next test uses: nothing went wrong, and nothing of it is left in the browser."""
        assert self.page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert not self.wrong


class Windows:
    """Keeps a page for each language, with and without script: a new context costs the browser half a second of a processor.

    Each test gets it as a new one, and one whose test failed goes.
    """

    def __init__(self, browser: Browser, console: Console) -> None:
        self._browser = browser
        self._console = console
        self._kept: dict[tuple[str, bool, bool], Watched] = {}

    @contextmanager
    def watched(self, language: str = "en", *, script: bool = True, bypass_csp: bool = False) -> Iterator[Watched]:
        key = language, script, bypass_csp
        watched = self._kept.pop(key, None)
        if watched is None:
            watched = Watched(self._browser, self._console, language, script=script, bypass_csp=bypass_csp)
        else:
            watched.afresh()
        try:
            yield watched
            watched.ends()
        except BaseException:
            watched.context.close()
            raise
        self._kept[key] = watched

    def close(self) -> None:
        while self._kept:
            self._kept.popitem()[1].close()


def fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def is_a_page(page: Page) -> bool:
    """One heading of the first level that is seen, a title that names the organisation, no two elements with one id."""
    expect(page.locator("h1")).to_have_count(1)
    assert "Riviera Emergency Services" in page.title()
    return page.evaluate(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);"
        " return new Set(ids).size === ids.length; })()"
    )


@pytest.mark.full
@pytest.mark.parametrize(("language", "script"), CHECKED)
@of_every_page
def test_page(windows: Windows, entry: Entry, language: str, *, script: bool) -> None:
    look_at(windows, entry, language, script, CHECKED[language, script])


@pytest.mark.looks
@pytest.mark.parametrize(("language", "script"), EVERYWHERE)
@of_every_page
def test_page_in_every_look(windows: Windows, entry: Entry, language: str, *, script: bool) -> None:
    look_at(windows, entry, language, script, LOOKS)


def look_at(windows: Windows, entry: Entry, language: str, script: bool, checked: Sequence[tuple[str, int]]) -> None:
    """Opens the page, and checks its accessibility in the looks of `checked`; its width and its form in all."""
    with windows.watched(language, script=script) as watched:
        watched.open(entry.example)
        assert watched.page.locator("html").get_attribute("lang") == language
        assert is_a_page(watched.page)
        for theme, width in LOOKS:
            watched.page.emulate_media(color_scheme=theme)
            watched.page.set_viewport_size({"width": width, "height": 800})
            assert fits(watched.page), f"{width} px"
            if (theme, width) in checked:
                assert is_accessible(watched.page, WCAG_22)
            if PICTURES and script:
                name = f"{entry.area.name}.{entry.page.name}-{language}-{theme}-{width}.png"
                watched.page.screenshot(path=Path(PICTURES) / name, full_page=True)


@pytest.mark.full
@of_every_page
def test_hostile_texts_are_shown_as_text(windows: Windows, entry: Entry) -> None:
    """In every text of every answer: nothing runs, nothing becomes an element."""
    with windows.watched() as watched:
        watched.console.platform.hostile = True
        watched.open(entry.example)  # and waits for all that it loads, so that a hostile image would have failed by now
        assert watched.page.title() != "caught"
        assert watched.page.locator("main img").count() == 0
        assert watched.page.locator("main script").count() == 0
        assert "49" not in watched.page.locator("h1").inner_text()
        watched.page.set_viewport_size({"width": 360, "height": 800})
        assert fits(watched.page)


@pytest.mark.full
def test_a_platform_that_fails_leaves_a_page_that_says_so(console: Console) -> None:
    failures = (Answer({"detail": "broken"}, 500), Answer([1, "x"], 200), Answer(None, 503))
    with cases() as every:
        for name, entry in zip(NAMES, READ, strict=True):
            browser = console.signed_in()
            for failure in failures:
                with every.case(f"{name}, {failure}"):
                    answer = opened(console, browser, entry, failure)
                    assert answer.status_code == status_without_platform(name, entry)
                    assert "<h1>" in answer.text
            console.as_usual()


def status_without_platform(name: str, entry: Entry) -> int:
    """A page of one thing fails with the call for the thing. Any other says which part is missing."""
    return OTHER_STATUS.get(name, 503 if names_a_thing(entry) else 200)


def names_a_thing(entry: Entry) -> bool:
    """`once` is an id of the console's own, bound to a session: test_apps.py."""
    return bool(entry.page.examples.keys() - {"once"})


def opened(console: Console, browser: httpx2.Client, entry: Entry, always: Answer) -> httpx2.Response:
    """The page, when the platform answers every call alike."""
    console.platform.always = always
    try:
        return browser.get(entry.example)
    finally:
        console.platform.always = None


def test_another_tenants_id_is_not_found(console: Console) -> None:
    nothing = Answer({"type": "https://knogin.com/api/docs#not-found", "detail": "Nothing here."}, 404)
    with cases() as every:
        for name, entry in zip(NAMES, READ, strict=True):
            if names_a_thing(entry):
                with every.case(name):
                    assert opened(console, console.signed_in(), entry, nothing).status_code == 404
                console.as_usual()


def test_a_person_without_the_scope_is_refused(console: Console) -> None:
    with cases() as every:
        for name, entry in zip(NAMES, READ, strict=True):
            with every.case(name):
                answer = console.signed_in(Person(scopes=())).get(entry.example)
                assert answer.status_code == (403 if entry.page.scope else 200)
                assert f'href="{entry.page.path}"' not in answer.text or not entry.page.scope
            console.as_usual()


def test_a_form_without_its_token_changes_nothing(console: Console) -> None:
    with cases() as every:
        for entry in registry.entries():
            if entry.page.act:
                with every.case(f"{entry.area.name}.{entry.page.name}"):
                    browser = console.signed_in()
                    before = len(console.platform.calls)
                    answer = browser.post(entry.example, data={"confirmed": "1"}, headers={"origin": console.url})
                    assert answer.status_code == 403
                    assert not [call for call in console.platform.calls[before:] if call[0] != "GET"]
                console.as_usual()


def test_hostile_is_a_text_that_would_run() -> None:
    assert "<script>" in HOSTILE
