"""HTTP endpoints of the GraphQL transport, with their bodies: one for every operation, one for the approved documents of a client."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.graphql_api import errors, queries
from services.graphql_api.acqi.cache import Answers
from services.graphql_api.context import RequestContext
from services.graphql_api.transport import documents, plans, variables
from services.graphql_api.transport.documents import Catalogue
from services.graphql_api.transport.plans import Answer, Plan, Planner
from shared.process import telemetry
from shared.storage import idempotency
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import heavy, http, problems
from shared.web.identity import Caller
from shared.web.problems import REFUSAL

TENANT_HEADER = "x-tenant-id"
ACQI_SCOPE = "argus:acqi:read"
READ_SCOPES = [ACQI_SCOPE, "argus:incidents:read", "argus:telephony:read", "webhooks:read"]
LONG = 1024
"""Characters of a document. A shorter one is parsed and validated within a few milliseconds."""
MAX_VARIABLES_BYTES = 65_536


class GraphqlRequest(http.Body, kw_only=True, rename="camel"):
    """GraphQL over HTTP. `extensions` must be empty: persisted queries and their like are not offered."""

    max_bytes: ClassVar[int] = 128 << 10
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None

    def condensed_query(self) -> str:
        """Raises OPERATION_NOT_APPROVED for a text that is too long, however little of it means anything."""
        if len(self.query) > documents.MAX_LENGTH:
            raise errors.not_approved()
        return documents.condensed(self.query)

    def checked_variables(self) -> dict[str, Any]:
        """Raises LIMIT_EXCEEDED for too many variables, OPERATION_NOT_APPROVED for an extension."""
        if self.extensions:
            raise errors.not_approved()
        try:
            variables = _plain(self.variables or {})
            size = len(msgspec.json.encode(variables))
        except RecursionError:
            raise errors.Refusal("LIMIT_EXCEEDED", "The variables are nested too deeply.") from None
        if size > MAX_VARIABLES_BYTES:
            raise errors.Refusal("LIMIT_EXCEEDED", f"The variables are over {MAX_VARIABLES_BYTES} bytes.")
        return variables


def _plain(value: Any) -> Any:
    """Replaces exact decimals by floats, which GraphQL knows."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class ErrorFault(msgspec.Struct):
    """A fault of the variables, in the form of a REST call's 422. `pointer` is a JSON Pointer into `variables`. It begins with the
    argument's name where the document itself gives the value."""

    pointer: str
    code: str
    detail: str
    allowed: list[str] | UnsetType = UNSET
    limit: float | UnsetType = UNSET
    did_you_mean: str | UnsetType = UNSET


class ErrorExtensions(msgspec.Struct):
    """`code` is for programs: see the error catalogue. `scope` is the missing one. `bundles` are those that have the document `operation`
    with the root fields `fields`, none of which the app was granted. Where `operationName` is another one, `operation` is the document's
    own. `errors` are all faults of the variables; `pointer`, `allowed`, `limit` and `did_you_mean` are of the first one."""

    code: str
    trace_id: str
    scope: str | UnsetType = UNSET
    operation: str | UnsetType = UNSET
    fields: list[str] | UnsetType = UNSET
    bundles: list[str] | UnsetType = UNSET
    pointer: str | UnsetType = UNSET
    allowed: list[str] | UnsetType = UNSET
    limit: float | UnsetType = UNSET
    did_you_mean: str | UnsetType = UNSET
    errors: list[ErrorFault] | UnsetType = UNSET


class GraphqlError(msgspec.Struct):
    message: str
    extensions: ErrorExtensions
    path: list[str | int] | UnsetType = UNSET
    locations: list[dict[str, int]] | UnsetType = UNSET


class GraphqlAnswer(msgspec.Struct):
    data: dict[str, Any] | UnsetType | None = UNSET
    errors: list[GraphqlError] | UnsetType = UNSET


class ApprovedDocument(msgspec.Struct):
    """`document` is sent as it is; `variables_schema` is a JSON Schema of its variables."""

    name: str
    document: str
    variables_schema: dict[str, Any]


class ApprovedBundle(msgspec.Struct):
    name: str
    version: str
    description: str
    scopes: list[str]
    operations: list[ApprovedDocument]


class ApprovedBundles(msgspec.Struct):
    bundles: list[ApprovedBundle]


async def require_own_tenant(request: Request, caller: Caller) -> None:
    """Raises a 403 Problem where X-Tenant-ID names another tenant than the token's."""
    named = request.headers.getlist(TENANT_HEADER)
    if named and named != [caller.tenant_id]:
        raise problems.forbidden("X-Tenant-ID is given once, and names the tenant of the token.")


async def graphql(request: Request, caller: Caller) -> Response:
    """200 with `data`, `errors` or both; 4xx only for a fault of the request itself."""
    if not any(caller.has(scope) for scope in READ_SCOPES):
        return _refused(
            errors.forbidden("The token holds none of the scopes that GraphQL asks for.", scopes=READ_SCOPES)
        )
    if request.headers.get("content-type") == "application/json" and caller.has(ACQI_SCOPE):
        # The stored answer to an equal request, if the tenant's aggregates have not changed since.
        answers: Answers = request.state.answers
        stored = await answers.find(caller.tenant_id, await http.read_body(request, GraphqlRequest.max_bytes))
        if stored is not None:
            return _respond(stored)
    wanted = await http.decode(request, GraphqlRequest)
    try:
        planner: Planner = request.state.planner
        text = wanted.condensed_query()
        async with heavy.turn(request, is_heavy=len(text) > LONG):
            plan = planner.plan(text)
        if wanted.operation_name not in (None, "", plan.document.name):
            raise errors.other_name(plan.document.name)
        given = wanted.checked_variables()
        if plan.bundles is not None:
            async with tenant_transaction(request, caller) as conn:
                if plan.bundles.isdisjoint(await _granted(conn, caller)):
                    raise errors.not_granted(plan.name, plan.document.roots, plan.bundles)
        return await _run(request, caller, plan, given)
    except errors.Refusal as refusal:
        return _refused(refusal)


async def bundles(request: Request, caller: Caller) -> ApprovedBundles:
    """The approved documents that the caller was granted, with the JSON Schemas of their variables."""
    async with tenant_transaction(request, caller) as conn:
        granted = await _granted(conn, caller)
    catalogue: Catalogue = request.state.catalogue
    found: list[ApprovedBundle] = []
    for bundle in catalogue.bundles.values():
        if bundle.name in granted:
            documents = [
                ApprovedDocument(
                    operation.name,
                    operation.text,
                    variables.schema_of(request.state.schema, operation.document.operation),
                )
                for operation in bundle.operations
            ]
            manifest = bundle.manifest
            found.append(
                ApprovedBundle(bundle.name, manifest.version, manifest.description, manifest.scopes, documents)
            )
    return ApprovedBundles(found)


async def _run(request: Request, caller: Caller, plan: Plan, given: dict[str, Any]) -> Response:
    if plan.writes_here:
        return await _run_in_one_transaction(request, caller, plan, given)
    if not plan.is_repeatable:
        return _answered(await _execute(request, plan, given, RequestContext(request, caller)))
    answers: Answers = request.state.answers
    version = await answers.versions.current(caller.tenant_id)
    # Equal for requests that differ only in spacing, names of operations and the order of members; no body is equal to it.
    question = f"{plan.document.digest} ".encode() + msgspec.json.encode(given, order="deterministic")
    stored = await answers.find(caller.tenant_id, question) if caller.has(ACQI_SCOPE) else None
    if stored is not None:
        return _respond(stored)
    answer = await _execute(request, plan, given, RequestContext(request, caller))
    if "errors" in answer:
        return _answered(answer)
    encoded = http.encode(answer)
    for key in (question, await http.read_body(request, GraphqlRequest.max_bytes)):
        answers.store(caller.tenant_id, key, version, encoded)
    return _respond(encoded)


async def _run_in_one_transaction(request: Request, caller: Caller, plan: Plan, given: dict[str, Any]) -> Response:
    """A failed mutation leaves no trace; a successful one stores its answer for a repeated Idempotency-Key.

    Raises a FORBIDDEN Refusal: scopes are checked first, so that no stored answer outlives them.
    """
    for scope in plan.write_scopes:
        RequestContext(request, caller).require(scope)
    try:
        async with tenant_transaction(request, caller) as conn:
            stored = await idempotency.stored(conn, request, caller)
            if stored is not None:
                return stored
            answer = await _execute(request, plan, given, RequestContext(request, caller, conn))
            if "errors" in answer:
                raise _Failed(answer)
            return await idempotency.keep(conn, request, caller, _answered(answer))
    except _Failed as failed:
        return _answered(failed.answer)


class _Failed(Exception):
    """Rolls the transaction back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("mutation failed")
        self.answer = answer


async def _execute(request: Request, plan: Plan, given: dict[str, Any], context: RequestContext) -> Answer:
    with telemetry.span(f"graphql {plan.name}"):
        return await plans.run(request.state.schema, plan, given, context)


async def _granted(conn: AsyncConnection, caller: Caller) -> frozenset[str]:
    row = await (await conn.execute(queries.GRANTED, (caller.client_id,))).fetchone()
    return frozenset(row[0]) if row else frozenset()


def _refused(refusal: errors.Refusal) -> Response:
    response = _respond(http.encode({"errors": [errors.document(refusal)]}))
    if refusal.code in errors.ABOUT_THE_REQUEST:
        _name(response, refusal.code, refusal.extra)
    return response


def _answered(answer: Answer) -> Response:
    """An executed document's answer. The first field that the caller may not have names the refusal to the gateway."""
    response = _respond(http.encode(answer))
    codes = (error["extensions"] for error in answer.get("errors", []))
    if (forbidden := next((one for one in codes if one["code"] == "FORBIDDEN"), None)) is not None:
        _name(response, "FORBIDDEN", forbidden)
    return response


def _name(response: Response, code: str, extra: Mapping[str, Any]) -> None:
    response.headers[REFUSAL] = f"{code.lower().replace('_', '-')} - {extra.get('scope', '-')}"


def _respond(body: bytes) -> Response:
    return Response(body, 200, {"cache-control": "no-store"}, "application/json")
