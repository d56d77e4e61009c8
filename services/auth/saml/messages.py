"""What we send, and the logout messages we receive (SAML core §3.4, §3.7). Pure."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from services.auth.saml.assertions import LONGEST, MAX_NAME_ID, SKEW
from services.auth.saml.documents import (
    ASSERTION,
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

# A logout request that says no end of its own is believed for so long after it was issued.
LOGOUT_LIVES = timedelta(minutes=5)


class LogoutRequest(NamedTuple):
    """Whose session ends. `session_index` empty means all of them. `expires_at` is until when it could be sent again."""

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
    """A request whose signature was checked. Raises Refused."""
    issued = _check(root, "LogoutRequest", issuer, slo_url, now)
    ends = root.get("NotOnOrAfter")
    expires_at = min(moment(ends, "NotOnOrAfter"), issued + LONGEST) if ends is not None else issued + LOGOUT_LIVES
    if now - SKEW >= expires_at:
        refuse("expired", "the logout request ended before it came; compare the clocks")
    name_id = text_of(only(root, ASSERTION, "NameID", "name_id"))
    indexes = [text_of(one)[:MAX_NAME_ID] for one in children(root, PROTOCOL, "SessionIndex")]
    request_id = root.get("ID") or ""
    if not name_id or len(name_id) > MAX_NAME_ID or not 1 <= len(request_id) <= MAX_NAME_ID:
        refuse("name_id", "the request names nobody, or has no ID")
    return LogoutRequest(request_id, name_id, indexes, expires_at + SKEW)


def read_logout_response(root: Element, issuer: str, slo_url: str, now: datetime) -> str:
    """The request that a response, whose signature was checked, answers with success. Raises Refused."""
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
