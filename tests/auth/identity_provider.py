"""An identity provider of the tests' own: makes and signs SAML messages, good ones and any other."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner

from services.auth.saml.documents import ASSERTION, PROTOCOL, SIGNATURE, SUCCESS, instant, tag
from tests.support.keys import in_turn

PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
Change = Callable[[Any], None]


class Signer(NamedTuple):
    """A private key and the certificate that goes into metadata."""

    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def base64(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()


_another_key = in_turn(0, 1, 2, 3, 4)


def new_signer(*, days: tuple[int, int] = (-1, 365), key: Any = None) -> Signer:
    """A self-signed certificate valid from and until so many days from now, of one key of five in turn."""
    key = key or _another_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, made)


def new_elliptic_signer() -> Signer:
    return new_signer(key=ec.generate_private_key(ec.SECP256R1()))


class Answer(NamedTuple):
    """What an assertion says; `None` leaves its element or attribute out."""

    issuer: str
    audience: str | None
    acs_url: str
    in_response_to: str | None
    name_id: str = "5f0c"
    name_id_format: str | None = PERSISTENT
    attributes: dict[str, list[str]] = {}  # noqa: RUF012 - nobody changes it
    at: datetime | None = None
    lives: timedelta = timedelta(minutes=5)


def element(parent: Any, namespace: str, name: str, text: str | None = None, **attributes: str | None) -> Any:
    given = {key: value for key, value in attributes.items() if value is not None}
    child = etree.SubElement(parent, tag(namespace, name), given)
    child.text = text
    return child


def response(answer: Answer) -> Any:
    """An unsigned response, as an element tree to change."""
    now = answer.at or datetime.now(UTC)
    until, at = instant(now + answer.lives), instant(now)
    prefixes = {"samlp": PROTOCOL, "saml": ASSERTION}
    root = etree.Element(tag(PROTOCOL, "Response"), nsmap=prefixes)
    for name, value in (
        ("ID", f"_{uuid4().hex}"),
        ("Version", "2.0"),
        ("IssueInstant", at),
        ("Destination", answer.acs_url),
        ("InResponseTo", answer.in_response_to),
    ):
        if value is not None:
            root.set(name, value)
    element(root, ASSERTION, "Issuer", answer.issuer)
    element(element(root, PROTOCOL, "Status"), PROTOCOL, "StatusCode", Value=SUCCESS)
    assertion = element(root, ASSERTION, "Assertion", ID=f"_{uuid4().hex}", Version="2.0", IssueInstant=at)
    element(assertion, ASSERTION, "Issuer", answer.issuer)
    subject = element(assertion, ASSERTION, "Subject")
    element(subject, ASSERTION, "NameID", answer.name_id, Format=answer.name_id_format)
    confirmation = element(subject, ASSERTION, "SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:bearer")
    element(
        confirmation,
        ASSERTION,
        "SubjectConfirmationData",
        NotOnOrAfter=until,
        Recipient=answer.acs_url,
        InResponseTo=answer.in_response_to,
    )
    conditions = element(assertion, ASSERTION, "Conditions", NotBefore=at, NotOnOrAfter=until)
    if answer.audience is not None:
        element(element(conditions, ASSERTION, "AudienceRestriction"), ASSERTION, "Audience", answer.audience)
    statement = element(assertion, ASSERTION, "AuthnStatement", AuthnInstant=at, SessionIndex=f"_{uuid4().hex}")
    element(element(statement, ASSERTION, "AuthnContext"), ASSERTION, "AuthnContextClassRef", "urn:x")
    stated = element(assertion, ASSERTION, "AttributeStatement") if answer.attributes else None
    for name, values in answer.attributes.items():
        attribute = element(stated, ASSERTION, "Attribute", Name=name)
        for value in values:
            element(attribute, ASSERTION, "AttributeValue", value)
    return root


class OldSigner(XMLSigner):
    """Signs with what nobody should sign with any more."""

    def check_deprecated_methods(self) -> None:
        pass


def sign(root: Any, signer: Signer, *, which: str = "assertion", **options: Any) -> Any:
    """The tree with its assertion, or all of it, signed; the signature stands after the Issuer, as the schema has it."""
    target = root if which == "response" else assertion_of(root)
    method = SignatureMethod.RSA_SHA256 if isinstance(signer.key, rsa.RSAPrivateKey) else SignatureMethod.ECDSA_SHA256
    defaults: dict[str, Any] = {
        "signature_algorithm": method,
        "digest_algorithm": "sha256",
        "c14n_algorithm": CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    }
    place = etree.Element(tag(SIGNATURE, "Signature"), {"Id": "placeholder"}, nsmap={"ds": SIGNATURE})
    target.insert(1, place)
    signed = OldSigner(**(defaults | options)).sign(
        target, key=signer.key, cert=[signer.certificate], reference_uri=target.get("ID")
    )
    if which == "response":
        return signed
    root.replace(target, signed)
    return root


def assertion_of(root: Any) -> Any:
    return root.find(tag(ASSERTION, "Assertion"))


def to_bytes(root: Any) -> bytes:
    return etree.tostring(root)


def encoded(document: bytes) -> str:
    return base64.b64encode(document).decode()
