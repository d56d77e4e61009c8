"""Metadata (SAML metadata §2) of identity providers and of our side of a connection, and certificates of both. Pure.

An administrator pastes the identity provider's metadata. No address in it is fetched. Its signature is not checked, because the
connection trusts the administrator.
"""

import base64
import binascii
import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID

from services.auth.saml.documents import (
    METADATA,
    POST,
    PROTOCOL,
    REDIRECT,
    SIGNATURE,
    Element,
    MessageRefused,
    add,
    children,
    make,
    moment,
    parse,
    refuse,
    tag,
    text_of,
    to_bytes,
)

# --- Certificates -----------------------------------------------------------------------------------------------------

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
CURVES = ("secp256r1", "secp384r1", "secp521r1")
OWN_YEARS = 10
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


class Unusable(ValueError):
    """A certificate that cannot be pinned; the text says why."""


def read_certificate(text: str) -> Certificate:
    """A certificate in PEM, or in base64 as in metadata. Raises Unusable."""
    found = _PEM.fullmatch(text)
    try:
        certificate = x509.load_der_x509_certificate(
            base64.b64decode("".join((found[1] if found else text).split()), validate=True)
        )
        key = certificate.public_key()
    except (ValueError, binascii.Error, TypeError) as error:
        raise Unusable("not an X.509 certificate in PEM") from error
    except Exception as error:  # the exception for an unsupported kind of key differs between versions of the library
        raise Unusable("a certificate of an unknown kind of key") from error
    if isinstance(key, rsa.RSAPublicKey) and not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise Unusable(f"an RSA key needs {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in CURVES:
        raise Unusable(f"an elliptic curve other than {', '.join(CURVES)}")
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Unusable("neither an RSA key nor one on an elliptic curve")
    return certificate


def check_validity(certificate: Certificate, now: datetime) -> None:
    """Raises Unusable for an expired certificate."""
    if certificate.not_valid_after_utc <= now:
        raise Unusable(f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}")


def to_pem(certificate: Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def one_line(certificate: Certificate) -> str:
    """Base64 without line breaks, for metadata."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_own_certificate(name: str, now: datetime) -> tuple[bytes, str]:
    """A new private key (PEM, not encrypted) and its self-signed certificate (PEM) for our metadata."""
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(minutes=5))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=365 * OWN_YEARS))
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), to_pem(certificate)


def private_key(text: bytes) -> rsa.RSAPrivateKey:
    """A key of `new_own_certificate`. Its numbers are not proven prime again, which would hold the loop of every request for 40 ms."""
    key = load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


# --- Metadata ---------------------------------------------------------------------------------------------------------

MAX_CERTIFICATES = 2
MAX_URL = 1024
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


class IdentityProvider(NamedTuple):
    """The parts of metadata that a connection uses. `certificates` are PEM; `slo_url` is empty without single logout."""

    entity_id: str
    sso_url: str
    slo_url: str
    certificates: list[str]


class Own(NamedTuple):
    """Our side of one connection."""

    entity_id: str
    acs_url: str
    slo_url: str
    certificate: str


def own(issuer: str, connection_id: str, certificate: str) -> Own:
    base = f"{issuer}/v1/saml/{connection_id}"
    return Own(f"{base}/metadata", f"{base}/acs", f"{base}/slo", certificate)


def read(text: str, *, plain_http: bool) -> IdentityProvider:
    """Reads an identity provider's metadata. Raises MessageRefused with a detail for the administrator."""
    root = parse(text.encode())
    entities = [root] if root.tag == tag(METADATA, "EntityDescriptor") else []
    if root.tag == tag(METADATA, "EntitiesDescriptor"):
        entities = children(root, METADATA, "EntityDescriptor")
    if len(entities) != 1:
        refuse("metadata", "it is not the metadata of one entity")
    entity = entities[0]
    entity_id = entity.get("entityID") or ""
    if not entity_id or len(entity_id) > MAX_URL or not entity_id.isprintable():
        refuse("metadata", "the entityID is missing or too long")
    for element in (root, entity):
        if (until := element.get("validUntil")) is not None and moment(until, "validUntil") <= datetime.now(UTC):
            refuse("metadata", "it is no longer valid (validUntil)")
    described = children(entity, METADATA, "IDPSSODescriptor")
    if len(described) != 1 or PROTOCOL not in (described[0].get("protocolSupportEnumeration") or "").split():
        refuse("metadata", "it does not describe one SAML 2.0 identity provider")
    sso_url = _location(described[0], "SingleSignOnService")
    if not sso_url:
        refuse("metadata", "it has no SingleSignOnService with the HTTP-Redirect binding")
    slo_url = _location(described[0], "SingleLogoutService")
    for url in filter(None, (sso_url, slo_url)):
        if (problem := problem_with_url(url, plain_http=plain_http)) is not None:
            refuse("metadata", f"an address in it {problem}")
    signing = [
        text_of(certificate)
        for descriptor in children(described[0], METADATA, "KeyDescriptor")
        if descriptor.get("use", "signing") == "signing"
        for certificate in descriptor.iter(tag(SIGNATURE, "X509Certificate"))
    ]
    try:
        found = list(dict.fromkeys(to_pem(read_certificate(text)) for text in signing))
    except Unusable as error:
        raise MessageRefused("metadata", f"a signing certificate cannot be used: {error}") from None
    if not 1 <= len(found) <= MAX_CERTIFICATES:
        refuse("metadata", f"it has {len(found)} signing certificates; one or two can be pinned")
    return IdentityProvider(entity_id, sso_url, slo_url, found)


def _location(described: Element, service: str) -> str:
    for one in children(described, METADATA, service):
        if one.get("Binding") == REDIRECT:
            return one.get("Location") or ""
    return ""


def problem_with_url(url: str, *, plain_http: bool) -> str | None:
    """Why a browser is not sent to `url`, or None. `plain_http` is for stacks that are reached over plain http, as on a laptop."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or any(one in url for one in " \"'<>\\^`{|}"):
        return "is too long or holds characters that a URL may not have"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in (("https", "http") if plain_http else ("https",)):
        return "is not https"
    if not host or parts.username is not None or parts.password is not None or "#" in url or not _is_host(host):
        return "has no plain host, or a fragment or credentials"
    return None


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return all(part and part.replace("-", "").replace("_", "").isalnum() for part in host.rstrip(".").split("."))
    return True


def write(mine: Own, next_certificate: str | None = None) -> bytes:
    """Our metadata for one connection. Assertions must be signed, and so are our messages, soon with `next_certificate` if there is one."""
    root = make(METADATA, "EntityDescriptor", entityID=mine.entity_id)
    role = add(
        root,
        METADATA,
        "SPSSODescriptor",
        AuthnRequestsSigned="true",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=PROTOCOL,
    )
    for pem in filter(None, (mine.certificate, next_certificate)):
        info = add(add(role, METADATA, "KeyDescriptor", use="signing"), SIGNATURE, "KeyInfo")
        certificate = one_line(read_certificate(pem))
        add(add(info, SIGNATURE, "X509Data"), SIGNATURE, "X509Certificate", certificate)
    for binding in (REDIRECT, POST):
        add(role, METADATA, "SingleLogoutService", Binding=binding, Location=mine.slo_url)
    for name_id_format in (PERSISTENT, EMAIL):
        add(role, METADATA, "NameIDFormat", name_id_format)
    consumer = {"Binding": POST, "Location": mine.acs_url, "index": "0", "isDefault": "true"}
    add(role, METADATA, "AssertionConsumerService", **consumer)
    return to_bytes(root)
