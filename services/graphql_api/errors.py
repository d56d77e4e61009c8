"""Errors in GraphQL answers: a code for programs, a message that reveals nothing, the trace id."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from graphql import FieldNode, GraphQLError, VariableNode
from prometheus_client import Counter

from shared.process import telemetry
from shared.storage.caps import Cap, is_full
from shared.storage.database import UNAVAILABLE, AsyncConnection
from shared.web.problems import FieldError, Problem
from shared.web.strict_json import MOST_FAULTS

log = logging.getLogger(__name__)
errors_answered = Counter("graphql_errors_total", "Errors in GraphQL answers", ["code"])
NOT_APPROVED = (
    "The operation is not approved for this client."
    " GET /api/v1/graphql/bundles lists the documents that it may send, each exactly as it stands."
)
ABOUT_THE_REQUEST = frozenset({"FORBIDDEN", "OPERATION_NOT_APPROVED", "LIMIT_EXCEEDED", "BAD_USER_INPUT"})
"""Codes of refusals for good: the gateway counts the bytes of such a request as refused."""
UNFIT = "An argument does not fit."
INTERNAL = "Something went wrong on our side; quote the trace id to support."


class Refusal(Exception):
    """An error that a partner sees. `code` and `extra` go into `extensions`."""

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.extra = extra


class Unfit(Refusal):
    """BAD_USER_INPUT with all faults in the form of a REST call's 422. The members of the first one are beside `code` too.

    A pointer begins with the name of an argument, and after `as_sent` with that of the variable that it was sent as.
    """

    def __init__(self, about: str, faults: Sequence[FieldError]) -> None:
        documents = [fault.document() for fault in faults[:MOST_FAULTS]]
        first = {name: value for name, value in documents[0].items() if name not in ("code", "detail")}
        more = {"more": True} if len(faults) > MOST_FAULTS else {}
        message = f"{about} {first['pointer']}: {documents[0]['detail']}"
        super().__init__("BAD_USER_INPUT", message, **first, errors=documents, **more)
        self.about = about
        self.faults = faults

    def as_sent(self, field: FieldNode) -> "Unfit":
        """With the names of the variables that `field` takes its arguments from."""
        given = {one.name.value: one.value for one in field.arguments or ()}
        sent = {name: value.name.value for name, value in given.items() if isinstance(value, VariableNode)}

        def named(pointer: str) -> str:
            return "/".join(
                sent.get(step, step) if depth == 1 else step for depth, step in enumerate(pointer.split("/"))
            )

        return Unfit(self.about, [fault._replace(pointer=named(fault.pointer)) for fault in self.faults])


def not_approved() -> Refusal:
    """The one answer to every document that no bundle has, so that nothing can be probed."""
    return Refusal("OPERATION_NOT_APPROVED", NOT_APPROVED)


def not_granted(operation: str, fields: Iterable[str], bundles: Iterable[str]) -> Refusal:
    """For a document of `bundles`, none of which the app was granted: who sends an approved document knows all that this names."""
    names = sorted(bundles)
    message = (
        f"The document {operation} is in the bundle {' or '.join(names)}, which this app was not granted."
        " An administrator of the organisation grants it: `graphql_bundles` of PATCH /v1/platform/apps/{client_id}/governance,"
        " or the app's approvals in the console. If the organisation lacks it (GET /v1/platform/scopes lists its bundles),"
        " the administrator first asks Knogin with POST /v1/platform/integration-requests."
        " A grant that was made just now takes effect within seconds: try again."
    )
    return Refusal("OPERATION_NOT_APPROVED", message, operation=operation, fields=sorted(fields), bundles=names)


def bad_argument(pointer: str, detail: str, code: str = "invalid", **more: Any) -> Unfit:
    return Unfit(UNFIT, [FieldError(pointer, detail, code, **more)])


def other_name(name: str | None) -> Refusal:
    """For an `operationName` that is not the name of the document's operation."""
    if name is None:
        return bad_input("The operation of the document has no name: leave out operationName.")
    return bad_input(
        f"operationName is not {name}, the name of the document's operation.", operation=name, did_you_mean=name
    )


def forbidden(message: str, **extra: Any) -> Refusal:
    return Refusal("FORBIDDEN", message, **extra)


def not_found(message: str = "There is no such resource.") -> Refusal:
    return Refusal("NOT_FOUND", message)


def bad_input(message: str, **extra: Any) -> Refusal:
    return Refusal("BAD_USER_INPUT", message, **extra)


def conflict(message: str, **extra: Any) -> Refusal:
    return Refusal("CONFLICT", message, **extra)


async def require_room(conn: AsyncConnection, cap: Cap, tenant_id: str, count: LiteralString, *further: Any) -> None:
    """Raises a CONFLICT Refusal that names the limit, where the tenant has reached it. `further` are parameters of `count`."""
    if await is_full(conn, cap, tenant_id, count, (tenant_id, *further)):
        raise conflict(str(cap), resource=cap.things, limit=cap.most)


def unavailable(message: str = "A part of the service is not available; try again.") -> Refusal:
    return Refusal("UNAVAILABLE", message)


def document(refusal: Refusal, path: list[str | int] | None = None) -> dict[str, Any]:
    """One entry of `errors` (GraphQL specification §7.1.2)."""
    errors_answered.labels(refusal.code).inc()
    error: dict[str, Any] = {"message": refusal.message}
    if path is not None:
        error["path"] = path
    return error | {"extensions": {"code": refusal.code, "trace_id": telemetry.trace_id()} | refusal.extra}


def refusal_of(error: Exception, field: FieldNode | None = None) -> Refusal:
    """The answer to an error of `field`. An unexpected error is logged by type and place, and masked."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, Unfit) and field is not None:
        return cause.as_sent(field)
    if isinstance(cause, Refusal):
        return cause
    if isinstance(cause, UNAVAILABLE):
        log.error("database unavailable: %s", type(cause).__name__)
        return unavailable()
    if isinstance(cause, Problem) and cause.status == 429:
        return unavailable(cause.detail)
    log.error("field failed: %s", telemetry.describe(cause or error))
    return Refusal("INTERNAL", INTERNAL)
