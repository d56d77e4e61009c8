"""Verifies a SAML response (SAML core §2, §3; profiles §4.1.4; bindings §3.5). Pure.

The order matters. First it checks the shape of the whole document, which leaves no place for a wrapped signature; then the signature
of the assertion, with pinned certificates. From there on it reads only the signed bytes. Values outside of them (status, destination)
can refuse a response but never admit one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.x509 import Certificate

from services.auth.saml.documents import (
    ASSERTION,
    ENCRYPTION,
    PROTOCOL,
    SIGNATURE,
    SPACE,
    SUCCESS,
    Element,
    children,
    count,
    fingerprint,
    moment,
    only,
    parse,
    refuse,
    refuse_repeated_ids,
    shown,
    tag,
    text_of,
    verify_signature,
)

SKEW = timedelta(seconds=60)
# An assertion is valid for at most a day after it was issued, and its id is stored for as long.
LONGEST = timedelta(days=1)
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
MAX_NAME_ID = 512
MAX_ATTRIBUTES = 200
MAX_VALUES = 200
MAX_VALUE = 1024
LOCATION = f"./{tag(ASSERTION, 'Assertion')}/"
KNOWN_CONDITIONS = {tag(ASSERTION, name) for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")}


class Expected(NamedTuple):
    """The values that a connection's responses must have."""

    issuer: str
    audience: str
    acs_url: str
    certificates: Sequence[Certificate]


class Verified(NamedTuple):
    """The content of a valid assertion. It could be replayed until `expires_at`; `certificate` is the fingerprint of its signer's."""

    assertion_id: str
    in_response_to: str | None
    name_id: str
    name_id_format: str
    signed_in_at: datetime
    session_index: str
    session_ends_at: datetime | None
    expires_at: datetime
    attributes: dict[str, list[str]]
    certificate: str


def verify(document: bytes, expected: Expected, now: datetime) -> Verified:
    """Raises MessageRefused with a reason and a detail for the administrator."""
    response = parse(document)
    assertion = _check_response(response, expected)
    covered, certificate = verify_signature(document, assertion, expected.certificates, LOCATION)
    if children(response, SIGNATURE, "Signature"):
        verify_signature(document, response, expected.certificates, "./")
    answered = response.get("InResponseTo")
    return _read(covered, expected, now, answered)._replace(certificate=fingerprint(certificate))


def _check_response(response: Element, expected: Expected) -> Element:
    """The only assertion of the response. Refuses shapes in which another one could be meant."""
    if response.tag != tag(PROTOCOL, "Response") or response.get("Version") != "2.0":
        refuse("malformed", "not a SAML 2.0 response")
    refuse_repeated_ids(response)
    status = only(only(response, PROTOCOL, "Status"), PROTOCOL, "StatusCode")
    if status.get("Value") != SUCCESS:
        inner = [code.get("Value") or "" for code in status.iter(tag(PROTOCOL, "StatusCode"))]
        refuse("status", shown("the identity provider says " + " ".join(code.rpartition(":")[2] for code in inner)))
    if count(response, ASSERTION, "EncryptedAssertion", "EncryptedID", "EncryptedAttribute") or count(
        response, ENCRYPTION, "EncryptedData"
    ):
        refuse("encrypted", "encrypted assertions are not read; turn encryption off")
    found = children(response, ASSERTION, "Assertion")
    if len(found) != 1 or count(response, ASSERTION, "Assertion") != 1:
        refuse("assertions", f"{count(response, ASSERTION, 'Assertion')} assertions where one is expected")
    if not children(found[0], SIGNATURE, "Signature"):
        detail = "only the response is signed" if children(response, SIGNATURE, "Signature") else "nothing is signed"
        refuse("not_signed", f"the assertion itself must be signed; {detail}")
    placed = len(children(found[0], SIGNATURE, "Signature")) + len(children(response, SIGNATURE, "Signature"))
    if count(response, SIGNATURE, "Signature") != placed:
        refuse("signature", "a signature is where none belongs")
    if response.get("Destination") != expected.acs_url:
        refuse("destination", _difference(expected.acs_url, response.get("Destination")))
    for issuer in children(response, ASSERTION, "Issuer"):
        _check_issuer(issuer, expected)
    return found[0]


def _check_issuer(issuer: Element, expected: Expected) -> None:
    if issuer.get("Format", ENTITY) != ENTITY or text_of(issuer) != expected.issuer:
        refuse("issuer", _difference(expected.issuer, text_of(issuer)))


def _difference(expected: str, found: str | None) -> str:
    return f"expected {shown(expected)}, got {shown(found or 'nothing')}"


def _read(assertion: Element, expected: Expected, now: datetime, answered: str | None) -> Verified:
    """Reads `assertion`, which was parsed from the signed bytes."""
    issued_at = moment(assertion.get("IssueInstant"), "IssueInstant")
    if assertion.get("Version") != "2.0" or issued_at > now + SKEW:
        refuse("not_yet_valid", "the assertion is of another version, or issued in the future")
    _check_window(None, issued_at + LONGEST, now, "the day after IssueInstant")
    _check_issuer(only(assertion, ASSERTION, "Issuer", "issuer"), expected)
    subject = only(assertion, ASSERTION, "Subject")
    named = only(subject, ASSERTION, "NameID", "name_id")
    name_id, name_id_format = text_of(named), named.get("Format", UNSPECIFIED)
    if name_id_format == TRANSIENT:
        refuse("name_id", "a transient NameID is another at each sign-in; send a persistent one")
    if not name_id or len(name_id) > MAX_NAME_ID or not name_id.isprintable():
        refuse("name_id", f"the NameID is empty, not printable or longer than {MAX_NAME_ID} characters")
    # The request that the only bearer confirmation (profiles §4.1.4.2) answers, and its expiry.
    bearers = [one for one in children(subject, ASSERTION, "SubjectConfirmation") if one.get("Method") == BEARER]
    if len(bearers) != 1:
        refuse("confirmation", f"{len(bearers)} bearer confirmations where one is expected")
    confirmed = only(bearers[0], ASSERTION, "SubjectConfirmationData", "confirmation")
    if confirmed.get("Recipient") != expected.acs_url:
        refuse("recipient", _difference(expected.acs_url, confirmed.get("Recipient")))
    until = moment(confirmed.get("NotOnOrAfter"), "SubjectConfirmationData NotOnOrAfter")
    _check_window(confirmed.get("NotBefore"), until, now, "SubjectConfirmationData")
    in_response_to, expires_at = confirmed.get("InResponseTo"), until
    if in_response_to != answered:
        refuse("in_response_to", "the response and its assertion answer different requests")
    expires_at = max(expires_at, _conditions(only(assertion, ASSERTION, "Conditions", "conditions"), expected, now))
    signed_in_at, session_index, session_ends_at = _authentication(assertion, now)
    return Verified(
        assertion_id=assertion.get("ID") or "",
        in_response_to=in_response_to,
        name_id=name_id,
        name_id_format=name_id_format,
        signed_in_at=signed_in_at,
        session_index=session_index,
        session_ends_at=session_ends_at,
        expires_at=min(expires_at, issued_at + LONGEST) + SKEW,
        attributes=_attributes(assertion),
        certificate="",
    )


def _check_window(not_before: str | None, not_on_or_after: datetime, now: datetime, what: str) -> None:
    if not_before is not None and moment(not_before, f"{what} NotBefore") > now + SKEW:
        refuse("not_yet_valid", f"{what} begins in the future; compare the clocks")
    if now - SKEW >= not_on_or_after:
        refuse("expired", f"{what} ended before it came; compare the clocks")


def _conditions(conditions: Element, expected: Expected, now: datetime) -> datetime:
    until = moment(conditions.get("NotOnOrAfter"), "Conditions NotOnOrAfter")
    _check_window(conditions.get("NotBefore"), until, now, "Conditions")
    if any(condition.tag not in KNOWN_CONDITIONS for condition in conditions):
        refuse("conditions", "a condition that is not known")
    restrictions = children(conditions, ASSERTION, "AudienceRestriction")
    audiences = [[text_of(one) for one in children(part, ASSERTION, "Audience")] for part in restrictions]
    # Every restriction must hold (core §2.5.1.4).
    if not audiences or not all(expected.audience in named for named in audiences):
        refuse("audience", _difference(expected.audience, " ".join(name for named in audiences for name in named)))
    return until


def _authentication(assertion: Element, now: datetime) -> tuple[datetime, str, datetime | None]:
    """When the person signed in, the session's index at the identity provider, and when it ends there."""
    statements = children(assertion, ASSERTION, "AuthnStatement")
    if not statements:
        refuse("authentication", "the assertion has no AuthnStatement")
    signed_in_at = moment(statements[0].get("AuthnInstant"), "AuthnInstant")
    if signed_in_at > now + SKEW:
        refuse("not_yet_valid", "the sign-in is in the future; compare the clocks")
    ends = statements[0].get("SessionNotOnOrAfter")
    ends_at = moment(ends, "SessionNotOnOrAfter") if ends is not None else None
    if ends_at is not None and ends_at <= now:
        refuse("expired", "the session at the identity provider has ended")
    # No session here lasts longer, and a later time may overflow.
    ends_at = min(ends_at, now + LONGEST) if ends_at is not None else None
    return signed_in_at, (statements[0].get("SessionIndex") or "")[:MAX_NAME_ID], ends_at


def _attributes(assertion: Element) -> dict[str, list[str]]:
    """Values by attribute name, in the order of the document."""
    found: dict[str, list[str]] = {}
    for statement in children(assertion, ASSERTION, "AttributeStatement"):
        for attribute in children(statement, ASSERTION, "Attribute"):
            values = found.setdefault(attribute.get("Name") or "", [])
            values += [
                ("" if len(one) else (one.text or "").strip(SPACE)[:MAX_VALUE])
                for one in children(attribute, ASSERTION, "AttributeValue")
            ]
            if len(found) > MAX_ATTRIBUTES or len(values) > MAX_VALUES:
                refuse("attributes", f"more than {MAX_ATTRIBUTES} attributes, or {MAX_VALUES} values of one")
    return found
