"""Federation as a guided set-up: the identity provider, our side, domains, a try, and the policy."""

from typing import Any

from starlette.responses import Response

from services.console.pages.visit import Fault, Visit
from services.console.people.models import Connection, Connections, Policy, RefusedSignIns
from services.console.people.upkeep import READ_METADATA
from services.console.people.views import ROLES, why_fault
from services.console.upstream.errors import Refused

PATH = "/v1/saml/connections"
POLICY = "/v1/saml/policy"


async def overview(visit: Visit) -> Response:
    found, policy = await visit.together(visit.load(PATH, Connections, limit=20), visit.load(POLICY, Policy))
    closed = found.failure is not None and found.failure.status == 403
    return visit.page("people/federation.html", connections=found, policy=policy, closed=closed)


async def new_page(visit: Visit) -> Response:
    return _new(visit)


def _new(visit: Visit, status: int = 200, **context: Any) -> Response:
    known = {"name": "", "metadata": "", "chosen": "quality_officer", "roles": ROLES}
    return visit.page("people/new_connection.html", status=status, **(known | context))


async def create(visit: Visit) -> Response:
    name, metadata, role = visit.form("name"), visit.form("metadata"), visit.form("default_role")
    faults = [] if name else [Fault("name", visit.t("name_missing"))]
    if not metadata:
        faults.append(Fault("metadata", visit.t("metadata_missing")))
    draft = {"name": name, "metadata_xml": metadata, "default_role": role if role in ROLES else ROLES[-1]}
    try:
        if not faults:
            made = (await visit.send("POST", PATH, draft)).read(Connection)
            return visit.redirect(f"/people/federation/{made.id}", done="connected")
        if metadata:  # its faults are shown with those of the form
            await visit.send("POST", READ_METADATA, {"metadata_xml": metadata})
    except Refused as refused:
        if refused.status == 409:
            faults.append(why_fault(visit, refused))
        elif refused.status == 422:
            faults += visit.faults(refused, metadata_xml="metadata")
        else:
            raise
    return _new(visit, 422, name=name, metadata=metadata, chosen=role, faults=faults)


def _path(visit: Visit, tail: str = "", **more: str) -> str:
    return visit.path_of(PATH + "/{id}" + tail, id=visit.ids["connection_id"], **more)


def _back(visit: Visit) -> str:
    return f"/people/federation/{visit.ids['connection_id']}"


async def read_connection(visit: Visit) -> Response:
    return await _connection(visit)


async def _connection(visit: Visit, status: int = 200, **context: Any) -> Response:
    found = await visit.get(_path(visit), Connection)
    events = await visit.load(_path(visit, "/events"), RefusedSignIns, limit=10)
    certified = any(one.is_valid for one in found.certificates)
    steps = {
        "certificate": certified,
        "provider": found.status == "active" and certified,
        "domain": any(one.status == "proven" for one in found.domains),
        "tried": found.last_sign_in_at is not None,
    }
    known = {"domain": "", "roles": ROLES}
    return visit.page(
        "people/connection.html",
        status=status,
        title=found.name,
        one=found,
        events=events,
        steps=steps,
        **(known | context),
    )


async def change_connection(visit: Visit) -> Response:
    """The one page has several forms; the button that was pressed names the act."""
    act = visit.form("act")
    try:
        if act == "claim":
            await visit.send("POST", _path(visit, "/domains"), {"domain": visit.form("domain").lower()})
        elif act == "prove":
            await visit.send("POST", _path(visit, "/domains/{domain}/prove", domain=visit.form("domain")))
        elif act == "role" and visit.form("default_role") in ROLES:
            await visit.send("PATCH", _path(visit), {"default_role": visit.form("default_role")})
        elif act == "enable":
            await visit.send("PATCH", _path(visit), {"status": "active"})
        else:
            return await _connection(visit, 422, faults=[Fault("", visit.t("act_missing"))])
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        faults = [Fault("", visit.t("not_proven"))] if act == "prove" else visit.faults(refused)
        return await _connection(visit, refused.status, domain=visit.form("domain"), faults=faults)
    return visit.redirect(_back(visit), done=f"connection_{act}")


async def disable_page(visit: Visit) -> Response:
    return await _confirm(visit, "disable", ["disable_sign_in", "disable_sessions", "disable_grants"])


async def disable(visit: Visit) -> Response:
    return await _end(visit, "PATCH", {"status": "disabled"}, _back(visit), "connection_disabled")


async def delete_page(visit: Visit) -> Response:
    return await _confirm(visit, "delete", ["delete_sign_in", "delete_domains", "delete_people"])


async def delete(visit: Visit) -> Response:
    return await _end(visit, "DELETE", None, "/people/federation", "connection_deleted")


async def _confirm(visit: Visit, act: str, consequences: list[str], faults: list[Fault] | None = None) -> Response:
    found = await visit.get(_path(visit), Connection)
    return visit.page(
        "people/confirm.html",
        status=409 if faults else 200,
        title=visit.t(f"of.{act}", name=found.name),
        consequences=[visit.t(f"ends_with.{one}") for one in consequences],
        label=visit.t(f"go.{act}"),
        back=_back(visit),
        faults=faults or [],
    )


async def _end(visit: Visit, method: str, body: Any, back: str, done: str) -> Response:
    try:
        await visit.send(method, _path(visit), body)
    except Refused as refused:
        if refused.status != 409:
            raise
        act = "disable" if method == "PATCH" else "delete"
        return await _confirm(visit, act, [f"{act}_sign_in"], [why_fault(visit, refused)])
    return visit.redirect(back, done=done)


async def policy_page(visit: Visit) -> Response:
    policy = await visit.get(POLICY, Policy)
    return visit.page(
        "people/policy.html", policy=policy, email=policy.break_glass_email or visit.session.profile.email
    )


async def change_policy(visit: Visit) -> Response:
    enforced, email = visit.form("enforced") == "1", visit.form("email")
    try:
        await visit.send("PUT", POLICY, {"enforced": enforced, "break_glass_email": email if enforced else None})
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        faults = visit.faults(refused, break_glass_email="email")
        policy = await visit.get(POLICY, Policy)
        return visit.page("people/policy.html", status=422, policy=policy, email=email, faults=faults)
    return visit.redirect("/people/federation", done="policy")
