"""Five tasks of people without documentation, by the words that their pages show; `docs/console-tasks.md` has their clicks.

Nothing here knows an address of the console: each step is a click on a visible word, or words written into a field by its label.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from deploy.local.table import ROOT
from tests.console.conftest import Console
from tests.console.test_pages import Watched
from tests.support.browser import MOST_MILLISECONDS, needs_browser
from tests.support.receiver import OK, Receiver, always, answer, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = needs_browser
TABLE = ROOT / "docs" / "console-tasks.md"
PASSWORD = "three calm horses run"
LINK = re.compile(r"https?://\S+")
FAILED = answer(500, body=b'{"error": "the disk is full"}')


class Hands:
    """A person before a page. `clicks` counts presses of links, buttons and boxes."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def press(self, words: str, kind: str = "link, button") -> None:
        """Presses the first visible element whose visible text is `words`."""
        for role in kind.split(", "):
            found = self._visible(role, words)
            if found is not None:
                found.click()
                self.clicks += 1
                return
        raise AssertionError(f"no {kind} shows {words!r}: {self.page.locator('main').inner_text()}")

    def _visible(self, kind: str, words: str) -> Locator | None:
        element = {"link": "a", "button": "button"}[kind]
        shown = self.page.locator(f"{element}:visible").filter(has_text=re.compile(rf"^\s*{re.escape(words)}\b"))
        return shown.first if shown.count() else None

    def tick(self, words: str) -> None:
        self.page.locator("label:visible").filter(has_text=words).first.click()
        self.clicks += 1

    def write(self, label: str, words: str) -> None:
        self.page.get_by_label(label, exact=True).fill(words)

    def sees(self, words: str) -> None:
        expect(self.page.locator("main").get_by_text(words).first).to_be_visible()


class Organisation(NamedTuple):
    """A new organisation; `administrator` is signed in, `app` may write encounters."""

    administrator: BrowserContext
    app: App


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def organisation(stack: Stack, browser: Browser) -> Iterator[Organisation]:
    """Its administrator comes from the link with which an operator lets them choose a password."""
    printed = stack.operate("auth", "tenant", "open", "Harbour Ambulances", f"chief{stack.port}@harbour.example")
    opened = dict(line.split(maxsplit=1) for line in printed.splitlines())
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(MOST_MILLISECONDS)
    hands = Hands(context.new_page())
    hands.page.goto(opened["password"])
    hands.write("New password", PASSWORD)
    hands.write("The same again", PASSWORD)
    hands.press("Save")
    hands.write("Password", PASSWORD)
    hands.press("Sign in")
    expect(hands.page.locator("h1")).to_have_text("Overview")
    yield Organisation(context, App(opened["client_id"], opened["client_secret"]))
    context.close()


@pytest.fixture
def hands(organisation: Organisation) -> Hands:
    """The administrator's, on the page that they left."""
    return Hands(organisation.administrator.pages[0])


def as_documented(task: str) -> int:
    """The clicks of the task in the table of the page."""
    found = re.search(rf"^\| {re.escape(task)} \| (\d+) \|", TABLE.read_text(), re.MULTILINE)
    assert found is not None, task
    return int(found[1])


def test_a_first_app_has_a_working_webhook(hands: Hands, receiver: Receiver) -> None:
    hands.press("Apps")
    hands.press("New app")
    hands.write("Name of the app", "Ward notices")
    hands.tick("Receive events when something happens (webhooks)")
    hands.press("Next")
    hands.press("Register the app")
    hands.sees("Store this now")
    hands.press("Copy")
    hands.press("I have stored it, go on")
    hands.press("Approve events")
    hands.tick("A patient care encounter was begun.")
    hands.press("Show what changes")
    hands.sees("Begins: A patient care encounter was begun.")
    hands.press("Save")
    hands.press("New webhook")
    hands.write("Address (URL)", receiver.url)
    hands.tick("A patient care encounter was begun.")
    hands.press("Create the webhook")
    hands.sees("Copy the secret now")
    hands.press("Copy")
    hands.press("Go on to a test")
    hands.press("Send a test")
    hands.sees("The receiver took it.")
    assert receiver.requests[0].json["test"]
    assert hands.clicks == as_documented("a first app with a working webhook")


def test_a_partners_failing_deliveries_are_explained_and_sent_again(
    stack: Stack, organisation: Organisation, hands: Hands, receiver: Receiver
) -> None:
    """The front page leads to the webhook, the webhook to the answer of its receiver."""
    receiver.behaviour = always(FAILED)
    seen = len(receiver.requests)
    token = stack.token(organisation.app, "argus:epcr:write")
    opened = {"care_model": "prehospital_emergency", "vehicle_id": "AMB-1", "crew_ids": ["usr_1"]}
    with stack.client("api", token) as client:
        for number in range(3):
            made = client.post("/api/v1/epcr/encounters", json=opened | {"cad_incident_id": f"cad_{number}"})
            assert made.status_code == 201, made.text
    wait_for(lambda: len(receiver.requests) >= seen + 3, what="three deliveries that fail")
    wait_for(lambda: _is_failing(hands), what="the front page to show it")
    hands.clicks = 1  # the one on the overview that showed it
    hands.sees("Ward notices")
    hands.press(receiver.url)
    hands.sees("the receiver answered 500")
    hands.press("Its deliveries")
    hands.press("Inspect")
    hands.sees("the disk is full")
    receiver.behaviour = always(OK)
    hands.press("Send again")
    hands.sees("The receiver took it.")
    assert hands.clicks == as_documented("find why a partner's deliveries fail, and send them again")


def _is_failing(hands: Hands) -> bool:
    hands.press("Overview")
    return hands.page.get_by_text("One webhook fails").count() == 1


@pytest.fixture(scope="module")
def colleague(browser: Browser) -> Iterator[Hands]:
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(MOST_MILLISECONDS)
    yield Hands(context.new_page())
    context.close()


def _link_to(stack: Stack, address: str) -> str:
    """The first link in the mail to that address, in the folder of the local mail server."""

    def found() -> str | None:
        for file in Path(stack.file.parent / "mail").glob("*.eml"):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            body = mail.get_body() if mail["to"] == address else None
            if body is not None and (link := LINK.search(body.get_content())):
                return link[0]
        return None

    return wait_for(found, what=f"a mail to {address}")


def test_a_colleague_is_invited_who_sees_indicators_alone(stack: Stack, hands: Hands, colleague: Hands) -> None:
    address = f"quality{stack.port}@harbour.example"
    hands.press("People")
    hands.press("Invite a person")
    hands.write("E-mail address", address)
    hands.tick("Quality officer")
    hands.press("Send the invitation")
    hands.sees("The invitation is on its way.")
    colleague.page.goto(_link_to(stack, address))
    colleague.sees("Your role: quality officer")
    colleague.write("Your name", "Quality Officer")
    colleague.write("Password", PASSWORD)
    colleague.write("The same again", PASSWORD)
    colleague.press("Create the account")
    colleague.write("Password", PASSWORD)
    colleague.press("Sign in")
    expect(colleague.page.locator("h1")).to_have_text("Overview")
    colleague.press("Quality")
    expect(colleague.page.locator("h1")).to_have_text("Quality indicators")
    for closed in ("Apps", "Webhooks", "People", "Audit trail"):
        assert colleague._visible("link", closed) is None
    assert hands.clicks + colleague.clicks == as_documented("invite a colleague who may only see indicators")


def test_a_leavers_access_ends(hands: Hands, colleague: Hands) -> None:
    """Of the colleague of the test before."""
    hands.press("People")
    hands.press("Quality Officer")
    hands.press("Take all access away")
    hands.sees("Quality Officer can no longer sign in.")
    hands.press("Take all access away")
    hands.sees("All access has ended.")
    assert hands.clicks == as_documented("take a leaver's access away")

    def is_out() -> bool:
        colleague.page.reload()
        return "/signed-out" in colleague.page.url or "/v1/auth/sign-in" in colleague.page.url

    wait_for(is_out, what="the colleague's session to be over")


def test_last_quarters_rosc_is_shown_to_a_board(console: Console, browser: Browser) -> None:
    watched = Watched(browser, console)
    watched.open("/")
    hands = Hands(watched.page)
    hands.press("Quality")
    hands.sees("rosc_at_hospital")
    hands.press("Spontaneous circulation")
    hands.sees("95 % interval: 19.9 to 45.3 %")
    hands.sees("15 of 48")
    hands.press("Report for print")
    hands.sees("19.9 to 45.3 %")
    expect(watched.page.locator("article")).to_have_count(1)
    assert hands.clicks == as_documented("show last quarter's ROSC with its interval to a board")
    watched.close()
