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
from playwright.sync_api import Browser, expect

from deploy.local.table import ROOT
from tests.console.conftest import Console
from tests.console.hands import Hands
from tests.console.test_pages import Watched
from tests.support.browser import MOST_MILLISECONDS, needs_browser
from tests.support.receiver import OK, Receiver, always, answer, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = [needs_browser, pytest.mark.full]
TABLE = ROOT / "docs" / "console-tasks.md"
PASSWORD = "three calm horses run"
LINK = re.compile(r"https?://\S+")
FAILED = answer(500, body=b'{"error": "the disk is full"}')


ITALIAN = {
    "Address (URL)": "Indirizzo (URL)",
    "All access has ended.": "Ogni accesso è terminato.",
    "Approve events": "Approva gli eventi",
    "Apps": "App",
    "An incident was opened.": "Un incidente è stato aperto.",
    "A patient care encounter was begun.": "Un intervento è iniziato.",
    "Audit trail": "Registro di audit",
    "Begins: A patient care encounter was begun.": "Comincia: Un intervento è iniziato.",
    "Copy": "Copia",
    "Copy the secret now": "Copia ora il segreto",
    "Create the account": "Crea l’account",
    "Create the webhook": "Crea il webhook",
    "Download as CSV": "Scarica in CSV",
    "E-mail address": "Indirizzo e-mail",
    "Change the settings": "Cambia le impostazioni",
    "Follow incidents": "Seguire gli incidenti",
    "I have stored it, go on": "L'ho conservato, avanti",
    "Inspect": "Esamina",
    "Invite a person": "Invita una persona",
    "Its webhooks": "I suoi webhook",
    "Its deliveries": "Le sue consegne",
    "Name of the app": "Nome dell'app",
    "New app": "Nuova app",
    "New password": "Nuova password",
    "Next": "Avanti",
    "One webhook fails": "Un webhook fallisce",
    "Overview": "Panoramica",
    "People": "Persone",
    "Quality": "Qualità",
    "Quality indicators": "Indicatori di qualità",
    "Quality officer": "Responsabile della qualità",
    "Quality Officer can no longer sign in.": "Quality Officer non può più accedere.",
    "Receive events when something happens (webhooks)": "Ricevere eventi quando succede qualcosa (webhook)",
    "Register the app": "Registra l'app",
    "Report for print": "Rapporto da stampare",
    "Save": "Salva",
    "Send again": "Invia di nuovo",
    "Send a test": "Invia un test",
    "Send the invitation": "Manda l’invito",
    "Show what changes": "Mostra che cosa cambia",
    "Sign in": "Accedi",
    "Store this now": "Conservalo adesso",
    "Take all access away": "Togli ogni accesso",
    "The invitation is on its way.": "L’invito è in viaggio.",
    "The receiver took it.": "Il ricevente l'ha presa.",
    "The receiver failed on its side.": "Il ricevente ha fallito per un suo problema.",
    "The same again": "Di nuovo la stessa",
    "Webhooks": "Webhook",
    "Your name": "Il tuo nome",
    "Your role: quality officer": "Il tuo ruolo: responsabile della qualità",
    "95 % interval: 19.9 to 45.3 %": "Intervallo al 95 %: da 19,9 a 45,3 %",
    "15 of 48": "15 su 48",
    "19.9 to 45.3 %": "da 19,9 a 45,3 %",
}
MOST_SECONDS = 180


class Organisation(NamedTuple):
    """A new organisation; `administrator` is signed in, `app` may write encounters."""

    administrator: Hands
    app: App


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver


@pytest.fixture(scope="module", params=["en", "it"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


def person(browser: Browser, language: str) -> Hands:
    """Somebody whose browser asks for the language, with an empty page."""
    context = browser.new_context(locale={"en": "en-GB", "it": "it-IT"}[language])
    context.set_default_timeout(MOST_MILLISECONDS)
    return Hands(context.new_page(), ITALIAN if language == "it" else None)


@pytest.fixture(scope="module")
def organisation(stack: Stack, browser: Browser, language: str) -> Iterator[Organisation]:
    """Its administrator comes from the link with which an operator lets them choose a password."""
    address = f"chief-{language}{stack.port}@harbour.example"
    opened = dict(
        line.split(maxsplit=1)
        for line in stack.operate("auth", "tenant", "open", "Harbour Ambulances", address).splitlines()
    )
    hands = person(browser, language)
    hands.page.goto(opened["password"])
    hands.write("New password", PASSWORD)
    hands.write("The same again", PASSWORD)
    hands.press("Save")
    hands.write("Password", PASSWORD)
    hands.press("Sign in")
    expect(hands.page.locator("h1")).to_have_text(hands.own("Overview"))
    yield Organisation(hands, App(opened["client_id"], opened["client_secret"]))
    hands.page.context.close()


@pytest.fixture
def hands(organisation: Organisation) -> Hands:
    """The administrator's, on the page that they left."""
    organisation.administrator.begin()
    return organisation.administrator


def is_as_documented(task: str, *people: Hands) -> bool:
    """Whether the table of the page has the clicks of the task, and about its seconds; nobody takes more than three minutes."""
    clicks, seconds = sum(one.clicks for one in people), sum(one.seconds for one in people)
    found = re.search(rf"^\| {re.escape(task)} \| (\d+) \| (\d+) \| (\d+) \|", TABLE.read_text(), re.MULTILINE)
    assert found is not None, task
    in_english, in_italian = int(found[2]), int(found[3])
    assert clicks == int(found[1])
    assert seconds <= MOST_SECONDS
    assert min(in_english, in_italian) * 0.8 <= seconds <= max(in_english, in_italian) * 1.25, f"{seconds:.0f} seconds"
    return True


def test_a_first_app_has_a_working_webhook(hands: Hands, receiver: Receiver) -> None:
    hands.press("Apps")
    hands.press("New app")
    hands.write("Name of the app", "Ward notices")
    hands.tick("Receive events when something happens (webhooks)")
    hands.tick("Follow incidents")
    hands.press("Next")
    hands.press("Register the app")
    hands.sees("Store this now")
    hands.press("Copy")
    hands.press("I have stored it, go on")
    hands.write("Address (URL)", receiver.url)
    hands.tick("An incident was opened.")
    hands.press("Create the webhook")
    hands.sees("Copy the secret now")
    hands.press("Copy")
    hands.press("Send a test")
    hands.sees("The receiver took it.")
    assert receiver.requests[-1].json["test"]
    assert is_as_documented("a first app with a working webhook", hands)


def test_a_partners_failing_deliveries_are_explained_and_sent_again(
    stack: Stack, organisation: Organisation, hands: Hands, receiver: Receiver
) -> None:
    """The front page leads to the webhook, the webhook to the answer of its receiver."""
    _let_receive_encounters(hands, receiver)
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
    hands.begin()
    hands.press("Overview")
    hands.sees("Ward notices")
    hands.press(receiver.url)
    hands.sees("The receiver failed on its side.")
    hands.press("Its deliveries")
    hands.press("Inspect")
    hands.sees("the disk is full")
    receiver.behaviour = always(OK)
    hands.press("Send again")
    hands.sees("The receiver took it.")
    assert is_as_documented("find why a partner's deliveries fail, and send them again", hands)


def _let_receive_encounters(hands: Hands, receiver: Receiver) -> None:
    """The app of the test before."""
    hands.press("Apps")
    hands.press("Ward notices")
    hands.press("Approve events")
    hands.tick("A patient care encounter was begun.")
    hands.press("Show what changes")
    hands.sees("Begins: A patient care encounter was begun.")
    hands.press("Save")
    hands.press("Its webhooks")
    hands.press(receiver.url)
    hands.press("Change the settings")
    hands.tick("A patient care encounter was begun.")
    hands.press("Save")


def _is_failing(hands: Hands) -> bool:
    hands.press("Overview")
    return hands.page.get_by_text(hands.own("One webhook fails")).count() == 1


@pytest.fixture(scope="module")
def colleague(browser: Browser, language: str) -> Iterator[Hands]:
    hands = person(browser, language)
    yield hands
    hands.page.context.close()


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


def test_a_colleague_is_invited_who_sees_indicators_alone(
    stack: Stack, language: str, hands: Hands, colleague: Hands
) -> None:
    address = f"quality-{language}{stack.port}@harbour.example"
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
    expect(colleague.page.locator("h1")).to_have_text(colleague.own("Overview"))
    colleague.press("Quality")
    expect(colleague.page.locator("h1")).to_have_text(colleague.own("Quality indicators"))
    for closed in ("Apps", "Webhooks", "People", "Audit trail"):
        assert colleague.visible("a", closed) is None
    assert is_as_documented("invite a colleague who may only see indicators", hands, colleague)


def test_a_leavers_access_ends(hands: Hands, colleague: Hands) -> None:
    """Of the colleague of the test before."""
    hands.press("People")
    hands.press("Quality Officer")
    hands.press("Take all access away")
    hands.sees("Quality Officer can no longer sign in.")
    hands.press("Take all access away")
    hands.sees("All access has ended.")
    assert is_as_documented("take a leaver's access away", hands)

    def is_out() -> bool:
        colleague.page.reload()
        return "/signed-out" in colleague.page.url or "/v1/auth/sign-in" in colleague.page.url

    wait_for(is_out, what="the colleague's session to be over")


def test_last_quarters_rosc_is_shown_to_a_board(console: Console, browser: Browser, language: str) -> None:
    watched = Watched(browser, console, language)
    watched.open("/")
    hands = Hands(watched.page, ITALIAN if language == "it" else None)
    hands.press("Quality")
    hands.sees("rosc_at_hospital")
    hands.press("Spontaneous circulation")  # the catalogue of the tests' platform is in English
    hands.sees("95 % interval: 19.9 to 45.3 %")
    hands.sees("15 of 48")
    hands.press("Report for print")
    hands.sees("19.9 to 45.3 %")
    expect(watched.page.locator("article")).to_have_count(1)
    with watched.page.expect_download() as file:
        hands.press("Download as CSV")
    assert "rosc_at_hospital" in file.value.path().read_text()
    assert is_as_documented("show last quarter's ROSC with its interval to a board", hands)
    watched.close()
