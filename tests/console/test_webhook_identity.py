"""Headers, OAuth and client certificates of a webhook: set, removed after a question, and never shown."""

from typing import Any

import pytest

from tests.console.conftest import Console
from tests.console.platform import Answer, Person
from tests.console.test_people import kept, refused

WEBHOOK = "wh_01m88d0qm0fmp9q50vgx5q4nfh"
PAGE = f"/webhooks/{WEBHOOK}/identity"
PUT = f"PUT /v1/webhooks/{WEBHOOK}"
SECRET = "canary-7f3a"
GRANT = {"token_url": "https://ward.example/token", "oauth_client": "c", "oauth_secret": SECRET, "oauth_scope": "a b"}
SENT = {"token_url": "https://ward.example/token", "client_id": "c", "client_secret": SECRET, "scope": "a b"}


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (
            {"act": "headers", "headers": f"X-Api-Key: {SECRET}\n\n X-Ward :a:b "},
            {"headers": {"X-Api-Key": SECRET, "X-Ward": "a:b"}},
        ),
        ({"act": "oauth"} | GRANT, {"oauth": SENT}),
        (
            {"act": "certificate", "certificate": "CERT", "private_key": SECRET},
            {"client_certificate": {"certificate": "CERT", "private_key": SECRET}},
        ),
        ({"act": "no_headers", "confirmed": "1"}, {"headers": {}}),
        ({"act": "no_oauth", "confirmed": "1"}, {"oauth": None}),
        ({"act": "no_certificate", "confirmed": "1"}, {"client_certificate": None}),
    ],
)
def test_a_proof_is_set_or_removed(console: Console, form: dict[str, str], body: dict[str, Any]) -> None:
    bodies = kept(console, PUT, {})
    browser = console.signed_in()
    answer = console.post(browser, PAGE, form)
    assert (answer.status_code, bodies) == (303, [body])
    assert answer.headers["location"].startswith(f"{PAGE}?done=identity_")
    assert SECRET not in answer.headers["location"]
    assert SECRET not in browser.get(answer.headers["location"]).text


@pytest.mark.parametrize("act", ["no_headers", "no_oauth", "no_certificate"])
def test_a_removal_asks_first(console: Console, act: str) -> None:
    bodies = kept(console, PUT, {})
    page = console.post(console.signed_in(), PAGE, {"act": act})
    assert (page.status_code, bodies) == (200, [])
    assert "no longer sent" in page.text
    assert f'name="act" value="{act}"' in page.text


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ({"act": "headers"}, ["headers"]),
        ({"act": "headers", "headers": "no colon"}, ["headers"]),
        ({"act": "headers", "headers": ": value"}, ["headers"]),
        ({"act": "headers", "headers": "A: 1\nA: 2"}, ["headers"]),
        ({"act": "oauth"}, ["token_url", "oauth_client", "oauth_secret"]),
        ({"act": "certificate", "certificate": "x"}, ["private_key"]),
        ({"act": "other"}, []),
        ({}, []),
    ],
)
def test_a_proof_that_lacks_a_part_is_not_sent(console: Console, form: dict[str, str], fields: list[str]) -> None:
    before = console.platform.asked("PUT")
    page = console.post(console.signed_in(), PAGE, form)
    assert page.status_code == 422
    assert [field for field in fields if f'href="#{field}"' not in page.text] == []
    assert console.platform.asked("PUT") == before


@pytest.mark.parametrize(
    ("form", "pointer", "field"),
    [
        ({"act": "headers", "headers": "Host: x"}, "/headers/Host", "headers"),
        ({"act": "oauth"} | GRANT, "/oauth/token_url", "token_url"),
        ({"act": "oauth"} | GRANT, "/oauth/client_id", "oauth_client"),
        (
            {"act": "certificate", "certificate": "x", "private_key": SECRET},
            "/client_certificate/private_key",
            "private_key",
        ),
    ],
)
def test_a_refused_proof_marks_its_field_and_repeats_no_secret(
    console: Console, form: dict[str, str], pointer: str, field: str
) -> None:
    errors = [{"pointer": pointer, "code": "invalid", "detail": "cannot be used"}]
    console.platform.overrides[PUT] = refused(422, errors=errors)
    page = console.post(console.signed_in(), PAGE, form)
    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    assert f'id="{field}-fault"' in page.text
    assert SECRET not in page.text


def test_only_who_may_write_webhooks_changes_them(console: Console) -> None:
    browser = console.signed_in(Person(scopes=("webhooks:read",)))
    assert browser.get(PAGE).status_code == 403
    assert console.post(browser, PAGE, {"act": "no_oauth", "confirmed": "1"}).status_code == 403


def test_another_organisations_webhook_is_not_there(console: Console) -> None:
    console.platform.overrides[f"GET /v1/webhooks/{WEBHOOK}"] = Answer({"detail": "Nothing here."}, 404)
    assert console.signed_in().get(PAGE).status_code == 404


def test_the_fault_of_one_header_names_it(console: Console) -> None:
    errors = [{"pointer": "/headers/X~1Host", "code": "invalid", "detail": "this header is not yours to set"}]
    console.platform.overrides[PUT] = refused(422, errors=errors)
    page = console.post(console.signed_in(), PAGE, {"act": "headers", "headers": "X/Host: x\nX-Ward: a"})
    assert "X/Host: this header is not yours to set" in page.text
