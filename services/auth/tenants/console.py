"""Registers the platform's console as a common app."""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.auth import seals
from services.auth.apps import credentials, queries
from services.auth.apps.models import AppRow
from services.auth.requests.rules import BUNDLES
from services.auth.tenants.operations import OperationRefused
from shared.primitives.crypto import Keyring
from shared.web.scopes import OF_CONSOLE

NAME, TITLE = "console", "Knogin console"
MOST_KEYS = 5


class Console(msgspec.Struct, forbid_unknown_fields=True):
    """`redirect_uris` are the console's call-back addresses, `jwks` the public keys with which it authenticates."""

    redirect_uris: list[str]
    jwks: dict[str, Any]


def parameters(console: Console) -> dict[str, Any]:
    """The row of the common app. Raises OperationRefused for keys that cannot authenticate a client."""
    if problem := credentials.problem_with_jwks(console.jwks, MOST_KEYS):
        raise OperationRefused(f"the JWK Set {problem}")
    if not console.redirect_uris:
        raise OperationRefused("name at least one redirect URI")
    return {
        "name": NAME,
        "title": TITLE,
        "redirect_uris": console.redirect_uris,
        "jwks": Jsonb(console.jwks),
        "scopes": OF_CONSOLE,
        "graphql_bundles": list(BUNDLES),
    }


def register(conn: psycopg.Connection[Any], keyring: Keyring, console: Console) -> None:
    """Repeating it changes nothing. New keys reach each organisation's app at once, all else at the next sign-in of its people."""
    row = parameters(console)
    conn.execute(queries.ENSURE_COMMON_APP, row)
    with conn.cursor(row_factory=class_row(AppRow)) as cursor:
        others = cursor.execute(queries.APPS_WITH_OTHER_KEYS, row).fetchall()
        cursor.executemany(queries.SET_KEYS, _with_keys(keyring, others, row["jwks"]))


async def ensure(conn: psycopg.AsyncConnection[Any], keyring: Keyring, console: Console) -> None:
    """The same for the bootstrap."""
    row = parameters(console)
    await conn.execute(queries.ENSURE_COMMON_APP, row)
    async with conn.cursor(row_factory=class_row(AppRow)) as cursor:
        others = await (await cursor.execute(queries.APPS_WITH_OTHER_KEYS, row)).fetchall()
        await cursor.executemany(queries.SET_KEYS, _with_keys(keyring, others, row["jwks"]))


def _with_keys(keyring: Keyring, apps: Sequence[AppRow], jwks: Jsonb) -> list[dict[str, Any]]:
    """An app whose row is not as we wrote it gets no keys, and no good seal."""
    rows = [(app, msgspec.structs.asdict(app)) for app in apps]
    return [
        {"client_id": app.client_id, "jwks": jwks, "seal": seals.APPS.seal(keyring, row | {"jwks": jwks})}
        for app, row in rows
        if seals.APPS.holds(keyring, row, app.seal)
    ]
