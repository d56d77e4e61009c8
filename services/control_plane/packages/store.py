"""Reads and writes packages inside a tenant's transaction."""

from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from services.control_plane import caps
from services.control_plane.marketplace.queries import WITHDRAW_SIGNED
from services.control_plane.packages import queries, rules, signing
from services.control_plane.packages.models import (
    Package,
    PackageDraft,
    PackageVersion,
    SigningKeyDraft,
    SigningKeyRow,
    VersionDraft,
)
from services.control_plane.settings import Settings
from shared.primitives import ids
from shared.storage.database import AsyncConnection, first, found
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError, Problem


async def insert_key(
    conn: AsyncConnection, settings: Settings, caller: Caller, draft: SigningKeyDraft
) -> SigningKeyRow:
    """Raises Problem: 422 for a weak or malformed key, 409 for a known key or one too many."""
    try:
        public_key = signing.public_key_of(draft.jwk)
    except ValueError as error:
        raise problems.invalid("The key cannot be used.", [FieldError("/jwk/x", str(error))]) from None
    await caps.require(conn, settings, caps.SIGNING_KEYS, caller.client_id)
    row = {
        "id": ids.new_id("sgk"),
        "tenant_id": caller.tenant_id,
        "client_id": caller.client_id,
        "name": draft.name,
        "public_key": public_key,
    }
    made = await first(conn, SigningKeyRow, queries.INSERT_KEY, row)
    if made is None:
        known = await (await conn.execute(queries.FIND_SAME_KEY, (caller.client_id, public_key))).fetchone()
        raise problems.conflict("This key is registered already, or was and is revoked.", id=known and known[0])
    return made


async def key_to_sign_with(conn: AsyncConnection, caller: Caller, key_id: str) -> SigningKeyRow:
    """A live key of the caller's own app. Raises a 422 Problem for any other."""
    key = None
    if ids.is_id(key_id, "sgk"):
        key = await first(conn, SigningKeyRow, queries.FIND_KEY_TO_SIGN, (key_id,))
    if key is None or key.client_id != caller.client_id:
        raise _unusable_key("is not a signing key of this app")
    if key.revoked_at is not None:
        raise _unusable_key("was revoked")
    return key


def _unusable_key(why: str) -> Problem:
    return problems.invalid("The version is not signed by a key of this app.", [FieldError("/key_id", why)])


async def load_key(conn: AsyncConnection, key_id: str, query: LiteralString = queries.FIND_KEY) -> SigningKeyRow:
    """Raises a 404 Problem for an id that is not a key of this tenant."""
    if not ids.is_id(key_id, "sgk"):
        raise problems.not_found()
    return await found(conn, SigningKeyRow, query, (key_id,))


async def revoke_key(conn: AsyncConnection, caller: Caller, key_id: str) -> SigningKeyRow:
    """Versions that the key signed can no longer be released, and their listings are withdrawn."""
    key = await load_key(conn, key_id, queries.REVOKE_KEY)
    await conn.execute(WITHDRAW_SIGNED, {"key_id": key.id, "tenant_id": caller.tenant_id})
    return key


async def insert_package(conn: AsyncConnection, caller: Caller, draft: PackageDraft) -> Package:
    row = msgspec.structs.asdict(draft) | {
        "id": ids.new_id("pkg"),
        "tenant_id": caller.tenant_id,
        "client_id": caller.client_id,
    }
    made = await first(conn, Package, queries.INSERT_PACKAGE, row)
    if made is None:
        known = await (await conn.execute(queries.FIND_PACKAGE_BY_NAME, (draft.name,))).fetchone()
        raise problems.conflict("There is a package of this name already.", id=known and known[0])
    return made


async def load_package(conn: AsyncConnection, package_id: str) -> Package:
    """Raises a 404 Problem for an id that is not a package of this tenant."""
    if not ids.is_id(package_id, "pkg"):
        raise problems.not_found()
    return await found(conn, Package, queries.FIND_PACKAGE, (package_id,))


async def insert_version(
    conn: AsyncConnection, caller: Caller, package: Package, draft: VersionDraft, templates: list[Any], statement: bytes
) -> PackageVersion:
    """`templates` are the manifest's automations in the JSON that was signed."""
    row = msgspec.structs.asdict(draft) | {
        "id": ids.new_id("pver"),
        "tenant_id": caller.tenant_id,
        "client_id": caller.client_id,
        "package_id": package.id,
        "automations": Jsonb(templates, dumps=http.encode),
        "statement": statement.decode(),
    }
    made = await first(conn, PackageVersion, queries.INSERT_VERSION, row)
    if made is None:
        raise problems.conflict("This version is there already, and a version never changes; publish the next one.")
    return made


async def load_version(conn: AsyncConnection, package_id: str, version: str, *, lock: bool = False) -> PackageVersion:
    """Raises a 404 Problem for a version that this tenant's package does not have."""
    if not ids.is_id(package_id, "pkg") or not rules.SEMVER.fullmatch(version):
        raise problems.not_found()
    query = queries.LOCK_VERSION if lock else queries.FIND_VERSION
    return await found(conn, PackageVersion, query, (package_id, version))


async def lock_storage(conn: AsyncConnection, caller: Caller) -> None:
    """Other uploads of the tenant wait for the end of the transaction, and count its bytes."""
    await conn.execute(queries.LOCK_STORAGE, (caller.tenant_id,))


async def require_space(conn: AsyncConnection, size: int, most: int) -> None:
    """Raises a 409 Problem where `size` more bytes would take the tenant's contents beyond `most` bytes."""
    row = await (await conn.execute(queries.STORED)).fetchone()
    if row is not None and row[0] + size > most:
        detail = f"The packages of an organisation take at most {most >> 20} MiB together; ask Knogin for more."
        raise problems.conflict(detail, stored_bytes=row[0])


async def publish(conn: AsyncConnection, caller: Caller, version: PackageVersion, content: bytes) -> PackageVersion:
    """Stores the content of a locked version that awaits it."""
    await conn.execute(queries.INSERT_CONTENT, (version.id, caller.tenant_id, content))
    return await found(conn, PackageVersion, queries.PUBLISH, (len(content), version.id))
