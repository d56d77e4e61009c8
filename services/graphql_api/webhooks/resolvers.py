"""Webhooks for incident events, stored by webhook-dispatcher. A webhook that also takes other events is not shown here."""

from typing import Any

from ariadne import MutationType, ObjectType, QueryType

from services.graphql_api import errors
from services.graphql_api.context import Info, RequestContext, RequestInfo
from services.graphql_api.webhooks import client
from shared.primitives import ids

query = QueryType()
mutation = MutationType()
webhook_type = ObjectType("IncidentWebhook")
READ, WRITE = "webhooks:read", "webhooks:write"
FAMILY = "incident."
MOST_PAGES = 10


@query.field("incidentWebhooks")
async def webhooks(_: object, info: RequestInfo) -> list[dict[str, Any]]:
    context = info.context
    context.require(READ)
    found: list[dict[str, Any]] = []
    cursor = ""
    for _page in range(MOST_PAGES):
        answer = await client.call(context.request, "GET", f"?limit=100{cursor}")
        found += [webhook for webhook in answer["webhooks"] if _is_ours(webhook)]
        if not answer.get("next_cursor"):
            return found
        cursor = f"&cursor={answer['next_cursor']}"
    raise errors.unavailable("There are too many webhooks to list here.")


@webhook_type.field("events")
def events(parent: dict[str, Any], _: Info) -> list[str]:
    return [event.removeprefix(FAMILY) for event in parent["events"]]


@webhook_type.field("disabledReason")
def disabled_reason(parent: dict[str, Any], _: Info) -> str | None:
    return parent.get("disabled_reason")


@mutation.field("createIncidentWebhook")
async def create(_: object, info: RequestInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = info.context
    context.require(WRITE)
    return await client.call(context.request, "POST", "", _body(input), keep_key=True)


@mutation.field("updateIncidentWebhook")
async def update(_: object, info: RequestInfo, id: str, input: dict[str, Any]) -> dict[str, Any]:
    context = info.context
    context.require(WRITE)
    await _require_ours(context, id)
    changed = await client.call(context.request, "PUT", f"/{id}", _body(input))
    return changed if "url" in changed else await client.call(context.request, "GET", f"/{id}")


@mutation.field("deleteIncidentWebhook")
async def delete(_: object, info: RequestInfo, id: str) -> str:
    context = info.context
    context.require(WRITE)
    await _require_ours(context, id)
    await client.call(context.request, "DELETE", f"/{id}")
    return id


async def _require_ours(context: RequestContext, id: str) -> None:
    if not ids.is_id(id, "wh"):
        raise errors.not_found()
    if not _is_ours(await client.call(context.request, "GET", f"/{id}")):
        raise errors.not_found()


def _is_ours(webhook: dict[str, Any]) -> bool:
    return bool(webhook["events"]) and all(event.startswith(FAMILY) for event in webhook["events"])


def _body(input: dict[str, Any]) -> dict[str, Any]:
    body = {name: value for name, value in input.items() if value is not None}
    if "events" in body:
        body["events"] = [FAMILY + event for event in body["events"]]
    return body
