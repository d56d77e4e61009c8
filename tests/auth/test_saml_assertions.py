"""What a SAML response must be to sign anybody in, and everything else that is refused: wrapped, replayed, stale, meant for others."""

import base64
import contextlib
import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.auth.saml import assertions, documents, reader
from services.auth.saml.assertions import Expected, Verified, verify
from services.auth.saml.documents import ASSERTION, ENCRYPTION, MAX_BYTES, PROTOCOL, SIGNATURE, MessageRefused, tag
from tests.auth.identity_provider import (
    Answer,
    Signer,
    assertion_of,
    element,
    new_elliptic_signer,
    new_signer,
    response,
    sign,
    to_bytes,
)
from tests.support.keys import rsa_key

ISSUER = "https://idp.example/metadata"
AUDIENCE = "https://auth.knogin.test/v1/saml/samlc_1/metadata"
ACS = "https://auth.knogin.test/v1/saml/samlc_1/acs"
GOOD = Answer(ISSUER, AUDIENCE, ACS, "_request", attributes={"mail": ["anna@idp.example"], "groups": ["desk", "night"]})
IDP, OTHER = new_signer(key=rsa_key(20)), new_signer(key=rsa_key(21))
Attack = Callable[[Any], Any]


def expected(*signers: Signer) -> Expected:
    return Expected(ISSUER, AUDIENCE, ACS, [signer.certificate for signer in signers or (IDP,)])


def check(document: bytes | Any, *signers: Signer, now: datetime | None = None) -> Verified:
    document = document if isinstance(document, bytes) else to_bytes(document)
    return verify(document, expected(*signers), now or datetime.now(UTC))


def refusal(document: bytes | Any, *signers: Signer, now: datetime | None = None) -> str:
    with pytest.raises(MessageRefused) as refused:
        check(document, *signers, now=now)
    assert len(refused.value.detail) < 600
    return refused.value.reason


def good() -> Any:
    return sign(response(GOOD), IDP)


def test_a_good_response_says_who_signed_in() -> None:
    verified = check(good())
    assert (verified.name_id, verified.in_response_to) == ("5f0c", "_request")
    assert verified.attributes == {"mail": ["anna@idp.example"], "groups": ["desk", "night"]}
    assert verified.session_index.startswith("_")
    assert len(verified.certificate) == 64


def test_an_elliptic_key_signs_as_well() -> None:
    signer = new_elliptic_signer()
    assert check(sign(response(GOOD), signer), signer).name_id == "5f0c"


def test_both_response_and_assertion_may_be_signed_and_then_both_must_hold() -> None:
    both = sign(good(), IDP, which="response")
    assert check(both).name_id == "5f0c"
    assert refusal(sign(good(), OTHER, which="response")) == "signature"
    both.set("IssueInstant", "2020-01-01T00:00:00Z")
    assert refusal(both) == "signature"


def test_two_certificates_are_pinned_during_a_roll_over() -> None:
    assert check(good(), OTHER, IDP).certificate != check(sign(response(GOOD), OTHER), OTHER, IDP).certificate


# --- Signature wrapping -------------------------------------------------------------------------------------------------


def evil_of(root: Any) -> Any:
    """A copy of the assertion that names somebody else, without a signature."""
    evil = copy.deepcopy(assertion_of(root))
    evil.remove(evil.find(tag(SIGNATURE, "Signature")))
    evil.set("ID", "_evil")
    evil.find(f"{tag(ASSERTION, 'Subject')}/{tag(ASSERTION, 'NameID')}").text = "admin"
    return evil


def evil_first(root: Any) -> Any:
    root.insert(2, evil_of(root))
    return root


def evil_last(root: Any) -> Any:
    root.append(evil_of(root))
    return root


def evil_with_the_same_id(root: Any) -> Any:
    evil = evil_of(root)
    evil.set("ID", assertion_of(root).get("ID"))
    root.insert(2, evil)
    return root


def good_inside_evil(root: Any) -> Any:
    evil = evil_of(root)
    root.replace(assertion_of(root), evil)
    evil.append(good_in(root))
    return root


def good_in(root: Any) -> Any:
    return assertion_of(good())


def good_inside_evils_signature(root: Any) -> Any:
    """The signed assertion moves into an Object of the signature that the evil one carries."""
    original = assertion_of(root)
    evil = evil_of(root)
    signature = copy.deepcopy(original.find(tag(SIGNATURE, "Signature")))
    original.remove(original.find(tag(SIGNATURE, "Signature")))
    element(signature, SIGNATURE, "Object").append(copy.deepcopy(original))
    evil.insert(1, signature)
    root.replace(original, evil)
    return root


def evil_takes_the_signature(root: Any) -> Any:
    """The evil assertion carries the signature, the good one stands unsigned beside it."""
    original = assertion_of(root)
    evil = evil_of(root)
    evil.insert(1, original.find(tag(SIGNATURE, "Signature")))
    root.insert(2, evil)
    return root


def good_in_extensions(root: Any) -> Any:
    evil = evil_of(root)
    original = assertion_of(root)
    root.replace(original, evil)
    extensions = etree.Element(tag(PROTOCOL, "Extensions"))
    extensions.append(original)
    root.insert(1, extensions)
    return root


def good_in_extensions_signature_in_evil(root: Any) -> Any:
    original = assertion_of(root)
    evil = evil_of(root)
    evil.insert(1, copy.deepcopy(original.find(tag(SIGNATURE, "Signature"))))
    root.replace(original, evil)
    extensions = etree.Element(tag(PROTOCOL, "Extensions"))
    extensions.append(original)
    root.insert(1, extensions)
    return root


def good_in_advice(root: Any) -> Any:
    evil = evil_of(root)
    original = assertion_of(root)
    root.replace(original, evil)
    element(evil, ASSERTION, "Advice").append(original)
    return root


def good_in_an_attribute_value(root: Any) -> Any:
    evil = evil_of(root)
    original = assertion_of(root)
    root.replace(original, evil)
    evil.find(f".//{tag(ASSERTION, 'AttributeValue')}").append(original)
    return root


def whole_response_inside_another(root: Any) -> Any:
    outer = response(GOOD._replace(name_id="admin"))
    outer.append(root)
    return outer


def response_inside_evil_assertion(root: Any) -> Any:
    outer = response(GOOD._replace(name_id="admin"))
    assertion_of(outer).append(root)
    return outer


def signature_beside_the_assertion(root: Any) -> Any:
    """Signature moved to the response, which it does not refer to."""
    root.insert(1, assertion_of(root).find(tag(SIGNATURE, "Signature")))
    return root


def two_signatures_in_the_assertion(root: Any) -> Any:
    signature = assertion_of(root).find(tag(SIGNATURE, "Signature"))
    assertion_of(root).append(copy.deepcopy(signature))
    return root


def signature_deeper_down(root: Any) -> Any:
    assertion = assertion_of(root)
    assertion.find(tag(ASSERTION, "Subject")).append(assertion.find(tag(SIGNATURE, "Signature")))
    return root


def reference_to_nothing_in_particular(root: Any) -> Any:
    root.find(f".//{tag(SIGNATURE, 'Reference')}").set("URI", "")
    return root


def two_references(root: Any) -> Any:
    reference = root.find(f".//{tag(SIGNATURE, 'Reference')}")
    reference.addnext(copy.deepcopy(reference))
    return root


def another_element_with_the_id(root: Any) -> Any:
    """An `Id` elsewhere, since a verifier may look for that name first."""
    extensions = etree.Element(tag(PROTOCOL, "Extensions"))
    element(extensions, "urn:x", "x", Id=assertion_of(root).get("ID"))
    root.insert(1, extensions)
    return root


def transform_that_drops_the_subject(root: Any) -> Any:
    transforms = root.find(f".//{tag(SIGNATURE, 'Transforms')}")
    made = element(transforms, SIGNATURE, "Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116")
    element(made, SIGNATURE, "XPath", "not(ancestor-or-self::*[local-name()='Subject'])")
    return root


def signed_info_twice(root: Any) -> Any:
    info = root.find(f".//{tag(SIGNATURE, 'SignedInfo')}")
    info.addnext(copy.deepcopy(info))
    return root


def name_changed(root: Any) -> Any:
    root.find(f".//{tag(ASSERTION, 'NameID')}").text = "admin"
    return root


def assertion_in_another_namespace(root: Any) -> Any:
    """A second assertion that only a careless reader takes for one."""
    evil = evil_of(root)
    for one in evil.iter():
        one.tag = one.tag.replace(ASSERTION, "urn:oasis:names:tc:SAML:1.0:assertion")
    root.insert(2, evil)
    return root


def key_of_the_attacker_in_key_info(root: Any) -> Any:
    """Signed by the attacker, whose certificate lies in KeyInfo as the identity provider's would."""
    return sign(response(GOOD._replace(name_id="admin")), OTHER)


def hmac_with_the_public_key(root: Any) -> Any:
    method = root.find(f".//{tag(SIGNATURE, 'SignatureMethod')}")
    method.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    return root


WRAPPED: dict[Attack, set[str]] = {
    evil_first: {"assertions"},
    evil_last: {"assertions"},
    evil_with_the_same_id: {"repeated_id"},
    good_inside_evil: {"assertions"},
    good_inside_evils_signature: {"assertions"},
    evil_takes_the_signature: {"assertions"},
    good_in_extensions: {"assertions"},
    good_in_extensions_signature_in_evil: {"assertions"},
    good_in_advice: {"assertions"},
    good_in_an_attribute_value: {"assertions"},
    whole_response_inside_another: {"assertions"},
    response_inside_evil_assertion: {"assertions"},
    signature_beside_the_assertion: {"not_signed"},
    two_signatures_in_the_assertion: {"not_signed"},
    signature_deeper_down: {"not_signed"},
    reference_to_nothing_in_particular: {"signature"},
    two_references: {"signature"},
    another_element_with_the_id: {"repeated_id"},
    transform_that_drops_the_subject: {"algorithm"},
    signed_info_twice: {"signature"},
    name_changed: {"signature"},
    key_of_the_attacker_in_key_info: {"signature"},
    hmac_with_the_public_key: {"algorithm"},
}


@pytest.mark.parametrize("attack", WRAPPED, ids=lambda attack: attack.__name__)
def test_a_wrapped_signature_signs_nobody_in(attack: Attack) -> None:
    assert refusal(attack(good())) in WRAPPED[attack]


def test_what_is_no_assertion_is_not_read() -> None:
    assert check(assertion_in_another_namespace(good())).name_id == "5f0c"


@pytest.mark.parametrize("attack", WRAPPED, ids=lambda attack: attack.__name__)
def test_no_wrapping_gets_past_the_signature_even_where_the_shape_is_not_looked_at(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line of defence alone: what comes back is never the attacker's, whichever assertion is taken for the one."""
    monkeypatch.setattr(assertions, "_check_response", lambda root, expected: assertion_of(root))
    monkeypatch.setattr(documents, "check_shape", lambda signed: None)
    with contextlib.suppress(MessageRefused, AttributeError):
        assert check(attack(good())).name_id != "admin"


# --- Everything else that must not pass -----------------------------------------------------------------------------------


def changed(change: Attack) -> Any:
    """Changed and then signed: the signature holds, what it covers does not."""
    root = response(GOOD)
    return sign(change(root), IDP)


def at(root: Any, path: str) -> Any:
    names = {"saml": ASSERTION, "samlp": PROTOCOL}
    return root.find(path, names)


def with_attribute(path: str, name: str, value: str | None) -> Attack:
    def change(root: Any) -> Any:
        found = at(root, path) if path else root
        if value is None:
            del found.attrib[name]
        else:
            found.set(name, value)
        return root

    return change


def with_text(path: str, text: str) -> Attack:
    def change(root: Any) -> Any:
        at(root, path).text = text
        return root

    return change


def without(path: str) -> Attack:
    def change(root: Any) -> Any:
        found = at(root, path)
        found.getparent().remove(found)
        return root

    return change


def twice(path: str) -> Attack:
    def change(root: Any) -> Any:
        found = at(root, path)
        found.addnext(copy.deepcopy(found))
        return root

    return change


DATA = ".//saml:SubjectConfirmationData"
LATER = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
EARLIER = "2020-01-01T00:00:00Z"
WRONG: list[tuple[str, Attack, str]] = [
    ("no status", without("samlp:Status"), "malformed"),
    ("failed", with_attribute(".//samlp:StatusCode", "Value", "urn:x:status:AuthnFailed"), "status"),
    ("version 1.1", with_attribute("", "Version", "1.1"), "malformed"),
    ("for another endpoint", with_attribute("", "Destination", ACS + "2"), "destination"),
    ("for nobody", with_attribute("", "Destination", None), "destination"),
    ("response of another issuer", with_text("saml:Issuer", "https://other.example"), "issuer"),
    ("assertion of another issuer", with_text("saml:Assertion/saml:Issuer", "https://other.example"), "issuer"),
    ("no issuer", without("saml:Assertion/saml:Issuer"), "issuer"),
    ("answers another request", with_attribute("", "InResponseTo", "_other"), "in_response_to"),
    ("assertion answers another request", with_attribute(DATA, "InResponseTo", "_other"), "in_response_to"),
    ("only the response answers", with_attribute(DATA, "InResponseTo", None), "in_response_to"),
    ("for another recipient", with_attribute(DATA, "Recipient", ACS + "?x"), "recipient"),
    ("no recipient", with_attribute(DATA, "Recipient", None), "recipient"),
    ("confirmation ended", with_attribute(DATA, "NotOnOrAfter", EARLIER), "expired"),
    ("confirmation without end", with_attribute(DATA, "NotOnOrAfter", None), "malformed"),
    ("confirmation begins later", with_attribute(DATA, "NotBefore", LATER), "not_yet_valid"),
    ("no confirmation", without(".//saml:SubjectConfirmation"), "confirmation"),
    ("two confirmations", twice(".//saml:SubjectConfirmation"), "confirmation"),
    ("not a bearer", with_attribute(".//saml:SubjectConfirmation", "Method", "urn:x"), "confirmation"),
    ("conditions ended", with_attribute(".//saml:Conditions", "NotOnOrAfter", EARLIER), "expired"),
    ("conditions begin later", with_attribute(".//saml:Conditions", "NotBefore", LATER), "not_yet_valid"),
    ("no conditions", without(".//saml:Conditions"), "conditions"),
    ("for another audience", with_text(".//saml:Audience", "https://other.example"), "audience"),
    ("no audience", without(".//saml:AudienceRestriction"), "audience"),
    ("nobody signed in", without(".//saml:AuthnStatement"), "authentication"),
    ("signed in later", with_attribute(".//saml:AuthnStatement", "AuthnInstant", LATER), "not_yet_valid"),
    ("session over", with_attribute(".//saml:AuthnStatement", "SessionNotOnOrAfter", EARLIER), "expired"),
    ("issued long ago", with_attribute("saml:Assertion", "IssueInstant", EARLIER), "expired"),
    ("a name that ends in a space of its own", with_text(".//saml:NameID", "5f0c\u2003"), "name_id"),
    ("issued later", with_attribute("saml:Assertion", "IssueInstant", LATER), "not_yet_valid"),
    ("a time of no zone", with_attribute(".//saml:Conditions", "NotOnOrAfter", LATER[:-1]), "malformed"),
    ("no time at all", with_attribute(".//saml:Conditions", "NotOnOrAfter", "2026-02-30T25:00:00Z"), "malformed"),
    ("no name", with_text(".//saml:NameID", ""), "name_id"),
    ("a long name", with_text(".//saml:NameID", "x" * 513), "name_id"),
    ("two names", twice(".//saml:NameID"), "name_id"),
    (
        "a name for once",
        with_attribute(".//saml:NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
        "name_id",
    ),
    ("no subject", without(".//saml:Subject"), "malformed"),
]


@pytest.mark.parametrize(("change", "reason"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_signed_response_that_does_not_fit_is_refused(change: Attack, reason: str) -> None:
    assert refusal(changed(change)) == reason


def test_a_second_audience_restriction_must_hold_as_well() -> None:
    def change(root: Any) -> Any:
        element(
            element(at(root, ".//saml:Conditions"), ASSERTION, "AudienceRestriction"), ASSERTION, "Audience", "urn:x"
        )
        return root

    assert refusal(changed(change)) == "audience"


def test_a_condition_nobody_knows_is_not_ignored() -> None:
    def change(root: Any) -> Any:
        element(at(root, ".//saml:Conditions"), ASSERTION, "Condition")
        return root

    assert refusal(changed(change)) == "conditions"


def test_clocks_may_differ_by_a_minute_and_no_more() -> None:
    document, now = good(), datetime.now(UTC)
    for offset in (timedelta(seconds=-50), timedelta(minutes=5, seconds=50)):
        assert check(document, now=now + offset)
    assert refusal(document, now=now - timedelta(seconds=70)) == "not_yet_valid"
    assert refusal(document, now=now + timedelta(minutes=6, seconds=10)) == "expired"


def test_an_unsigned_assertion_is_refused_also_inside_a_signed_response() -> None:
    assert refusal(response(GOOD)) == "not_signed"
    assert refusal(sign(response(GOOD), IDP, which="response")) == "not_signed"


def test_a_certificate_of_another_connection_vouches_for_nobody() -> None:
    assert refusal(sign(response(GOOD), OTHER)) == "signature"


def test_an_expired_certificate_vouches_for_nobody() -> None:
    old = new_signer(days=(-30, -1))
    assert refusal(sign(response(GOOD), old), old) == "certificate_expired"


@pytest.mark.parametrize(
    "options", [{"signature_algorithm": "rsa-sha1"}, {"digest_algorithm": "sha1"}, {"digest_algorithm": "sha224"}]
)
def test_weak_hashes_are_refused(options: dict[str, str]) -> None:
    assert refusal(sign(response(GOOD), IDP, **options)) == "algorithm"


@pytest.mark.parametrize(
    "algorithm",
    ["http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"],
)
def test_only_exclusive_canonicalisation_without_comments_is_read(algorithm: str) -> None:
    assert refusal(sign(response(GOOD), IDP, c14n_algorithm=algorithm)) == "algorithm"


def test_encrypted_assertions_are_refused() -> None:
    root = good()
    element(element(root, ASSERTION, "EncryptedAssertion"), ENCRYPTION, "EncryptedData")
    assert refusal(root) == "encrypted"


def test_a_comment_in_a_name_is_refused() -> None:
    def change(root: Any) -> Any:
        name = at(root, ".//saml:NameID")
        name.text = "admin@idp.example"
        comment = etree.Comment("x")
        name.append(comment)
        comment.tail = ".attacker.example"
        return root

    document = changed(change)
    assert b"<!--x-->" in to_bytes(document)
    assert refusal(document) == "comments"
    # Signed without the comment and sent with it: the signature holds, since canonicalisation drops comments.
    whole = to_bytes(sign(response(GOOD._replace(name_id="admin.attacker")), IDP))
    assert refusal(whole.replace(b">admin.attacker<", b">admin<!---->.attacker<")) == "comments"
    assert refusal(whole + b"<!--x-->") == "comments"
    assert refusal(whole.replace(b">admin.attacker<", b">admin<?x?>.attacker<")) == "comments"


BILLION = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = [
    '<!DOCTYPE x [<!ENTITY a0 "a">' + BILLION + "]>",
    '<!DOCTYPE x [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "<!DOCTYPE x [<!ATTLIST Assertion ID ID #IMPLIED>]>",
]


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_a_document_type_is_refused_before_anything_expands(doctype: str) -> None:
    document = to_bytes(good()).replace(b">5f0c<", b">&a9;<")
    assert refusal(doctype.encode() + document) == "doctype"
    declared = '<?xml version="1.0" encoding="utf-16"?>' + doctype + document.decode()
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-7"):
        assert refusal(declared.encode(encoding)) in ("malformed", "doctype")


@pytest.mark.parametrize("encoding", ["UTF-7", "ISO-8859-1", "EBCDIC-CP-US", "UTF-16"])
def test_another_encoding_is_refused(encoding: str) -> None:
    assert refusal(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + to_bytes(good())) == "malformed"


def test_a_large_document_is_refused_unread() -> None:
    assert refusal(b"<" * (MAX_BYTES + 1)) == "too_large"
    padded = response(GOOD._replace(attributes={"x": ["y" * MAX_BYTES]}))
    assert refusal(sign(padded, IDP)) == "too_large"


def test_a_deep_document_is_refused() -> None:
    assert refusal(b"<a>" * 50_000 + b"</a>" * 50_000) in ("malformed", "too_large")


@pytest.mark.parametrize(
    "document", [b"", b"x", b"\xff", b"<a/>", b"<a></b>", b"\0", "<é/>".encode("latin-1"), b"<?xml version='1.1'?><a/>"]
)
def test_what_is_no_response_is_refused(document: bytes) -> None:
    assert refusal(document) in ("malformed", "comments")


@pytest.mark.parametrize("costly", [b"<b/>", b"<!---->", b"<?a?>", b"&amp;", b"<b a='='/>", b"<b>"])
def test_what_costs_the_parser_most_is_refused_before_it(costly: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """62,000 elements in one document took the reader 30 ms."""
    monkeypatch.setattr(documents.etree, "fromstring", None)
    most = documents.MAX_BYTES - 100
    assert refusal(b"<a>" + costly * (most // len(costly)) + b"</a>") in ("malformed", "comments")


def test_an_answer_with_a_thousand_groups_and_escapes_is_read() -> None:
    """The form as browsers write it, with base64 in lines."""
    groups = [f"CN=group {number} & others,OU=Ambulances,DC=example" for number in range(assertions.MAX_VALUES)]
    attributes = {f"groups {number}": groups for number in range(5)}
    document = to_bytes(sign(response(GOOD._replace(attributes=attributes)), IDP))
    lines = base64.encodebytes(document).replace(b"\n", b"\r\n")
    job = reader.ResponseForm(
        content_type="application/x-www-form-urlencoded",
        body=urlencode({"SAMLResponse": lines, "RelayState": "x"}).encode(),
        issuer=ISSUER,
        audience=AUDIENCE,
        acs_url=ACS,
        certificates=[IDP.certificate.public_bytes(Encoding.PEM).decode()],
        now=datetime.now(UTC),
    )
    assert job.run().verified.attributes == attributes


def test_too_many_attributes_are_refused() -> None:
    many = {f"a{number}": ["x"] for number in range(assertions.MAX_ATTRIBUTES + 1)}
    assert refusal(sign(response(GOOD._replace(attributes=many)), IDP)) == "attributes"


FOR_EVER = "9999-12-31T23:59:59Z"


def test_an_assertion_for_ever_is_believed_and_remembered_for_a_day() -> None:
    def change(root: Any) -> Any:
        for path, name in ((DATA, "NotOnOrAfter"), (".//saml:Conditions", "NotOnOrAfter")):
            at(root, path).set(name, FOR_EVER)
        at(root, ".//saml:AuthnStatement").set("SessionNotOnOrAfter", FOR_EVER)
        return root

    document, now = changed(change), datetime.now(UTC)
    verified = check(document, now=now)
    assert timedelta(hours=24) < verified.expires_at - now < timedelta(hours=24, minutes=2)
    assert verified.session_ends_at is not None
    assert verified.session_ends_at <= now + assertions.LONGEST
    assert check(document, now=verified.expires_at - timedelta(seconds=5))
    assert refusal(document, now=verified.expires_at + timedelta(seconds=5)) == "expired"


def test_a_document_of_prefixes_or_attributes_is_refused_before_they_are_sorted() -> None:
    """Thousands of them fit into a document, and took many seconds to verify."""
    prefixes = "".join(f' xmlns:n{number}="urn:u"' for number in range(11_000)).encode()
    with pytest.raises(MessageRefused) as refused:
        check(to_bytes(good()).replace(b"<saml:Assertion", b"<saml:Assertion" + prefixes, 1))
    assert "prefixes" in refused.value.detail
    attributes = "".join(f' a{number}=""' for number in range(20_000)).encode()
    with pytest.raises(MessageRefused) as refused:
        check(to_bytes(good()).replace(b"<saml:NameID", b"<saml:NameID" + attributes, 1))
    assert "attributes" in refused.value.detail
    some = "".join(f' xmlns:n{number}="urn:u"' for number in range(200)).encode()
    assert check(to_bytes(good()).replace(b"<samlp:Response", b"<samlp:Response" + some, 1))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_be_refused(document: bytes) -> None:
    assert refusal(document)


GOOD_BYTES = to_bytes(good())


@settings(deadline=None, max_examples=400)
@given(st.integers(0, len(GOOD_BYTES) - 1), st.integers(0, 200), st.binary(max_size=30))
def test_no_change_to_a_good_response_names_another(start: int, length: int, piece: bytes) -> None:
    document = GOOD_BYTES[:start] + piece + GOOD_BYTES[start + length :]
    try:
        verified = check(document)
    except MessageRefused:
        return
    assert (verified.name_id, verified.in_response_to) == ("5f0c", "_request")


@given(st.text())
def test_no_text_breaks_the_reading_of_a_time(text: str) -> None:
    with contextlib.suppress(MessageRefused):
        assert documents.moment(text, "x").tzinfo is UTC
