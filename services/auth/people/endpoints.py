"""People of an organisation, their roles, sessions and second factors: the endpoints of its administrators."""

import ipaddress
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.people import acting, ending, queries, rights, roles
from services.auth.people.ending import Ending
from services.auth.people.models import (
    AccessChanged,
    LeaveQuery,
    RoleChange,
    Roles,
    RoleShown,
    SessionRow,
    User,
    UserPage,
    UserSession,
)
from services.auth.revocations import bell, watermarks
from services.auth.saml import policies
from services.auth.signin import queries as signin_queries
from services.auth.signin.account_endpoints import describe_browser
from services.auth.tenants import queries as tenant_queries
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import http, problems
from shared.web.http import Page
from shared.web.identity import Caller


async def list_roles(request: Request, caller: Caller) -> Roles:
    found = roles.in_tenant(caller.tenant_id)
    return Roles([RoleShown(name, role.description, role.scopes) for name, role in found.items()])


async def list_users(request: Request, caller: Caller, page: UserPage) -> Response:
    parameters = {
        "tenant_id": caller.tenant_id,
        "like": None if page.search is None else containing(page.search),
        "role": page.role,
        "status": page.status,
        "second_factor": page.second_factor,
        "federated": page.federated,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        found, fitting = await database.page_of(conn, User, queries.USERS, parameters, page, http.SMALL)
    return http.listed(request, "users", found, fitting, lambda user: user.user_id)


def containing(text: str) -> str:
    """A pattern of LIKE for texts that contain `text` as it is."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def read_user(request: Request, caller: Caller, user_id: str) -> User:
    async with tenant_transaction(request, caller) as conn:
        return await _user(conn, user_id)


async def _user(conn: AsyncConnection, user_id: str) -> User:
    found = await database.first(conn, User, queries.USER, (user_id,)) if ids.is_id(user_id, "usr") else None
    if found is None:
        raise problems.not_found()
    return found


async def change_role(request: Request, caller: Caller, user_id: str, change: RoleChange) -> AccessChanged:
    """A role that allows less ends the access beyond it, at once."""
    acting.require_role_of_tenant(caller, change.role)
    async with tenant_transaction(request, caller) as conn:
        await acting.begin_change(conn)
        held = await acting.hold(conn, caller, user_id)
        before, wanted = roles.limit_of(held.role, held.scope_limit), roles.of(change.role)
        await acting.require_reach(conn, caller, wanted)
        if held.role_mapped:
            raise problems.conflict(
                "The organisation's identity provider decides this person's roles.", reason="provider-decides"
            )
        if change.role != roles.ADMINISTRATOR:
            await acting.require_other_administrator(conn, held)
        role = {"role": change.role, "scope_limit": wanted, "roles": []}
        await rights.change(conn, held, **role)
        done = Ending() if roles.reaches(wanted, before) else await ending.beyond(conn, held.user_id, wanted)
        detail = {"from": held.role, "to": change.role}
        changed = await _finish(conn, caller, held.user_id, "user.role_changed", done, detail)
    await bell.ring(request.state.redis)
    return changed


async def leave(request: Request, caller: Caller, user_id: str, query: LeaveQuery) -> AccessChanged:
    """Refuses the person from now on, and ends all their access. A second call finds nothing to end."""
    async with tenant_transaction(request, caller) as conn:
        await acting.begin_change(conn)
        held = await acting.hold(conn, caller, user_id)
        await acting.require_other_administrator(conn, held)
        policy = await policies.of_tenant(conn)
        if policy.enforced and policy.break_glass_user_id == held.user_id:
            raise problems.conflict(
                "This person signs in when your identity provider is away; name another one first.",
                reason="break-glass",
            )
        if query.dry_run:
            return AccessChanged(await _user(conn, user_id), await ending.count(conn, user_id), dry_run=True)
        await rights.change(conn, held, status="disabled")
        done = await ending.everything(conn, held.user_id)
        changed = await _finish(conn, caller, held.user_id, "user.left", done)
    await bell.ring(request.state.redis)
    return changed


async def enable_user(request: Request, caller: Caller, user_id: str) -> User:
    """Ended access does not come back."""
    async with tenant_transaction(request, caller) as conn:
        await acting.begin_change(conn)
        held = await acting.hold(conn, caller, user_id)
        if not held.is_active:
            await rights.change(conn, held, status="active")
            await audit.record(conn, caller, "user.active", held.user_id)
        return await _user(conn, held.user_id)


async def reset_second_factor(request: Request, caller: Caller, user_id: str) -> AccessChanged:
    """Takes the authenticator app and the recovery codes away, and ends the person's sessions."""
    async with tenant_transaction(request, caller) as conn:
        await acting.begin_change(conn)
        held = await acting.hold(conn, caller, user_id)
        if held.user_id == caller.person_id:
            raise problems.forbidden("Your own second factor changes on your page, with your password and a code.")
        await conn.execute(signin_queries.DELETE_RECOVERY_CODES, (held.user_id,))
        await conn.execute(tenant_queries.SET_TOTP, (None, held.user_id))
        await conn.execute(signin_queries.FORGET_WRONG_CODES, (held.user_id,))
        done = await ending.sessions_of(conn, held.user_id)
        detail = {"had_one": held.has_totp}
        changed = await _finish(conn, caller, held.user_id, "user.second_factor_removed", done, detail)
    await bell.ring(request.state.redis)
    return changed


# --- Sessions ---------------------------------------------------------------------------------------------------------


async def list_user_sessions(request: Request, caller: Caller, user_id: str, page: Page) -> Response:
    parameters = {"user_id": user_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await _user(conn, user_id)
        found = await database.every(conn, SessionRow, queries.SESSIONS, parameters)

    def shown(row: SessionRow) -> UserSession:
        return UserSession(
            id=row.session_id,
            device=describe_browser(row.user_agent),
            place=place_of(row.address),
            federated=row.federated,
            signed_in_at=row.signed_in_at,
            last_used_at=row.last_seen_at,
        )

    return http.listed(request, "sessions", found, page, lambda row: row.session_id, shown)


def place_of(address: str) -> Literal["private_network", "internet", "unknown"]:
    """The class of an address, which tells nobody where a person is."""
    try:
        return "internet" if ipaddress.ip_address(address).is_global else "private_network"
    except ValueError:
        return "unknown"


async def end_user_session(request: Request, caller: Caller, user_id: str, session_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        held = await acting.hold(conn, caller, user_id)
        if not (await conn.execute(signin_queries.END_SESSION, (session_id, held.user_id))).rowcount:
            raise problems.not_found()
        await audit.record(conn, caller, "session.ended", held.user_id, {"which": session_id})
    return http.no_content()


async def end_user_sessions(request: Request, caller: Caller, user_id: str) -> AccessChanged:
    """Also ends the access of Knogin's own apps, such as the console; other apps keep theirs."""
    async with tenant_transaction(request, caller) as conn:
        held = await acting.hold(conn, caller, user_id)
        done = await ending.sessions_of(conn, held.user_id)
        changed = await _finish(conn, caller, held.user_id, "session.ended", done, {"which": "all"})
    await bell.ring(request.state.redis)
    return changed


async def _finish(
    conn: AsyncConnection,
    caller: Caller,
    user_id: str,
    action: str,
    done: Ending,
    detail: dict[str, Any] | None = None,
) -> AccessChanged:
    """Records the change and, as the transaction's last statement, refuses the tokens of the ended grants."""
    counts = {name: number for name, number in msgspec.structs.asdict(done.ended).items() if number}
    await audit.record(conn, caller, action, user_id, (detail or {}) | counts)
    user = await _user(conn, user_id)
    await watermarks.revoke_all(conn, "grant", done.grants)
    return AccessChanged(user, done.ended)
