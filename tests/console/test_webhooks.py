"""The pages of webhooks and deliveries: their calls of the platform, the words for its answers, and attacks."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.requests import Request

from services.console.pages import registry
from services.console.webhooks import charts, forms, words
from services.console.webhooks.models import FirstAttempts, Statistics, Webhook
from shared.primitives.ids import uuid7
from tests.console.answers import webhooks as answers
from tests.console.answers.webhooks import APP, BUSY, DELIVERY, EVENT, TRACE, WEBHOOK
from tests.console.conftest import Console
from tests.console.platform import HOSTILE, Answer, Person

ONE = f"/webhooks/{WEBHOOK}"
INSPECTOR = f"{ONE}/deliveries/{DELIVERY}"
PAGES = [entry for entry in registry.entries() if entry.area.name == "webhooks"]
READ = [entry for entry in PAGES if entry.page.read]
PORTAL = ("webhooks:write",)
"""The scopes of an app's own token, which a developer's portal has."""
FORM = {"url": "https://integrator.example/new", "events": "incident.updated", "payload": "full", "client_id": APP}
API = f"/v1/webhooks/{WEBHOOK}"
API_OF_ONE = "/v1/webhooks/{webhook_id}"


class Sent:
    """The changes that the platform was asked for, by call; each is answered as `given` says."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bodies: list[tuple[str, Any, str]] = []
        self.keys: list[str] = []

    def answer(self, call: str, given: Any) -> None:
        def record(request: Request) -> Any:
            body = getattr(request, "_body", b"")
            self.bodies.append((call, json.loads(body) if body else None, request.url.query))
            self.keys.append(request.headers.get("idempotency-key", ""))
            return given

        self.console.platform.overrides[call] = record


@pytest.fixture
def sent(console: Console) -> Sent:
    return Sent(console)


@pytest.fixture
def administrator(console: Console) -> httpx2.Client:
    apps = [{"client_id": APP, "name": "Case sync", "governance": {"approved_events": ["*"]}}]
    console.platform.overrides["GET /v1/platform/apps"] = {"apps": apps}
    return console.signed_in()


@pytest.fixture
def developer(console: Console) -> httpx2.Client:
    return console.signed_in(Person(scopes=PORTAL))


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("scopes", [None, PORTAL], ids=["administrator", "portal"])
@pytest.mark.parametrize("entry", READ, ids=lambda one: one.page.name)
def test_every_page_is_shown(
    console: Console, entry: registry.Entry, language: str, scopes: tuple[str, ...] | None
) -> None:
    person = Person() if scopes is None else Person(scopes=scopes)
    page = console.signed_in(person, accept_language=language).get(entry.example)
    assert page.status_code == 200, page.text
    assert "<h1>" in page.text


def test_no_traffic_does_not_look_like_health(administrator: httpx2.Client) -> None:
    page = administrator.get("/webhooks").text
    assert page.count('class="tag off">no events in 7 days') == 1
    assert 'class="tag good"' not in page
    assert "77.5 %" in page
    assert "The receiver answered 410" in page


def test_an_organisation_whose_deliveries_are_stopped_reads_so(
    console: Console, administrator: httpx2.Client, developer: httpx2.Client
) -> None:
    """Also the developer with a portal link, who would look for the fault at the receiver."""
    stopped = answers.webhook() | {"deliveries_stopped": True}
    console.platform.overrides |= {"GET /v1/webhooks": {"webhooks": [stopped]}, f"GET {API_OF_ONE}": stopped}
    for browser in (administrator, developer):
        for path in ("/webhooks", ONE):
            page = browser.get(path).text
            assert "Knogin stopped all deliveries of your organisation" in page
            assert 'class="tag off">stopped by Knogin' in page
    assert "Knogin stopped all deliveries of your organisation" in administrator.get("/").text


def test_failures_of_the_last_minute_do_not_look_like_no_traffic(
    console: Console, administrator: httpx2.Client
) -> None:
    """Attempts are counted within a minute; the failures show at once."""
    none = {"attempts": 0, "delivered": 0, "p95_ms": None}
    failing = answers.webhook() | {
        "failing_since": "2026-11-27T09:00:00Z",
        "statistics": {"last_hour": none, "last_day": none, "last_week": none},
    }
    console.platform.overrides["GET /v1/webhooks"] = {"webhooks": [failing]}
    page = administrator.get("/webhooks").text
    assert "no traffic" not in page
    assert page.count("counted within a minute") == 3


def test_an_administrator_filters_by_app_and_a_developer_has_no_other_app(
    console: Console, administrator: httpx2.Client, developer: httpx2.Client
) -> None:
    assert 'name="client_id"' in administrator.get("/webhooks").text
    before = len(console.platform.calls)
    assert 'name="client_id"' not in developer.get("/webhooks").text
    assert not [path for _, path, _ in console.platform.calls[before:] if path.startswith("/v1/platform/apps")]


@pytest.mark.parametrize("refusal", [403, 404])
@pytest.mark.parametrize(
    "entry", [one for one in PAGES if one.page.examples.keys() - {"once"}], ids=lambda one: one.page.name
)
def test_another_apps_and_another_tenants_ids_are_refused_in_every_address(
    console: Console, developer: httpx2.Client, entry: registry.Entry, refusal: int
) -> None:
    """The platform refuses the token; the page shows nothing of the thing, and a form changes nothing."""
    slug = {403: "forbidden", 404: "not-found"}[refusal]
    document = {"type": f"https://knogin.com/api/docs#{slug}", "detail": "Nothing here.", "title": slug}
    for method in ("GET", "PUT", "POST", "DELETE"):
        deeper = (f"{API}/{part}/{{id}}{act}" for part in ("deliveries", "replays") for act in ("", "/{act}"))
        for path in (API, f"{API}/{{part}}", *deeper):
            console.platform.overrides[f"{method} {path}"] = Answer(document, refusal)
    for method in ("GET", "PUT"):
        console.platform.overrides[f"{method} /v1/webhooks/contacts"] = Answer(document, refusal)
    if entry.page.read:
        page = developer.get(entry.example)
        assert page.status_code == refusal
        assert "integrator.example" not in page.text
    if entry.page.act:
        form = FORM | {"filter": "{}", "what": "save", "emails": "ops@integrator.example"}
        answer = console.post(developer, entry.example, form)
        assert answer.status_code == refusal
        assert "integrator.example" not in answer.text.replace(form["emails"], "")


@pytest.mark.parametrize("address", ["../oauth/token", "wh_1/../../x", "wh_1%2F..%2Fhealth", "%00", "a" * 3000])
def test_an_id_leads_to_no_other_call(console: Console, administrator: httpx2.Client, address: str) -> None:
    before = len(console.platform.calls)
    assert administrator.get(f"/webhooks/{address}").status_code < 500
    called = [path for _, path, _ in console.platform.calls[before:]]
    assert not [path for path in called if path.startswith(("/v1/oauth", "/v1/x"))]


@pytest.mark.parametrize("entry", [one for one in PAGES if one.page.act], ids=lambda one: one.page.name)
def test_a_form_of_another_site_changes_nothing(
    console: Console, administrator: httpx2.Client, entry: registry.Entry
) -> None:
    before = len(console.platform.calls)
    for headers in ({"origin": "https://evil.example"}, {"origin": console.url}):
        answer = administrator.post(entry.example, data=FORM | {"csrf": "x" * 43, "confirmed": "1"}, headers=headers)
        assert answer.status_code == 403
    assert not [method for method, _, _ in console.platform.calls[before:] if method != "GET"]


@pytest.mark.parametrize("entry", [one for one in PAGES if one.page.act], ids=lambda one: one.page.name)
def test_a_reader_changes_nothing(console: Console, entry: registry.Entry) -> None:
    browser = console.signed_in(Person(scopes=("webhooks:read",)))
    before = len(console.platform.calls)
    assert console.post(browser, entry.example, FORM | {"confirmed": "1"}).status_code == 403
    assert not [method for method, _, _ in console.platform.calls[before:] if method != "GET"]
    assert "/edit" not in browser.get(ONE).text


def test_whatever_a_receiver_or_a_payload_holds_shows_as_text(console: Console, administrator: httpx2.Client) -> None:
    attempt = answers.attempt(
        1,
        url=f"https://integrator.example/{HOSTILE}",
        response_body=HOSTILE,
        response_headers={HOSTILE: HOSTILE},
        request_headers={HOSTILE: HOSTILE},
        error=HOSTILE,
        resolved_address=HOSTILE,
    )
    known = answers.history()
    hostile = known | {"request_body": HOSTILE, "attempts": [attempt], "error": HOSTILE, "event_type": HOSTILE}
    console.platform.overrides[f"GET {API}/deliveries/{{id}}"] = hostile
    console.platform.overrides[f"GET {API}"] = answers.webhook(
        url=f"https://x.example/{HOSTILE}", description=HOSTILE, events=[HOSTILE], filter={"pointer": HOSTILE}
    )
    delivery = answers.delivery(webhook_id=HOSTILE, client_id=HOSTILE, error=HOSTILE, response_status=None)
    console.platform.overrides["GET /v1/deliveries"] = {"deliveries": [delivery], "next_cursor": HOSTILE}
    for path in (INSPECTOR, ONE, f"{ONE}/edit", f"{ONE}/filter", f"{ONE}/delete", f"{ONE}/test", "/deliveries"):
        page = administrator.get(path)
        assert page.status_code == 200, path
        for part in ("<img", "<script>document", 'onerror="'):
            assert part not in page.text, path


def test_a_webhook_is_made_for_the_chosen_app_and_its_secret_shown_once(
    administrator: httpx2.Client, console: Console, sent: Sent
) -> None:
    sent.answer("POST /v1/webhooks", Answer(answers.webhook(secret="whsec_canary"), 201))
    form = FORM | {"max_per_second": "5", "once": str(uuid7())}
    shown_at = console.post(administrator, "/webhooks/new", form).headers["location"]
    page = administrator.get(shown_at).text
    assert "whsec_canary" in page
    assert f'action="{ONE}/test"' in page
    assert "whsec_canary" not in administrator.get(shown_at).text, "a reload shows it again"
    again = console.post(administrator, "/webhooks/new", form)
    assert again.headers["location"] == shown_at
    assert "whsec_canary" not in administrator.get(shown_at).text, "the same form shows it again"
    [(_, body, _)] = sent.bodies
    assert body == {
        "url": FORM["url"],
        "events": ["incident.updated"],
        "payload": "full",
        "max_per_second": 5,
        "description": None,
        "client_id": APP,
    }
    assert "whsec_canary" not in administrator.get(ONE).text


def test_a_developer_makes_webhooks_of_their_own_app_alone(
    developer: httpx2.Client, console: Console, sent: Sent
) -> None:
    sent.answer("POST /v1/webhooks", Answer(answers.webhook(), 201))
    assert console.post(developer, "/webhooks/new", FORM | {"client_id": "app_of_somebody"}).status_code == 303
    [(_, body, _)] = sent.bodies
    assert "client_id" not in body


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"url": ""}, "url"), ({"events": ""}, "events"), ({"max_per_second": "fast"}, "max_per_second")],
)
def test_a_form_with_a_fault_says_where_and_keeps_what_was_entered(
    administrator: httpx2.Client, console: Console, sent: Sent, changes: dict[str, str], field: str
) -> None:
    sent.answer("POST /v1/webhooks", Answer(answers.webhook(), 201))
    page = console.post(administrator, "/webhooks/new", FORM | {"description": "kept"} | changes)
    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    assert 'value="kept"' in page.text
    assert not sent.bodies


def test_the_platforms_faults_show_at_their_fields(administrator: httpx2.Client, console: Console) -> None:
    fault = {"pointer": "/url", "detail": "this address may not be sent to", "code": "value"}
    refusal = Answer({"type": "https://knogin.com/api/docs#invalid", "detail": "See errors.", "errors": [fault]}, 422)
    console.platform.overrides["POST /v1/webhooks"] = refusal
    page = console.post(administrator, "/webhooks/new", FORM)
    assert (page.status_code, "this address may not be sent to" in page.text) == (422, True)
    unapproved = {"type": "x#forbidden", "detail": "no", "unapproved_events": ["incident.closed"]}
    console.platform.overrides[f"PUT {API}"] = Answer(unapproved, 403)
    page = console.post(administrator, f"{ONE}/edit", FORM)
    assert (page.status_code, "not approved for incident.closed" in page.text) == (422, True)


def test_a_change_sends_the_address_only_if_it_changed(
    administrator: httpx2.Client, console: Console, sent: Sent
) -> None:
    """Because a new address enables a webhook that is slowed."""
    sent.answer(f"PUT {API}", answers.webhook())
    same = FORM | {"url": answers.webhook()["url"]}
    assert console.post(administrator, f"{ONE}/edit", same).headers["location"] == f"{ONE}?done=changed"
    console.post(administrator, f"{ONE}/edit", FORM)
    assert ["url" in body for _, body, _ in sent.bodies] == [False, True]


def test_a_filter_is_tried_before_it_is_saved(administrator: httpx2.Client, console: Console, sent: Sent) -> None:
    tried = {"looked_at": 2, "matched": 1, "events": []}
    sent.answer("POST /v1/webhooks/try-filter", tried)
    sent.answer(f"PUT {API}", answers.webhook())
    text = '{"pointer": "/status", "eq": "closed"}'
    page = console.post(administrator, f"{ONE}/filter", {"filter": text, "what": "try"})
    assert "1 of the newest 2 events would have passed" in page.text
    console.post(administrator, f"{ONE}/filter", {"filter": text, "what": "save"})
    console.post(administrator, f"{ONE}/filter", {"filter": "", "what": "save"})
    assert [body for _, body, _ in sent.bodies] == [
        {"events": ["incident.updated", "incident.closed"], "filter": json.loads(text), "client_id": APP},
        {"filter": json.loads(text)},
        {"filter": None},
    ]
    for text in ("{", "[" * 5000, "NaN", "x" * 40_000):
        assert console.post(administrator, f"{ONE}/filter", {"filter": text, "what": "save"}).status_code == 422
    assert len(sent.bodies) == 3


def test_ending_acts_ask_first_and_say_what_ends(administrator: httpx2.Client, console: Console, sent: Sent) -> None:
    sent.answer(f"DELETE {API}", Answer(None, 200))
    sent.answer(f"PUT {API}", answers.webhook())
    for act in ("delete", "disable"):
        assert "7 deliveries wait now" in (page := administrator.get(f"{ONE}/{act}").text) or "7 waiting" in page
        assert not sent.bodies
    console.post(administrator, f"{ONE}/disable", {"confirmed": "1"})
    console.post(administrator, f"{ONE}/enable")
    assert (
        console.post(administrator, f"{ONE}/delete", {"confirmed": "1"}).headers["location"] == "/webhooks?done=deleted"
    )
    assert [body for _, body, _ in sent.bodies] == [{"enabled": False}, {"enabled": True}, None]


def test_given_up_deliveries_are_counted_before_they_are_sent_again(
    administrator: httpx2.Client, console: Console
) -> None:
    page = administrator.get(f"{ONE}/recover").text
    assert "Count them first" in page
    call = f"GET {API}/deliveries"
    console.platform.overrides[call] = {"deliveries": [answers.delivery(status="failed")] * 3, "next_cursor": None}
    assert "3 given-up deliveries" in administrator.get(f"{ONE}/recover?period=7d").text
    asked = parse_qs(urlsplit(console.platform.asked("GET", f"{API}/deliveries")[-1]).query)
    assert (asked["status"], "since" in asked) == (["failed"], True)
    console.platform.overrides[call] = {
        "deliveries": [answers.delivery(status="failed")] * 100,
        "next_cursor": "b2xkZXI",
    }
    assert "More than 100 given-up deliveries" in administrator.get(f"{ONE}/recover?period=7d").text


def test_a_recovery_begins_at_the_chosen_time(administrator: httpx2.Client, console: Console, sent: Sent) -> None:
    sent.answer(f"POST {API}/recover", Answer({"queued": 3, "hastened": 1, "gathering": False}, 202))
    page = administrator.get(f"{ONE}/recover?period=7d").text
    since = re.findall(r'name="since" value="([^"]+)"', page)[0]
    assert timedelta(days=7) <= datetime.now(UTC) - datetime.fromisoformat(since) < timedelta(days=7, hours=1)
    answer = console.post(administrator, f"{ONE}/recover", {"since": since})
    assert answer.headers["location"] == f"{ONE}?done=recovering"
    [(_, _, query)] = sent.bodies
    assert parse_qs(query)["since"] == [since]
    for unreadable in ("", "7d", "2026-13-01T00:00:00Z", "2026-11-01T00:00:00Z&limit=9"):
        again = console.post(administrator, f"{ONE}/recover", {"since": unreadable})
        assert again.headers["location"] == f"{ONE}/recover"
    assert len(sent.bodies) == 1


def test_keys_are_replaced_with_an_overlap_and_the_new_secret_is_shown_once(
    administrator: httpx2.Client, console: Console, sent: Sent
) -> None:
    sent.answer(f"PUT {API}", answers.webhook())
    sent.answer(f"POST {API}/rotate-signing-key", answers.webhook())
    shown_at = console.post(administrator, f"{ONE}/keys", {"what": "secret"}).headers["location"]
    page = administrator.get(shown_at).text
    assert "was shown already" in administrator.get(shown_at).text
    console.post(administrator, f"{ONE}/keys", {"what": "key", "overlap": "3600"})
    console.post(administrator, f"{ONE}/keys", {"what": "key", "overlap": "-1"})
    (_, first, _), (_, second, _), (_, third, _) = sent.bodies
    assert first["secret"] in page
    assert first["secret"].startswith("whsec_")
    assert (second, third) == ({"overlap_seconds": 3600}, {"overlap_seconds": 86_400})


def test_a_secret_or_key_beyond_the_bound_is_made_when_the_oldest_is_to_end(
    administrator: httpx2.Client, console: Console, sent: Sent
) -> None:
    full = Answer({"detail": "five", "next_rotation_at": "2026-11-28T12:00:00Z"}, 409)
    for what, call in (("secret", f"PUT {API}"), ("key", f"POST {API}/rotate-signing-key")):
        sent.answer(call, full)
        page = console.post(administrator, f"{ONE}/keys", {"what": what, "overlap": "3600"})
        assert page.status_code == 409
        assert "on 2026-11-28 12:00 UTC" in page.text
        assert page.text.count('name="force"') == 1
        sent.answer(call, answers.webhook())
        form = {"what": what, "overlap": "3600", "force": "1", "once": str(uuid7())}
        assert console.post(administrator, f"{ONE}/keys", form).status_code == 303
    assert [body.get("force") for _, body, _ in sent.bodies] == [None, True, None, True]


def test_the_page_of_the_keys_names_each_that_still_signs(administrator: httpx2.Client, sent: Sent) -> None:
    secrets = [{"fingerprint": f"{number}123456789ab", "expires_at": "2026-11-28T03:47:00Z"} for number in range(4)]
    keys = [{"public_key": f"whpk_old{number}", "expires_at": "2026-11-28T03:47:00Z"} for number in range(4)]
    sent.answer(f"GET {API}", answers.webhook(previous_secrets=secrets, previous_public_keys=keys))
    page = administrator.get(f"{ONE}/keys").text
    shown = [one["fingerprint"] for one in secrets] + [one["public_key"] for one in keys]
    assert [one for one in shown if one not in page] == []


def test_a_form_for_a_new_secret_that_is_sent_twice_makes_one(
    administrator: httpx2.Client, console: Console, sent: Sent
) -> None:
    """A second new one would be in use beside it until its end, and count among the five that sign at most."""
    sent.answer(f"PUT {API}", answers.webhook())
    form = {"what": "secret", "once": str(uuid7())}
    first, second = (console.post(administrator, f"{ONE}/keys", form) for _ in range(2))
    assert len(sent.bodies) == 1
    assert first.status_code == second.status_code == 303
    page = administrator.get(first.headers["location"]).text
    assert sent.bodies[0][1]["secret"] in page
    other = console.post(administrator, f"{ONE}/keys", form | {"once": str(uuid7())})
    assert sent.bodies[1][1]["secret"] not in page
    assert sent.bodies[1][1]["secret"] in administrator.get(other.headers["location"]).text


def test_trying_again_after_no_answer_sends_the_same_new_secret(
    administrator: httpx2.Client, console: Console, sent: Sent
) -> None:
    """The platform may have taken the first one. It takes the same one again as no change."""
    form = {"what": "secret", "once": str(uuid7())}
    sent.answer(f"PUT {API}", Answer({"detail": "broken"}, 503))
    assert console.post(administrator, f"{ONE}/keys", form).status_code == 503
    sent.answer(f"PUT {API}", answers.webhook())
    shown_at = console.post(administrator, f"{ONE}/keys", form).headers["location"]
    (_, first, _), (_, second, _) = sent.bodies
    assert first == second
    assert first["secret"] in administrator.get(shown_at).text


def test_a_secret_of_a_webhook_is_shown_to_no_other_session(
    administrator: httpx2.Client, developer: httpx2.Client, console: Console, sent: Sent
) -> None:
    sent.answer("POST /v1/webhooks", Answer(answers.webhook(secret="whsec_canary"), 201))
    shown_at = console.post(developer, "/webhooks/new", FORM | {"once": str(uuid7())}).headers["location"]
    assert "whsec_canary" not in administrator.get(shown_at).text
    assert "whsec_canary" in developer.get(shown_at).text


@pytest.mark.parametrize(
    ("path", "call", "answer"),
    [
        (f"{INSPECTOR}/resend", f"POST {API}/deliveries/{{id}}/retry", {"delivery_id": DELIVERY, "status": "queued"}),
        (f"{ONE}/recover", f"POST {API}/recover", {"queued": 3, "gathering": False}),
    ],
    ids=["resend", "recover"],
)
def test_the_same_form_sends_deliveries_again_once(
    administrator: httpx2.Client, console: Console, sent: Sent, path: str, call: str, answer: dict[str, Any]
) -> None:
    """The first call may have had its effect though no answer came: each further one is the same, with the same Idempotency-Key."""
    form = {"once": str(uuid7()), "since": "2026-11-27T06:00:00Z"}
    sent.answer(call, Answer({"detail": "broken"}, 503))
    unanswered = console.post(administrator, path, form)
    assert unanswered.status_code == 503
    assert form["once"] in unanswered.text
    sent.answer(call, Answer(answer, 202))
    places = {console.post(administrator, path, form).headers["location"] for _ in range(3)}
    assert len(places) == 1
    assert (len(set(sent.keys)), sent.keys[0], len(set(sent.bodies))) == (1, form["once"], 1)
    console.post(administrator, path, form | {"once": str(uuid7())})
    assert len(set(sent.keys)) == 2


def test_a_test_leads_to_its_inspector(administrator: httpx2.Client, console: Console, sent: Sent) -> None:
    name = "dlv_test_01m88d0qmze9gaw15hny2avmtm"
    sent.answer(f"POST {API}/test", Answer({"delivery_id": name, "status": "queued"}, 202))
    sent.answer(f"POST {API}/deliveries/{{id}}/retry", Answer({"delivery_id": DELIVERY, "status": "queued"}, 202))
    tested = console.post(administrator, f"{ONE}/test").headers["location"]
    assert tested == f"{ONE}/deliveries/{name}?done=test_sent"
    waiting = answers.history() | {
        "id": name,
        "status": "queued",
        "attempts": [],
        "attempt": 0,
        "next_attempt_at": None,
    }
    console.platform.overrides[f"GET {API}/deliveries/{{id}}"] = waiting
    assert 'data-live="2"' in administrator.get(tested).text
    assert console.post(administrator, f"{INSPECTOR}/resend").headers["location"] == f"{INSPECTOR}?done=resent"


def test_the_inspector_says_in_words_what_the_receiver_answered_and_what_to_do(administrator: httpx2.Client) -> None:
    page = administrator.get(INSPECTOR).text
    assert "most likely it verifies the signature with another secret" in page
    assert "fingerprint" in page
    assert "TLS handshake: 14.5 ms" in page
    assert "<svg" in page
    assert " style=" not in page


def test_the_command_to_repeat_a_request_carries_no_secret(administrator: httpx2.Client) -> None:
    page = administrator.get(INSPECTOR).text
    assert "curl --request POST" in page
    assert "canary-of-a-url" not in page
    headers = {"content-type": "application/json", "webhook-signature": "v1,canary", "Authorization": "canary"}
    body = '{"a": "it\'s $(canary) `x`"}\n'
    command = words.curl("https://user:canary@x.example/a?key=canary&b=#canary", headers | {"x": words.REDACTED}, body)
    parts = shlex.split(command.replace("\\\n", ""))
    assert parts == [
        "curl",
        "--request",
        "POST",
        "https://x.example/a?key=REDACTED&b=REDACTED",
        "--header",
        "content-type: application/json",
        "--data-raw",
        body,
    ]


def test_filters_of_deliveries_live_in_the_address_and_go_to_the_platform(
    console: Console, administrator: httpx2.Client
) -> None:
    query = {
        "status": "failed",
        "response": "4xx",
        "event_type": "incident.updated",
        "webhook_id": WEBHOOK,
        "event_id": EVENT,
        "trace_id": TRACE,
        "since": "2026-11-25T03:00",
        "until": "2026-11-25T04:00",
    }
    page = administrator.get("/deliveries", params=query)
    assert page.status_code == 200
    asked = parse_qs(urlsplit(console.platform.asked("GET", "/v1/deliveries")[-1]).query)
    times = {"since": "2026-11-25T03:00:00Z", "until": "2026-11-25T04:00:00Z"}
    assert {name: values[0] for name, values in asked.items() if name != "limit"} == query | times
    assert "cursor=b3BhcXVl" in page.text
    assert page.text.count(f'data-copy="{EVENT}"') == 1, "deliveries of one event stand together"
    assert "try 3 succeeded" in page.text


@pytest.mark.parametrize(
    "query",
    [{"since": "yesterday"}, {"until": "9999-99-99T00:00"}, {"trace_id": "x' OR 1=1"}, {"trace_id": HOSTILE[:60]}],
)
def test_a_filter_with_a_fault_says_so_and_asks_nothing(
    console: Console, administrator: httpx2.Client, query: dict[str, str]
) -> None:
    before = len(console.platform.calls)
    page = administrator.get("/deliveries", params=query)
    assert page.status_code == 422
    assert "<script>document" not in page.text
    assert not [path for _, path, _ in console.platform.calls[before:] if path.startswith("/v1/deliveries")]


def test_a_list_that_found_nothing_yet_looks_further_and_says_so(
    console: Console, administrator: httpx2.Client
) -> None:
    console.platform.overrides["GET /v1/deliveries"] = {"deliveries": [], "next_cursor": "b2xkZXI"}
    before = len(console.platform.asked("GET", "/v1/deliveries"))
    page = administrator.get("/deliveries", params={"status": "failed"}).text
    assert len(console.platform.asked("GET", "/v1/deliveries")) - before == 5
    assert "have not been looked at yet" in page
    assert "status=failed&amp;cursor=b2xkZXI" in page


def test_contacts_are_one_a_line(administrator: httpx2.Client, console: Console, sent: Sent) -> None:
    sent.answer("PUT /v1/webhooks/contacts", {"emails": [], "updated_at": None})
    console.post(administrator, f"/webhook-contacts/{APP}", {"emails": "a@x.example\r\n\r\n b@x.example "})
    assert [body for _, body, _ in sent.bodies] == [{"emails": ["a@x.example", "b@x.example"], "client_id": APP}]


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [
        (200, None, "accepted"),
        (204, None, "accepted"),
        (200, "timeout: no complete answer within 15 seconds", "slow"),
        (200, "connection_error: the answer broke off in its body", "broken_off"),
        (301, "redirect: register the final URL; redirects are not followed", "redirect"),
        (401, "http_status: the receiver answered 401", "unauthorised"),
        (404, "http_status: the receiver answered 404", "not_found"),
        (410, "http_status: the receiver answered 410", "gone"),
        (418, "http_status: the receiver answered 418", "refused"),
        (429, "http_status: the receiver answered 429", "limited"),
        (503, "http_status: the receiver answered 503", "failed"),
        (None, "timeout: no connection within 10 seconds", "silent"),
        (None, "dns_error: the name has no address", "dns"),
        (None, "tls_error: the TLS handshake failed", "tls"),
        (None, "address_refused: private", "address"),
        (None, "something new", "unknown"),
    ],
)
def test_each_end_of_a_try_has_a_verdict(status: int | None, error: str | None, word: str) -> None:
    assert words.verdict_of(status, error) == word


def webhook(last_week: tuple[int, int], last_hour: tuple[int, int] = (0, 0), **changes: Any) -> Webhook:
    periods = [FirstAttempts(*one) for one in (last_hour, (0, 0), last_week)]
    now = datetime.now(UTC)
    known = Webhook("wh", "app", "https://x.example", [], True, "f", now, now, statistics=Statistics(*periods))
    for name, value in changes.items():
        setattr(known, name, value)
    return known


def test_a_state_is_that_of_the_newest_traffic() -> None:
    assert words.tag_of_webhook(webhook((0, 0))).key == "no_traffic"
    assert words.tag_of_webhook(webhook((10, 10))).key == "healthy"
    assert words.tag_of_webhook(webhook((10, 10), (4, 1))).key == "some_fail"
    assert words.tag_of_webhook(webhook((10, 10), enabled=False)).key == "disabled"
    assert words.tag_of_webhook(webhook((10, 10), deliveries_stopped=True)).key == "stopped"
    assert words.tag_of_webhook(webhook((10, 10), failing_since=datetime.now(UTC))).key == "failing"


def test_a_share_of_a_hundred_is_only_of_all() -> None:
    assert words.share_of(FirstAttempts(0, 0)) is None
    assert words.share_of(FirstAttempts(100_000, 99_999)) == 99.9
    assert words.share_of(FirstAttempts(3, 3)) == 100
    assert words.share_of(FirstAttempts(**BUSY["last_hour"])) == 77.5


def test_phases_fill_the_bar_and_connecting_is_without_tls() -> None:
    bars = charts.phases_of({"dns": 4, "connect": 22, "tls": 14, "first_byte": 20, "body": 0, "total": 46})
    assert [(bar.name, bar.ms) for bar in bars] == [("dns", 4), ("tcp", 8), ("tls", 14), ("first_byte", 20)]
    assert round(bars[-1].x + bars[-1].width) == charts.WIDTH
    assert charts.phases_of(None) == charts.phases_of({}) == []


def test_types_are_approved_as_their_app_is() -> None:
    assert forms.is_approved("incident.updated", ["incident.*"])
    assert forms.is_approved("incident.updated", ["*"])
    assert not forms.is_approved("incident.updated", ["incident", "incident.up*", "device.*"])


def test_an_app_beyond_the_newest_hundred_gets_its_webhook(console: Console) -> None:
    old = {"client_id": "app_of_old", "name": "Oldest link", "governance": {"approved_events": ["incident.*"]}}
    apps = [{"client_id": APP, "name": "Case sync", "governance": {"approved_events": ["*"]}}]
    console.platform.overrides |= {
        "GET /v1/platform/apps": {"apps": apps, "next_cursor": "b2xkZXI"},
        "GET /v1/platform/apps/app_of_old": old,
        "GET /v1/webhooks": {"webhooks": [], "next_cursor": None},
    }
    browser = console.signed_in()
    page = browser.get("/webhooks/new", params={"client_id": "app_of_old"}).text
    assert '<input type="hidden" name="client_id" value="app_of_old">' in page
    assert 'value="incident.updated"' in page
    assert 'value="epcr.encounter.created"' not in page
    listed = browser.get("/webhooks", params={"client_id": "app_of_old"}).text
    assert '<option value="app_of_old" selected>Oldest link</option>' in listed
    assert "the newest 1 apps" in browser.get("/webhooks/new").text


def test_an_empty_list_asks_nobody_to_make_a_webhook_who_may_not(console: Console) -> None:
    console.platform.overrides["GET /v1/webhooks"] = {"webhooks": [], "next_cursor": None}
    page = console.signed_in(Person(scopes=("webhooks:read",))).get("/webhooks").text
    assert "There is no webhook yet" in page
    assert "Create one" not in page


@pytest.mark.parametrize(
    ("days", "query", "is_none"), [(None, {"status": "failed"}, True), (2, {}, True), (9, {}, False)]
)
def test_an_organisation_without_deliveries_learns_it_at_once(
    console: Console, administrator: httpx2.Client, days: int | None, query: dict[str, str], *, is_none: bool
) -> None:
    made = (datetime.now(UTC) - timedelta(days=days or 0)).isoformat()
    found = [] if days is None else [answers.webhook() | {"created_at": made}]
    console.platform.overrides["GET /v1/deliveries"] = {"deliveries": [], "next_cursor": "b2xkZXI"}
    console.platform.overrides["GET /v1/webhooks"] = {"webhooks": found, "next_cursor": None}
    page = administrator.get("/deliveries", params=query).text
    assert ("Look further back" in page) is not is_none
    assert ("have not been looked at yet" in page) is not is_none


def test_faults_of_a_webhook_are_in_the_order_of_its_fields_and_open_no_further_ones(
    administrator: httpx2.Client, console: Console
) -> None:
    page = console.post(administrator, "/webhooks/new", {"client_id": APP, "url": "ftp://x"}).text
    assert re.findall(r'<a href="#(\w+)">', page) == ["url", "events"]
    assert '<details class="more"><summary>' in page
    form = {"client_id": APP, "url": "ftp://x", "max_per_second": "x"}
    page = console.post(administrator, "/webhooks/new", form).text
    assert re.findall(r'<a href="#(\w+)">', page) == ["url", "events", "max_per_second"]
    assert '<details class="more" open><summary>' in page


@pytest.mark.parametrize(("ago", "is_promised"), [(30, False), (90, True)])
def test_those_that_wait_are_promised_after_a_failure_that_the_platform_recovers_from(
    administrator: httpx2.Client, console: Console, ago: int, is_promised: bool
) -> None:
    """After less than a minute of failing, each delivery goes out at its own next try."""
    since = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    health = answers.ANSWERS["GET /v1/webhooks/{webhook_id}/health"] | {"failing_since": since, "waiting": 3}
    console.platform.overrides[f"GET {API}/health"] = health
    assert ("They go out by themselves" in administrator.get(ONE).text) == is_promised


def test_the_deliveries_of_one_webhook_are_looked_for_since_it_was_made(
    administrator: httpx2.Client, console: Console
) -> None:
    """Otherwise a new one has a next page for each day of the time that deliveries are kept, all of them empty."""
    console.platform.overrides[f"GET {API}"] = answers.webhook(created_at="2026-11-20T09:00:00.25Z")
    administrator.get(f"/deliveries?webhook_id={WEBHOOK}")
    asked = parse_qs(urlsplit(console.platform.asked("GET", "/v1/deliveries")[-1]).query)
    assert asked["since"] == ["2026-11-20T08:45:00Z"]
    administrator.get(f"/deliveries?webhook_id={WEBHOOK}&since=2026-11-21T00:00")
    asked = parse_qs(urlsplit(console.platform.asked("GET", "/v1/deliveries")[-1]).query)
    assert asked["since"] == ["2026-11-21T00:00:00Z"]
    console.platform.overrides[f"GET {API}"] = Answer({}, 404)
    assert administrator.get(f"/deliveries?webhook_id={WEBHOOK}").status_code == 200
