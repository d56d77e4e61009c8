"""From an assertion's attributes to a person here: e-mail address, name, roles and what those roles let apps do. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.auth.apps import scopes
from services.auth.saml import domains
from services.auth.saml.documents import refuse
from services.auth.saml.models import AttributeMapping

# Names under which identity providers send them, where a connection names none: plain, X.500/LDAP (RFC 4524), MACE, WS-Federation.
EMAIL_NAMES = (
    "email",
    "mail",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:mace:dir:attribute-def:mail",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
)
NAME_NAMES = (
    "displayName",
    "name",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "urn:mace:dir:attribute-def:displayName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
)
MAX_EMAIL = 254
MAX_NAME = 120


class Person(NamedTuple):
    """`scope_limit` holds the scopes an app may get in this person's name; None where roles limit nothing."""

    email: str
    name: str
    roles: list[str]
    scope_limit: list[str] | None


def person(
    attributes: Mapping[str, Sequence[str]],
    name_id: str,
    wanted: AttributeMapping,
    role_mapping: Mapping[str, Sequence[str]],
) -> Person:
    """Raises Refused: `email` where no address came, `no_role` where roles are mapped and none of the person's is."""
    email = _email(attributes, name_id, wanted)
    name = _first(attributes, (wanted.name,) if wanted.name else NAME_NAMES)
    roles = sorted(set(attributes.get(wanted.roles, ())) & set(role_mapping)) if role_mapping else []
    if role_mapping and not roles:
        refuse("no_role", f"no value of the attribute {wanted.roles} is mapped to a role here")
    limit = limit_of(roles, role_mapping) if role_mapping else None
    return Person(email, _printable(name)[:MAX_NAME] or email.partition("@")[0], roles, limit)


def limit_of(roles: Iterable[str], role_mapping: Mapping[str, Sequence[str]]) -> list[str]:
    """What these roles, each of them mapped, allow together."""
    return sorted({scope for role in roles for scope in role_mapping[role]})


def _email(attributes: Mapping[str, Sequence[str]], name_id: str, wanted: AttributeMapping) -> str:
    email = _first(attributes, (wanted.email,) if wanted.email else EMAIL_NAMES)
    if not email and not wanted.email:
        email = name_id
    where = wanted.email or "any of the usual attributes"
    if not email or "@" not in email or len(email) > MAX_EMAIL:
        refuse("email", f"no e-mail address in {where}")
    if (objection := domains.objection_to(email)) is not None:
        refuse("email", f"the e-mail address in {where} {objection}")
    return email


def _first(attributes: Mapping[str, Sequence[str]], names: Iterable[str]) -> str:
    return next((value for name in names for value in attributes.get(name, ()) if value), "")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def beyond(limit: Sequence[str] | None, wanted: Iterable[str]) -> list[str]:
    """The scopes that a person with this limit may not give to an app. Staying signed in is nobody's role."""
    if limit is None:
        return []
    return [scope for scope in wanted if scope != scopes.OFFLINE_ACCESS and not scopes.allows(limit, scope)]
