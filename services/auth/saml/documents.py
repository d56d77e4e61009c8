"""Reads XML from outside safely, verifies its enveloped signatures (XML-DSig, SAML core §5), and writes XML. Pure.

Nothing here follows a reference: no DTD, no entity, no file, no network. Comments and processing instructions are refused too, because
canonicalisation drops them, and the signed text would differ from the sent text.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

MAX_BYTES = 256 * 1024
MAX_SHOWN = 120
# Canonicalisation takes quadratic time in the prefixes in scope and in the attributes of an element. Thousands, for which a document has
# room, take many seconds.
MAX_PREFIXES = 256
MAX_ATTRIBUTES = 64
# Each costs the parser far more than a plain character, and 256 KiB have room for tens of thousands. A genuine message with a thousand
# groups of a person has 2,000 tags.
MAX_OF_A_MARK = 8192
MARKS = {"<": "tags", "=": "attributes", "&": "references"}
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
ENCRYPTION = "http://www.w3.org/2001/04/xmlenc#"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PREFIXES = {"samlp": PROTOCOL, "saml": ASSERTION, "md": METADATA, "ds": SIGNATURE}
# lxml and its stubs have no public name of the class.
Element = etree._Element
ID_NAMES = ("Id", "ID", "id")
# A whole XML declaration (XML 1.0 §2.8). Each of its parts matches in only one way.
_DECLARATION = re.compile(
    r"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*[\"'][0-9.]+[\"']"
    r"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._-]+)[\"'])?"
    r"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*[\"'](?:yes|no)[\"'])?[ \t\r\n]*\?>"
)
MAX_DECLARATION = 200
_PREFIX = re.compile(r"xmlns:([^\s=]+)")
# White space of XML. Other white space is part of a name; stripping it would make two names equal.
SPACE = " \t\r\n"
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,12})?Z")


class MessageRefused(Exception):
    """A refused message. `reason` is a slug; `detail` states the expected and the received value, without personal data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def refuse(reason: str, detail: str = "") -> NoReturn:
    raise MessageRefused(reason, detail)


def parser() -> etree.XMLParser:
    """A new parser for each document, because threads would wait for a shared one."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, recover=False
    )


def parse(document: bytes) -> Element:
    """The root of a document. Raises MessageRefused: `too_large`, `doctype`, `malformed` or `comments`."""
    if len(document) > MAX_BYTES:
        refuse("too_large", f"at most {MAX_BYTES} bytes")
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        refuse("malformed", "the document is not UTF-8")
    plain = text.removeprefix("\ufeff")
    head = plain[:MAX_DECLARATION]
    declared = _DECLARATION.match(head)
    if head.startswith("<?xml") and declared is None:
        refuse("malformed", f"the XML declaration is not one, or has more than {MAX_DECLARATION} characters")
    if "\0" in text or (declared is not None and (declared[1] or "utf-8").lower() not in ("utf-8", "us-ascii")):
        refuse("malformed", "the document is not UTF-8")
    # Before the parser reads it. In UTF-8 a DTD has no other spelling.
    if "<!DOCTYPE" in text:
        refuse("doctype", "a document type declaration is not allowed")
    if "<!--" in text or "<?" in plain[declared.end() if declared is not None else 0 :]:
        refuse("comments", "comments and processing instructions are not allowed")
    if len(set(_PREFIX.findall(text))) > MAX_PREFIXES:
        refuse("malformed", f"more than {MAX_PREFIXES} prefixes of namespaces")
    for mark, kind in MARKS.items():
        if text.count(mark) > MAX_OF_A_MARK:
            refuse("malformed", f"more than {MAX_OF_A_MARK} {kind}")
    try:
        root = etree.fromstring(document, parser())
    except etree.XMLSyntaxError as error:
        place = f", in line {error.lineno}" if error.lineno else ""
        refuse("malformed", f"this is not XML, or was cut{place}")
    except ValueError:
        refuse("malformed", "this is not XML, or has characters that XML does not have")
    if root.getroottree().docinfo.internalDTD is not None:
        refuse("doctype", "a document type declaration is not allowed")
    # Comments beside the root, which iterating from the root would not find.
    if not isinstance(root.tag, str) or list(root.itersiblings()) or list(root.itersiblings(preceding=True)):
        refuse("comments", "comments and processing instructions are not allowed")
    if any(True for _ in root.iter(etree.Comment, etree.ProcessingInstruction, etree.Entity)):
        refuse("comments", "comments and processing instructions are not allowed")
    if any(len(element.attrib) > MAX_ATTRIBUTES for element in root.iter()):
        refuse("malformed", f"more than {MAX_ATTRIBUTES} attributes of one element")
    return root


def tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


def children(parent: Element, namespace: str, name: str) -> list[Element]:
    return list(parent.findall(tag(namespace, name)))


def only(parent: Element, namespace: str, name: str, reason: str = "malformed") -> Element:
    """The only child of that name. Raises MessageRefused for none or several."""
    found = children(parent, namespace, name)
    if len(found) != 1:
        refuse(reason, f"{len(found)} elements {name} where one is expected")
    return found[0]


def text_of(element: Element) -> str:
    """The text of an element without child elements."""
    if len(element):
        refuse("malformed", f"{etree.QName(element).localname} holds elements where text is expected")
    return (element.text or "").strip(SPACE)


def count(root: Element, namespace: str, *names: str) -> int:
    return sum(1 for _ in root.iter(*(tag(namespace, name) for name in names)))


def refuse_repeated_ids(root: Element) -> None:
    """Refuses two elements with one id, because a reference would be ambiguous."""
    seen: set[str] = set()
    for element in root.iter():
        for name in element.attrib:
            if etree.QName(name).localname in ID_NAMES:
                value = str(element.attrib[name])
                if value in seen:
                    refuse("repeated_id", "two elements have one ID")
                seen.add(value)


def moment(text: str | None, what: str) -> datetime:
    """An xs:dateTime in UTC (SAML core §1.3.3). Raises MessageRefused."""
    found = _TIME.fullmatch(text or "")
    if found is None:
        refuse("malformed", f"{what} is not a time in UTC")
    try:
        return datetime.fromisoformat(found[1] + (found[2] or "")[:7]).replace(tzinfo=UTC)
    except ValueError:
        refuse("malformed", f"{what} is not a time in UTC")


def instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def shown(text: str) -> str:
    """Text from outside, printable and short, for a line of an event list."""
    return "".join(character if character.isprintable() else " " for character in text)[:MAX_SHOWN]


def make(namespace: str, name: str, **attributes: str) -> Element:
    prefixes = {prefix: uri for prefix, uri in PREFIXES.items() if uri in (namespace, ASSERTION)}
    return etree.Element(tag(namespace, name), attributes, nsmap=prefixes)


def add(parent: Element, namespace: str, name: str, text: str = "", **attributes: str) -> Element:
    child = etree.SubElement(parent, tag(namespace, name), attributes)
    child.text = text or None
    return child


def to_bytes(root: Element) -> bytes:
    return etree.tostring(root, encoding="utf-8")


# --- Signatures -------------------------------------------------------------------------------------------------------

SIGNATURE_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the certificate, in hexadecimal."""
    return certificate.fingerprint(SHA256()).hex()


def verify_signature(
    document: bytes, signed: Element, certificates: Sequence[Certificate], location: str
) -> tuple[Element, Certificate]:
    """The signed element, parsed from the digested bytes, and the signer's certificate.

    `location` is the path to `signed` from the root ("./" for the root itself). Raises MessageRefused. Read only this element: nothing
    else of the document is authentic.
    """
    check_shape(signed)
    result, certificate = _try_each(document, certificates, location)
    covered = result.signed_xml
    if covered is None or covered.tag != signed.tag or covered.get("ID") != signed.get("ID"):
        refuse("signature", "the signature covers something else")
    return covered, certificate


def check_shape(signed: Element) -> None:
    """Refuses any shape but one signature over its own element, by its ID, with two transforms."""
    signature = only(signed, SIGNATURE, "Signature", "not_signed")
    if children(signature, SIGNATURE, "Object"):
        refuse("signature", "a signature with objects of its own")
    info = only(signature, SIGNATURE, "SignedInfo", "signature")
    method = _algorithm(only(info, SIGNATURE, "SignatureMethod", "signature"))
    reference = only(info, SIGNATURE, "Reference", "signature")
    digest = _algorithm(only(reference, SIGNATURE, "DigestMethod", "signature"))
    if method not in {one.value for one in SIGNATURE_METHODS} or digest not in {one.value for one in DIGESTS}:
        refuse("algorithm", shown(f"signed with {method} over {digest}; SHA-256 or better is expected"))
    if _algorithm(only(info, SIGNATURE, "CanonicalizationMethod", "signature")) != EXCLUSIVE:
        refuse("algorithm", f"the canonicalisation must be {EXCLUSIVE}")
    if not signed.get("ID") or reference.get("URI") != f"#{signed.get('ID')}":
        refuse("signature", "the signature refers to something else")
    transforms = only(reference, SIGNATURE, "Transforms", "signature")
    if [_algorithm(one) for one in children(transforms, SIGNATURE, "Transform")] != [ENVELOPED, EXCLUSIVE]:
        refuse("algorithm", "the transforms must be enveloped-signature and exclusive canonicalisation")


def _algorithm(element: Element) -> str:
    return element.get("Algorithm") or ""


def _try_each(document: bytes, certificates: Sequence[Certificate], location: str) -> tuple[VerifyResult, Certificate]:
    config = SignatureConfiguration(location=location, signature_methods=SIGNATURE_METHODS, digest_algorithms=DIGESTS)
    reason, detail = "signature", "the signature is not by a pinned certificate, or what it covers was changed"
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(document, x509_cert=certificate, parser=parser(), expect_config=config)
        except InvalidCertificate:
            reason, detail = (
                "certificate_expired",
                f"the pinned certificate {fingerprint(certificate)[:16]} is not valid now",
            )
        except Exception:  # noqa: S112 - the library raises a dozen kinds; each means that this certificate does not verify the signature
            continue
        else:
            if isinstance(result, VerifyResult):
                return result, certificate
    refuse(reason, detail)
