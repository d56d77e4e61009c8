"""Messages that we send, logout messages that we receive (SAML core §3.4, §3.7), and their bindings (bindings §3.4, §3.5). Pure.

In a URL a message is deflated and signed over the octets of the query.
"""

import base64
import binascii
import secrets
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import Certificate

from services.auth.saml.assertions import LONGEST, MAX_NAME_ID, SKEW
from services.auth.saml.documents import (
    ASSERTION,
    MAX_BYTES,
    POST,
    PROTOCOL,
    SUCCESS,
    Element,
    add,
    children,
    instant,
    make,
    moment,
    only,
    refuse,
    shown,
    tag,
    text_of,
    to_bytes,
)

# The life of a logout request that states none.
LOGOUT_LIVES = timedelta(minutes=5)


class LogoutRequest(NamedTuple):
    """A logout request. Without session indexes it ends all sessions of the NameID. It could be replayed until `expires_at`."""

    request_id: str
    name_id: str
    session_indexes: list[str]
    expires_at: datetime


def new_id() -> str:
    """160 random bits; an xs:ID may not begin with a digit."""
    return f"_{secrets.token_hex(20)}"


def authn_request(
    request_id: str, own_entity_id: str, acs_url: str, sso_url: str, *, name_id_format: str, fresh: bool, now: datetime
) -> bytes:
    """`fresh` asks for a new sign-in even where the identity provider has a session (ForceAuthn)."""
    root = _message("AuthnRequest", request_id, own_entity_id, sso_url, now)
    root.set("ProtocolBinding", POST)
    root.set("AssertionConsumerServiceURL", acs_url)
    if fresh:
        root.set("ForceAuthn", "true")
    policy = add(root, PROTOCOL, "NameIDPolicy", AllowCreate="true")
    if name_id_format:
        policy.set("Format", name_id_format)
    return to_bytes(root)


def logout_request(
    request_id: str,
    own_entity_id: str,
    slo_url: str,
    name_id: str,
    name_id_format: str,
    session_index: str,
    now: datetime,
) -> bytes:
    root = _message("LogoutRequest", request_id, own_entity_id, slo_url, now)
    root.set("NotOnOrAfter", instant(now + LOGOUT_LIVES))
    add(root, ASSERTION, "NameID", name_id, Format=name_id_format)
    if session_index:
        add(root, PROTOCOL, "SessionIndex", session_index)
    return to_bytes(root)


def logout_response(own_entity_id: str, slo_url: str, in_response_to: str, now: datetime) -> bytes:
    root = _message("LogoutResponse", new_id(), own_entity_id, slo_url, now)
    root.set("InResponseTo", in_response_to)
    add(add(root, PROTOCOL, "Status"), PROTOCOL, "StatusCode", Value=SUCCESS)
    return to_bytes(root)


def _message(name: str, message_id: str, own_entity_id: str, destination: str, now: datetime) -> Element:
    root = make(PROTOCOL, name, ID=message_id, Version="2.0", IssueInstant=instant(now), Destination=destination)
    add(root, ASSERTION, "Issuer", own_entity_id)
    return root


def read_logout_request(root: Element, issuer: str, slo_url: str, now: datetime) -> LogoutRequest:
    """Reads a request with a verified signature. Raises MessageRefused."""
    issued = _check(root, "LogoutRequest", issuer, slo_url, now)
    ends = root.get("NotOnOrAfter")
    expires_at = min(moment(ends, "NotOnOrAfter"), issued + LONGEST) if ends is not None else issued + LOGOUT_LIVES
    if now - SKEW >= expires_at:
        refuse("expired", "the logout request ended before it came; compare the clocks")
    name_id = text_of(only(root, ASSERTION, "NameID", "name_id"))
    indexes = [text_of(one)[:MAX_NAME_ID] for one in children(root, PROTOCOL, "SessionIndex")]
    request_id = root.get("ID") or ""
    if not name_id or len(name_id) > MAX_NAME_ID or not 1 <= len(request_id) <= MAX_NAME_ID:
        refuse("name_id", "the request has no NameID, or no ID")
    return LogoutRequest(request_id, name_id, indexes, expires_at + SKEW)


def read_logout_response(root: Element, issuer: str, slo_url: str, now: datetime) -> str:
    """The id of the request that a response, with a verified signature, answers with success. Raises MessageRefused."""
    if now - SKEW >= _check(root, "LogoutResponse", issuer, slo_url, now) + LOGOUT_LIVES:
        refuse("expired", "the logout response is too old")
    status = only(only(root, PROTOCOL, "Status"), PROTOCOL, "StatusCode")
    if status.get("Value") != SUCCESS:
        refuse("status", shown(f"the identity provider says {(status.get('Value') or '').rpartition(':')[2]}"))
    return root.get("InResponseTo") or ""


def _check(root: Element, name: str, issuer: str, slo_url: str, now: datetime) -> datetime:
    if root.tag != tag(PROTOCOL, name) or root.get("Version") != "2.0":
        refuse("malformed", f"not a SAML 2.0 {name}")
    if text_of(only(root, ASSERTION, "Issuer", "issuer")) != issuer:
        refuse("issuer", f"expected {shown(issuer)}")
    if root.get("Destination") != slo_url:
        refuse("destination", f"expected {shown(slo_url)}")
    issued = moment(root.get("IssueInstant"), "IssueInstant")
    if issued > now + SKEW:
        refuse("not_yet_valid", "the message is from the future; compare the clocks")
    return issued


# --- Bindings (SAML bindings §3.4, §3.5) ------------------------------------------------------------------------------

RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    RSA_SHA256: hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512(),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": hashes.SHA384(),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": hashes.SHA512(),
}
# §3.4.3 allows 80 bytes; some identity providers send their own addresses.
MAX_RELAY_STATE = 1024
NAMES = ("SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature")


class Received(NamedTuple):
    """A message from a URL with a valid signature: `SAMLRequest` or `SAMLResponse`, its XML, and the RelayState."""

    kind: str
    document: bytes
    relay_state: str


def to_url(url: str, kind: str, document: bytes, relay_state: str, key: rsa.RSAPrivateKey) -> str:
    """`url` with the message, signed by §3.4.4.1."""
    deflated = zlib.compress(document)[2:-4]
    query = f"{kind}={quote(base64.b64encode(deflated).decode(), safe='')}"
    if relay_state:
        query += f"&RelayState={quote(relay_state, safe='')}"
    query += f"&SigAlg={quote(RSA_SHA256, safe='')}"
    signature = base64.b64encode(key.sign(query.encode(), PKCS1v15(), hashes.SHA256())).decode()
    return f"{url}{'&' if '?' in url else '?'}{query}&Signature={quote(signature, safe='')}"


def from_query(query: str, certificates: Sequence[Certificate]) -> Received:
    """Raises MessageRefused for a message without a signature by a pinned certificate, or an unreadable one."""
    raw: dict[str, str] = {}  # as the URL spells them, because the signature covers their octets
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in raw:
            refuse("malformed", "a parameter is given more than once")
        if name in NAMES:
            raw[name] = value
    kinds = [kind for kind in ("SAMLRequest", "SAMLResponse") if kind in raw]
    if len(kinds) != 1:
        refuse("malformed", "one of SAMLRequest and SAMLResponse is expected")
    if "Signature" not in raw or "SigAlg" not in raw:
        refuse("not_signed", "the message is not signed")
    named = [name for name in (kinds[0], "RelayState", "SigAlg") if name in raw]
    signed = "&".join(f"{name}={raw[name]}" for name in named).encode()
    algorithm = unquote_plus(raw["SigAlg"])
    if algorithm not in HASHES:
        refuse("algorithm", shown(f"signed with {algorithm}; SHA-256 or better is expected"))
    if not any(
        _is_signed(one, algorithm, decode_base64(unquote_plus(raw["Signature"])), signed) for one in certificates
    ):
        refuse("signature", "the signature is not by a pinned certificate, or the message was changed")
    relay_state = unquote_plus(raw.get("RelayState", ""))
    return Received(kinds[0], inflate(decode_base64(unquote_plus(raw[kinds[0]]))), relay_state[:MAX_RELAY_STATE])


def _is_signed(certificate: Certificate, algorithm: str, signature: bytes, signed: bytes) -> bool:
    key, digest = certificate.public_key(), HASHES[algorithm]
    try:
        if isinstance(key, rsa.RSAPublicKey) and "#rsa-" in algorithm:
            key.verify(signature, signed, PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and "#ecdsa-" in algorithm:
            # XML-DSig concatenates r and s; the library needs DER.
            size = (key.key_size + 7) // 8
            if len(signature) != 2 * size:
                return False
            der = encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
            key.verify(der, signed, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def decode_base64(text: str) -> bytes:
    """Decodes base64, also with line breaks. Raises MessageRefused."""
    compact = "".join(text.split())
    if len(compact) > MAX_BYTES * 4 // 3 + 4:
        refuse("too_large", f"at most {MAX_BYTES} bytes")
    try:
        return base64.b64decode(compact.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        refuse("malformed", "not base64")


def inflate(data: bytes) -> bytes:
    """Inflates up to the size limit of a document. Raises MessageRefused."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        document = inflater.decompress(data, MAX_BYTES + 1)
    except zlib.error:
        refuse("malformed", "not deflated")
    if len(document) > MAX_BYTES or not inflater.eof:
        refuse("too_large" if len(document) > MAX_BYTES else "malformed", f"at most {MAX_BYTES} bytes")
    return document
