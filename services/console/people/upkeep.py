"""The upkeep of a connection: its metadata and certificates renewed, a domain removed, attributes and roles mapped."""

import re
from typing import Any, NamedTuple

from starlette.responses import Response

from services.console.pages.visit import Fault, Loaded, Visit
from services.console.people.models import (
    Certificate,
    Connection,
    Domain,
    IdentityProviderRead,
    Scopes,
    Users,
)
from services.console.people.views import USERS
from services.console.upstream.errors import Refused

PATH = "/v1/saml/connections/{id}"
READ_METADATA = "/v1/saml/metadata"
ADDRESSES = ("entity_id", "sso_url", "slo_url")
NAMED = 10
"""People whom the question before the removal of a domain names."""
MOST_PEOPLE = 100
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
FIELDS = {"metadata_xml": "metadata", "certificates": "certificates"}


def _path(visit: Visit, tail: str = "", **more: str) -> str:
    return visit.path_of(PATH + tail, id=visit.ids["connection_id"], **more)


def _back(visit: Visit) -> str:
    return f"/people/federation/{visit.ids['connection_id']}"


async def _read(visit: Visit) -> Connection:
    return await visit.get(_path(visit), Connection)


# --- Metadata and certificates -----------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """An address before and after. `name` is that of its text."""

    name: str
    before: str
    after: str


class Differences(NamedTuple):
    """Everything that new metadata or certificates change: addresses, and certificates that stay, come and go."""

    addresses: list[Difference]
    stay: list[Certificate]
    come: list[Certificate]
    go: list[Certificate]

    @property
    def is_empty(self) -> bool:
        return not (self.addresses or self.come or self.go)


def differences(now: Connection, read: IdentityProviderRead, *, with_addresses: bool) -> Differences:
    known = {one.fingerprint for one in now.certificates}
    wanted = {one.fingerprint for one in read.certificates}
    pairs = [Difference(name, getattr(now, name), getattr(read, name)) for name in ADDRESSES]
    return Differences(
        [one for one in pairs if with_addresses and one.before != one.after],
        [one for one in read.certificates if one.fingerprint in known],
        [one for one in read.certificates if one.fingerprint not in known],
        [one for one in now.certificates if one.fingerprint not in wanted],
    )


async def renew_page(visit: Visit) -> Response:
    return _renew(visit, await _read(visit))


def _renew(visit: Visit, one: Connection, faults: list[Fault] | None = None) -> Response:
    return visit.page(
        "people/renew.html",
        status=422 if faults else 200,
        title=visit.t("renew_of", name=one.name),
        one=one,
        form=visit.form,
        faults=faults or [],
    )


async def renew(visit: Visit) -> Response:
    """Shows the change first; the second time it is made."""
    one = await _read(visit)
    metadata, pasted = visit.form("metadata"), visit.form("certificates")
    if bool(metadata) == bool(pasted):
        return _renew(visit, one, [Fault("metadata", visit.t("renew_one_of_two"))])
    body: dict[str, Any] = {"metadata_xml": metadata} if metadata else {"certificates": CERTIFICATE.findall(pasted)}
    if pasted and not body["certificates"]:
        return _renew(visit, one, [Fault("certificates", visit.t("certificates_unreadable"))])
    try:
        if visit.form("confirmed"):
            await visit.send("PATCH", _path(visit), body)
            return visit.redirect(_back(visit), done="connection_renewed")
        read = (await visit.send("POST", READ_METADATA, body)).read(IdentityProviderRead)
    except Refused as refused:
        if refused.status != 422:
            raise
        return _renew(visit, one, visit.faults(refused, **FIELDS))
    found = differences(one, read, with_addresses=bool(metadata))
    title = visit.t("renew_of", name=one.name)
    return visit.page("people/renew_tried.html", title=title, one=one, found=found, form=visit.form, back=_back(visit))


# --- A domain ----------------------------------------------------------------------------------------------------------


async def remove_domain_page(visit: Visit) -> Response:
    return await _remove_domain(visit, [])


async def _remove_domain(visit: Visit, faults: list[Fault]) -> Response:
    """Names the people of the domain who have no password: they cannot sign in by their address any more."""
    domain = visit.ids["domain"]
    path, query = _path(visit, "/domains/{domain}", domain=domain), f"@{domain}"[:100]
    one: Connection
    known: Domain
    people: Loaded[Users]
    one, known, people = await visit.together(
        _read(visit), visit.get(path, Domain), visit.load(USERS, Users, search=query, limit=MOST_PEOPLE)
    )
    consequences: list[str] = []
    if known.status != "proven":
        consequences.append(visit.t("ends_with.domain_claim"))
    else:
        consequences += [visit.t("ends_with.domain_leads", domain=domain), visit.t("ends_with.domain_linked")]
        consequences.append(_without_password(visit, people, domain))
    consequences.append(visit.t("ends_with.domain_again"))
    return visit.page(
        "people/confirm.html",
        status=409 if faults else 200,
        title=visit.t("of.remove_domain", domain=domain, name=one.name),
        consequences=consequences,
        label=visit.t("go.remove_domain"),
        back=_back(visit),
        faults=faults,
    )


def _without_password(visit: Visit, people: Loaded[Users], domain: str) -> str:
    if people.failure is not None:
        return visit.t("ends_with.domain_unknown")
    of_domain = [one for one in people.value.users if one.email.lower().endswith(f"@{domain}")]
    locked_out = [one for one in of_domain if one.status == "active" and not one.has_password]
    if not locked_out:
        return visit.t("ends_with.domain_nobody" if not people.next_cursor else "ends_with.domain_unknown")
    names = ", ".join(one.name or one.email for one in locked_out[:NAMED])
    if len(locked_out) > NAMED or people.next_cursor:
        return visit.t("ends_with.domain_many", names=names)
    return visit.t("domain_locked_out", count=len(locked_out), names=names)


async def remove_domain(visit: Visit) -> Response:
    try:
        await visit.send("DELETE", _path(visit, "/domains/{domain}", domain=visit.ids["domain"]))
    except Refused as refused:
        if refused.status != 409:
            raise
        return await _remove_domain(visit, [visit.refusal(refused, text=visit.t("last_domain"))])
    return visit.redirect(_back(visit), done="domain_removed")


# --- Attributes --------------------------------------------------------------------------------------------------------

ATTRIBUTES = {"attribute_email": "email", "attribute_name": "name", "attribute_roles": "roles"}
POINTERS = {f"attribute_mapping/{name}": field for field, name in ATTRIBUTES.items()}


async def attributes_page(visit: Visit) -> Response:
    one = await _read(visit)
    values = {field: getattr(one.attribute_mapping, name) for field, name in ATTRIBUTES.items()}
    return _attributes(visit, one, values, [])


def _attributes(visit: Visit, one: Connection, values: dict[str, str], faults: list[Fault]) -> Response:
    title, status = visit.t("attributes_of", name=one.name), 422 if faults else 200
    return visit.page("people/attributes.html", status=status, title=title, one=one, values=values, faults=faults)


async def change_attributes(visit: Visit) -> Response:
    values = {field: visit.form(field) for field in ATTRIBUTES}
    body = {"attribute_mapping": {name: values[field] for field, name in ATTRIBUTES.items()}}
    try:
        await visit.send("PATCH", _path(visit), body)
    except Refused as refused:
        if refused.status != 422:
            raise
        if (
            any(error.get("pointer") == "/attribute_mapping/roles" for error in refused.errors)
            and not values["attribute_roles"]
        ):
            faults = [Fault("attribute_roles", visit.t("roles_need_attribute"))]
        else:
            faults = visit.faults(refused, **POINTERS)
        return _attributes(visit, await _read(visit), values, faults)
    return visit.redirect(_back(visit), done="connection_attributes")


# --- Roles -------------------------------------------------------------------------------------------------------------


async def roles_page(visit: Visit) -> Response:
    """One value of the attribute with its scopes: that of the address, or a new one."""
    one, scopes = await visit.together(_read(visit), visit.get("/v1/platform/scopes", Scopes))
    value = visit.query("value", most=256)
    known = value if value in one.role_mapping else ""
    return _roles(visit, one, scopes, known, one.role_mapping.get(known, []), [])


def _roles(
    visit: Visit, one: Connection, scopes: Scopes, value: str, chosen: list[str], faults: list[Fault]
) -> Response:
    names = [each.name for each in scopes.scopes]
    return visit.page(
        "people/mapped_role.html",
        status=422 if faults else 200,
        title=visit.t("mapped_role_of", name=one.name),
        one=one,
        value=value,
        is_known=value in one.role_mapping,
        chosen=chosen,
        names=[*names, *(name for name in chosen if name not in names)],
        faults=faults,
    )


async def change_roles(visit: Visit) -> Response:
    """Gives a value its scopes, or takes the value away; the first time a page lists the rights that are lost."""
    one, scopes = await visit.together(_read(visit), visit.get("/v1/platform/scopes", Scopes))
    value, chosen = visit.form("value"), visit.form.every("scopes")
    removes = visit.form("act") == "remove" and value in one.role_mapping
    faults: list[Fault] = []
    if not value:
        faults.append(Fault("value", visit.t("value_missing")))
    if not chosen and not removes:
        faults.append(Fault("scopes", visit.t("scopes_missing")))
    if faults:
        return _roles(visit, one, scopes, value, chosen, faults)
    lost = [name for name in one.role_mapping.get(value, []) if removes or name not in chosen]
    begins = not one.role_mapping
    if (removes or lost or begins) and not visit.form("confirmed"):
        return _ask_roles(visit, one, value, chosen, lost, removes=removes)
    kept = {name: granted for name, granted in one.role_mapping.items() if name != value}
    try:
        await visit.send("PATCH", _path(visit), {"role_mapping": kept if removes else kept | {value: chosen}})
    except Refused as refused:
        if refused.status != 422:
            raise
        pointers = [str(error.get("pointer", "")) for error in refused.errors]
        if "/attribute_mapping/roles" in pointers:
            faults = [Fault("value", visit.t("roles_need_attribute"))]
        else:
            # A pointer with a scope's index is of the scopes, one of a value alone is of the value.
            of_scopes = any(pointer.count("/") > 2 for pointer in pointers)
            faults = visit.faults(refused, role_mapping="scopes" if of_scopes else "value")
        return _roles(visit, one, scopes, value, chosen, faults)
    return visit.redirect(_back(visit), done="connection_role_removed" if removes else "connection_mapped")


def _ask_roles(
    visit: Visit, one: Connection, value: str, chosen: list[str], lost: list[str], *, removes: bool
) -> Response:
    consequences: list[str] = []
    if not one.role_mapping:
        consequences += [visit.t("ends_with.mapping_begins"), visit.t("ends_with.mapping_refuses")]
    if removes:
        consequences.append(visit.t("ends_with.value_goes", value=value))
    if removes and len(one.role_mapping) == 1:
        consequences.append(visit.t("ends_with.mapping_ends"))
    if lost:
        consequences.append(visit.t("ends_with.scopes_go", scopes=", ".join(lost)))
    act = "remove_value" if removes else "map_value"
    return visit.page(
        "people/mapped_role_ask.html",
        title=visit.t(f"of.{act}", value=value),
        consequences=consequences,
        label=visit.t(f"go.{act}"),
        back=f"{_back(visit)}/roles",
        ends=bool(removes or lost),
        value=value,
        chosen=chosen,
        act="remove" if removes else "save",
    )
