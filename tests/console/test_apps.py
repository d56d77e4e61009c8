"""The pages of apps: made, changed and ended through the public API alone, and attacked."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import msgspec
import psycopg
import pytest
from starlette.requests import Request

from services.console.apps import approvals, guide, timeline
from services.console.apps.models import Secret
from services.console.pages import registry
from services.console.pages.texts import Texts
from services.console.session.models import Language
from shared.messaging import event_types
from shared.primitives.ids import uuid7
from tests.console.answers.apps import EXAMPLES, NEW_SECRET, OLD_SECRET, app
from tests.console.conftest import Console
from tests.console.platform import Answer, Person

APP = "app_01m88d0q5rekasgwnts2cwwdh6"
SECRET = "kns_" + "s" * 50
PROBLEM = "https://knogin.com/api/docs#"


@pytest.fixture
def browser(console: Console) -> Any:
    with closing(console.signed_in()) as browser:
        yield browser


class Recorded:
    """An answer of the platform that keeps the calls."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.bodies: list[Any] = []
        self.keys: list[str | None] = []
        self.queries: list[dict[str, str]] = []

    def __call__(self, request: Request) -> Answer:
        body = request._body  # the tests' platform has read it
        self.bodies.append(msgspec.json.decode(body) if body else None)
        self.keys.append(request.headers.get("idempotency-key"))
        self.queries.append(dict(parse_qsl(request.url.query)))
        return Answer(self.answer, self.status)


def once() -> str:
    return str(uuid7())


# --- The list ---------------------------------------------------------------------------------------------------------


def test_the_list_is_filtered_and_paged_by_the_platform(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["GET /v1/platform/apps"] = {"apps": [app(status="disabled")], "next_cursor": "next-one"}
    page = browser.get("/apps?status=disabled&cursor=here")
    asked = console.platform.asked("GET", "/v1/platform/apps?")[-1]
    assert dict(parse_qsl(asked.partition("?")[2])) == {
        "usage": "true",
        "limit": "25",
        "status": "disabled",
        "cursor": "here",
    }
    assert 'href="/apps?status=disabled&amp;cursor=next-one"' in page.text


def test_an_empty_list_says_what_would_fill_it(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["GET /v1/platform/apps"] = {"apps": [], "next_cursor": None}
    assert 'href="/apps/new"' in browser.get("/apps").text.partition('class="empty"')[2]


def test_a_status_that_does_not_exist_is_not_sent_on(console: Console, browser: httpx2.Client) -> None:
    before = len(console.platform.asked("GET", "/v1/platform/apps?"))
    page = browser.get("/apps?status='%3E<script>")
    assert (page.status_code, "The value of status is too long" in page.text) == (422, True)
    assert "'><script>" not in page.text
    assert len(console.platform.asked("GET", "/v1/platform/apps?")) == before


# --- A new app --------------------------------------------------------------------------------------------------------


def test_purposes_become_scopes_without_one_that_another_includes() -> None:
    server, web = guide.BY_NAME["server"], guide.BY_NAME["web"]
    assert guide.scopes_for(["read_records", "write_records", "receive_events"], server) == [
        "webhooks:write",
        "argus:epcr:write",
    ]
    assert guide.scopes_for(["read_devices"], web) == ["argus:devices:read", "offline_access"]


def test_only_purposes_whose_scopes_the_organisation_may_give_are_offered() -> None:
    names = [purpose.name for purpose in guide.possible(["webhooks:write", "argus:epcr:read"])]
    assert names == ["receive_events", "read_records"]


def test_the_second_step_shows_the_scopes_in_plain_words(browser: httpx2.Client) -> None:
    page = browser.get("/apps/new?name=Nightly+export&do=receive_events&kind=server").text
    assert "make and change its own webhooks" in page
    assert re.search(r'value="webhooks:write" checked', page)


def test_the_form_names_the_bundle_that_the_organisation_lacks_and_grants_the_one_that_it_has(
    console: Console, browser: httpx2.Client
) -> None:
    made = Recorded({"client_id": APP, "client_secret": SECRET}, 201)
    console.platform.overrides["POST /v1/platform/apps"] = made
    form = {"kind": "server", "name": "CAD", "scopes": ["argus:incidents:write"], "auth": "secret"}
    for granted in ([], ["incident-management", "acqi-reporting"]):
        catalogue = {"scopes": [{"name": "argus:incidents:write"}], "graphql_bundles": granted}
        console.platform.overrides["GET /v1/platform/scopes"] = catalogue
        step = browser.get("/apps/new?name=CAD&do=write_incidents&kind=server").text
        assert ("/requests/new?capability=graphql_bundles" in step and "incident-management" in step) == (not granted)
        assert console.post(browser, "/apps/new", form | {"once": once()}).status_code == 303
    assert [body["graphql_bundles"] for body in made.bodies] == [[], ["incident-management"]]


def test_an_app_is_registered_and_its_secret_is_shown_once(console: Console, browser: httpx2.Client) -> None:
    made = Recorded({"client_id": APP, "client_secret": SECRET}, 201)
    console.platform.overrides["POST /v1/platform/apps"] = made
    form = {"kind": "server", "name": "Case sync", "scopes": ["webhooks:write"], "auth": "secret", "once": once()}
    answer = console.post(browser, "/apps/new", form)
    assert answer.status_code == 303
    assert made.bodies == [
        {
            "name": "Case sync",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "requested_scopes": ["webhooks:write"],
            "token_endpoint_auth_method": "client_secret_basic",
            "approved_events": guide.events_for(["webhooks:write"]),
            "graphql_bundles": [],
        }
    ]
    assert made.keys == [form["once"]]
    shown = browser.get(answer.headers["location"])
    assert SECRET in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert SECRET not in browser.get(answer.headers["location"]).text, "a reload shows it again"
    again = console.post(browser, "/apps/new", form)
    assert again.status_code == 303
    assert len(made.bodies) == 1, "the form that was sent twice made two apps"
    assert SECRET not in browser.get(again.headers["location"]).text, "going back and sending again shows it again"


@pytest.mark.parametrize(
    ("scope", "onward"),
    [("webhooks:write", f"/webhooks/new?client_id={APP}"), ("argus:epcr:write", f"/apps/{APP}")],
)
def test_after_the_secret_an_app_of_events_gets_its_webhook_and_another_its_page(
    console: Console, browser: httpx2.Client, scope: str, onward: str
) -> None:
    console.platform.overrides["POST /v1/platform/apps"] = Answer({"client_id": APP, "client_secret": SECRET}, 201)
    form = {"kind": "server", "name": "Case sync", "scopes": [scope], "auth": "secret", "once": once()}
    page = browser.get(console.post(browser, "/apps/new", form).headers["location"]).text
    assert f'class="button" href="{onward}"' in page
    assert ("gives it a webhook" in page) == (scope == "webhooks:write")


def test_a_secret_is_shown_to_no_other_session(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["POST /v1/platform/apps"] = Answer({"client_id": APP, "client_secret": SECRET}, 201)
    answer = console.post(browser, "/apps/new", {"kind": "server", "name": "x", "once": once()})
    with closing(console.signed_in()) as other:
        assert SECRET not in other.get(answer.headers["location"]).text
    assert SECRET in browser.get(answer.headers["location"]).text


def test_neither_head_nor_prefetch_uses_the_secret_up(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["POST /v1/platform/apps"] = Answer({"client_id": APP, "client_secret": SECRET}, 201)
    location = console.post(browser, "/apps/new", {"kind": "server", "name": "x", "once": once()}).headers["location"]
    browser.head(location)
    browser.get(location, headers={"sec-purpose": "prefetch"})
    assert SECRET in browser.get(location).text


def test_the_consoles_database_never_holds_a_readable_secret(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["POST /v1/platform/apps"] = Answer({"client_id": APP, "client_secret": SECRET}, 201)
    location = console.post(browser, "/apps/new", {"kind": "server", "name": "x", "once": once()}).headers["location"]
    with psycopg.connect(console.database.migrator) as conn:
        rows = conn.execute("SELECT shown_once::text, sealed FROM shown_once").fetchall()
    assert rows
    assert not any(SECRET in text or SECRET.encode() in (sealed or b"") for text, sealed in rows)
    browser.get(location)
    with psycopg.connect(console.database.migrator) as conn:
        left = conn.execute(
            "SELECT count(*) FROM shown_once WHERE sealed IS NOT NULL AND shown_at IS NOT NULL"
        ).fetchone()
    assert left == (0,)


def test_faults_come_back_with_the_form_and_what_was_entered(console: Console, browser: httpx2.Client) -> None:
    fault = {"pointer": "/redirect_uris/0", "detail": "must be https", "code": "value"}
    document = {"type": PROBLEM + "invalid", "detail": "no", "errors": [fault]}
    console.platform.overrides["POST /v1/platform/apps"] = Answer(document, 422)
    form = {
        "kind": "web",
        "name": "Portal",
        "redirect_uris": "http://a.example/cb",
        "scopes": "webhooks:read",
        "once": once(),
    }
    page = console.post(browser, "/apps/new", form)
    assert page.status_code == 422
    assert 'href="#redirect_uris"' in page.text
    assert "http://a.example/cb" in page.text


def test_a_private_key_that_is_no_json_is_not_sent(console: Console, browser: httpx2.Client) -> None:
    before = len(console.platform.asked("POST", "/v1/platform/apps"))
    page = console.post(browser, "/apps/new", {"kind": "server", "name": "x", "auth": "keys", "jwks": "-----BEGIN"})
    assert page.status_code == 422
    assert len(console.platform.asked("POST", "/v1/platform/apps")) == before


# --- Secrets and tokens -----------------------------------------------------------------------------------------------


def secret(made: int, ends: int | None = None, used: int | None = None) -> Secret:
    """Hours from now."""
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)

    def at(hours: int | None) -> datetime | None:
        return None if hours is None else now + timedelta(hours=hours)

    return Secret("sec_x", now + timedelta(hours=made), at(ends), at(used))


def test_the_time_line_shows_the_whole_overlap() -> None:
    line = timeline.line_of(
        [secret(-6, used=-1), secret(-5000, ends=18, used=-7)], datetime(2026, 11, 27, 12, tzinfo=UTC)
    )
    assert line is not None
    new, old = line.bars
    assert old.x == 0
    assert 0 < new.x < line.now < old.x + old.width < 100
    assert new.x + new.width == pytest.approx(100, abs=0.02)
    assert old.mark is not None
    assert old.mark < new.x


def test_an_old_secret_may_end_once_the_new_one_was_used_later() -> None:
    assert timeline.old_may_end([secret(-6, used=-1), secret(-50, ends=18, used=-7)])
    assert timeline.old_may_end([secret(-6, used=-1), secret(-50, ends=18)])
    assert not timeline.old_may_end([secret(-6, used=-8), secret(-50, ends=18, used=-7)])
    assert not timeline.old_may_end([secret(-6), secret(-50, ends=18)])


def test_the_page_draws_the_overlap_without_inline_style(browser: httpx2.Client) -> None:
    page = browser.get(f"/apps/{APP}").text
    assert '<svg class="timeline"' in page
    assert "style=" not in page
    assert f'href="/apps/{APP}/secrets/{OLD_SECRET}/end"' in page
    assert f"/secrets/{NEW_SECRET}/end" not in page


def test_a_secret_is_rotated_with_the_chosen_overlap_and_shown_once(console: Console, browser: httpx2.Client) -> None:
    answer = {"client_id": APP, "client_secret": SECRET, "previous_secret_expires_at": "2026-11-28T12:00:00Z"}
    rotated = console.platform.overrides["POST /v1/platform/apps/{client_id}/rotate-secret"] = Recorded(answer)
    location = console.post(browser, f"/apps/{APP}/rotate", {"overlap": "604800", "once": once()}).headers["location"]
    assert rotated.bodies == [{"overlap_seconds": 604_800}]
    assert SECRET in browser.get(location).text
    assert SECRET not in browser.get(location).text


FULL = {
    "type": PROBLEM + "conflict",
    "detail": "five",
    "pending_secrets": [],
    "next_rotation_at": "2026-11-28T12:00:00Z",
}


def test_a_secret_beyond_the_bound_is_made_when_the_oldest_is_to_end(console: Console) -> None:
    for language, words, box in (
        ("en", "when the first of them ends, on 2026-11-28 12:00 UTC", "End the oldest now"),
        ("it", "quando finisce il primo, il 2026-11-28 12:00 UTC", "Termina ora il più vecchio"),
    ):
        refused = console.platform.overrides["POST /v1/platform/apps/{client_id}/rotate-secret"] = Recorded(FULL, 409)
        browser = console.signed_in(accept_language=language)
        assert 'name="force"' not in browser.get(f"/apps/{APP}/rotate").text
        form = {"overlap": "604800", "once": once()}
        page = console.post(browser, f"/apps/{APP}/rotate", form)
        assert page.status_code == 409
        for part in (words, box, 'name="force" value="1"', 'value="604800" checked'):
            assert part in page.text, (language, part)
        answer = {"client_id": APP, "client_secret": SECRET, "previous_secret_expires_at": None}
        rotated = console.platform.overrides["POST /v1/platform/apps/{client_id}/rotate-secret"] = Recorded(answer)
        console.post(browser, f"/apps/{APP}/rotate", form | {"force": "1", "once": once()})
        assert (refused.bodies, rotated.bodies) == (
            [{"overlap_seconds": 604_800}],
            [{"overlap_seconds": 604_800, "force": True}],
        )


def test_an_overlap_that_was_not_offered_is_a_day(console: Console, browser: httpx2.Client) -> None:
    answer = {"client_id": APP, "client_secret": SECRET, "previous_secret_expires_at": None}
    rotated = console.platform.overrides["POST /v1/platform/apps/{client_id}/rotate-secret"] = Recorded(answer)
    console.post(browser, f"/apps/{APP}/rotate", {"overlap": "-1", "once": once()})
    assert rotated.bodies == [{"overlap_seconds": 86_400}]


def test_the_old_secret_is_ended(console: Console, browser: httpx2.Client) -> None:
    ended = console.platform.overrides["DELETE /v1/platform/apps/{client_id}/secrets/{secret_id}"] = Recorded(None, 204)
    answer = console.post(browser, f"/apps/{APP}/secrets/{OLD_SECRET}/end", {"confirmed": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/apps/{APP}?done=secret_ended")
    assert len(ended.bodies) == 1


def test_the_present_secret_has_no_page_that_ends_it(browser: httpx2.Client) -> None:
    assert browser.get(f"/apps/{APP}/secrets/{NEW_SECRET}/end").status_code == 404


def test_a_service_token_is_shown_once_and_revoked(console: Console, browser: httpx2.Client) -> None:
    minted = {"id": "tok_1", "token": "ey.a.b", "scopes": ["webhooks:write"], "expires_at": "2026-11-28T12:00:00Z"}
    mint = console.platform.overrides["POST /v1/platform/apps/{client_id}/service-token"] = Recorded(minted, 201)
    form = {"scopes": "webhooks:write", "lives": "3600", "once": once()}
    location = console.post(browser, f"/apps/{APP}/tokens", form).headers["location"]
    assert mint.bodies == [{"scopes": ["webhooks:write"], "expires_in": 3600}]
    assert "ey.a.b" in browser.get(location).text
    assert "ey.a.b" not in browser.get(location).text
    answer = console.post(browser, f"/apps/{APP}/tokens/tok_1/revoke", {"confirmed": "1"})
    assert answer.headers["location"] == f"/apps/{APP}/tokens?done=token_revoked"


def test_a_service_token_without_a_scope_is_not_made(console: Console, browser: httpx2.Client) -> None:
    before = len(console.platform.asked("POST", "/v1/platform/apps/"))
    assert console.post(browser, f"/apps/{APP}/tokens", {"once": once()}).status_code == 422
    assert len(console.platform.asked("POST", "/v1/platform/apps/")) == before


# --- Rules, approvals, refusals ---------------------------------------------------------------------------------------


def test_rules_are_tried_before_they_are_saved(console: Console, browser: httpx2.Client) -> None:
    tried = {"dry_run": True, "would_refuse": 7, "by_reason": {"service_tokens_not_allowed": 7}}
    patched = console.platform.overrides["PATCH /v1/platform/apps/{client_id}/governance"] = Recorded(tried)
    form = {"pkce": "1", "lives": "3600", "mode": "exact"}
    page = console.post(browser, f"/apps/{APP}/rules", form)
    assert page.status_code == 200
    assert "7 calls of the last 7 days would have been refused" in page.text
    assert patched.queries == [{"dry_run": "true"}]
    assert patched.bodies == [{"allow_service_tokens": False}], "only what differs is sent"
    answer = console.post(browser, f"/apps/{APP}/rules", form | {"confirmed": "1"})
    assert answer.headers["location"].endswith("done=rules_changed")
    assert patched.queries[-1] == {}


def test_a_pattern_approves_its_types() -> None:
    types = list(event_types.catalogue())
    assert approvals.approved(["incident.*"], types) == {"incident.created", "incident.updated", "incident.closed"}
    assert approvals.approved(["incident.closed"], types) == {"incident.closed"}


def test_approvals_show_what_begins_and_what_ends_before_saving(console: Console, browser: httpx2.Client) -> None:
    patched = Recorded({"dry_run": True, "would_refuse": 0, "by_reason": {}})
    console.platform.overrides["PATCH /v1/platform/apps/{client_id}/governance"] = patched
    form = {"events": ["incident.*", "device.enrolled"], "bundles": []}
    page = console.post(browser, f"/apps/{APP}/approvals", form).text
    assert "Begins: A device was enrolled, enrolled again, or became active again. (device.enrolled)" in page
    assert "Ends: A patient care encounter was begun. (epcr.encounter.created)" in page
    assert "Ends: Quality indicators for reports (acqi-reporting)" in page
    assert 'class="danger go"' in page
    console.post(browser, f"/apps/{APP}/approvals", form | {"confirmed": "1"})
    assert patched.bodies[-1] == {"approved_events": ["incident.*", "device.enrolled"], "graphql_bundles": []}


def test_a_button_is_red_only_where_something_ends(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["PATCH /v1/platform/apps/{client_id}/governance"] = {"dry_run": True, "would_refuse": 0}
    form = {"events": ["incident.*", "epcr.*", "device.enrolled"], "bundles": ["acqi-reporting"]}
    page = console.post(browser, f"/apps/{APP}/approvals", form).text
    assert "Begins: " in page
    assert 'class="danger go"' not in page


def test_the_page_of_an_app_leads_to_its_events_and_webhooks(browser: httpx2.Client) -> None:
    page = browser.get(f"/apps/{APP}").text
    first = f"/webhooks/new?client_id={APP}"
    assert f'class="button" href="{first}"' in page, "its events are approved: a webhook is the next step"
    for next_step in (f"/apps/{APP}/approvals", f"/webhooks?client_id={APP}"):
        assert f'class="button second" href="{next_step}"' in page


def test_refused_calls_say_how_to_repair_them(console: Console, browser: httpx2.Client) -> None:
    page = browser.get(f"/apps/{APP}/refusals").text
    assert "It asked for a scope that it does not have" in page
    assert "Compare the scopes in the program" in page
    assert "e63d40081c71f05e55d14d0a07bdc7b9" in page


def test_a_kind_of_refusal_that_is_new_has_a_remedy_too(console: Console, browser: httpx2.Client) -> None:
    one = {"endpoint": "", "kind": "brand_new", "reason": "Because.", "count": 2, "trace_id": ""}
    times = {"first_at": "2026-11-25T03:41:12Z", "last_at": "2026-11-25T03:47:00Z"}
    answer = {"refusals": [one | times], "incomplete": ["brand_new"]}
    console.platform.overrides["GET /v1/platform/apps/{client_id}/refusals"] = answer
    page = browser.get(f"/apps/{APP}/refusals").text
    assert "brand_new" in page
    assert "more than 2 times" in page
    assert "give Knogin the trace id" in page


# --- Endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["disable", "delete"])
def test_what_stops_is_counted_before_it_stops(console: Console, browser: httpx2.Client, act: str) -> None:
    counts = {"client_id": APP, "secrets": 2, "service_tokens": 3, "people": 10_000, "people_more": True}
    answer = counts | {"tokens_last_7_days": 1234}
    console.platform.overrides["GET /v1/platform/apps/{client_id}/dependents"] = answer
    page = browser.get(f"/apps/{APP}/{act}").text
    assert "1,234 tokens in the last 7 days" in page
    assert "3 live service tokens end" in page
    assert "More than 10,000 people" in page
    nothing = dict.fromkeys(("secrets", "service_tokens", "people"), 0)
    console.platform.overrides["GET /v1/platform/apps/{client_id}/dependents"] = (
        answer | nothing | {"people_more": False}
    )
    assert ">0 " not in browser.get(f"/apps/{APP}/{act}").text


def test_the_counts_failing_does_not_hide_what_stops(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["GET /v1/platform/apps/{client_id}/dependents"] = Answer(None, 503)
    page = browser.get(f"/apps/{APP}/disable")
    assert page.status_code == 200
    assert "All its tokens end at once" in page.text
    assert "Trace id" in page.text


def test_taking_a_scope_away_asks_first(console: Console, browser: httpx2.Client) -> None:
    patched = console.platform.overrides["PATCH /v1/platform/apps/{client_id}"] = Recorded(app())
    form = {"name": "Case sync connector 2", "scopes": "webhooks:write"}
    page = console.post(browser, f"/apps/{APP}/edit", form)
    assert "It may no longer: write patient care records" in page.text
    assert patched.bodies == []
    console.post(browser, f"/apps/{APP}/edit", form | {"confirmed": "1"})
    assert patched.bodies == [{"name": "Case sync connector 2", "requested_scopes": ["webhooks:write"]}]


def test_knogins_own_app_has_no_buttons_that_change_it(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides["GET /v1/platform/apps/{client_id}"] = app(first_party=True)
    page = browser.get(f"/apps/{APP}").text
    assert f"/apps/{APP}/delete" not in page
    assert f"/apps/{APP}/rotate" not in page


# --- Requests and sandboxes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capability", "form", "details"),
    [
        ("graphql_bundles", {"bundles": ["acqi-reporting"]}, {"bundles": ["acqi-reporting"]}),
        ("telephony", {"scopes": ["argus:telephony:read"]}, {"scopes": ["argus:telephony:read"]}),
        (
            "federation",
            {"domains": "a.example\n\n b.example ", "identity_provider": "Entra"},
            {"domains": ["a.example", "b.example"], "identity_provider": "Entra"},
        ),
        ("sandbox", {"admin_email": "x@y.example"}, {"admin_email": "x@y.example", "name": ""}),
    ],
)
def test_a_request_has_the_details_of_its_capability(
    console: Console, browser: httpx2.Client, capability: str, form: dict[str, Any], details: dict[str, Any]
) -> None:
    known = EXAMPLES["getIntegrationRequest"]["200"]["application/json"]
    made = console.platform.overrides["POST /v1/platform/integration-requests"] = Recorded(known, 201)
    sent = console.post(browser, "/requests/new", {"capability": capability, "reason": "For us", "once": once()} | form)
    assert sent.status_code == 303
    assert made.bodies == [{"capability": capability, "reason": "For us", "details": details}]


def test_the_credentials_of_a_sandbox_are_shown_once(console: Console, browser: httpx2.Client) -> None:
    made = {"tenant_id": "org_1", "client_id": APP, "client_secret": SECRET, "admin_email": "x@y.example"}
    link = "https://auth.example/v1/auth/password?link=abc"
    path = "POST /v1/platform/integration-requests/{request_id}/credentials"
    console.platform.overrides[path] = made | {"password_link": link}
    location = console.post(browser, "/requests/ireq_1/credentials", {"once": once()}).headers["location"]
    page = browser.get(location).text
    assert SECRET in page
    assert link in page
    assert SECRET not in browser.get(location).text


def test_a_sandbox_shows_its_secret_once_and_its_band_on_each_page(console: Console, browser: httpx2.Client) -> None:
    sandbox = {
        "id": "sbx_1",
        "tenant_id": "org_1",
        "name": "Trying out",
        "state": "preparing",
        "percent": 5,
        "seed": 1,
        "generation": 1,
        "client_id": APP,
        "created_at": "2026-11-25T03:41:12Z",
        "changed_at": "2026-11-25T03:41:12Z",
        "deleted_at": None,
    }
    made = Recorded(sandbox | {"client_secret": SECRET, "scopes": []}, 201)
    console.platform.overrides["POST /v1/platform/sandboxes"] = made
    console.platform.overrides["GET /v1/platform/sandboxes/{sandbox_id}"] = sandbox
    location = console.post(browser, "/sandboxes/new", {"name": "Trying out", "seed": "7", "once": once()}).headers[
        "location"
    ]
    assert made.bodies == [{"name": "Trying out", "seed": 7}]
    assert SECRET in browser.get(location).text
    assert SECRET not in browser.get(location).text
    for path in ("/sandboxes/sbx_1", "/sandboxes/sbx_1/reset", "/sandboxes/sbx_1/delete"):
        assert 'class="sandbox-band"' in browser.get(path).text
    assert 'data-live="5"' in browser.get("/sandboxes/sbx_1").text


def test_the_clock_of_a_sandbox_is_advanced_and_read(console: Console, browser: httpx2.Client) -> None:
    sandbox = {
        "id": "sbx_1",
        "tenant_id": "org_1",
        "name": "Trying out",
        "state": "ready",
        "percent": 100,
        "seed": 1,
        "generation": 1,
        "advanced_seconds": 18_000,
        "client_id": APP,
        "created_at": "2026-11-25T03:41:12Z",
        "changed_at": "2026-11-25T03:41:12Z",
        "deleted_at": None,
    }
    advanced = Recorded(sandbox | {"state": "advancing"}, 202)
    console.platform.overrides["GET /v1/platform/sandboxes/{sandbox_id}"] = sandbox
    console.platform.overrides["POST /v1/platform/sandboxes/{sandbox_id}/clock"] = advanced
    page = browser.get("/sandboxes/sbx_1").text
    assert "/sandboxes/sbx_1/clock" in page
    assert "5 hours" in page
    key = once()
    answer = console.post(browser, "/sandboxes/sbx_1/clock", {"advance": "day", "once": key})
    assert answer.headers["location"] == "/sandboxes/sbx_1?done=advanced"
    assert (advanced.bodies, advanced.keys) == ([{"seconds": 86_400}], [key])
    assert console.post(browser, "/sandboxes/sbx_1/clock", {"advance": "century"}).status_code == 422
    full = {"type": "https://knogin.com/api/docs#conflict", "detail": "A sandbox's clock has at most 180 days."}
    console.platform.overrides["POST /v1/platform/sandboxes/{sandbox_id}/clock"] = Recorded(full, 409)
    refused = console.post(browser, "/sandboxes/sbx_1/clock", {"advance": "month"})
    assert (refused.status_code, "at most 180 days" in refused.text) == (422, True)


@pytest.mark.full
def test_a_person_of_a_sandbox_sees_the_band_on_every_page(console: Console) -> None:
    pages = [entry for entry in registry.entries() if entry.page.read is not None and entry.page.is_html]
    with closing(console.signed_in(Person(environment="sandbox"))) as browser:
        answers = {one.example: browser.get(one.example) for one in pages}
    shown = {path: answer.text for path, answer in answers.items() if answer.status_code == 200}
    assert len(shown) >= len(pages) - 1, "the revocation of a link that is over leads back to the list"
    assert [path for path, text in shown.items() if 'class="sandbox-band"' not in text] == []


# --- Attacks ----------------------------------------------------------------------------------------------------------

HOSTILE_IDS = ("../../../v1/platform/sandboxes", "app_x%2F..%2F..", "app_x%3Fdry_run=true", "%00", "<script>")


@pytest.mark.parametrize("client_id", HOSTILE_IDS)
@pytest.mark.parametrize("rest", ["", "/edit", "/tokens", "/rules", "/delete", "/links"])
def test_an_id_leads_to_no_other_call_of_the_platform(
    console: Console, browser: httpx2.Client, client_id: str, rest: str
) -> None:
    before = len(console.platform.calls)
    answer = browser.get(f"/apps/{client_id}{rest}")
    assert answer.status_code < 500
    for method, target, _ in console.platform.calls[before:]:
        assert method == "GET"
        # The people are those whom the answer names.
        assert target.startswith(
            ("/v1/platform/apps", "/v1/platform/me", "/v1/platform/scopes", "/v1/platform/users/usr_")
        )


POSTS = [
    ("/apps/{id}/edit", {"name": "x", "confirmed": "1"}),
    ("/apps/{id}/rotate", {}),
    ("/apps/{id}/secrets/sec_1/end", {"confirmed": "1"}),
    ("/apps/{id}/tokens", {"scopes": "webhooks:read"}),
    ("/apps/{id}/tokens/tok_1/revoke", {"confirmed": "1"}),
    ("/apps/{id}/rules", {"confirmed": "1", "mode": "exact", "lives": "60"}),
    ("/apps/{id}/approvals", {"confirmed": "1"}),
    ("/apps/{id}/disable", {"confirmed": "1"}),
    ("/apps/{id}/enable", {}),
    ("/apps/{id}/delete", {"confirmed": "1"}),
    ("/apps/{id}/links", {"note": "x"}),
    ("/apps/{id}/links/plk_01m88d0q5rekasgwnts2cwwdh6/revoke", {"confirmed": "1"}),
]


@pytest.mark.parametrize(("path", "form"), POSTS, ids=[path for path, _ in POSTS])
def test_another_tenants_app_is_not_changed(
    console: Console, browser: httpx2.Client, path: str, form: dict[str, str]
) -> None:
    """The platform answers 404 for it, and the console shows that and nothing else."""
    gone = Answer({"type": PROBLEM + "not-found", "detail": "Nothing here."}, 404)
    for call in ("GET", "PATCH", "DELETE"):
        console.platform.overrides[f"{call} /v1/platform/apps/{{client_id}}"] = gone
    for call, rest in (
        ("POST", "rotate-secret"),
        ("DELETE", "secrets/{x}"),
        ("POST", "service-token"),
        ("DELETE", "service-tokens/{x}"),
        ("PATCH", "governance"),
        ("POST", "disable"),
        ("POST", "enable"),
    ):
        console.platform.overrides[f"{call} /v1/platform/apps/{{client_id}}/{rest}"] = gone
    answer = console.post(browser, path.format(id=APP), {"once": once()} | form)
    assert answer.status_code == 404
    assert "Case sync" not in answer.text


@pytest.mark.parametrize("where", ["/apps/new", f"/apps/{APP}/edit"])
def test_what_a_person_enters_is_shown_as_text(console: Console, browser: httpx2.Client, where: str) -> None:
    hostile = '"><img src=x onerror=alert(1)>'
    refused = Answer({"type": PROBLEM + "invalid", "detail": hostile, "errors": []}, 422)
    for call in ("POST /v1/platform/apps", "PATCH /v1/platform/apps/{client_id}"):
        console.platform.overrides[call] = refused
    form = {
        "kind": "web",
        "name": hostile,
        "redirect_uris": hostile,
        "scopes": hostile,
        "once": once(),
        "confirmed": "1",
    }
    page = console.post(browser, where, form)
    assert page.status_code == 422
    assert "<img" not in page.text


# --- Refused calls of the API, and decisions --------------------------------------------------------------------------


REFUSALS = "GET /v1/platform/apps/{client_id}/refusals"
CALL: dict[str, Any] = {
    "status": 403,
    "reason": "insufficient_scope",
    "endpoint": "GET /api/v1/epcr/encounters/{encounter_id}",
    "scope": "argus:epcr:read",
    "count": 12,
    "first_at": "2026-11-25T03:41:12Z",
    "last_at": "2026-11-25T03:47:00Z",
    "trace_id": "9f3d40081c71f05e55d14d0a07bdc7b9",
}


def test_calls_refused_by_the_api_are_grouped_by_reason_with_their_remedy(
    console: Console, browser: httpx2.Client
) -> None:
    other = {"endpoint": "GET /api/v1/devices", "count": 3, "trace_id": "b" * 32}
    rate = {"status": 429, "reason": "rate", "scope": "", "endpoint": "", "count": 7}
    new = {"status": 403, "reason": "brand_new", "scope": ""}
    answer = {"refusals": [], "incomplete": [], "calls": [CALL, CALL | rate, CALL | other, CALL | new]}
    console.platform.overrides[REFUSALS] = answer
    page = browser.get(f"/apps/{APP}/refusals").text
    for text in ("A scope was missing", "argus:epcr:read", "15 times", "{encounter_id}", "several endpoints", "b" * 32):
        assert text in page
    assert "mint a new one" in page
    assert "Retry-After" in page
    assert "brand_new" in page
    assert page.count("A scope was missing</h3>") + page.count("A scope was missing: ") == 1
    assert "A scope was missing" in browser.get(f"/apps/{APP}").text


DECISIONS = "GET /v1/platform/apps/{client_id}/decisions"
DECIDED = {
    "kind": "event",
    "item": "device.enrolled",
    "decided_by": "usr_01m88d0q5rekasgwnts2cwwdh6",
    "decided_through": "app_01m88d0q5veg5ta72e2snzdj8f",
    "decided_at": "2026-11-25T03:47:00Z",
    "reason": "The case sync needs it.",
    "trace_id": "c" * 32,
}


def test_an_app_shows_who_decided_what_it_may_do(console: Console, browser: httpx2.Client) -> None:
    many = [DECIDED | {"item": f"event.{number}"} for number in range(12)]
    grant = {"kind": "scope", "item": "argus:telephony:read", "request_id": "ireq_1", "requested_by": "app_1"}
    grants = [grant | {"decided_at": "2026-11-25T03:47:00Z", "reason": "As agreed."}]
    console.platform.overrides[DECISIONS] = {"decisions": [DECIDED, *many], "organisation_grants": grants}
    console.platform.overrides["GET /v1/platform/users/{user_id}"] = {"name": "Grace Bianchi"}
    page = browser.get(f"/apps/{APP}").text
    for text in ("device.enrolled", "Grace Bianchi", "The case sync needs it.", "3 earlier decisions", "As agreed."):
        assert text in page
    assert "/requests/ireq_1" in page
    assert "Decided before decisions were stored" in page
    assert f"/audit?subject_id={APP}" in page


def test_a_name_that_cannot_be_read_leaves_the_id(console: Console, browser: httpx2.Client) -> None:
    console.platform.overrides[DECISIONS] = {"decisions": [DECIDED], "organisation_grants": []}
    console.platform.overrides["GET /v1/platform/users/{user_id}"] = Answer({"title": "Not found", "status": 404}, 404)
    page = browser.get(f"/apps/{APP}").text
    assert DECIDED["decided_by"] in page
    console.platform.overrides[DECISIONS] = Answer({}, 503)
    page = browser.get(f"/apps/{APP}")
    assert page.status_code == 200
    assert "Who decided what it may do" in page.text


def test_the_reason_of_a_change_is_sent_with_it_and_not_with_the_trial(
    console: Console, browser: httpx2.Client
) -> None:
    patched = Recorded({"dry_run": True, "would_refuse": 0, "by_reason": {}})
    console.platform.overrides["PATCH /v1/platform/apps/{client_id}/governance"] = patched
    form = {"events": "device.enrolled", "reason": "The case sync needs it."}
    page = console.post(browser, f"/apps/{APP}/approvals", form)
    assert 'name="reason"' in page.text
    assert "reason" not in patched.bodies[-1]
    console.post(browser, f"/apps/{APP}/approvals", form | {"confirmed": "1"})
    assert patched.bodies[-1]["reason"] == "The case sync needs it."


@pytest.mark.parametrize("language", ["en", "it"])
def test_every_group_of_events_has_words(language: Language) -> None:
    texts = Texts(language, "apps")
    assert [group for group in approvals.groups(language) if not texts.has(f"event_group.{group}")] == []
