"""Single logout: ours to the identity provider, theirs to us, each message signed, in both bindings."""

import zlib
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from services.auth.saml import messages, metadata
from services.auth.saml.documents import ASSERTION, MAX_BYTES, PROTOCOL, MessageRefused, tag
from tests.auth.federation import Asked, Connection, code_of, name_of, refresh_of, without_cookies
from tests.auth.identity_provider import Signer, encoded, new_elliptic_signer, new_signer, sign, to_bytes
from tests.auth.support import Auth, Browser, register_web_app
from tests.support.name_server import NameServer


def index_of(works: Connection) -> str:
    rows = works.auth.sql(
        "SELECT session_index FROM saml_sessions WHERE connection_id = %s ORDER BY session_id DESC", works.id
    )
    return rows[0][0]


def logout_request(works: Connection, name_id: str = "5f0c", index: str = "", **changes: str) -> Any:
    slo_url = works.described["service_provider"]["slo_url"]
    document = messages.logout_request(
        messages.new_id(), works.entity_id, slo_url, name_id, "urn:x", index, datetime.now(UTC)
    )
    root: Any = etree.fromstring(document)
    for name, value in changes.items():
        root.set(name, value)
    return root


def by_redirect(works: Connection, kind: str, root: Any, signer: Signer | None = None, relay_state: str = "rs") -> Any:
    key = (signer or works.signer).key
    location = messages.to_url("x", kind, to_bytes(root), relay_state, key)
    return works.auth.call("GET", f"{works.path('slo')}?{location.partition('?')[2]}")


def by_post(works: Connection, kind: str, root: Any, signer: Signer | None = None) -> Any:
    signed = sign(root, signer or works.signer, which="response")
    return works.auth.form(works.path("slo"), {kind: encoded(to_bytes(signed)), "RelayState": "rs"})


def is_in(browser: Browser) -> bool:
    return browser.get("/v1/auth/sessions").status_code == 200


# --- Ours to them ----------------------------------------------------------------------------------------------------


def test_signing_out_goes_on_to_the_identity_provider_and_comes_back(works: Connection) -> None:
    browser = Browser(works.auth)
    works.sign_in(browser)
    index = index_of(works)
    out = browser.submit(sessions_with_sign_out(browser), "/v1/auth/sign-out")
    assert (out.status_code, is_in(browser)) == (200, False)
    asked = Asked(refresh_of(out))
    assert asked.root.tag == tag(PROTOCOL, "LogoutRequest")
    assert name_of(asked.root) == "5f0c"
    assert asked.root.find(tag(PROTOCOL, "SessionIndex")).text == index
    own = metadata.read_certificate(works.described["service_provider"]["certificate"])
    assert messages.from_query(asked.query, [own]).kind == "SAMLRequest"
    back = by_redirect(works, "SAMLResponse", logout_response(works, asked.id))
    assert (back.status_code, "session has ended" in back.text) == (200, True)
    again = by_redirect(works, "SAMLResponse", logout_response(works, asked.id))
    assert code_of(again) == "in_response_to"


def sessions_with_sign_out(browser: Browser) -> Any:
    """A page that has the form for signing out."""
    return browser.authorize(register_web_app(browser.auth))


def logout_response(works: Connection, answered: str, status: str | None = None, **changes: str) -> Any:
    slo_url = works.described["service_provider"]["slo_url"]
    root: Any = etree.fromstring(messages.logout_response(works.entity_id, slo_url, answered, datetime.now(UTC)))
    for name, value in changes.items():
        root.set(name, value)
    if status is not None:
        root.find(f".//{tag(PROTOCOL, 'StatusCode')}").set("Value", status)
    return root


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InResponseTo": "_unheard"}, "in_response_to"),
        ({"Destination": "https://other.example"}, "destination"),
        ({"IssueInstant": "2020-01-01T00:00:00Z"}, "expired"),
        ({"IssueInstant": "2090-01-01T00:00:00Z"}, "not_yet_valid"),
        ({"status": "urn:oasis:names:tc:SAML:2.0:status:Responder"}, "status"),
        ({"Version": "1.1"}, "malformed"),
    ],
)
def test_a_logout_response_that_does_not_fit_is_refused(works: Connection, changes: Any, code: str) -> None:
    assert code_of(by_redirect(works, "SAMLResponse", logout_response(works, "_x", **changes))) == code


def test_without_an_address_for_it_signing_out_stays_here(auth: Auth, works: Connection) -> None:
    works.call("PATCH", json={"slo_url": ""})
    browser = Browser(auth)
    works.sign_in(browser)
    out = browser.submit(sessions_with_sign_out(browser), "/v1/auth/sign-out")
    assert out.status_code == 303
    works.sign_in(browser)
    ended = by_redirect(works, "SAMLRequest", logout_request(works))
    assert (ended.status_code, is_in(browser)) == (200, False)


# --- Theirs to us ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binding", [by_redirect, by_post])
def test_the_identity_provider_ends_a_session_and_is_answered(works: Connection, binding: Any) -> None:
    browser = Browser(works.auth)
    works.sign_in(browser)
    request = logout_request(works, index=index_of(works))
    with without_cookies(browser):
        answer = binding(works, "SAMLRequest", request)
    assert answer.status_code == 303
    told = Asked(answer.headers["location"])
    assert told.url == works.described["slo_url"]
    assert told.root.tag == tag(PROTOCOL, "LogoutResponse")
    assert (told.root.get("InResponseTo"), told.relay_state) == (request.get("ID"), "rs")
    own = metadata.read_certificate(works.described["service_provider"]["certificate"])
    assert messages.from_query(told.query, [own]).kind == "SAMLResponse"
    assert not is_in(browser)
    actions = works.auth.sql("SELECT action FROM audit WHERE detail->>'by' = %s", works.id)
    assert actions == [("session.ended",)]


def test_only_the_sessions_that_are_named_end(works: Connection) -> None:
    first, second, other = (Browser(works.auth) for _ in range(3))
    works.sign_in(first)
    index = index_of(works)
    works.sign_in(second)
    works.sign_in(other, name_id="carlo", attributes={"email": [f"carlo@{works.domain}"]})
    by_redirect(works, "SAMLRequest", logout_request(works, index=index))
    assert [is_in(browser) for browser in (first, second, other)] == [False, True, True]
    by_redirect(works, "SAMLRequest", logout_request(works))
    assert [is_in(browser) for browser in (second, other)] == [False, True]


def test_a_connection_ends_no_session_of_anothers(auth: Auth, works: Connection, name_server: NameServer) -> None:
    browser = Browser(auth)
    works.sign_in(browser)
    theirs = Connection(auth, auth.other, new_signer())
    assert by_redirect(theirs, "SAMLRequest", logout_request(theirs)).status_code == 303
    assert is_in(browser)
    theirs.remove()


@pytest.mark.parametrize("binding", [by_redirect, by_post])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Destination": "https://other.example"}, "destination"),
        ({"NotOnOrAfter": "2020-01-01T00:00:00Z"}, "expired"),
        ({"IssueInstant": "2090-01-01T00:00:00Z"}, "not_yet_valid"),
        ({"Version": "1.1"}, "malformed"),
        ({"name_id": ""}, "name_id"),
        ({"name_id": "x" * 600}, "name_id"),
    ],
)
def test_a_logout_request_that_does_not_fit_is_refused(
    works: Connection, binding: Any, changes: Any, code: str
) -> None:
    assert code_of(binding(works, "SAMLRequest", logout_request(works, **changes))) == code


@pytest.mark.parametrize("binding", [by_redirect, by_post])
def test_a_logout_request_is_taken_once_and_only_signed(works: Connection, binding: Any) -> None:
    request = logout_request(works)
    assert code_of(binding(works, "SAMLRequest", logout_request(works), new_signer())) == "signature"
    # A copy, since signing writes into it.
    assert binding(works, "SAMLRequest", etree.fromstring(to_bytes(request))).status_code == 303
    assert code_of(binding(works, "SAMLRequest", request)) == "replayed"
    of_others = logout_request(works)
    of_others.find(tag(ASSERTION, "Issuer")).text = "https://other.example"
    assert code_of(binding(works, "SAMLRequest", of_others)) == "issuer"


def test_an_unsigned_logout_request_is_refused(works: Connection) -> None:
    document = to_bytes(logout_request(works))
    query = urlencode({"SAMLRequest": b64encode(zlib.compress(document)[2:-4]).decode()})
    assert code_of(works.auth.call("GET", f"{works.path('slo')}?{query}")) == "not_signed"
    assert code_of(works.auth.form(works.path("slo"), {"SAMLRequest": encoded(document)})) == "not_signed"


def test_the_signature_covers_the_address_to_the_letter(works: Connection) -> None:
    location = messages.to_url("x", "SAMLRequest", to_bytes(logout_request(works)), "rs", works.signer.key)
    query = location.partition("?")[2]
    for changed in (
        query.replace("RelayState=rs", "RelayState=other"),
        query.replace("RelayState=rs&", ""),
        query + "&RelayState=other",
        query.replace("rsa-sha256", "rsa-sha512"),
        query.replace(
            quote(messages.RSA_SHA256, safe=""), quote("http://www.w3.org/2000/09/xmldsig#rsa-sha1", safe="")
        ),
        query + "&SAMLResponse=x",
    ):
        assert code_of(works.auth.call("GET", f"{works.path('slo')}?{changed}")) in (
            "signature",
            "malformed",
            "algorithm",
        )
    # Other parameters, and another way of escaping that was signed so, are the sender's own affair.
    assert works.auth.call("GET", f"{works.path('slo')}?x=1&{query}").status_code == 303


def test_a_query_escaped_otherwise_is_verified_as_it_was_signed() -> None:
    signer = new_signer()
    message = (
        quote(b64encode(zlib.compress(b"<x/>")[2:-4]).decode(), safe="").replace("%2B", "%2b").replace("%3D", "%3d")
    )
    signed = f"SAMLRequest={message}&SigAlg=http%3a%2f%2fwww.w3.org%2f2001%2f04%2fxmldsig-more%23rsa-sha256"
    signature = b64encode(signer.key.sign(signed.encode(), PKCS1v15(), hashes.SHA256())).decode()
    received = messages.from_query(f"{signed}&Signature={quote(signature)}", [signer.certificate])
    assert received.document == b"<x/>"


def test_an_elliptic_signature_of_a_query_is_verified() -> None:
    signer = new_elliptic_signer()
    message = quote(b64encode(zlib.compress(b"<x/>")[2:-4]).decode(), safe="")
    algorithm = quote("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", safe="")
    signed = f"SAMLRequest={message}&SigAlg={algorithm}"
    r, s = decode_dss_signature(signer.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = quote(b64encode(r.to_bytes(32) + s.to_bytes(32)).decode(), safe="")
    assert messages.from_query(f"{signed}&Signature={signature}", [signer.certificate]).document == b"<x/>"
    with pytest.raises(MessageRefused):
        messages.from_query(f"{signed}&Signature={quote(b64encode(bytes(64)).decode())}", [signer.certificate])
    with pytest.raises(MessageRefused):
        messages.from_query(f"{signed}&Signature=AAAA", [signer.certificate])


def test_a_message_never_grows_beyond_what_a_document_may_have() -> None:
    assert messages.inflate(zlib.compress(b"x" * MAX_BYTES)[2:-4]) == b"x" * MAX_BYTES
    for data, reason in (
        (zlib.compress(b"x" * (MAX_BYTES + 1))[2:-4], "too_large"),
        (b"x", "malformed"),
        (b"", "malformed"),
    ):
        with pytest.raises(MessageRefused) as refused:
            messages.inflate(data)
        assert refused.value.reason == reason
    with pytest.raises(MessageRefused):
        messages.decode_base64("A" * (MAX_BYTES * 2))
    assert b64decode(b"eA==") == messages.decode_base64(" e\nA = =")


def test_an_old_request_says_no_end_and_is_believed_for_five_minutes() -> None:
    now = datetime.now(UTC)
    root: Any = etree.fromstring(messages.logout_request("_1", "i", "s", "n", "f", "", now))
    del root.attrib["NotOnOrAfter"]
    assert messages.read_logout_request(root, "i", "s", now + timedelta(minutes=5)).name_id == "n"
    with pytest.raises(MessageRefused):
        messages.read_logout_request(root, "i", "s", now + timedelta(minutes=7))


def test_a_logout_request_for_ever_is_believed_for_a_day() -> None:
    now = datetime.now(UTC)
    root: Any = etree.fromstring(messages.logout_request("_1", "i", "s", "n", "f", "", now))
    root.set("NotOnOrAfter", "9999-12-31T23:59:59Z")
    assert messages.read_logout_request(root, "i", "s", now).expires_at < now + timedelta(hours=25)
    with pytest.raises(MessageRefused):
        messages.read_logout_request(root, "i", "s", now + timedelta(hours=25))
