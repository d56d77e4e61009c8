"""People: the list, one person's page, their role, sessions and second factor, and leaving."""

from typing import Any

from starlette.responses import Response

from services.console.apps.portal import administration
from services.console.pages.visit import Failure, Fault, Visit
from services.console.people.models import AccessChanged, Roles, User, Users, UserSessions
from services.console.upstream.errors import Refused

USERS = "/v1/platform/users"
ROLES = ("administrator", "quality_officer", "integrator", "auditor")
OPERATOR = "operator"
STATUSES = ("active", "disabled")
YES_OR_NO = ("true", "false")
READ, CHANGE = "platform:people:read", "platform:people:write"


async def roles_of(visit: Visit) -> list[str]:
    """The roles that people of the organisation can have: in the platform's own there is one more."""
    found = await visit.load("/v1/platform/roles", Roles)
    return list(ROLES) if found.failure else [one.role for one in found.value.roles]


def why_fault(visit: Visit, refused: Refused, field: str = "") -> Fault:
    """The reason of a conflict in the words of the page, or else those of the platform."""
    reason = refused.document.get("reason", "")
    return visit.refusal(refused, field, visit.t(f"conflict.{reason}") if visit.t.has(f"conflict.{reason}") else "")


async def list_people(visit: Visit) -> Response:
    query = {
        "search": visit.query("search", most=100),
        "role": visit.query("role", (*ROLES, OPERATOR)),
        "status": visit.query("status", STATUSES),
        "second_factor": visit.query("second_factor", YES_OR_NO),
        "federated": visit.query("federated", YES_OR_NO),
        "cursor": visit.cursor(),
    }
    asked: dict[str, str | int | None] = {name: value or None for name, value in query.items()}
    people, roles = await visit.together(visit.load(USERS, Users, limit=50, **asked), roles_of(visit))
    filtered = any(value for name, value in query.items() if name != "cursor")
    return visit.page(
        "people/list.html", people=people, query=query, filtered=filtered, roles=roles, may_change=visit.may(CHANGE)
    )


async def read_person(visit: Visit) -> Response:
    path = visit.path_of(USERS + "/{id}", id=visit.ids["user_id"])
    user = await visit.get(path, User)
    sessions = await visit.load(path + "/sessions", UserSessions, limit=50)
    is_self = user.user_id == visit.session.user_id
    return visit.page(
        "people/person.html",
        title=user.name,
        user=user,
        sessions=sessions,
        is_self=is_self,
        may_change=visit.may(CHANGE),
    )


async def _person(visit: Visit) -> User:
    return await visit.get(visit.path_of(USERS + "/{id}", id=visit.ids["user_id"]), User)


def _back(visit: Visit) -> str:
    return f"/people/{visit.ids['user_id']}"


async def role_page(visit: Visit) -> Response:
    return await _role_page(visit)


async def _role_page(visit: Visit, chosen: str = "", status: int = 200, **context: Any) -> Response:
    user, roles = await visit.together(_person(visit), roles_of(visit))
    return visit.page(
        "people/role.html",
        status=status,
        title=visit.t("role_of", name=user.name),
        user=user,
        roles=roles,
        chosen=chosen or user.role or "",
        back=_back(visit),
        **context,
    )


async def change_role(visit: Visit) -> Response:
    role = visit.form("role")
    if role not in (*ROLES, OPERATOR):
        return await _role_page(visit, status=422, faults=[Fault("role", visit.t("role_missing"))])
    path = visit.path_of(USERS + "/{id}/role", id=visit.ids["user_id"])
    try:
        await visit.send("PUT", path, {"role": role})
    except Refused as refused:
        if refused.status not in (403, 409, 422):
            raise
        unknown = Fault("role", visit.t("role_missing"))
        fault = unknown if refused.status == 422 else why_fault(visit, refused, "role")
        return await _role_page(visit, role, refused.status, faults=[fault])
    return visit.redirect(_back(visit), done="role")


async def leave_page(visit: Visit) -> Response:
    """The counts of the access that ends, from the platform's dry run."""
    user = await _person(visit)
    path = visit.path_of(USERS + "/{id}/leave", id=visit.ids["user_id"])
    try:
        tried = (await visit.send("POST", path, dry_run="true")).read(AccessChanged)
    except Refused as refused:
        if refused.status != 409:
            raise
        return _kept(visit, user, refused)
    title = visit.t("leave_of", name=user.name)
    links = await administration.ending_with_maker(visit, user.user_id)
    return visit.page("people/leave.html", title=title, user=user, ended=tried.ended, links=links, back=_back(visit))


def _kept(visit: Visit, user: User, refused: Refused) -> Response:
    """The person cannot leave yet, and why."""
    return visit.page(
        "people/kept.html",
        status=409,
        title=visit.t("leave_of", name=user.name),
        reason=why_fault(visit, refused),
        failure=Failure(refused),
        back=_back(visit),
    )


async def leave(visit: Visit) -> Response:
    path = visit.path_of(USERS + "/{id}/leave", id=visit.ids["user_id"])
    try:
        await visit.send("POST", path)
    except Refused as refused:
        if refused.status != 409:
            raise
        return _kept(visit, await _person(visit), refused)
    return visit.redirect(_back(visit), done="left")


async def enable_page(visit: Visit) -> Response:
    return await _confirm(visit, "enable", ["enable_signs_in", "enable_ended"])


async def enable(visit: Visit) -> Response:
    return await _act(visit, "POST", "/enable", "enabled")


async def second_factor_page(visit: Visit) -> Response:
    return await _confirm(visit, "second_factor", ["factor_goes", "factor_codes", "factor_sessions", "factor_warning"])


async def reset_second_factor(visit: Visit) -> Response:
    return await _act(visit, "POST", "/reset-second-factor", "second_factor")


async def sessions_page(visit: Visit) -> Response:
    return await _confirm(visit, "sessions", ["sessions_all", "sessions_console", "sessions_apps"])


async def end_sessions(visit: Visit) -> Response:
    return await _act(visit, "DELETE", "/sessions", "sessions")


async def session_page(visit: Visit) -> Response:
    return await _confirm(visit, "session", ["session_one"])


async def end_session(visit: Visit) -> Response:
    path = visit.path_of(USERS + "/{id}/sessions/{session}", id=visit.ids["user_id"], session=visit.ids["session_id"])
    await visit.send("DELETE", path)
    return visit.redirect(_back(visit), done="session")


async def _confirm(visit: Visit, act: str, consequences: list[str]) -> Response:
    user = await _person(visit)
    return visit.page(
        "people/confirm.html",
        title=visit.t(f"of.{act}", name=user.name),
        consequences=[visit.t(f"ends_with.{one}", name=user.name) for one in consequences],
        label=visit.t(f"go.{act}"),
        back=_back(visit),
        ends=act != "enable",
    )


async def _act(visit: Visit, method: str, tail: str, done: str) -> Response:
    await visit.send(method, visit.path_of(USERS + "/{id}", id=visit.ids["user_id"]) + tail)
    return visit.redirect(_back(visit), done=done)
