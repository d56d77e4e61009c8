"""Forms after a refusal: all faults at once, each at its field, in the language of the page or marked as English."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from services.console.pages import refusals
from services.console.pages.texts import Texts
from tests.console.conftest import Console
from tests.console.test_people import kept, refused

WEBHOOK = {"url": "https://ward.example/hook", "events": "epcr.encounter.created", "client_id": "app_1"}
EVERY_FORM: list[tuple[str, dict[str, Any], set[str]]] = [
    (
        "/apps/new",
        {"kind": "web", "auth": "keys", "jwks": "x", "redirect_uris": "ftp://a"},
        {"name", "redirect_uris", "jwks"},
    ),
    ("/apps/new", {"kind": "web", "auth": "secret"}, {"name", "redirect_uris"}),
    ("/quality/schedules/new", {"every": "week", "day": "8", "time_zone": "Rome"}, {"day", "time_zone"}),
    ("/people/invite", {"email": "nobody"}, {"email", "role"}),
    ("/people/federation/new", {}, {"name", "metadata"}),
    ("/requests/new", {"capability": "graphql_bundles"}, {"bundles", "reason"}),
    ("/requests/new", {"capability": "telephony"}, {"scopes", "reason"}),
    ("/requests/new", {"capability": "federation"}, {"domains", "identity_provider", "reason"}),
    (
        "/requests/new",
        {"capability": "federation", "domains": "UPPER.example\nx"},
        {"domains", "identity_provider", "reason"},
    ),
    ("/requests/new", {"capability": "sandbox", "admin_email": "nobody"}, {"admin_email", "reason"}),
]


def marked(page: str) -> set[str]:
    """The fields to which the list of faults leads; each is on the page, and has its fault beside it."""
    listed = page.partition('id="faults"')[2].partition("</div>")[0]
    fields = re.findall(r'href="#([a-z_]+)"', listed)
    assert len(fields) == listed.count("<li")
    for field in fields:
        assert len(re.findall(rf' id="{field}"', page)) == 1, field
        assert len(re.findall(rf' id="{field}-fault"', page)) == 1, field
    return set(fields)


@pytest.mark.parametrize(("path", "form", "fields"), EVERY_FORM)
@pytest.mark.parametrize("language", ["en", "it"])
def test_a_form_shows_all_its_faults_at_once(
    console: Console, path: str, form: dict[str, Any], fields: set[str], language: str
) -> None:
    console.platform.overrides["GET /v1/platform/scopes"] = {"scopes": [], "graphql_bundles": []}
    browser = console.signed_in(accept_language=language)
    before = len(console.platform.asked("POST"))
    page = console.post(browser, path, form)
    assert page.status_code == 422
    assert marked(page.text) == fields
    assert 'lang="en"' not in page.text.partition('id="faults"')[2].partition("</div>")[0]
    assert len(console.platform.asked("POST")) == before


def test_a_webhook_shows_all_its_faults_at_once(console: Console) -> None:
    form = {"client_id": "app_01m88d0q5rekasgwnts2cwwdh6", "url": "ftp://a", "max_per_second": "0"}
    page = console.post(console.signed_in(), "/webhooks/new", form)
    assert page.status_code == 422
    assert marked(page.text) == {"url", "max_per_second", "events"}


def test_metadata_is_read_even_without_a_name(console: Console) -> None:
    errors = [{"pointer": "/metadata_xml", "code": "invalid", "detail": "no XML"}]
    read = kept(console, "POST /v1/saml/metadata", refused(422, errors=errors))
    before = console.platform.asked("POST", "/v1/saml/connections")
    page = console.post(console.signed_in(), "/people/federation/new", {"metadata": "x"})
    assert (read, marked(page.text)) == ([{"metadata_xml": "x"}], {"name", "metadata"})
    assert console.platform.asked("POST", "/v1/saml/connections") == before


@pytest.mark.parametrize(
    ("capability", "form", "pointer", "field"),
    [
        ("graphql_bundles", {"bundles": ["acqi-reporting"]}, "/details/bundles/0", "bundles"),
        ("telephony", {"scopes": ["argus:telephony:read"]}, "/details/scopes", "scopes"),
        ("federation", {"domains": "a.example", "identity_provider": "x"}, "/details/domains/0", "domains"),
        (
            "federation",
            {"domains": "a.example", "identity_provider": "x"},
            "/details/identity_provider",
            "identity_provider",
        ),
        ("sandbox", {"admin_email": "a@b.example"}, "/details/admin_email", "admin_email"),
        ("sandbox", {"admin_email": "a@b.example"}, "/details/name", "sandbox_name"),
        ("sandbox", {"admin_email": "a@b.example"}, "/reason", "reason"),
    ],
)
def test_a_fault_of_a_request_leads_to_its_field(
    console: Console, capability: str, form: dict[str, Any], pointer: str, field: str
) -> None:
    errors = [{"pointer": pointer, "code": "invalid", "detail": "holds invisible characters"}]
    console.platform.overrides["POST /v1/platform/integration-requests"] = refused(422, errors=errors)
    sent = {"capability": capability, "reason": "For us"} | form
    page = console.post(console.signed_in(), "/requests/new", sent)
    assert page.status_code == 422
    assert marked(page.text) == {field}
    assert "For us" in page.text


def test_a_sentence_of_the_platform_is_marked_as_english_on_an_italian_page(console: Console) -> None:
    errors = [{"pointer": "/name", "code": "invalid", "detail": "has a scheme"}]
    console.platform.overrides["POST /v1/platform/sandboxes"] = refused(422, errors=errors)
    browser = console.signed_in(accept_language="it")
    page = console.post(browser, "/sandboxes/new", {"name": "x", "once": "0199a0b0-0000-7000-8000-000000000009"}).text
    assert '<li lang="en"><a href="#name">has a scheme</a>' in page


def test_a_refusal_as_a_whole_is_marked_as_english_on_an_italian_page(console: Console) -> None:
    console.platform.overrides["POST /v1/platform/integration-requests"] = refused(409)
    sent = {"capability": "telephony", "reason": "x", "scopes": ["argus:telephony:read"]}
    page = console.post(console.signed_in(accept_language="it"), "/requests/new", sent)
    assert '<li lang="en">In the platform&#39;s words.' in page.text


# --- The platform's faults in words --------------------------------------------------------------------------------------

ERRORS: list[tuple[Mapping[str, Any], str, str]] = [
    ({"code": "missing", "detail": "Required, and missing."}, "Fill this in.", "Compila questo campo."),
    (
        {"code": "length", "detail": "Expected at least 1 characters.", "limit": 1},
        "Fill this in.",
        "Compila questo campo.",
    ),
    (
        {"code": "length", "detail": "Expected at least 1 items.", "limit": 1},
        "At least one is needed.",
        "Ne serve almeno uno.",
    ),
    (
        {"code": "length", "detail": "Expected at most 20 items.", "limit": 20},
        "At most 20 are accepted.",
        "Ne sono ammessi al massimo 20.",
    ),
    (
        {"code": "range", "detail": "Expected at least 1.", "limit": 1},
        "Enter a number of at least 1.",
        "Inserisci un numero non inferiore a 1.",
    ),
    (
        {"code": "range", "detail": "Expected at most 1000.", "limit": 1000},
        "Enter a number of at most 1,000.",
        "Inserisci un numero non superiore a 1.000.",
    ),
    (
        {"code": "range", "detail": "Expected above 0.5.", "limit": 0.5},
        "Enter a number above 0.5.",
        "Inserisci un numero superiore a 0,5.",
    ),
    (
        {"code": "enum", "detail": "Not one of those allowed: a, b.", "allowed": ["a", "b"]},
        "Not one of those allowed: a, b.",
        "Scegli uno di questi: a, b.",
    ),
    (
        {"code": "enum", "detail": "is not in the catalogue", "allowed": list("abcdefghi")},
        "is not in the catalogue",
        "Questo valore qui non è ammesso.",
    ),
    (
        {"code": "format", "detail": "Not a well-formed date."},
        "Not a well-formed date.",
        "Questo valore non ha la forma richiesta.",
    ),
]


@pytest.mark.parametrize(("error", "english", "italian"), ERRORS)
def test_a_fault_of_the_platform_is_in_the_language_of_the_page(
    error: dict[str, Any], english: str, italian: str
) -> None:
    assert refusals.words(Texts("en"), error) == (english, "")
    assert refusals.words(Texts("it"), error) == (italian, "")


@pytest.mark.parametrize(
    "error",
    [
        {"code": "invalid", "detail": "has a scheme other than https"},
        {"code": "length", "detail": "Expected at least 1 items."},
        {"code": "length", "detail": "Expected at least 1 items.", "limit": "x"},
        {"code": "new", "detail": "Expected at most the moon", "limit": 1},
        {"detail": "no code"},
    ],
)
def test_a_fault_without_a_translation_is_marked_as_english(error: dict[str, Any]) -> None:
    assert refusals.words(Texts("en"), error) == (error["detail"], "")
    assert refusals.words(Texts("it"), error) == (error["detail"], "en")


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("/details/name", "sandbox_name"),
        ("/details/domains/3", "domains"),
        ("/details/other", "details"),
        ("/name", "name"),
        ("", ""),
        ("from_date", "period"),
    ],
)
def test_a_pointer_leads_to_the_field_of_its_longest_beginning(pointer: str, field: str) -> None:
    fields = {"details/name": "sandbox_name", "details/domains": "domains", "from_date": "period"}
    assert refusals.field_of(pointer, fields) == field


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "a b@c", "a@b@c", "a@b\nc", "a" * 250 + "@b.it", "a@\u202eb"])
def test_a_text_that_is_no_address_is_not_sent(text: str) -> None:
    assert not refusals.is_address(text)
