"""The person whom a token acts for, for programs that show it, such as the console."""

from datetime import datetime
from typing import Literal

import msgspec
from starlette.requests import Request

from services.auth.apps import store
from services.auth.people.roles import Role
from services.auth.signin import queries
from shared.storage import database
from shared.storage.database import tenant_transaction
from shared.web.identity import Caller


class Person(msgspec.Struct, frozen=True):
    """The person whom a token acts for. `role` is null where the roles of the organisation's identity provider decide."""

    user_id: str
    email: str
    name: str
    role: Role | None


class Organisation(msgspec.Struct, frozen=True):
    """The organisation that a token belongs to."""

    tenant_id: str
    name: str
    environment: Literal["production", "sandbox"]


class Me(msgspec.Struct, frozen=True):
    """Whom a token acts for. `person` is null for an app alone; `scopes` are those of the token.

    `second_factor`: the token comes from a sign-in with one.
    """

    client_id: str
    person: Person | None
    organisation: Organisation
    scopes: list[str]
    second_factor: bool
    signed_in_at: datetime | None


async def read_me(request: Request, caller: Caller) -> Me:
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.load_tenant(conn, caller.tenant_id)
        person = await database.first(conn, Person, queries.PERSON, (caller.subject,))
        grant = await conn.execute(queries.SIGNED_IN_AT, (caller.grant_id, caller.subject))
        (signed_in_at,) = await grant.fetchone() or (None,)
    organisation = Organisation(tenant.tenant_id, tenant.name, tenant.environment)
    return Me(caller.client_id, person, organisation, sorted(caller.scopes), caller.second_factor, signed_in_at)
