"""The rights of a person: the status, the role or the roles of an identity provider, and the limit of scopes."""

from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec

from services.auth.people.roles import Role
from shared.storage.database import AsyncConnection

COLUMNS: LiteralString = "u.user_id, u.tenant_id, u.status, u.role, u.roles, u.scope_limit"
VALUES: LiteralString = "status = %(status)s, role = %(role)s, roles = %(roles)s, scope_limit = %(scope_limit)s"
SET: LiteralString = "UPDATE users SET " + VALUES + " WHERE user_id = %(user_id)s"  # noqa: S608 - constants of this module
HOLD: LiteralString = "SELECT " + COLUMNS + " FROM users u WHERE u.user_id = %s FOR UPDATE"  # noqa: S608 - the same
# Somebody who gets rights and a way to sign in afterwards.
INSERT: LiteralString = """
    INSERT INTO users (user_id, tenant_id, email, name, scope_limit)
    VALUES (%(user_id)s, %(tenant_id)s, %(email)s, %(name)s, %(scope_limit)s) ON CONFLICT (lower(email)) DO NOTHING
"""


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of `users` that hold the rights of the person."""

    user_id: str
    tenant_id: str
    status: str
    role: Role | None
    roles: list[str]
    scope_limit: list[str] | None

    @property
    def is_active(self) -> bool:
        return self.status == "active"


def new(tenant_id: str, user_id: str, limit: Sequence[str] | None, role: Role | None = None) -> Rights:
    """Those of an active person whose row is not there yet."""
    limit = None if limit is None else list(limit)
    return Rights(user_id=user_id, tenant_id=tenant_id, status="active", role=role, roles=[], scope_limit=limit)


def changed(held: Rights, **changes: Any) -> dict[str, Any]:
    """The parameters of `SET`. The row must be locked."""
    return msgspec.structs.asdict(held) | changes


async def change(conn: AsyncConnection, held: Rights, **changes: Any) -> None:
    await conn.execute(SET, changed(held, **changes))
