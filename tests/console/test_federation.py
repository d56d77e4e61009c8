"""The upkeep of an identity provider: metadata and certificates renewed, a domain removed, attributes and roles mapped."""

from typing import Any

import pytest

from tests.console.conftest import Console
from tests.console.platform import Answer, Person
from tests.console.test_people import CONNECTION, kept, refused, user

AT_AUTH = f"/v1/saml/connections/{CONNECTION}"
PAGE = f"/people/federation/{CONNECTION}"
DOMAIN = f"{PAGE}/domains/riviera.example/remove"
OLD, NEW = "ab" * 32, "cd" * 32
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def certificate(fingerprint: str, **changes: Any) -> dict[str, Any]:
    return {"fingerprint": fingerprint, "not_after": "2027-11-25T13:59:32Z", "is_valid": True} | changes


def connection(**changes: Any) -> dict[str, Any]:
    record = {"type": "TXT", "name": "_x.riviera.example", "value": "y"}
    ours = {
        name: f"https://auth.example/{name}"
        for name in ("entity_id", "metadata_url", "login_url", "acs_url", "slo_url")
    }
    return {
        "id": CONNECTION,
        "name": "Our directory",
        "status": "active",
        "entity_id": "https://idp.example/metadata",
        "sso_url": "https://idp.example/sso",
        "slo_url": "",
        "certificates": [certificate(OLD, is_valid=False)],
        "attribute_mapping": {"email": "", "name": "", "roles": ""},
        "role_mapping": {},
        "default_role": "quality_officer",
        "domains": [{"domain": "riviera.example", "status": "proven", "dns_record": record}],
        "service_provider": ours | {"certificate": PEM},
        "last_sign_in_at": None,
    } | changes


READ = {
    "entity_id": "https://idp.example/metadata",
    "sso_url": "https://new.example/sso",
    "slo_url": "",
    "certificates": [{"fingerprint": NEW, "not_after": "2028-01-01T00:00:00Z", "not_before": "2026-01-01T00:00:00Z"}],
}


@pytest.fixture(autouse=True)
def connected(console: Console) -> None:
    console.platform.overrides[f"GET {AT_AUTH}"] = connection()


def test_a_connection_whose_certificate_is_over_offers_to_renew_it(console: Console) -> None:
    page = console.signed_in().get(PAGE).text
    assert "No certificate is valid" in page
    for path in ("/renew", "/domains/riviera.example/remove", "/attributes", "/roles"):
        assert f'href="{PAGE}{path}"' in page


def test_new_metadata_is_shown_before_it_is_saved(console: Console) -> None:
    browser = console.signed_in()
    read = kept(console, "POST /v1/saml/metadata", READ)
    changed = kept(console, f"PATCH {AT_AUTH}", connection())
    tried = console.post(browser, f"{PAGE}/renew", {"metadata": "<x/>"})
    assert (tried.status_code, read, changed) == (200, [{"metadata_xml": "<x/>"}], [])
    for text in ("One address changes", "https://idp.example/sso", "https://new.example/sso", "is removed", OLD, NEW):
        assert text in tried.text
    form = {"metadata": "<x/>", "certificates": "", "confirmed": "1"}
    done = console.post(browser, f"{PAGE}/renew", form)
    assert (done.status_code, done.headers["location"]) == (303, f"{PAGE}?done=connection_renewed")
    assert changed == [{"metadata_xml": "<x/>"}]


def test_a_certificate_alone_is_renewed_and_the_addresses_stay(console: Console) -> None:
    browser = console.signed_in()
    read = kept(console, "POST /v1/saml/metadata", READ | {"entity_id": "", "sso_url": ""})
    tried = console.post(browser, f"{PAGE}/renew", {"certificates": f"{PEM}\n\n{PEM}"})
    assert (tried.status_code, read) == (200, [{"certificates": [PEM, PEM]}])
    assert "The addresses stay as they are." in tried.text


def test_metadata_that_changes_nothing_is_not_saved(console: Console) -> None:
    same = {name: connection()[name] for name in ("entity_id", "sso_url", "slo_url", "certificates")}
    console.platform.overrides["POST /v1/saml/metadata"] = same
    page = console.post(console.signed_in(), f"{PAGE}/renew", {"metadata": "<x/>"})
    assert "Nothing would change" in page.text
    assert "confirmed" not in page.text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "metadata"),
        ({"metadata": "<x/>", "certificates": PEM}, "metadata"),
        ({"certificates": "MIIB"}, "certificates"),
        ({"metadata": "<y/>"}, "metadata"),
        ({"certificates": PEM}, "certificates"),
    ],
)
def test_a_renewal_that_cannot_be_read_marks_its_field(console: Console, form: dict[str, str], field: str) -> None:
    pointer = "/metadata_xml" if "metadata" in form else "/certificates/0"
    errors = [{"pointer": pointer, "code": "invalid", "detail": "it ended on 2026-01-01"}]
    console.platform.overrides["POST /v1/saml/metadata"] = refused(422, errors=errors)
    before = len(console.platform.asked("PATCH"))
    page = console.post(console.signed_in(), f"{PAGE}/renew", form)
    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    assert f'id="{field}-fault"' in page.text
    assert len(console.platform.asked("PATCH")) == before


def test_the_removal_of_a_domain_says_who_cannot_sign_in(console: Console) -> None:
    browser = console.signed_in()
    people = [
        user(name="Anna", email="anna@riviera.example", has_password=False),
        user(name="Bruno", email="bruno@riviera.example", has_password=True),
        user(name="Carla", email="carla@sub-riviera.example", has_password=False),
        user(name="Dino", email="dino@riviera.example", has_password=False, status="disabled"),
    ]
    console.platform.overrides["GET /v1/platform/users"] = {"users": people, "next_cursor": None}
    domain = connection()["domains"][0]
    console.platform.overrides[f"GET {AT_AUTH}/domains/riviera.example"] = domain
    page = browser.get(DOMAIN).text
    assert "One person of the domain has no password" in page
    assert "Anna" in page
    for name in ("Bruno", "Carla", "Dino"):
        assert name not in page
    assert any("search=%40riviera.example" in one for one in console.platform.asked("GET", "/v1/platform/users"))
    call = f"DELETE {AT_AUTH}/domains/riviera.example"
    console.platform.overrides[call] = refused(409)
    kept_one = console.post(browser, DOMAIN)
    assert (kept_one.status_code, "this is the last domain" in kept_one.text) == (409, True)
    console.platform.overrides[call] = Answer(None, 204)
    assert console.post(browser, DOMAIN).headers["location"] == f"{PAGE}?done=domain_removed"


def test_a_domain_that_nobody_proved_locks_nobody_out(console: Console) -> None:
    domain = connection()["domains"][0] | {"status": "claimed"}
    console.platform.overrides[f"GET {AT_AUTH}/domains/riviera.example"] = domain
    page = console.signed_in().get(DOMAIN).text
    assert "never proven" in page
    assert "no password" not in page


def test_attributes_are_mapped(console: Console) -> None:
    bodies = kept(console, f"PATCH {AT_AUTH}", connection())
    form = {"attribute_email": "mail", "attribute_name": "", "attribute_roles": "groups"}
    answer = console.post(console.signed_in(), f"{PAGE}/attributes", form)
    assert answer.headers["location"] == f"{PAGE}?done=connection_attributes"
    assert bodies == [{"attribute_mapping": {"email": "mail", "name": "", "roles": "groups"}}]


def test_the_attribute_of_mapped_roles_cannot_be_taken_away(console: Console) -> None:
    errors = [{"pointer": "/attribute_mapping/roles", "code": "invalid", "detail": "names no attribute"}]
    console.platform.overrides[f"PATCH {AT_AUTH}"] = refused(422, errors=errors)
    page = console.post(console.signed_in(), f"{PAGE}/attributes", {"attribute_email": "mail"})
    assert page.status_code == 422
    assert 'href="#attribute_roles"' in page.text
    assert 'value="mail"' in page.text


MAPPED = {"crews": ["argus:epcr:read", "argus:acqi:read"], "CN=a/b,OU=c": ["webhooks:read"]}


def mapped(console: Console) -> None:
    attributes = {"email": "", "name": "", "roles": "groups"}
    answer = connection(attribute_mapping=attributes, role_mapping=MAPPED)
    console.platform.overrides[f"GET {AT_AUTH}"] = answer


def test_a_value_gets_its_rights_and_the_others_stay(console: Console) -> None:
    mapped(console)
    bodies = kept(console, f"PATCH {AT_AUTH}", connection())
    form = {"value": "nurses", "scopes": ["argus:epcr:read"]}
    answer = console.post(console.signed_in(), f"{PAGE}/roles", form)
    assert answer.headers["location"] == f"{PAGE}?done=connection_mapped"
    assert bodies == [{"role_mapping": MAPPED | {"nurses": ["argus:epcr:read"]}}]


def test_the_first_value_is_asked_about_because_it_begins_to_limit_everybody(console: Console) -> None:
    browser = console.signed_in()
    bodies = kept(console, f"PATCH {AT_AUTH}", connection())
    form = {"value": "nurses", "scopes": ["argus:epcr:read"]}
    page = console.post(browser, f"{PAGE}/roles", form)
    assert (page.status_code, bodies) == (200, [])
    assert "Who has no mapped value can no longer sign in" in page.text
    console.post(browser, f"{PAGE}/roles", form | {"confirmed": "1"})
    assert bodies == [{"role_mapping": {"nurses": ["argus:epcr:read"]}}]


def test_rights_are_taken_away_only_after_a_question(console: Console) -> None:
    mapped(console)
    browser = console.signed_in()
    bodies = kept(console, f"PATCH {AT_AUTH}", connection())
    page = browser.get(f"{PAGE}/roles", params={"value": "CN=a/b,OU=c"}).text
    assert "CN=a/b,OU=c" in page
    assert 'value="webhooks:read" checked' in page
    form = {"value": "crews", "scopes": ["argus:acqi:read"]}
    asked = console.post(browser, f"{PAGE}/roles", form)
    assert (asked.status_code, bodies) == (200, [])
    assert "argus:epcr:read" in asked.text
    console.post(browser, f"{PAGE}/roles", form | {"confirmed": "1"})
    removal = {"value": "crews", "act": "remove"}
    assert "no longer gives any right" in console.post(browser, f"{PAGE}/roles", removal).text
    console.post(browser, f"{PAGE}/roles", removal | {"confirmed": "1"})
    rest = {"CN=a/b,OU=c": ["webhooks:read"]}
    assert bodies == [{"role_mapping": rest | {"crews": ["argus:acqi:read"]}}, {"role_mapping": rest}]


def test_a_value_without_a_name_or_rights_marks_both(console: Console) -> None:
    page = console.post(console.signed_in(), f"{PAGE}/roles", {})
    assert page.status_code == 422
    assert 'href="#value"' in page.text
    assert 'href="#scopes"' in page.text


def test_the_upkeep_needs_the_right_to_change_people(console: Console) -> None:
    browser = console.signed_in(Person(scopes=("platform:people:read", "platform:apps")))
    for path in (f"{PAGE}/renew", DOMAIN, f"{PAGE}/attributes", f"{PAGE}/roles"):
        assert browser.get(path).status_code == 403
        assert console.post(browser, path).status_code == 403


def metadata(characters: int) -> str:
    """As long as asked for, with the marks of claims as AD FS writes them."""
    claim = '<auth:ClaimType Uri="http://schemas.xmlsoap.org/claims/UPN" Optional="true"><auth:DisplayName>UPN of users</auth:DisplayName>'
    return (claim * (characters // len(claim) + 1))[:characters]


def test_metadata_as_long_as_the_platform_reads_is_sent_on(console: Console) -> None:
    read = kept(console, "POST /v1/saml/metadata", READ)
    longest = metadata(262_144)
    tried = console.post(console.signed_in(), f"{PAGE}/renew", {"metadata": longest})
    assert (tried.status_code, read) == (200, [{"metadata_xml": longest}])
    assert 'maxlength="262144"' in console.signed_in().get(f"{PAGE}/renew").text


def test_a_long_form_is_read_on_pages_for_metadata_alone_and_for_people_who_may_send_it(console: Console) -> None:
    long = {"metadata": metadata(150_000), "email": "x"}
    assert console.post(console.signed_in(), "/people/invite", long).status_code == 413
    auditor = console.signed_in(Person(scopes=("platform:people:read",)))
    assert console.post(auditor, f"{PAGE}/renew", long).status_code == 413
    assert console.post(console.signed_in(), f"{PAGE}/renew", {"metadata": metadata(400_000)}).status_code == 413
