"""The pages of operators: who sees them, the acts that they ask for, and the way to a second factor."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.console.pages.texts import Texts
from services.console.session.models import Language
from services.webhook_dispatcher.tasks import GAUGES
from shared.primitives.ids import uuid7
from shared.web.scopes import OF_CONSOLE, OPERATORS
from tests.console.answers.operators import TENANT, tenant
from tests.console.conftest import Console
from tests.console.platform import Answer, Person

ACTS = "/v1/operations/auth/acts"
SUSPEND = f"/operators/ask/auth/tenant.suspend/{TENANT}"
ORDINARY = tuple(scope for scope in OF_CONSOLE if scope not in OPERATORS)


def test_only_operators_have_the_pages_in_their_navigation(console: Console) -> None:
    assert 'href="/operators"' in console.signed_in().get("/").text
    browser = console.signed_in(Person(scopes=ORDINARY))
    assert 'href="/operators"' not in browser.get("/").text
    for path in ("/operators", "/operators/tenants", SUSPEND):
        assert browser.get(path).status_code == 403


def test_who_may_only_read_finds_no_act(console: Console) -> None:
    browser = console.signed_in(Person(scopes=("platform:operate:read",)))
    assert "/operators/ask/" not in browser.get(f"/operators/tenants/{TENANT}").text
    assert browser.get(SUSPEND).status_code == 403


def test_operators_have_no_empty_area_in_their_navigation(console: Console) -> None:
    text = console.signed_in(Person(scopes=tuple(OPERATORS))).get("/operators").text
    assert 'href="/operations"' not in text
    assert 'href="/operations"' in console.signed_in(Person(scopes=("argus:devices:read",))).get("/").text


def me(person: Person, role: str) -> dict[str, Any]:
    return {
        "client_id": person.client_id,
        "person": {"user_id": person.user_id, "email": person.email, "name": person.name, "role": role},
        "organisation": {"tenant_id": person.tenant_id, "name": person.tenant_name, "environment": "production"},
        "scopes": list(person.scopes),
        "second_factor": False,
        "signed_in_at": datetime.now(UTC).isoformat(),
    }


@pytest.mark.parametrize(("role", "shown"), [("operator", True), ("administrator", False)])
def test_an_operator_without_a_second_factor_finds_the_way_to_one(console: Console, role: str, *, shown: bool) -> None:
    person = Person(scopes=ORDINARY)
    console.platform.overrides["GET /v1/platform/me"] = me(person, role)
    browser = console.signed_in(person)
    text = browser.get("/").text
    assert ("/v1/auth/authenticator" in text) is shown
    again = browser.get("/sign-in", params={"again": "1", "to": "/operators"})
    assert "prompt=login" in again.headers["location"]


def test_a_suspension_lists_what_ends_and_needs_a_reason(console: Console) -> None:
    browser = console.signed_in()
    page = browser.get(SUSPEND).text
    assert "At least: 1,000 apps." in page
    assert "12 people." in page
    fault = {"pointer": "/reason", "code": "length", "detail": "too short"}
    refusal = {"type": "https://knogin.com/api/docs#invalid-request", "detail": "x", "errors": [fault]}
    console.platform.overrides[f"POST {ACTS}"] = Answer(refusal, 422)
    again = console.post(browser, SUSPEND, {"reason": "Why"})
    assert again.status_code == 422
    assert ">Why</textarea>" in again.text


STOP = f"/operators/ask/webhook-dispatcher/deliveries.stop/{TENANT}"


def test_a_switch_works_while_auth_does_not_answer(console: Console) -> None:
    """The form is there without the organisation's name."""
    browser = console.signed_in()
    named = f'<a href="/operators/tenants/{TENANT}">'
    assert named in browser.get(STOP).text
    console.platform.overrides["GET /v1/operations/auth/tenants/{id}"] = Answer({"detail": "broken"}, 503)
    page = browser.get(STOP)
    assert page.status_code == 200
    assert 'name="reason"' in page.text
    assert "The name and the numbers are missing" in page.text
    assert named not in page.text
    made = console.post(browser, STOP, {"reason": "They flood a receiver", "once": str(uuid7())})
    assert made.status_code == 303


@pytest.mark.parametrize("path", [STOP, SUSPEND, "/operators/ask/webhook-dispatcher/deliveries.stop/org_typo"])
def test_an_unknown_organisation_is_not_found(console: Console, path: str) -> None:
    missing = Answer({"type": "https://knogin.com/api/docs#not-found", "detail": "Nothing here."}, 404)
    console.platform.overrides["GET /v1/operations/auth/tenants/{id}"] = missing
    page = console.signed_in().get(path)
    assert page.status_code == 404
    assert "Nothing of the platform has this id" in page.text
    assert 'name="reason"' not in page.text


def test_an_act_is_asked_for_once_and_its_page_follows_it(console: Console) -> None:
    browser = console.signed_in()
    form = {"reason": "Credentials leaked", "once": "3f0c5f0e-5f3c-4c60-9b0c-0a4d4f6d3b11"}
    before = len(console.platform.asked("POST", ACTS))
    made = console.post(browser, SUSPEND, form)
    assert made.status_code == 303
    assert len(console.platform.asked("POST", ACTS)) == before + 1
    page = browser.get(made.headers["location"], headers={"sec-fetch-site": "same-origin"}).text
    assert "The act is written down" in page
    moving = console.platform.overrides
    moving["GET /v1/operations/auth/acts/{act_id}"] = _act("interrupted")
    assert "Look whether it had its effect" in browser.get(made.headers["location"]).text
    moving["GET /v1/operations/auth/acts/{act_id}"] = _act("waiting", ended_at=None)
    assert 'data-live="5"' in browser.get(made.headers["location"]).text


@pytest.mark.parametrize(("state", "offered"), [("done", True), ("refused", False), ("waiting", False)])
def test_a_carried_out_act_leads_to_the_one_that_takes_it_back(console: Console, state: str, *, offered: bool) -> None:
    console.platform.overrides["GET /v1/operations/auth/acts/{act_id}"] = _act(state)
    link = f"/operators/ask/auth/tenant.resume/{TENANT}"
    path = "/operators/acts/auth/act_01jdkfx3c8e2r9v5m7q4t6w0ya"
    assert (link in console.signed_in().get(path).text) is offered
    reader = Person(scopes=("platform:operate:read",))
    assert link not in console.signed_in(reader).get(path).text


def _act(state: str, **fields: Any) -> dict[str, Any]:
    made = {
        "id": "act_01jdkfx3c8e2r9v5m7q4t6w0ya",
        "action": "tenant.suspend",
        "subject_id": TENANT,
        "reason": "Credentials leaked",
        "state": state,
        "asked_by": "usr_01kaw3rzq9e3wtn5y7d8f2c4pm",
        "asked_at": "2026-11-20T09:12:44Z",
        "ended_at": "2026-11-20T09:12:45Z",
        "outcome": None,
    }
    return made | fields


@pytest.mark.parametrize(("status", "offered"), [("active", "tenant.suspend"), ("suspended", "tenant.resume")])
def test_a_tenant_offers_the_act_that_fits_its_state(console: Console, status: str, offered: str) -> None:
    console.platform.overrides["GET /v1/operations/auth/tenants/{tenant_id}"] = tenant(status=status)
    text = console.signed_in().get(f"/operators/tenants/{TENANT}").text
    assert [f"/{one}/" in text for one in ("tenant.suspend", "tenant.resume")] == [
        offered == one for one in ("tenant.suspend", "tenant.resume")
    ]


@pytest.mark.parametrize(
    ("action", "subject", "leads_to"),
    [
        (
            "webhook.stop",
            "wh_01jdkfx3c8e2r9v5m7q4t6w0ya",
            "/operators/ask/webhook-dispatcher/webhook.stop/wh_01jdkfx3c8e2r9v5m7q4t6w0ya",
        ),
        ("signing_keys.distrust", "", ""),
        ("automations.stop", TENANT, f"/operators/ask/control-plane/automations.stop/{TENANT}"),
        ("webhook.stop", "", ""),
        ("webhook.stop", "org_1", ""),
        ("webhook.stop", "wh_/../x", ""),
    ],
)
def test_a_switch_leads_to_its_question(console: Console, action: str, subject: str, leads_to: str) -> None:
    answer = console.signed_in().get("/operators/switches", params={"action": action, "subject": subject})
    assert answer.status_code == (303 if leads_to else 422)
    assert answer.headers.get("location", "") == leads_to


def test_no_switch_is_chosen_beforehand(console: Console) -> None:
    """Who only pastes an id and goes on would come to the suspension, which ends more than any other."""
    browser = console.signed_in()
    assert (
        "checked" not in browser.get("/operators/switches").text.partition("<fieldset")[2].partition("</fieldset>")[0]
    )
    page = browser.get("/operators/switches", params={"subject": TENANT})
    assert page.status_code == 422
    assert "Choose one of the switches" in page.text
    assert TENANT in page.text


def stopped(*tenants: str) -> dict[str, Any]:
    act = {"act_id": "act_01jdkfx3c8e2r9v5m7q4t6w0ya", "reason": "Leaks", "stopped_at": "2026-11-20T09:12:45Z"}
    return {"stopped_tenants": [{"tenant_id": one} | act for one in tenants], "next_cursor": None}


@pytest.mark.parametrize(("found", "offered"), [(stopped(), "deliveries.stop"), (stopped(TENANT), "deliveries.resume")])
def test_stopped_deliveries_are_shown_and_may_go_on(console: Console, found: dict[str, Any], offered: str) -> None:
    console.platform.overrides["GET /v1/operations/webhook-dispatcher/stopped-tenants"] = found
    browser = console.signed_in()
    page = browser.get(f"/operators/tenants/{TENANT}").text
    link = f"/operators/ask/webhook-dispatcher/{offered}/{TENANT}"
    assert link in page
    assert ("Leaks" in page) is bool(found["stopped_tenants"])
    for path in ("/operators", "/operators/switches"):
        assert (link in browser.get(path).text) is bool(found["stopped_tenants"]), path
    assert "Lakeland" in browser.get(link).text


def test_stopped_organisations_have_their_names_and_an_id_where_auth_does_not_answer(console: Console) -> None:
    """The lists had ids alone: an operator could not see whose deliveries wait."""
    console.platform.overrides["GET /v1/operations/webhook-dispatcher/stopped-tenants"] = stopped(TENANT)
    browser = console.signed_in()
    pages = ("/operators", "/operators/switches")
    for path in pages:
        page = browser.get(path).text
        assert f'href="/operators/tenants/{TENANT}">Lakeland &lt;b&gt;Ambulance&lt;/b&gt; Trust</a>' in page, path
        assert 'aria-label="Resume the deliveries of Lakeland' in page, path
    console.platform.overrides["GET /v1/operations/auth/tenants/{tenant_id}"] = Answer({}, 503)
    for path in pages:
        assert f'href="/operators/tenants/{TENANT}">{TENANT}</a>' in browser.get(path).text, path


def test_a_decision_names_the_request_and_its_organisation(console: Console) -> None:
    page = console.signed_in().get("/operators/ask/auth/integration_request.approve/ireq_01jdkfx3c8e2r9v5m7q4t6w0ya")
    assert "/operators/tenants/org_" in page.text
    assert "Their reason" in page.text


def test_the_front_page_of_an_operator_has_the_requests_that_wait(console: Console) -> None:
    assert "Organisations wait for your decision" in console.signed_in().get("/").text
    assert "wait for your decision" not in console.signed_in(Person(scopes=ORDINARY)).get("/").text


@pytest.mark.parametrize("language", ["en", "it"])
def test_every_figure_of_a_backlog_has_words(language: Language) -> None:
    texts = Texts(language, "operators")
    assert [name for name in (*GAUGES, "pending_requests") if not texts.has(f"figure.{name}")] == []


def test_a_wait_of_less_than_a_second_is_a_wait(console: Console) -> None:
    assert "3 · under a second" in console.signed_in().get("/operators/services/webhook-dispatcher").text


def test_an_unknown_act_is_no_form(console: Console) -> None:
    page = console.signed_in().get(f"/operators/ask/auth/tenant.burn/{TENANT}").text
    assert "There is no such act" in page
    assert 'name="reason"' not in page


def test_a_backlog_says_more_than_it_counted(console: Console) -> None:
    text = console.signed_in().get("/operators/services/webhook-dispatcher").text
    assert "more than 10,000" in text
    assert "7 minutes" in text
    assert "2 hours" in text


def test_dead_letters_come_before_the_figures_and_the_front_page_leads_to_them(console: Console) -> None:
    """They were below twenty figures that were all in order."""
    browser = console.signed_in()
    path = "/operators/services/webhook-dispatcher"
    assert f'href="{path}#letters"' in browser.get("/operators").text
    page = browser.get(path).text
    assert page.index('id="letters"') < page.index('id="backlog"')
    letters = "GET /v1/operations/webhook-dispatcher/dead-letters"
    console.platform.overrides[letters] = {"dead_letters": [], "next_cursor": None}
    page = browser.get(path).text
    assert page.index('id="letters"') > page.index('id="backlog"')


def test_the_way_back_from_an_act_comes_with_its_end(console: Console) -> None:
    """Only a reload showed it, because the part of the page that moves did not have it."""
    console.platform.overrides["GET /v1/operations/auth/acts/{act_id}"] = _act("done")
    page = console.signed_in().get("/operators/acts/auth/act_01jdkfx3c8e2r9v5m7q4t6w0ya").text
    moving = page.partition('<div id="act"')[2].partition("</div>")[0]
    assert "tenant.resume" in moving
    assert f'href="/operators/tenants/{TENANT}"' in moving


def test_a_switch_is_found_by_the_name_of_an_organisation(console: Console) -> None:
    """The form asks for an id, which nobody has in an emergency."""
    page = console.signed_in().get("/operators/switches").text
    assert 'href="/operators/tenants">Find the organisation' in page
