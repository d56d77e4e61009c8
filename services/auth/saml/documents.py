"""XML from outside, read without its dangers, and XML to send. Pure.

Nothing here follows a reference: no DTD, no entity, no file, no network. A document with a comment or a processing instruction is
refused as well, since canonicalisation drops them and what was signed would read differently from what was sent.
"""

import re
from datetime import UTC, datetime
from typing import NoReturn

from lxml import etree

MAX_BYTES = 256 * 1024
MAX_SHOWN = 120
# Canonicalisation takes the square of the prefixes in scope and of the attributes of an element: a document has room for thousands
# of either, which take many seconds.
MAX_PREFIXES = 256
MAX_ATTRIBUTES = 64
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
ENCRYPTION = "http://www.w3.org/2001/04/xmlenc#"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PREFIXES = {"samlp": PROTOCOL, "saml": ASSERTION, "md": METADATA, "ds": SIGNATURE}
# lxml's own name of the class begins with an underscore; its stubs know no other.
Element = etree._Element
ID_NAMES = ("Id", "ID", "id")

# The whole of an XML declaration (XML 1.0 §2.8), in the first characters alone; no part of it can be read in two ways.
_DECLARATION = re.compile(
    r"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*[\"'][0-9.]+[\"']"
    r"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._-]+)[\"'])?"
    r"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*[\"'](?:yes|no)[\"'])?[ \t\r\n]*\?>"
)
MAX_DECLARATION = 200
_PREFIX = re.compile(r"xmlns:([^\s=]+)")
# What XML calls white space. Other kinds are part of a name, or two of them would be one.
SPACE = " \t\r\n"
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,12})?Z")


class Refused(Exception):
    """A message that is not accepted. `reason` is a slug, `detail` says what was expected and what came, without personal data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def refuse(reason: str, detail: str = "") -> NoReturn:
    raise Refused(reason, detail)


def parser() -> etree.XMLParser:
    """A new one for each document: a parser is a lock that threads would share."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, recover=False
    )


def parse(document: bytes) -> Element:
    """The root of a document. Raises Refused: `too_large`, `doctype`, `malformed` or `comments`."""
    if len(document) > MAX_BYTES:
        refuse("too_large", f"at most {MAX_BYTES} bytes")
    text = _text(document)
    # Looked for before the parser sees it: in UTF-8, which this is, a DTD cannot be written otherwise.
    if "<!DOCTYPE" in text:
        refuse("doctype", "a document type declaration is not allowed")
    if len(set(_PREFIX.findall(text))) > MAX_PREFIXES:
        refuse("malformed", f"more than {MAX_PREFIXES} prefixes of namespaces")
    try:
        root = etree.fromstring(document, parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        refuse("malformed", shown(f"not XML: {error}"))
    if root.getroottree().docinfo.internalDTD is not None:
        refuse("doctype", "a document type declaration is not allowed")
    # Beside the root stand comments too, which iterating from it would not meet.
    if not isinstance(root.tag, str) or list(root.itersiblings()) or list(root.itersiblings(preceding=True)):
        refuse("comments", "comments and processing instructions are not allowed")
    if any(True for _ in root.iter(etree.Comment, etree.ProcessingInstruction, etree.Entity)):
        refuse("comments", "comments and processing instructions are not allowed")
    if any(len(element.attrib) > MAX_ATTRIBUTES for element in root.iter()):
        refuse("malformed", f"more than {MAX_ATTRIBUTES} attributes of one element")
    return root


def _text(document: bytes) -> str:
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        refuse("malformed", "the document is not UTF-8")
    head = text.removeprefix("\ufeff")[:MAX_DECLARATION]
    declared = _DECLARATION.match(head)
    if head.startswith("<?xml") and declared is None:
        refuse("malformed", f"the XML declaration is not one, or has more than {MAX_DECLARATION} characters")
    if "\0" in text or (declared is not None and (declared[1] or "utf-8").lower() not in ("utf-8", "us-ascii")):
        refuse("malformed", "the document is not UTF-8")
    return text


def tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


def children(parent: Element, namespace: str, name: str) -> list[Element]:
    return list(parent.findall(tag(namespace, name)))


def only(parent: Element, namespace: str, name: str, reason: str = "malformed") -> Element:
    """The one child of that name. Raises Refused where there is none or another beside it."""
    found = children(parent, namespace, name)
    if len(found) != 1:
        refuse(reason, f"{len(found)} elements {name} where one is expected")
    return found[0]


def text_of(element: Element) -> str:
    """The text of an element that holds nothing else."""
    if len(element):
        refuse("malformed", f"{etree.QName(element).localname} holds elements where text is expected")
    return (element.text or "").strip(SPACE)


def count(root: Element, namespace: str, *names: str) -> int:
    return sum(1 for _ in root.iter(*(tag(namespace, name) for name in names)))


def refuse_repeated_ids(root: Element) -> None:
    """A reference by id must not have two places to point to."""
    seen: set[str] = set()
    for element in root.iter():
        for name in element.attrib:
            if etree.QName(name).localname in ID_NAMES:
                value = str(element.attrib[name])
                if value in seen:
                    refuse("repeated_id", "two elements have one ID")
                seen.add(value)


def moment(text: str | None, what: str) -> datetime:
    """An xs:dateTime in UTC, as SAML core §1.3.3 wants it. Raises Refused."""
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
    """What came from outside, fit for a line of an event list."""
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
