"""Portal links: how one is made, found and opened. Pure but for the database.

A link's text is its id and its secret. The row has a MAC of the secret, and a service token of the app, which the server's key and the
secret open together (`twofold`): neither a dump with its keys nor a link without the server gives the token.
"""

import hmac
from collections.abc import Collection
from datetime import datetime

import msgspec

from services.console.apps import twofold
from services.console.apps.portal import queries
from services.console.session.cookies import TOKEN_LENGTH, new_token
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.storage.database import AsyncConnection

PREFIX = "plk"
PURPOSE = "portal link"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link in an administrator's list."""

    link_id: str
    client_id: str
    token_id: str
    may_write: bool
    note: str
    made_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    opened: int
    last_opened_at: datetime | None
    is_good: bool

    def state_with(self, live: Collection[str], *, is_whole: bool) -> str:
        """`live` are good service tokens of the app, all of them if `is_whole`. A link opens nothing when its token is over."""
        if not self.is_good:
            return "revoked" if self.revoked_at is not None else "expired"
        if self.token_id in live:
            return "good"
        return "ended" if is_whole else "unknown"


class Named(msgspec.Struct, frozen=True):
    """The note of a link: for whom it is."""

    note: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `find_portal_link`."""

    link_id: str
    tenant_id: str
    client_id: str
    token_id: str
    secret_mac: bytes
    sealed: bytes
    expires_at: datetime


class Contents(msgspec.Struct, frozen=True):
    """The sealed part of a link: the service token, and the names that its pages show."""

    token: str
    scopes: list[str]
    app_name: str
    tenant_name: str
    is_sandbox: bool


def new_id() -> str:
    return ids.new_id(PREFIX)


def new_secret() -> str:
    return new_token()


def text_of(link_id: str, secret: str) -> str:
    return f"{link_id}.{secret}"


def _context(link_id: str) -> str:
    return f"portal_links.sealed {link_id}"


def seal(keyring: Keyring, link_id: str, secret: str, contents: Contents) -> bytes:
    return twofold.seal(keyring, secret, msgspec.json.encode(contents), _context(link_id))


def mac(keyring: Keyring, secret: str) -> bytes:
    return keyring.mac(secret.encode(), PURPOSE)


async def find(conn: AsyncConnection, keyring: Keyring, text: str) -> tuple[Found, Contents] | None:
    """The link of a presented text. None for one that is wrong, expired or revoked: the caller does not learn which."""
    link_id, _, secret = text.partition(".")
    if not ids.is_id(link_id, PREFIX) or len(secret) != TOKEN_LENGTH or not secret.isascii():
        return None
    found = await database.first(conn, Found, queries.FIND, (link_id,))
    if found is None:
        return None
    if not any(hmac.compare_digest(one, found.secret_mac) for one in keyring.macs(secret.encode(), PURPOSE)):
        return None
    opened = twofold.unseal(keyring, secret, found.sealed, _context(link_id))
    return (found, msgspec.json.decode(opened, type=Contents)) if opened is not None else None
