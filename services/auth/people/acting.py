"""The limits of one person who changes another: the changed role has no more rights than the own one, and one administrator stays."""

from collections.abc import Sequence

from services.auth.apps.scopes import CHANGE_PEOPLE
from services.auth.people import queries
from services.auth.people.models import Held
from services.auth.people.rights import Rights
from services.auth.people.roles import ADMINISTRATOR, Role, in_tenant, limit_of, reaches
from shared.primitives import ids
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError


def may_federate(caller: Caller) -> bool:
    """Whether the caller may read and change SAML connections. A person must also be allowed to change people.

    Who maps roles could otherwise map all scopes to their own.
    """
    return caller.person_id is None or caller.has(CHANGE_PEOPLE)


def require_role_of_tenant(caller: Caller, role: Role) -> None:
    """Raises a 422 Problem for a role that people of the caller's tenant cannot have."""
    if role not in in_tenant(caller.tenant_id):
        raise problems.invalid(
            "The role does not exist in your organisation; see errors.",
            [FieldError("/role", f"is none of {', '.join(in_tenant(caller.tenant_id))}", "enum")],
        )


async def begin_change(conn: AsyncConnection) -> None:
    """Waits for other changes of the organisation's people."""
    await conn.execute(queries.LOCK_PEOPLE)


async def require_reach(conn: AsyncConnection, caller: Caller, limit: Sequence[str] | None) -> None:
    """Raises a 403 Problem if the person who acts may do less than `limit`. Their token may be older than their present role."""
    person = caller.person_id
    if person is None:
        return
    found = await database.first(conn, Rights, queries.ACTOR, (person,))
    actor = None if found is None else found
    if actor is None or not actor.is_active or not reaches(limit_of(actor.role, actor.scope_limit), limit):
        raise problems.forbidden("Your own role does not reach so far.")


async def hold(conn: AsyncConnection, caller: Caller, user_id: str) -> Held:
    """The person, locked, for a change by the caller. Raises Problem: 404, or 403 for a person who may do more than the caller."""
    held = await database.first(conn, Held, queries.HOLD, (user_id,)) if ids.is_id(user_id, "usr") else None
    if held is None:
        raise problems.not_found()
    held = held
    await require_reach(conn, caller, limit_of(held.role, held.scope_limit))
    return held


async def require_other_administrator(conn: AsyncConnection, held: Held) -> None:
    """Raises a 409 Problem for the last administrator who can sign in."""
    if held.role != ADMINISTRATOR or not held.is_active:
        return
    row = await (await conn.execute(queries.OTHER_ADMINISTRATORS, (held.user_id,))).fetchone()
    if row is None or not row[0]:
        raise problems.conflict(
            "This is the last administrator who can sign in; make another one first.", reason="last-administrator"
        )
