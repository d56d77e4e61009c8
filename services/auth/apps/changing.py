"""What every request that changes an app does first: read it strictly, find the app, lock it, and ask who may."""

from typing import Any

import msgspec

from services.auth.apps import store
from services.auth.apps.models import App
from shared import problems
from shared.database import AsyncConnection
from shared.identity import Caller
from shared.problems import FieldError


async def changeable(conn: AsyncConnection, caller: Caller, client_id: str) -> App:
    """The app, locked. Raises Problem: 404 if not the tenant's, 403 for the caller's own and operators' apps."""
    app = await store.load_app(conn, client_id, lock=True)
    if app.client_id == caller.client_id:
        raise problems.forbidden("A token cannot change the app it was issued to.")
    if app.first_party:
        raise problems.forbidden("First-party apps are changed by Knogin's operators alone.")
    return app


def refuse(errors: list[FieldError]) -> None:
    if errors:
        raise problems.invalid("The request does not fit; see errors.", errors)


def named_fields(change: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
