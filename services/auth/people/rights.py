"""The rights of a person: the status, the role or the roles of an identity provider, and the limit of scopes, under one seal.

A row that is not as we wrote it is that of a disabled person without rights, for every reader. A change stores all of its values, so that
no value of such a row gets a good seal.
"""

from collections.abc import Sequence
from typing import Any, LiteralString, TypeVar

import msgspec

from services.auth import seals
from services.auth.people.roles import ADMINISTRATOR, Role
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection

COLUMNS: LiteralString = (
    "u.user_id, u.tenant_id, u.status, u.role, u.roles, u.scope_limit, u.rights_version, u.rights_seal"
)
VALUES: LiteralString = """
    status = %(status)s, role = %(role)s, roles = %(roles)s, scope_limit = %(scope_limit)s, rights_version = %(rights_version)s,
    rights_seal = %(rights_seal)s
"""
SET: LiteralString = "UPDATE users SET " + VALUES + " WHERE user_id = %(user_id)s"  # noqa: S608 - constants of this module
HOLD: LiteralString = "SELECT " + COLUMNS + " FROM users u WHERE u.user_id = %s FOR UPDATE"  # noqa: S608 - the same
# Somebody who gets rights and a way to sign in afterwards.
INSERT: LiteralString = """
    INSERT INTO users (user_id, tenant_id, email, name, scope_limit, rights_version, rights_seal)
    VALUES (%(user_id)s, %(tenant_id)s, %(email)s, %(name)s, %(scope_limit)s, %(rights_version)s, %(rights_seal)s)
    ON CONFLICT (lower(email)) DO NOTHING
"""


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of `users` that hold the rights of the person. `seals.RIGHTS` covers them."""

    user_id: str
    tenant_id: str
    status: str
    role: Role | None
    roles: list[str]
    scope_limit: list[str] | None
    rights_version: int
    rights_seal: bytes | None

    @property
    def is_active(self) -> bool:
        return self.status == "active"

    @property
    def effective_role(self) -> Role | None:
        """In rows of earlier releases a person without a limit has no role, and one with a mapped limit may still have the first."""
        if self.role is None and self.scope_limit is None:
            return ADMINISTRATOR
        return None if self.role == ADMINISTRATOR and self.scope_limit is not None else self.role


Found = TypeVar("Found", bound=Rights)


def believed(keyring: Keyring, found: Found) -> Found:
    if seals.RIGHTS.holds(keyring, msgspec.structs.asdict(found), found.rights_seal):
        return found
    return msgspec.structs.replace(found, status="disabled", role=None, roles=[], scope_limit=[])


def new(
    keyring: Keyring, tenant_id: str, user_id: str, limit: Sequence[str] | None, role: Role | None = None
) -> Rights:
    """Those of an active person whose row is not there yet."""
    limit = None if limit is None else list(limit)
    made = Rights(
        user_id=user_id,
        tenant_id=tenant_id,
        status="active",
        role=role,
        roles=[],
        scope_limit=limit,
        rights_version=0,
        rights_seal=None,
    )
    return msgspec.structs.replace(made, rights_seal=seals.RIGHTS.seal(keyring, msgspec.structs.asdict(made)))


def changed(keyring: Keyring, held: Rights, **changes: Any) -> dict[str, Any]:
    """The parameters of `SET`. The row must be locked, and `held` believed."""
    row = msgspec.structs.asdict(held) | changes
    row["rights_version"] = held.rights_version + 1
    return row | {"rights_seal": seals.RIGHTS.seal(keyring, row)}


async def change(conn: AsyncConnection, keyring: Keyring, held: Rights, **changes: Any) -> None:
    await conn.execute(SET, changed(keyring, held, **changes))
