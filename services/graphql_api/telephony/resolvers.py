"""Telephony providers in GraphQL, without their credentials."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from ariadne import MutationType, ObjectType, QueryType
from msgspec import UNSET
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from services.graphql_api import errors, inputs
from services.graphql_api.context import Context, Info, Loader, RequestContext, RequestInfo
from services.graphql_api.telephony import carriers, queries
from services.graphql_api.telephony.carriers import CARRIERS, Carrier
from services.graphql_api.telephony.models import Provider, ProviderChange, ProviderDraft, Route
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.caps import Cap
from shared.storage.database import AsyncConnection

query = QueryType()
mutation = MutationType()
provider_type = ObjectType("TelephonyProvider")
READ, WRITE = "argus:telephony:read", "argus:telephony:write"


@query.field("telephonyProviders")
async def providers(_: object, info: Info, tenant_id: str | None = None) -> list[Provider]:
    context = info.context
    caller = context.require(READ)
    context.require_tenant(tenant_id)
    async with context.transaction() as conn:
        found = await database.every(conn, Provider, queries.PROVIDERS, (caller.tenant_id,))
    return found


@provider_type.field("routes")
async def routes_of(parent: Provider, info: Info) -> list[Route]:
    context = info.context
    loader = context.loaders.setdefault("routes", Loader(functools.partial(_routes, context)))
    return await loader.get(parent.id) or []


@mutation.field("createTelephonyProvider")
async def create_provider(_: object, info: RequestInfo, input: dict[str, Any]) -> Provider:
    context = info.context
    caller = context.require(WRITE)
    draft = inputs.convert(input, ProviderDraft, "input")
    name, carrier = _carrier(draft.carrier)
    row = {
        "id": ids.new_id("tpr"),
        "tenant_id": caller.tenant_id,
        "name": draft.name,
        "carrier_type": name,
        "is_default": draft.is_default,
        "is_active": draft.is_active,
    }
    cap = Cap("telephony providers", context.settings.most_telephony_providers)
    async with context.transaction() as conn:
        await errors.require_room(conn, cap, caller.tenant_id, queries.COUNT_PROVIDERS)
        await _write(context, conn, queries.INSERT_PROVIDER, row, carrier)
        await audit.record(conn, caller, "telephony.provider.created", row["id"], {"carrier": name})
        return await _to_change(conn, row["id"])


@mutation.field("updateTelephonyProvider")
async def update_provider(
    _: object, info: RequestInfo, id: str, expected_version: int, input: dict[str, Any]
) -> Provider:
    context = info.context
    caller = context.require(WRITE)
    change = inputs.convert(input, ProviderChange, "input")
    name, carrier = (None, None) if change.carrier is UNSET else _carrier(change.carrier)
    async with context.transaction() as conn:
        before = await _to_change(conn, id, expected_version)
        if name is not None and name != before.carrier_type:
            raise errors.bad_argument("/input/carrier", "A provider keeps its carrier; create another.")
        row = msgspec.structs.asdict(before) | {
            field: value
            for field in ("name", "is_default", "is_active")
            if (value := getattr(change, field)) is not UNSET
        }
        await _write(context, conn, queries.UPDATE_PROVIDER, row, carrier)
        named = [field for field in change.__struct_fields__ if getattr(change, field) is not UNSET]
        await audit.record(conn, caller, "telephony.provider.updated", id, {"changed": named})
        return await _to_change(conn, id)


@mutation.field("deleteTelephonyProvider")
async def delete_provider(_: object, info: Info, id: str) -> str:
    context = info.context
    caller = context.require(WRITE)
    async with context.transaction() as conn:
        try:
            deleted = (
                await (await conn.execute(queries.DELETE_PROVIDER, (id,))).fetchone() if ids.is_id(id, "tpr") else None
            )
        except ForeignKeyViolation:
            raise errors.conflict("The provider still has routes.") from None
        if deleted is None:
            raise errors.not_found()
        await audit.record(conn, caller, "telephony.provider.deleted", id)
    return id


def _carrier(named: Mapping[str, Any]) -> tuple[str, Carrier]:
    """The name and settings of the one carrier. GraphQL has checked that there is exactly one."""
    ((name, settings),) = named.items()
    given = {field: value for field, value in settings.items() if value is not None}
    return name, inputs.convert(given, CARRIERS[name], f"input/carrier/{name}")


async def _write(
    context: RequestContext, conn: AsyncConnection, statement: Any, row: dict[str, Any], carrier: Carrier | None
) -> None:
    """Inserts or updates. A new default replaces the old one."""
    if row["is_default"] and not row["is_active"]:
        raise errors.bad_argument("/input/isActive", "The default provider must be active.")
    sealed = None
    if carrier is not None:
        row = row | {"open_settings": carriers.open_settings(carrier)}
        sealed = context.keyring.encrypt(
            msgspec.json.encode(carriers.credentials(carrier)), context_of(context.caller.tenant_id, row["id"])
        )
    parameters = row | {"settings": msgspec.json.encode(row["open_settings"]).decode(), "credentials": sealed}
    try:
        if row["is_default"]:
            await conn.execute(queries.STEP_DOWN, (context.caller.tenant_id, row["id"]))
        await conn.execute(statement, parameters)
    except UniqueViolation as error:
        if error.diag.constraint_name == "telephony_providers_one_default":
            raise errors.conflict("Another provider was made the default at the same time; try again.") from None
        raise errors.conflict("There is a provider with this name.") from None


def context_of(tenant_id: str, provider_id: str) -> bytes:
    """The place of credentials, so that bytes of another row do not decrypt."""
    return f"telephony_providers.credentials_enc {tenant_id} {provider_id}".encode()


async def _to_change(conn: AsyncConnection, id: str, expected_version: int | None = None) -> Provider:
    if not ids.is_id(id, "tpr"):
        raise errors.not_found()
    found = await database.first(conn, Provider, queries.PROVIDER_TO_CHANGE, (id,))
    if found is None:
        raise errors.not_found()
    if expected_version is not None and found.version != expected_version:
        raise errors.conflict("The provider has changed since.", current_version=found.version)
    return found


async def _routes(context: Context, keys: Sequence[str]) -> Mapping[str, list[Route]]:
    found: dict[str, list[Route]] = {key: [] for key in keys}
    async with context.transaction() as conn:
        routes = await database.every(conn, Route, queries.ROUTES_OF_PROVIDERS, (context.caller.tenant_id, list(keys)))
    for route in routes:
        found[route.provider_id].append(route)
    return found
