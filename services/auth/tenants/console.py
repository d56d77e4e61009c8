"""Registers the platform's console as a common app."""

from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from services.auth.apps import credentials, queries
from services.auth.requests.rules import BUNDLES
from services.auth.tenants.operations import OperationRefused
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


def register(conn: psycopg.Connection[Any], console: Console) -> None:
    """Repeating it changes nothing. New keys reach each organisation's app at once, all else at the next sign-in of its people."""
    row = parameters(console)
    conn.execute(queries.ENSURE_COMMON_APP, row)
    conn.execute(queries.KEYS_OF_COMMON_APP, row)


async def ensure(conn: psycopg.AsyncConnection[Any], console: Console) -> None:
    """The same for the bootstrap."""
    row = parameters(console)
    await conn.execute(queries.ENSURE_COMMON_APP, row)
    await conn.execute(queries.KEYS_OF_COMMON_APP, row)
