"""What is read without I/O: redirect URIs, scopes, event patterns, secrets and forms."""

import re
import zlib
from urllib.parse import parse_qsl

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from hypothesis import given
from hypothesis import strategies as st

from services.auth.apps import credentials, rules, scopes
from services.auth.oauth import forms


@pytest.mark.parametrize(
    "uri",
    [
        "https://integrator.example/callback",
        "https://integrator.example:8443/callback?x=1",
        "http://127.0.0.1/cb",
        "http://localhost:3000/cb",
        "http://[::1]:9/cb",
        "https://[2001:db8::1]:8443/cb",
        "com.example.app:/oauth",
    ],
)
def test_may_be_registered(uri: str) -> None:
    assert rules.problem_with_redirect(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "http://integrator.example/cb",
        "https:///cb",
        "https://user:pass@integrator.example/cb",
        "https://integrator.example/cb#fragment",
        "https://integrator.example/cb#",
        "https://integrator.example:port/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "app:/cb",
        "//integrator.example/cb",
        "/cb",
        "",
        "https://integrator.example/c b",
        "https://integrator.example/\n",
        "https://intégrateur.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://localhost.evil.example/cb",
        "https://[::1/cb",
        "https://*/cb",
        "https://*.example/cb",
        "https://x;script-src/cb",
        "https://x'self'/cb",
        "https://%2a/cb",
        "https://integrator.example:/cb",
        "https://[::1]x/cb",
        "https://[1::2::3]/cb",
        "https://[v1.a]/cb",
        "http://[::1]x:9/cb",
        "x" * 2001,
    ],
)
def test_may_not_be_registered(uri: str) -> None:
    assert rules.problem_with_redirect(uri) is not None


@pytest.mark.parametrize(
    ("requested", "registered", "allowed"),
    [
        ("https://a.example/cb", "https://a.example/cb", True),
        ("https://a.example/cb/", "https://a.example/cb", False),
        ("https://a.example/cb?x=1", "https://a.example/cb", False),
        ("https://A.example/cb", "https://a.example/cb", False),
        ("https://a.example:444/cb", "https://a.example/cb", False),
        ("http://127.0.0.1:5123/cb", "http://127.0.0.1/cb", True),
        ("http://127.0.0.1:5123/cb", "http://127.0.0.1:1/cb", True),
        ("http://[::1]:5123/cb", "http://[::1]/cb", True),
        ("http://127.0.0.1:5123/other", "http://127.0.0.1/cb", False),
        ("http://localhost:5123/cb", "http://127.0.0.1/cb", False),
        ("https://127.0.0.1:5123/cb", "https://127.0.0.1/cb", False),
        ("http://127.0.0.1:5123@evil.example/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:99999999/cb", "http://127.0.0.1/cb", False),
    ],
)
def test_a_request_names_exactly_a_registered_one_but_for_a_loopback_port(
    requested: str, registered: str, allowed: bool
) -> None:
    assert rules.is_registered(requested, [registered]) is allowed


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    assert rules.problem_with_redirect(text) is None or not rules.is_registered(text, ["http://127.0.0.1/cb"])


@given(st.text())
def test_no_text_breaks_scope_parsing(text: str) -> None:
    parsed = scopes.parse(text)
    assert parsed is None or all(" " not in scope and scope.isascii() for scope in parsed)


def test_write_includes_read_of_the_same_resource_alone() -> None:
    assert scopes.allows(["argus:epcr:write"], "argus:epcr:read")
    assert not scopes.allows(["argus:epcr:read"], "argus:epcr:write")
    assert not scopes.allows(["argus:epcr:write"], "argus:devices:read")


def test_event_patterns() -> None:
    assert rules.matches("incident.*", "incident.updated")
    assert not rules.matches("incident.*", "incidental.updated")
    assert rules.is_known_event("epcr.encounter.*")
    assert not rules.is_known_event("*")


def test_secrets_carry_a_checksum() -> None:
    form = re.fullmatch("kns_([A-Za-z0-9_-]{43})([0-9a-z]{7})", credentials.new_secret())
    assert form is not None
    assert int(form[2], 36) == zlib.crc32(form[1].encode())


@given(st.text(st.sampled_from("ab=&%+4;1 é"), max_size=30))
def test_plain_forms_are_read_as_any_are(text: str) -> None:
    try:
        expected = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=forms.MAX_FIELDS)
    except ValueError:
        return
    values, _, twice = forms.first_values(text)
    assert dict(values) == {name: value for name, value in reversed(expected) if value}
    assert twice == {name for name, _ in expected if [one for one, _ in expected].count(name) > 1}


def test_too_many_fields_are_refused_in_either_form() -> None:
    for field in ("a=1", "a=%31"):
        with pytest.raises(InvalidRequestError):
            forms.first_values("&".join([field] * (forms.MAX_FIELDS + 1)))
