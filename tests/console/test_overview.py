"""The front page: each section shows the things that need a person, and nothing else."""

import pytest
from playwright.sync_api import Browser, expect
from starlette.requests import Request

from tests.console.answers.overview import FRONT, ending
from tests.console.conftest import Console
from tests.console.platform import Answer, Person
from tests.console.test_operators import me
from tests.console.test_pages import Watched, fits
from tests.support.browser import WCAG_22, is_accessible, needs_browser

APPS = "GET /v1/platform/apps"
QUIET = {
    "GET /v1/webhooks": {"webhooks": []},
    APPS: {"apps": []},
    "GET /v1/platform/ending-credentials": {"credentials": [], "certificates": []},
    "GET /v1/platform/integration-requests": {"integration_requests": []},
    "GET /v1/operations/auth/integration-requests": {"integration_requests": []},
}


@pytest.fixture
def busy(console: Console) -> Console:
    """An organisation in which everything needs somebody."""
    console.platform.overrides |= FRONT
    return console


@needs_browser
@pytest.mark.parametrize("language", ["en", "it"])
def test_everything_that_needs_somebody_is_shown(busy: Console, browser: Browser, language: str) -> None:
    watched = Watched(browser, busy, language)
    watched.open("/")
    expect(watched.page.locator("section.card h2")).to_have_count(5)
    for width in (360, 1280):
        watched.page.set_viewport_size({"width": width, "height": 800})
        assert fits(watched.page)
        assert is_accessible(watched.page, WCAG_22)
    watched.close()


def test_the_sections_lead_to_what_mends_them(busy: Console) -> None:
    page = busy.signed_in().get("/").text
    for link in ("/approvals", "/requests/ireq_", "/webhooks/wh_", "/refusals"):
        assert link in page
    assert "1,234 refused calls in 30 days" in page
    assert "Telephony" in page
    assert "something_new" in page


def test_an_ending_certificate_of_an_identity_provider_leads_to_its_connection(console: Console) -> None:
    console.platform.overrides |= QUIET
    console.platform.overrides["GET /v1/platform/ending-credentials"] = ending(None) | {"credentials": []}
    page = console.signed_in().get("/").text
    assert "One credential ends soon" in page
    assert "sign-in certificate" in page
    assert 'href="/people/federation/samlc_01m89g2a7gfx0sy7nchvghf9zd">Our directory</a> ended <time' in page
    assert "Nothing needs you now" not in page


def test_a_credential_that_has_not_ended_yet_ends(console: Console) -> None:
    console.platform.overrides |= QUIET
    console.platform.overrides["GET /v1/platform/ending-credentials"] = ending(None) | {"certificates": []}
    page = console.signed_in().get("/").text
    assert "</a> ends <time" in page
    assert "</a> ended <time" not in page


def test_where_nothing_needs_anybody_the_page_says_so(console: Console) -> None:
    console.platform.overrides |= QUIET
    assert "Nothing needs you now" in console.signed_in().get("/").text


def test_a_silent_part_is_never_taken_for_all_well(console: Console) -> None:
    console.platform.overrides |= FRONT | {"GET /v1/webhooks": Answer({}, 503)}
    page = console.signed_in().get("/").text
    assert "Not everything could be asked" in page
    console.platform.always = Answer({}, 503)
    try:
        page = console.signed_in().get("/").text
    finally:
        console.platform.always = None
    assert "Nothing needs you now" not in page


def test_a_person_who_may_not_read_a_part_is_not_shown_it(busy: Console) -> None:
    page = busy.signed_in(Person(scopes=("webhooks:read",))).get("/").text
    assert "/refusals" not in page
    assert "/webhooks/wh_" in page


def test_a_failing_webhook_has_the_name_of_its_app(console: Console) -> None:
    app = {"client_id": "app_1", "name": "Ward notices", "status": "active"}
    failing = {
        "id": "wh_1",
        "url": "https://ward.example/hook",
        "client_id": "app_1",
        "failing_since": "2026-11-01T00:00:00Z",
    }
    console.platform.overrides |= {APPS: {"apps": [app]}, "GET /v1/webhooks": {"webhooks": [failing]}}
    page = console.signed_in().get("/").text
    assert "Ward notices: fails, first" in page


def test_a_leavers_ended_session_is_no_alarm(console: Console) -> None:
    """The console's own app is refused tokens of people whose access ended; nobody can repair that, and nothing is wrong."""
    app = {
        "client_id": "app_1",
        "name": "Knogin console",
        "status": "active",
        "first_party": True,
        "usage": {"refused": 3},
    }
    console.platform.overrides[APPS] = {"apps": [app | {"grant_types": ["authorization_code", "refresh_token"]}]}
    assert "/refusals" not in console.signed_in().get("/").text
    console.platform.overrides[APPS] = {"apps": [app | {"grant_types": ["client_credentials"]}]}
    assert "/refusals" in console.signed_in().get("/").text


def test_a_person_reads_their_role_in_words(console: Console) -> None:
    person = Person(scopes=("argus:acqi:read",))
    console.platform.overrides["GET /v1/platform/me"] = me(person, "quality_officer")
    assert "Quality officer" in console.signed_in(person).get("/").text


def test_the_page_claims_nothing_of_parts_that_the_role_does_not_see(console: Console) -> None:
    page = console.signed_in(Person(scopes=("argus:acqi:read",))).get("/").text
    assert "Nothing that your role sees needs a decision." in page
    assert "no webhook fails" not in page


def test_a_failing_webhook_and_a_waiting_request_behind_a_hundred_newer_are_found(console: Console) -> None:
    webhook = {"id": "wh_old", "url": "https://old.example/hook", "client_id": "app_1"}
    asked = {"id": "ireq_new", "capability": "telephony", "status": "withdrawn", "created_at": "2026-11-01T00:00:00Z"}

    def webhooks(request: Request) -> object:
        is_troubled = request.query_params.get("troubled") == "true"
        found = webhook | {"id": "wh_old" if is_troubled else "wh_new"}
        return {
            "webhooks": [found | ({"failing_since": "2026-11-01T00:00:00Z"} if is_troubled else {})],
            "next_cursor": "x",
        }

    def requests(request: Request) -> object:
        is_pending = request.query_params.get("status") == "pending"
        return {"integration_requests": [asked | {"id": "ireq_old", "status": "pending"} if is_pending else asked]}

    console.platform.overrides |= {
        "GET /v1/webhooks": webhooks,
        "GET /v1/platform/integration-requests": requests,
    }
    page = console.signed_in().get("/").text
    assert "/webhooks/wh_old" in page
    assert "/requests/ireq_old" in page
    assert "One webhook fails" in page
    assert "Counted among the newest 100" in page


@pytest.mark.parametrize(("language", "part"), [("en", "Webhooks that fail"), ("it", "Webhook che falliscono")])
def test_a_silent_part_has_its_name(console: Console, language: str, part: str) -> None:
    console.platform.overrides["GET /v1/webhooks"] = Answer({}, 503)
    assert f"<h3>{part}</h3>" in console.signed_in(accept_language=language).get("/").text
