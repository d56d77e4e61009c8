"""Telephony routes in GraphQL: from a number or a subaccount to the subsystem that answers."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from ariadne import MutationType, ObjectType, QueryType
from msgspec import UNSET
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from services.graphql_api import errors, inputs
from services.graphql_api.context import Context, Info, Loader, RequestInfo
from services.graphql_api.telephony import numbers, queries
from services.graphql_api.telephony.models import Provider, Route, RouteChange, RouteDraft
from services.graphql_api.telephony.resolvers import READ, WRITE
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.caps import Cap
from shared.storage.database import AsyncConnection

query = QueryType()
mutation = MutationType()
route_type = ObjectType("TelephonyRoute")


@query.field("telephonyRoutes")
async def routes(_: object, info: Info, tenant_id: str | None = None, provider_id: str | None = None) -> list[Route]:
    context = info.context
    caller = context.require(READ)
    context.require_tenant(tenant_id)
    if provider_id is not None and not ids.is_id(provider_id, "tpr"):
        return []
    async with context.transaction() as conn:
        found = await database.every(conn, Route, queries.ROUTES, (caller.tenant_id, provider_id, provider_id))
    return found


@query.field("telephonyResolution")
async def resolution(_: object, info: Info, phone_number: str) -> Route | None:
    context = info.context
    caller = context.require(READ)
    number = _parsed(numbers.number, phone_number, "phoneNumber")
    where = {"tenant_id": caller.tenant_id, "beginnings": numbers.beginnings(number), "number": number}
    async with context.transaction() as conn:
        return await database.first(conn, Route, queries.RESOLVE, where)


@route_type.field("provider")
async def provider_of(parent: Route, info: Info) -> Provider | None:
    context = info.context
    loader = context.loaders.setdefault("providers", Loader(functools.partial(_providers, context)))
    return await loader.get(parent.provider_id)


@mutation.field("createTelephonyRoute")
async def create_route(_: object, info: RequestInfo, input: dict[str, Any]) -> Route:
    context = info.context
    caller = context.require(WRITE)
    draft = inputs.convert(input, RouteDraft, "input")
    if (draft.phone_number is None) == (draft.subaccount is None):
        raise errors.bad_argument("/input", "A route has either a phoneNumber or a subaccount.", "one_of")
    pattern = None
    if draft.phone_number is not None:
        pattern = _parsed(numbers.pattern, draft.phone_number, "input/phoneNumber")
    row = {
        "id": ids.new_id("trt"),
        "tenant_id": caller.tenant_id,
        "provider_id": draft.provider_id,
        "prefix": pattern.digits if pattern else None,
        "exact": pattern.exact if pattern else False,
        "subaccount": draft.subaccount,
        "target": draft.target_subsystem,
        "is_active": draft.is_active,
    }
    cap = Cap("telephony routes", context.settings.most_telephony_routes)
    async with context.transaction() as conn:
        await errors.require_room(conn, cap, caller.tenant_id, queries.COUNT_ROUTES)
        await _write(conn, queries.INSERT_ROUTE, row)
        await audit.record(conn, caller, "telephony.route.created", row["id"], {"target": draft.target_subsystem})
        return await _to_change(conn, row["id"])


@mutation.field("updateTelephonyRoute")
async def update_route(_: object, info: Info, id: str, expected_version: int, input: dict[str, Any]) -> Route:
    context = info.context
    caller = context.require(WRITE)
    change = inputs.convert(input, RouteChange, "input")
    async with context.transaction() as conn:
        before = await _to_change(conn, id, expected_version)
        named = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        after = msgspec.structs.replace(before, **named)
        await _write(conn, queries.UPDATE_ROUTE, msgspec.structs.asdict(after) | {"target": after.target_subsystem})
        await audit.record(conn, caller, "telephony.route.updated", id, {"changed": sorted(named)})
        return await _to_change(conn, id)


@mutation.field("deleteTelephonyRoute")
async def delete_route(_: object, info: Info, id: str) -> str:
    context = info.context
    caller = context.require(WRITE)
    async with context.transaction() as conn:
        deleted = await (await conn.execute(queries.DELETE_ROUTE, (id,))).fetchone() if ids.is_id(id, "trt") else None
        if deleted is None:
            raise errors.not_found()
        await audit.record(conn, caller, "telephony.route.deleted", id)
    return id


async def _write(conn: AsyncConnection, statement: Any, row: dict[str, Any]) -> None:
    no_provider = errors.bad_argument("/input/providerId", "There is no such provider.")
    if not ids.is_id(row["provider_id"], "tpr"):
        raise no_provider
    try:
        await conn.execute(statement, row)
    except UniqueViolation:
        raise errors.conflict("There is a route for this already.") from None
    except ForeignKeyViolation:
        raise no_provider from None


async def _to_change(conn: AsyncConnection, id: str, expected_version: int | None = None) -> Route:
    if not ids.is_id(id, "trt"):
        raise errors.not_found()
    found = await database.first(conn, Route, queries.ROUTE_TO_CHANGE, (id,))
    if found is None:
        raise errors.not_found()
    if expected_version is not None and found.version != expected_version:
        raise errors.conflict("The route has changed since.", current_version=found.version)
    return found


def _parsed(read: Any, text: str, place: str) -> Any:
    try:
        return read(inputs.text(text, place, 64))
    except ValueError as error:
        raise errors.bad_argument(f"/{place}", str(error)) from None


async def _providers(context: Context, keys: Sequence[str]) -> Mapping[str, Provider]:
    async with context.transaction() as conn:
        found = await database.every(conn, Provider, queries.PROVIDERS_BY_ID, (context.caller.tenant_id, list(keys)))
    return {provider.id: provider for provider in found}
