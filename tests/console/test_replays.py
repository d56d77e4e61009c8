"""Pages of replays: the filter comes along, deliveries are counted before anything is sent, progress moves, and it can be stopped."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.console.answers import webhooks as answers
from tests.console.answers.webhooks import EVENT, REPLAY, TRACE, WEBHOOK
from tests.console.conftest import Console
from tests.console.platform import HOSTILE, Answer, Person
from tests.console.test_pages import Watched
from tests.console.test_webhooks import API, ONE, PORTAL, Sent
from tests.support.browser import needs_browser

FORM = f"{ONE}/replay"
PROGRESS = f"{ONE}/replays/{REPLAY}"
STARTED = Answer(answers.replay(), 201)
COUNTED = {
    "dry_run": True,
    "matching": 7,
    "more": False,
    "since": "2026-11-24T03:47:00Z",
    "until": "2026-11-25T03:47:00Z",
}
NONE = {"replays": [], "next_cursor": None}


@pytest.fixture
def sent(console: Console) -> Sent:
    console.platform.overrides[f"GET {API}/replays"] = NONE
    return Sent(console)


@pytest.fixture(params=[None, PORTAL], ids=["administrator", "portal"])
def browser_of(console: Console, request: pytest.FixtureRequest) -> httpx2.Client:
    return console.signed_in(Person() if request.param is None else Person(scopes=request.param))


def fields_of(text: str) -> dict[str, list[str]]:
    """The parameters of the link to the form in a page."""
    start = text.index(f'href="{ONE}/replay?')
    return parse_qs(urlsplit(text[start + 6 : text.index('"', start + 6)].replace("&amp;", "&")).query)


def test_the_filter_of_the_list_comes_along(browser_of: httpx2.Client) -> None:
    chosen = {
        "status": "failed",
        "response": "5xx",
        "event_type": "incident.updated",
        "event_id": EVENT,
        "trace_id": TRACE,
    }
    period = {"since": "2026-11-24T00:00", "until": "2026-11-25T00:00"}
    page = browser_of.get("/deliveries", params={"webhook_id": WEBHOOK} | chosen | period)
    carried = fields_of(page.text)
    assert carried == {name: [value] for name, value in (chosen | period).items()}
    form = browser_of.get(FORM, params=carried).text
    for value in (*period.values(), EVENT, TRACE):
        assert f'value="{value}"' in form
    for value in ("failed", "5xx", "incident.updated"):
        assert f'<option value="{value}" selected>' in form


def test_a_list_of_all_webhooks_and_one_of_untried_deliveries_offer_no_replay(browser_of: httpx2.Client) -> None:
    for query in ({}, {"status": "queued", "webhook_id": WEBHOOK}):
        assert "/replay?" not in browser_of.get("/deliveries", params=query).text


def test_deliveries_are_counted_before_anything_is_sent(
    console: Console, browser_of: httpx2.Client, sent: Sent
) -> None:
    sent.answer(f"POST {API}/replays", COUNTED)
    page = browser_of.get(
        FORM, params={"count": "1", "status": "failed", "since": "2026-11-24T03:47", "per_second": "20"}
    ).text
    assert "7 deliveries would be sent again" in page
    assert "Start the replay" in page
    [(_, body, query)] = sent.bodies
    assert (body, query) == ({"status": "failed", "since": "2026-11-24T03:47:00Z", "per_second": 20}, "dry_run=true")
    for given, words in (
        ({"matching": 10_000, "more": True}, "More than 10,000"),
        ({"matching": 3, "more": True}, "At least 3"),
        ({"matching": 0}, "There is nothing to send again"),
    ):
        sent.answer(f"POST {API}/replays", COUNTED | given)
        page = browser_of.get(FORM, params={"count": "1"}).text
        assert words in page
        assert ("Start the replay" in page) == bool(given["matching"])


def test_a_started_replay_leads_to_its_progress(console: Console, browser_of: httpx2.Client, sent: Sent) -> None:
    sent.answer(f"POST {API}/replays", STARTED)
    given = {"status": "failed", "until": "2026-11-25T03:47", "key": "inc_1", "per_second": "50"}
    answer = console.post(browser_of, FORM, given)
    assert answer.headers["location"] == f"{PROGRESS}?done=replay_started"
    [(_, body, query)] = sent.bodies
    expected = {"status": "failed", "until": "2026-11-25T03:47:00Z", "key": "inc_1", "per_second": 50}
    assert (body, query) == (expected, "")


def test_faults_are_shown_together_and_nothing_is_sent(console: Console, browser_of: httpx2.Client, sent: Sent) -> None:
    sent.answer(f"POST {API}/replays", STARTED)
    wrong = {"since": "yesterday", "until": "25:00", "trace_id": "x", "per_second": "1000", "key": "kept"}
    for page in (console.post(browser_of, FORM, wrong), browser_of.get(FORM, params=wrong | {"count": "1"})):
        assert page.status_code == 422
        for name in ("since", "until", "trace_id", "per_second"):
            assert f'href="#{name}"' in page.text
        assert 'value="kept"' in page.text
    assert not sent.bodies


def test_what_the_platform_refuses_is_shown_in_the_form(
    console: Console, browser_of: httpx2.Client, sent: Sent
) -> None:
    fault = {"pointer": "/until", "detail": "not after `since`", "code": "value"}
    refusal = Answer({"type": "https://knogin.com/api/docs#invalid", "detail": "See errors.", "errors": [fault]}, 422)
    console.platform.overrides[f"POST {API}/replays"] = refusal
    for page in (console.post(browser_of, FORM, {}), browser_of.get(FORM, params={"count": "1"})):
        assert (page.status_code, "not after" in page.text) == (422, True)
    busy = {
        "type": "https://knogin.com/api/docs#conflict",
        "detail": "Another replay of this webhook runs; stop it first.",
    }
    console.platform.overrides[f"POST {API}/replays"] = Answer(busy, 409)
    page = console.post(browser_of, FORM, {})
    assert (page.status_code, "Another replay of this webhook runs" in page.text) == (422, True)


def test_a_running_replay_is_shown_instead_of_a_second_one(console: Console, browser_of: httpx2.Client) -> None:
    page = browser_of.get(FORM, params={"count": "1"}).text
    assert PROGRESS in page
    assert "Start the replay" not in page
    assert PROGRESS in browser_of.get(ONE).text


def test_a_disabled_webhook_counts_but_starts_nothing(console: Console, browser_of: httpx2.Client, sent: Sent) -> None:
    console.platform.overrides[f"GET {API}"] = answers.webhook(enabled=False)
    sent.answer(f"POST {API}/replays", COUNTED)
    page = browser_of.get(FORM, params={"count": "1"}).text
    assert "7 deliveries would be sent again" in page
    assert "Start the replay" not in page


def test_progress_says_how_far_it_is_and_stops_and_resumes(
    console: Console, browser_of: httpx2.Client, sent: Sent
) -> None:
    page = browser_of.get(PROGRESS).text
    assert "402 of 1,204 done" in page
    assert '<progress max="1204" value="402"' in page
    assert 'data-live="2"' in page
    for act in ("stop", "resume"):
        sent.answer(f"POST {API}/replays/{{id}}/{act}", answers.replay())
        assert console.post(browser_of, f"{PROGRESS}/{act}").status_code == 303
    assert [call for call, _, _ in sent.bodies] == [f"POST {API}/replays/{{id}}/{act}" for act in ("stop", "resume")]
    for changes, words in (
        ({"waits_for": "receiver"}, "The receiver fails or asked for a pause"),
        ({"waits_for": "recovery"}, "go out first"),
        ({"more": True, "matching": 10_000}, "402 of more than 10,000 done"),
        ({"state": "stopped"}, "Resume the replay"),
        ({"state": "finished", "finished_at": "2026-11-25T03:49:00Z"}, "finished, some failed"),
    ):
        console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(**changes)
        assert words in browser_of.get(PROGRESS).text
    assert "Stop the replay" not in browser_of.get(PROGRESS).text


def test_a_reader_follows_a_replay_and_cannot_turn_it(console: Console) -> None:
    browser = console.signed_in(Person(scopes=("webhooks:read",)))
    page = browser.get(PROGRESS)
    assert (page.status_code, "Stop the replay" in page.text) == (200, False)
    assert browser.get(FORM).status_code == 403
    assert f"{ONE}/replay?" not in browser.get(ONE).text


def test_whatever_a_filter_holds_shows_as_text(console: Console, browser_of: httpx2.Client, sent: Sent) -> None:
    hostile = dict.fromkeys(answers.replay()["filter"], HOSTILE)
    console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(
        filter=hostile, state=HOSTILE, waits_for=HOSTILE
    )
    sent.answer(f"POST {API}/replays", COUNTED)
    given = {"key": HOSTILE, "event_id": HOSTILE, "count": "1"}
    for page in (
        browser_of.get(PROGRESS),
        browser_of.get(FORM, params=given),
        browser_of.get(FORM, params=given | {"count": ""}),
    ):
        assert page.status_code == 200
        for part in ("<img", "<script>document", 'onerror="'):
            assert part not in page.text


def test_a_page_with_a_form_is_304_until_something_changes(console: Console, browser_of: httpx2.Client) -> None:
    """The id that makes a form count once is new each time: pages with a form were sent whole at each look."""
    headers = {"x-console-poll": "1"}
    first = browser_of.get(PROGRESS, headers=headers)
    headers["if-none-match"] = first.headers["etag"]
    assert browser_of.get(PROGRESS, headers=headers).status_code == 304
    console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(done=403, delivered=399)
    assert browser_of.get(PROGRESS, headers=headers).status_code == 200


@pytest.fixture
def watched(console: Console, browser: Browser) -> Iterator[Watched]:
    watched = Watched(browser, console)
    yield watched
    watched.close()


@needs_browser
def test_progress_moves_without_a_reload_and_leaves_the_button_alone_until_the_end(watched: Watched) -> None:
    page = watched.page
    watched.open(PROGRESS)
    expect(page.locator("#progress")).to_contain_text("402 of 1,204 done")
    page.evaluate("window.same = document.getElementById('progress')")
    soon = "document.dispatchEvent(new Event('visibilitychange'))"
    polled = lambda answer: answer.request.headers.get("x-console-poll") == "1"  # noqa: E731
    with page.expect_response(polled):
        page.evaluate(soon)
    assert page.evaluate("window.same === document.getElementById('progress')")
    page.locator("#turn").focus()
    watched.console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(done=900, delivered=896)
    page.evaluate(soon)
    expect(page.locator("#progress")).to_contain_text("900 of 1,204 done")
    expect(page.locator("#says")).to_have_text("running, 70 %")
    assert page.evaluate("document.activeElement.id") == "turn"
    finished = answers.replay(state="finished", done=1204, failed=0, finished_at="2026-11-25T03:50:00Z")
    watched.console.platform.overrides[f"GET {API}/replays/{{id}}"] = finished
    page.evaluate(soon)
    expect(page.locator("#progress")).to_contain_text("1,204 of 1,204 done")
    expect(page.locator("#turn")).to_have_count(0)


def test_who_finds_nothing_given_up_is_led_to_those_that_will_be_retried(browser_of: httpx2.Client, sent: Sent) -> None:
    """The page of a failing webhook led to "0 deliveries", while twelve waited for their next try."""
    assert fields_of(browser_of.get(ONE).text) == {"status": ["retrying"]}
    sent.answer(f"POST {API}/replays", COUNTED | {"matching": 0})
    page = browser_of.get(FORM, params={"count": "1", "status": "failed", "per_second": "5"}).text
    assert "None is given up" in page
    assert fields_of(page) == {"status": ["retrying"], "per_second": ["5"], "count": ["1"]}


def test_a_finished_replay_explains_those_that_it_did_not_send(console: Console, browser_of: httpx2.Client) -> None:
    """It read "1 of 12 done" and no more: the receiver had taken the others by themselves."""
    console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(
        state="finished", matching=12, done=1, delivered=1, failed=0, skipped=0, waiting=0
    )
    page = browser_of.get(f"{PROGRESS}?done=replay_started", headers={"sec-fetch-site": "same-origin"}).text
    assert "<dd>11 " in page
    assert 'max="12" value="12"' in page
    assert "The replay has started" not in page


def test_a_replay_promises_no_end_in_the_past(console: Console, browser_of: httpx2.Client) -> None:
    """It read "Expected to end: one minute ago"."""
    assert "Expected to end" not in browser_of.get(PROGRESS).text
    console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(expected_end_at="2099-11-25T03:50:00Z")
    assert "Expected to end" in browser_of.get(PROGRESS).text


@needs_browser
def test_a_notice_goes_on_with_the_part_that_it_is_about(watched: Watched) -> None:
    """The words "The replay has started" stayed above a replay that was over."""
    watched.open(FORM)
    watched.page.evaluate(f"location.assign('{PROGRESS}?done=replay_started')")
    notice = watched.page.locator("main > .notice")
    expect(notice).to_have_text("The replay has started.")
    watched.console.platform.overrides[f"GET {API}/replays/{{id}}"] = answers.replay(done=900, delivered=896)
    watched.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(notice).to_have_text("running, 70 %")
