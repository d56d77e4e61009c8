"""A platform of which one part fails: every page is there, and a form whose answer is missing can be sent again."""

import re
from functools import partial
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.sync_api import Browser, expect
from starlette.requests import Request

from services.console.pages import labels, registry
from services.console.pages.registry import Entry
from services.console.pages.texts import Texts
from shared.primitives.ids import uuid7
from shared.storage.idempotency import UNDER_WAY
from tests.console.answers import webhooks as answers
from tests.console.answers.operators import TENANT
from tests.console.answers.webhooks import APP, DELIVERY, WEBHOOK
from tests.console.conftest import Console, form_token
from tests.console.platform import Answer
from tests.console.test_pages import Watched
from tests.support.browser import WCAG_22, is_accessible, needs_browser
from tests.support.cases import cases

pytestmark = pytest.mark.full

READ = [entry for entry in registry.entries() if entry.page.read is not None]
ACTING = [entry for entry in registry.entries() if entry.page.act is not None]
NOT_FOUND = Answer({"type": "https://knogin.com/api/docs#not-found", "detail": "Nothing here."}, 404)
FAILURES = (Answer({"detail": "broken"}, 503), NOT_FOUND, Answer([1, "x"]))
ASKED = [
    f"/operators/ask/webhook-dispatcher/deliveries.stop/{TENANT}",
    f"/operators/ask/control-plane/automations.stop/{TENANT}",
    "/operators/ask/auth/integration_request.approve/ireq_01jdkfx3c8e2r9v5m7q4t6w0ya",
    f"/webhooks/{WEBHOOK}/recover?period=24h",
    f"/webhooks/{WEBHOOK}/replay?count=1&status=failed",
]


def walk(console: Console, ask: Any, path: str) -> None:
    """Asks while each call of the page fails alone."""
    before = len(console.platform.calls)
    ask()
    called = {(method, target.partition("?")[0]) for method, target, _ in console.platform.calls[before:]}
    for method, target in called - {("GET", "/v1/platform/me")}:
        for failure in FAILURES:
            console.platform.overrides[f"{method} {target}"] = failure
            answer = ask()
            console.platform.overrides.clear()
            assert answer.status_code != 500, f"{path}: {method} {target} answers {failure}"
            assert answer.status_code < 504


def test_no_call_that_fails_takes_the_page_away(console: Console) -> None:
    with cases() as every:
        for path in (*(entry.example for entry in READ), *ASKED):
            with every.case(path):
                walk(console, partial(console.signed_in().get, path), path)
            console.as_usual()


def test_no_call_that_fails_breaks_a_form(console: Console) -> None:
    with cases() as every:
        for entry in ACTING:
            with every.case(f"{entry.area.name}.{entry.page.name}"):
                walk_form(console, entry)
            console.as_usual()


def walk_form(console: Console, entry: Entry) -> None:
    browser = console.signed_in()
    token = form_token(browser.get("/").text)
    fields = {"csrf": token, "confirmed": "1", "url": "https://integrator.example/new", "events": "incident.updated"}
    fields |= {"name": "x", "kind": "server", "scopes": "webhooks:write", "reason": "A test of failures", "note": "x"}
    sent = {"origin": console.url, "sec-fetch-site": "same-origin"}

    def ask() -> httpx2.Response:
        return browser.post(entry.example, data=fields | {"once": str(uuid7())}, headers=sent)

    walk(console, ask, entry.example)


FORM = {"url": 'https://integrator.example/new?"><b>', "payload": "full", "client_id": APP, "description": "two\nlines"}
EVENTS = ["incident.updated", "incident.created"]
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


def fields_of(page: str) -> list[tuple[str, str]]:
    """The form of the page, as a browser sends it."""
    form = page.partition('<form class="card" method="post">')[2].partition("</form>")[0]
    return [(name, unescape(value)) for name, value in _HIDDEN.findall(form)]


def test_a_form_without_an_answer_is_kept_and_has_one_effect_when_it_is_sent_again(console: Console) -> None:
    browser, keys, bodies = console.signed_in(), list[str](), list[bytes]()
    given: list[Any] = [Answer({"detail": "broken"}, 503), Answer(answers.webhook(secret="whsec_canary"), 201)]

    def make(request: Request) -> Any:
        keys.append(request.headers["idempotency-key"])
        bodies.append(getattr(request, "_body", b""))
        return given.pop(0)

    apps = [{"client_id": APP, "name": "Case sync", "governance": {"approved_events": ["*"]}}]
    console.platform.overrides["GET /v1/platform/apps"] = {"apps": apps}
    console.platform.overrides["POST /v1/webhooks"] = make
    once = str(uuid7())
    answer = console.post(browser, "/webhooks/new", FORM | {"events": EVENTS, "once": once})
    assert answer.status_code == 503
    assert "It is not known whether this was done" in answer.text
    assert "did not do this" not in answer.text
    assert "<dt>Address (URL)</dt><dd>https://integrator.example/new?&#34;&gt;&lt;b&gt;</dd>" in answer.text
    assert [f"<dt>Event types</dt><dd>{one}</dd>" in answer.text for one in EVENTS] == [True] * len(EVENTS)
    assert 'href="/webhooks">Look first' in answer.text
    fields = fields_of(answer.text)
    assert ("once", once) in fields
    assert [value for name, value in fields if name == "events"] == EVENTS
    sent = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}
    again = browser.post("/webhooks/new", content=urlencode(fields), headers=sent)
    assert again.status_code == 303, again.text
    assert "whsec_canary" in browser.get(again.headers["location"]).text
    assert keys == [once, once]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("act", "entered"),
    [
        ("headers", {"headers": "x-key: canary"}),
        ("oauth", {"token_url": "https://auth.example/token", "oauth_client": "us", "oauth_secret": "canary"}),
    ],
)
def test_a_kept_form_shows_no_secret(console: Console, act: str, entered: dict[str, str]) -> None:
    console.platform.overrides[f"PUT /v1/webhooks/{WEBHOOK}"] = Answer({"detail": "broken"}, 503)
    form = {"act": act, "once": str(uuid7())} | entered
    answer = console.post(console.signed_in(), f"/webhooks/{WEBHOOK}/identity", form)
    assert answer.status_code == 503
    assert {("act", act), *entered.items()} <= set(fields_of(answer.text))
    shown = re.sub(r"<input[^>]*>", "", answer.text)
    assert "canary" not in shown


def test_a_kept_form_names_each_value_in_the_persons_language(console: Console) -> None:
    console.platform.overrides["POST /v1/platform/apps"] = Answer({"detail": "broken"}, 503)
    form = {
        "name": "Ward notices",
        "kind": "server",
        "scopes": "webhooks:write",
        "auth": "secret",
        "once": str(uuid7()),
    }
    answer = console.post(console.signed_in(accept_language="it"), "/apps/new", form)
    assert answer.status_code == 503
    for label, value in (("Nome dell&#39;app", "Ward notices"), ("Dove gira?", "server"), ("Può", "webhooks:write")):
        assert f"<dt>{label}</dt><dd>{value}</dd>" in answer.text


def test_every_label_of_a_form_is_a_text_of_its_area() -> None:
    with cases() as every:
        for entry in ACTING:
            with every.case(f"{entry.area.name}.{entry.page.name}"):
                t = Texts("it", entry.area.name)
                assert all(t(key) for key in labels.of_page(entry.area.name, entry.page.name).values())


def test_a_form_that_the_platform_is_still_at_is_kept_too(console: Console) -> None:
    """It was sent again before the first one had its answer."""
    conflict = {"type": "https://knogin.com/api/docs#conflict", "detail": UNDER_WAY}
    console.platform.overrides[f"POST /v1/webhooks/{WEBHOOK}/test"] = Answer(conflict, 409)
    answer = console.post(console.signed_in(), f"/webhooks/{WEBHOOK}/test", {"once": str(uuid7())})
    assert answer.status_code == 503
    assert "It is not known whether this was done" in answer.text


@pytest.mark.parametrize(
    ("call", "failure"),
    [
        ("GET /v1/webhooks/{id}", Answer({"detail": "broken"}, 503)),
        ("PUT /v1/webhooks/{id}", Answer({"detail": "wait"}, 429)),
        ("PUT /v1/webhooks/{id}", Answer({"type": "x#conflict", "detail": "The app is deleted."}, 409)),
    ],
    ids=["before", "limited", "refused"],
)
def test_what_was_not_done_reads_so(console: Console, call: str, failure: Answer) -> None:
    console.platform.overrides[call] = failure
    form = FORM | {"events": EVENTS, "once": str(uuid7())}
    answer = console.post(console.signed_in(), f"/webhooks/{WEBHOOK}/edit", form)
    assert answer.status_code in (409, 503)
    assert "The platform did not do this" in answer.text


def test_an_act_without_a_page_leads_to_the_thing_that_it_changes(console: Console) -> None:
    console.platform.overrides["POST /v1/webhooks/{id}/deliveries/{delivery}/retry"] = Answer(None, 500)
    path = f"/webhooks/{WEBHOOK}/deliveries/{DELIVERY}"
    answer = console.post(console.signed_in(), f"{path}/resend", {"once": str(uuid7())})
    assert answer.status_code == 503
    assert f'href="{path}">Look first' in answer.text


@needs_browser
@pytest.mark.parametrize("script", [True, False])
def test_a_person_tries_again_in_a_browser(console: Console, browser: Browser, *, script: bool) -> None:
    watched = Watched(browser, console, script=script)
    watched.open(f"/webhooks/{WEBHOOK}/edit")
    console.platform.overrides["PUT /v1/webhooks/{id}"] = Answer({"detail": "broken"}, 503)
    watched.page.get_by_label("Description").fill("A new description")
    watched.page.get_by_role("button", name="Save").click()
    expect(watched.page.locator("h1")).to_have_text("It is not known whether this was done")
    watched.wrong.clear()  # the browser reports the status in its console
    expect(watched.page.get_by_text("A new description")).to_be_visible()
    for width in (360, 1280):
        watched.page.set_viewport_size({"width": width, "height": 800})
        assert is_accessible(watched.page, WCAG_22)
    del console.platform.overrides["PUT /v1/webhooks/{id}"]
    watched.page.get_by_role("button", name="Try again").click()
    expect(watched.page.locator(".notice")).to_be_visible()
    assert watched.page.url == f"{console.url}/webhooks/{WEBHOOK}?done=changed"
    watched.close()
