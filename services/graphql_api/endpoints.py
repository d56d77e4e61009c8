"""The HTTP door: one transport for every operation, and the list of those a client may run."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.graphql_api import errors, execution, queries, requests, variables
from services.graphql_api.answers import Answers
from services.graphql_api.bundles import Bundle, Catalogue
from services.graphql_api.context import Context
from services.graphql_api.execution import Answer
from services.graphql_api.plans import Plan, Planner
from services.graphql_api.requests import GraphqlRequest
from shared import heavy, http, idempotency, tracing
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller

ACQI_SCOPE = "argus:acqi:read"
READ_SCOPES = [ACQI_SCOPE, "argus:incidents:read", "argus:telephony:read", "webhooks:read"]
LONG = 1024
"""Characters of a document. Those of a page's length are parsed and validated within a few milliseconds."""


async def graphql(request: Request, caller: Caller) -> Response:
    """200 with `data`, `errors` or both; 4xx only where the request itself is at fault."""
    if not any(caller.has(scope) for scope in READ_SCOPES):
        refusal = errors.forbidden("The token holds none of the scopes that GraphQL asks for.", scopes=READ_SCOPES)
        return _respond(http.encode({"errors": [errors.document(refusal)]}))
    kept = await _kept_answer(request, caller)
    if kept is not None:
        return _respond(kept)
    wanted = await http.decode(request, GraphqlRequest)
    try:
        async with heavy.turn(request, heavy=len(wanted.query) > LONG):
            plan = _plan(request, wanted)
        given = requests.variables_of(wanted)
        if plan.bundles is not None:
            await _require_granted(request, caller, plan.bundles)
        return await _run(request, caller, plan, given)
    except errors.Refusal as refusal:
        return _respond(http.encode({"errors": [errors.document(refusal)]}))


async def bundles(request: Request, caller: Caller) -> Response:
    """The caller's own approved documents, with the JSON Schema of their variables."""
    async with tenant_transaction(request, caller) as conn:
        granted = await _granted(conn, caller)
    catalogue: Catalogue = request.state.catalogue
    mine = [bundle for name, bundle in catalogue.bundles.items() if name in granted]
    return http.json({"bundles": [_described(request, bundle) for bundle in mine]})


def _plan(request: Request, wanted: GraphqlRequest) -> Plan:
    planner: Planner = request.state.planner
    plan = planner.plan(wanted.query)
    if wanted.operation_name not in (None, "", plan.document.name):
        raise errors.not_approved()
    return plan


async def _run(request: Request, caller: Caller, plan: Plan, given: dict[str, Any]) -> Response:
    if plan.writes_here:
        return await _run_in_one_transaction(request, caller, plan, given)
    if not plan.is_repeatable:
        return _respond(http.encode(await _execute(request, plan, given, Context(request, caller))))
    answers: Answers = request.state.answers
    version = await answers.versions.current(caller.tenant_id)
    answer = await _execute(request, plan, given, Context(request, caller))
    encoded = http.encode(answer)
    if "errors" not in answer:
        answers.keep(caller.tenant_id, await http.read_body(request, GraphqlRequest.max_bytes), version, encoded)
    return _respond(encoded)


async def _run_in_one_transaction(request: Request, caller: Caller, plan: Plan, given: dict[str, Any]) -> Response:
    """A mutation that fails leaves nothing behind; one that succeeds leaves its answer for a repeated Idempotency-Key.

    Raises a FORBIDDEN Refusal: scopes are asked for first, or a kept answer would outlive them.
    """
    for scope in plan.write_scopes:
        Context(request, caller).require(scope)
    try:
        async with tenant_transaction(request, caller) as conn:
            stored = await idempotency.stored(conn, request, caller)
            if stored is not None:
                return stored
            answer = await _execute(request, plan, given, Context(request, caller, conn))
            if "errors" in answer:
                raise _Failed(answer)
            return await idempotency.keep(conn, request, caller, _respond(http.encode(answer)))
    except _Failed as failed:
        return _respond(http.encode(failed.answer))


class _Failed(Exception):
    """Rolls the transaction back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("mutation failed")
        self.answer = answer


async def _execute(request: Request, plan: Plan, given: dict[str, Any], context: Context) -> Answer:
    with tracing.span(f"graphql {plan.name}"):
        return await execution.run(request.state.schema, plan, given, context)


async def _kept_answer(request: Request, caller: Caller) -> bytes | None:
    """The bytes of an answer given before to the same request, if they still hold."""
    if request.headers.get("content-type") != "application/json" or not caller.has(ACQI_SCOPE):
        return None
    answers: Answers = request.state.answers
    return await answers.find(caller.tenant_id, await http.read_body(request, GraphqlRequest.max_bytes))


async def _require_granted(request: Request, caller: Caller, names: frozenset[str]) -> None:
    async with tenant_transaction(request, caller) as conn:
        if names.isdisjoint(await _granted(conn, caller)):
            raise errors.not_approved()


async def _granted(conn: AsyncConnection, caller: Caller) -> frozenset[str]:
    row = await (await conn.execute(queries.GRANTED, (caller.client_id,))).fetchone()
    return frozenset(row[0]) if row else frozenset()


def _described(request: Request, bundle: Bundle) -> dict[str, Any]:
    operations = [
        {
            "name": operation.name,
            "document": operation.text,
            "variables_schema": variables.schema_of(request.state.schema, operation.document.operation),
        }
        for operation in bundle.operations
    ]
    return {
        "name": bundle.name,
        "version": bundle.manifest.version,
        "description": bundle.manifest.description,
        "scopes": bundle.manifest.scopes,
        "operations": operations,
    }


def _respond(body: bytes) -> Response:
    return Response(body, 200, {"cache-control": "no-store"}, "application/json")
