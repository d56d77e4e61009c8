"""The doors that strangers reach: whatever is posted there is refused with a page, signs nobody in, and never breaks anything."""

import zlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.auth.federation import Connection, code_of, follow
from tests.auth.identity_provider import (
    assertion_of,
    encoded,
    new_elliptic_signer,
    new_signer,
    response,
    sign,
    to_bytes,
)
from tests.auth.support import Auth, Browser
from tests.auth.test_saml_assertions import BILLION, DOCTYPES, WRAPPED, Attack
from tests.support.name_server import NameServer

CALM = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def works(auth: Auth, name_server: NameServer) -> Iterator[Connection]:
    connection = Connection(auth, auth.demo)
    connection.prove(name_server)
    yield connection
    connection.remove()


def sent(works: Connection, browser: Browser, document: bytes | Any, relay_state: str) -> Any:
    document = document if isinstance(document, bytes) else to_bytes(document)
    return works.post(browser, {"SAMLResponse": encoded(document), "RelayState": relay_state})


@pytest.mark.parametrize("attack", WRAPPED, ids=lambda attack: attack.__name__)
def test_a_wrapped_answer_signs_nobody_in(works: Connection, attack: Attack) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    root = attack(sign(response(works.answer(asked)), works.signer))
    answer = sent(works, browser, root, asked.relay_state)
    assert answer.status_code == 400
    assert code_of(answer)
    # And the genuine one still does: nothing was used up.
    assert follow(browser, works.post(browser, works.form(asked))).status_code == 303


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_an_answer_with_a_document_type_is_refused(works: Connection, doctype: str) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    document = to_bytes(sign(response(works.answer(asked)), works.signer)).replace(b">5f0c<", b">&a9;<")
    assert code_of(sent(works, browser, doctype.encode() + document, asked.relay_state)) == "doctype"


def test_an_answer_with_a_comment_in_the_name_is_refused(works: Connection) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    document = to_bytes(sign(response(works.answer(asked)), works.signer)).replace(b">5f0c<", b">5f<!---->0c<")
    assert code_of(sent(works, browser, document, asked.relay_state)) == "comments"


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"audience": "https://other.example"}, {}, "audience"),
        ({"acs_url": "https://other.example"}, {}, "destination"),
        ({"issuer": "https://other.example"}, {}, "issuer"),
        ({}, {"signature_algorithm": "rsa-sha1"}, "algorithm"),
        ({}, {"digest_algorithm": "sha1"}, "algorithm"),
    ],
)
def test_an_answer_for_others_or_weakly_signed_is_refused(
    works: Connection, changes: Any, options: Any, code: str
) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    root = sign(response(works.answer(asked, **changes)), works.signer, **options)
    answer = sent(works, browser, root, asked.relay_state)
    assert (answer.status_code, code_of(answer)) == (400, code)


@pytest.mark.parametrize("signer", [new_signer(), new_elliptic_signer()], ids=["rsa", "elliptic"])
def test_an_answer_signed_by_somebody_else_is_refused(works: Connection, signer: Any) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    assert code_of(works.post(browser, works.form(asked, signer))) == "signature"
    assert code_of(sent(works, browser, response(works.answer(asked)), asked.relay_state)) == "not_signed"


def test_two_assertions_and_encrypted_ones_are_refused(works: Connection) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    root = sign(response(works.answer(asked)), works.signer)
    root.append(assertion_of(sign(response(works.answer(asked)), works.signer)))
    assert code_of(sent(works, browser, root, asked.relay_state)) == "assertions"
    text = to_bytes(sign(response(works.answer(asked)), works.signer)).replace(b":Assertion", b":EncryptedAssertion")
    assert code_of(sent(works, browser, text, asked.relay_state)) == "encrypted"


def test_a_large_answer_is_refused(works: Connection) -> None:
    browser = Browser(works.auth)
    for form in ({"SAMLResponse": encoded(b"<" * 300_000)}, {"SAMLResponse": "x" * 700_000}):
        answer = works.post(browser, form)
        assert (answer.status_code, code_of(answer)) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"SAMLResponse=x&SAMLResponse=y", "application/x-www-form-urlencoded"),
        (b"SAMLResponse=%ff", "application/x-www-form-urlencoded"),
        (b"SAMLResponse=%00", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"<x/>", "text/xml"),
        (b"x", ""),
    ],
)
@pytest.mark.parametrize("door", ["acs", "slo"])
def test_a_form_that_cannot_be_read_is_a_page(works: Connection, door: str, body: bytes, content_type: str) -> None:
    headers = {"content-type": content_type}
    answer = works.auth.call("POST", works.path(door), content=body, headers=headers)
    assert (answer.status_code, code_of(answer)) == (400, "malformed")
    assert "set-cookie" not in answer.headers


def test_the_doors_are_open_for_their_methods_alone(works: Connection) -> None:
    for door, method in (("acs", "GET"), ("login", "POST"), ("metadata", "POST"), ("slo", "PUT"), ("finish", "DELETE")):
        answer = works.auth.call(method, works.path(door))
        assert (answer.status_code, "allow" in answer.headers) == (405, True)


@pytest.mark.parametrize("door", ["login", "finish", "slo"])
@pytest.mark.parametrize("id", ["samlc_0123456789abcdefghjkmnpqrs", "x", "%0d%0a", "é"])
def test_a_connection_there_is_not_is_a_page(auth: Auth, door: str, id: str) -> None:
    assert auth.call("GET", f"/v1/saml/{id}/{door}").status_code == 404


@pytest.mark.parametrize("ticket", ["", "x", "é" * 43, "A" * 43, "A" * 5000, "\0"])
def test_a_ticket_nobody_gave_out_is_refused(works: Connection, ticket: str) -> None:
    assert Browser(works.auth).get(works.path("finish"), params={"ticket": ticket}).status_code == 400


def test_no_form_is_more_than_refused(works: Connection) -> None:
    browser = Browser(works.auth)
    good = to_bytes(sign(response(works.answer(works.ask(browser))), works.signer))
    pieces = st.sampled_from(
        [b"<", b">", b"&a;", b"<!--x-->", BILLION.encode(), b"\0", b"]]>", b" ID='x'", "é".encode()]
    )
    tampered = st.tuples(st.integers(0, len(good)), st.integers(0, 60), st.one_of(pieces, st.binary(max_size=20)))
    documents = st.one_of(
        st.binary(max_size=300).map(b64encode),
        tampered.map(lambda cut: b64encode(good[: cut[0]] + cut[2] + good[cut[0] + max(cut[1], 1) :])),
        st.binary(max_size=80),
    )

    @CALM
    @given(
        documents,
        st.text(max_size=40),
        st.sampled_from(["acs", "slo"]),
        st.sampled_from(["SAMLResponse", "SAMLRequest"]),
    )
    def attack(document: bytes, relay_state: str, door: str, field: str) -> None:
        form = urlencode({field: document, "RelayState": relay_state.encode("utf-8", "replace")})
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = works.auth.call("POST", works.path(door), content=form, headers=headers)
        assert answer.status_code in (400, 413), (answer.status_code, form)
        assert code_of(answer)

    before = tickets(works)
    attack()
    assert tickets(works) == before


def tickets(works: Connection) -> Any:
    return works.auth.sql("SELECT count(*) FROM saml_tickets WHERE connection_id = %s", works.id)


def test_no_query_is_more_than_refused(works: Connection) -> None:
    names = st.sampled_from(["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "x"])
    algorithms = [b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", b"http://www.w3.org/2000/09/xmldsig#rsa-sha1"]
    deflated = zlib.compress(etree.tostring(etree.Element("x")))[2:-4]
    values = st.one_of(
        st.sampled_from([*algorithms, b64encode(deflated), b64encode(b"x" * 256), b"%zz", b""]),
        st.binary(max_size=40).map(b64encode),
        st.binary(max_size=30),
    )

    @CALM
    @given(st.lists(st.tuples(names, values), max_size=7))
    def attack(pairs: list[tuple[str, bytes]]) -> None:
        answer = works.auth.call("GET", f"{works.path('slo')}?{urlencode(pairs)}")
        assert answer.status_code in (400, 413), (answer.status_code, pairs)

    attack()


def test_a_bomb_of_a_message_is_not_blown_up(works: Connection) -> None:
    """A gibibyte of zeros deflates to a megabyte; a signature would have to hold before it is even tried."""
    bomb = b64encode(zlib.compress(b" " * (1 << 24), 9)[2:-4]).decode()
    query = urlencode({"SAMLRequest": bomb, "SigAlg": "x", "Signature": "x"})
    assert code_of(works.auth.call("GET", f"{works.path('slo')}?{query}")) == "algorithm"
