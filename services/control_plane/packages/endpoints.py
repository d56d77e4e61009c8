"""HTTP endpoints of packages, their versions and signing keys."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps, contents
from services.control_plane.access import BASE
from services.control_plane.packages import queries, rules, signing, store
from services.control_plane.packages.models import (
    MAX_CONTENT,
    Package,
    PackageDraft,
    PackageFilter,
    PackageVersion,
    SigningKey,
    SigningKeyDraft,
    SigningKeyRow,
    VersionDraft,
)
from shared.fairness.places import Crowded, Places
from shared.storage import audit, idempotency
from shared.storage.database import every, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.http import Page
from shared.web.identity import Caller, party_of
from shared.web.problems import FieldError

_uploads = Places(6, shares=(1,))
"""Contents that are received at a time, 60 MiB together; at most half of them are of one organisation."""


async def list_keys(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        keys = await every(conn, SigningKeyRow, queries.LIST_KEYS, parameters)
    return http.listed(request, "signing_keys", keys, page, lambda key: key.id, SigningKeyRow.shown)


async def register_key(request: Request, caller: Caller, draft: SigningKeyDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        key = await store.insert_key(conn, request.state.settings, caller, draft)
        await audit.record(conn, caller, "signing_key.registered", key.id)
        response = http.created(key.shown(), location=f"{BASE}/signing-keys/{key.id}")
        return await idempotency.keep(conn, request, caller, response)


async def read_key(request: Request, caller: Caller, key_id: str) -> SigningKey:
    async with tenant_transaction(request, caller) as conn:
        return (await store.load_key(conn, key_id)).shown()


async def revoke_key(request: Request, caller: Caller, key_id: str) -> Response:
    """Any app of the organisation may revoke a key, so that a leaked key is stopped without looking for its owner."""
    async with tenant_transaction(request, caller) as conn:
        key = await store.revoke_key(conn, caller, key_id)
        await audit.record(conn, caller, "signing_key.revoked", key.id, {"of": key.client_id})
    return http.no_content()


async def list_packages(request: Request, caller: Caller, page: PackageFilter) -> Response:
    parameters = {"kind": page.kind, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        packages = await every(conn, Package, queries.LIST_PACKAGES, parameters)
    return http.listed(request, "packages", packages, page, lambda package: package.id)


async def create_package(request: Request, caller: Caller, draft: PackageDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await caps.require(conn, request.state.settings, caps.PACKAGES, caller.tenant_id)
        package = await store.insert_package(conn, caller, draft)
        await audit.record(conn, caller, "package.created", package.id)
        response = http.created(package, location=f"{BASE}/packages/{package.id}")
        return await idempotency.keep(conn, request, caller, response)


async def read_package(request: Request, caller: Caller, package_id: str) -> Package:
    async with tenant_transaction(request, caller) as conn:
        return await store.load_package(conn, package_id)


async def list_versions(request: Request, caller: Caller, package_id: str, page: Page) -> Response:
    async with tenant_transaction(request, caller) as conn:
        package = await store.load_package(conn, package_id)
        parameters = {"package_id": package.id, "after": http.page_after(request, page), "limit": page.limit + 1}
        versions, page = await page_of(
            conn, PackageVersion, queries.LIST_VERSIONS, parameters, page, VersionDraft.max_bytes
        )
    return http.listed(request, "versions", versions, page, lambda version: version.id)


async def create_version(request: Request, caller: Caller, package_id: str, draft: VersionDraft) -> Response:
    """Stores a signed manifest. The content follows in a request of its own and must match the signed digest."""
    manifest = request.state.named
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        package = await store.load_package(conn, package_id)
        await caps.require(conn, request.state.settings, caps.VERSIONS, package.id)
        if errors := rules.check(draft, package.kind):
            raise problems.invalid("The manifest does not fit; see errors.", errors)
        try:
            statement = signing.statement(package.id, manifest)
        except ValueError as error:
            refusal = FieldError("/automations", str(error))
            raise problems.invalid("The manifest has no canonical form.", [refusal]) from None
        key = await store.key_to_sign_with(conn, caller, draft.key_id)
        if not signing.is_signed(key.public_key, statement, draft.signature):
            refusal = FieldError("/signature", "does not verify under the key")
            raise problems.invalid("The signature is not of this manifest.", [refusal])
        version = await store.insert_version(conn, caller, package, draft, manifest.get("automations", []), statement)
        await audit.record(conn, caller, "version.announced", version.id, {"version": version.version})
        location = f"{BASE}/packages/{package.id}/versions/{version.version}"
        return await idempotency.keep(conn, request, caller, http.created(version, location))


async def read_version(request: Request, caller: Caller, package_id: str, version: str) -> PackageVersion:
    async with tenant_transaction(request, caller) as conn:
        return await store.load_version(conn, package_id, version)


async def delete_version(request: Request, caller: Caller, package_id: str, version: str) -> Response:
    """Deletes a version that awaits its content. Its number is then free again."""
    async with tenant_transaction(request, caller) as conn:
        found = await store.load_version(conn, package_id, version, lock=True)
        if found.published_at is not None:
            raise problems.conflict("A published version stays as it is.")
        await conn.execute(queries.DELETE_VERSION, (found.id,))
        await audit.record(conn, caller, "version.deleted", found.id, {"version": found.version})
    return http.no_content()


async def upload_content(request: Request, caller: Caller, package_id: str, version: str) -> PackageVersion:
    """Publishes the version. A repeat gets the same answer, so that a client may upload again after a lost answer."""
    contents.require_octets(request)
    declared = http.declared_within(request, MAX_CONTENT) or 0
    space = request.state.settings.package_storage_mib << 20
    async with tenant_transaction(request, caller) as conn:
        awaiting = await store.load_version(conn, package_id, version)
        if awaiting.published_at is None:
            await store.require_space(conn, declared, space)
    with _uploading(caller):
        return await _received(request, caller, awaiting, space)


@contextmanager
def _uploading(caller: Caller) -> Iterator[None]:
    """Around an upload. Raises Problem: 429, 503. It is refused rather than waits, because its client decides how long it takes."""
    path = party_of(caller)
    place = _uploads.take(path)
    if place is None:
        if isinstance(_uploads.refusal(path), Crowded):
            raise problems.too_many("Your organisation's other contents are being received; wait for their end.")
        raise problems.unavailable("Many contents are being received; try again.")
    try:
        yield
    finally:
        _uploads.leave(place)


async def _received(request: Request, caller: Caller, awaiting: PackageVersion, space: int) -> PackageVersion:
    content = await http.read_body(request, MAX_CONTENT)
    # In a thread: hashing ten MiB would block the event loop.
    digest = await run_in_threadpool(lambda: hashlib.sha256(content).hexdigest())
    if digest != awaiting.content_sha256:
        raise problems.invalid("The content is not the one whose digest was signed.")
    if not content:
        raise problems.invalid("The content is empty.")
    async with tenant_transaction(request, caller) as conn:
        found = await store.load_version(conn, awaiting.package_id, awaiting.version, lock=True)
        if found.id != awaiting.id:
            raise problems.conflict("The version was withdrawn and announced anew meanwhile; upload its content again.")
        if found.published_at is None:
            await store.lock_storage(conn, caller)
            await store.require_space(conn, len(content), space)
            found = await store.publish(conn, caller, found, content)
            await audit.record(conn, caller, "version.published", found.id, {"version": found.version})
    return found


async def download_content(request: Request, caller: Caller, package_id: str, version: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        found = await store.load_version(conn, package_id, version)
    if found.size is None:
        raise problems.not_found("The content of this version has not been sent yet.")

    async def read(first: int, length: int) -> bytes:
        async with tenant_transaction(request, caller) as conn:
            return await contents.read_piece(conn, queries.READ_CONTENT, first, length, found.id)

    return await contents.whole(found.content_sha256, found.size).response(request, read)
