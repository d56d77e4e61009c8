"""`acqiMetrics` in GraphQL: its resolver, and a short cut past the executor."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from ariadne import QueryType
from graphql import FieldNode, GraphQLError, GraphQLObjectType, GraphQLSchema, SelectionSetNode, get_named_type
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from services.graphql_api import errors
from services.graphql_api.acqi import report
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS
from services.graphql_api.acqi.report import Metric
from services.graphql_api.context import RequestContext, RequestInfo
from services.graphql_api.transport import documents
from services.graphql_api.transport.documents import Document, snake

query = QueryType()
SCOPE = "argus:acqi:read"
NAMES = [indicator.name for indicator in INDICATORS]


@query.field("acqiMetrics")
async def acqi_metrics(_: Any, info: RequestInfo, **asked: Any) -> list[Metric]:
    with_sparkline = any(
        field.name.value == "sparkline"
        for node in info.field_nodes
        if node.selection_set is not None
        for field in documents.fields(node.selection_set, info.fragments)
    )
    return await answer(info.context, with_sparkline=with_sparkline, **asked)


async def answer(
    context: RequestContext,
    *,
    with_sparkline: bool,
    from_date: datetime,
    to_date: datetime,
    names: list[str] | None = None,
    tenant_id: str | None = None,
) -> list[Metric]:
    """The indicators over the days from `from_date` to before `to_date`. Raises FORBIDDEN and BAD_USER_INPUT Refusals."""
    caller = context.require(SCOPE)
    context.require_tenant(tenant_id)
    try:
        days = report.of_days(from_date, to_date)
    except report.InvalidRange as error:
        raise errors.bad_input(str(error), argument="toDate") from None
    chosen = _chosen(names)
    whole, months = report.periods(days), report.trend(days) if with_sparkline else []
    state = context.request.state
    version = await state.answers.versions.current(caller.tenant_id)
    snapshot = await state.snapshots.get(context.transaction, caller.tenant_id, version, [*whole, *months])
    if snapshot.suppress:
        try:
            report.check_is_published(days, datetime.now(UTC).date())
        except report.InvalidRange as error:
            raise errors.bad_input(str(error), argument="fromDate") from None
    return report.metrics(snapshot, chosen, whole, months)


def _chosen(names: list[str] | None) -> list[str]:
    """The named indicators, each once, in the order of answers."""
    if names is None:
        return NAMES
    unknown = sorted(set(names) - set(BY_NAME))
    if unknown:
        raise errors.bad_input("There is no indicator of that name.", argument="names", known=NAMES)
    return [name for name in NAMES if name in names]


COVERED = "acqiMetrics"


class Member(msgspec.Struct, frozen=True):
    """One response key: a constant, an attribute, or for a list of objects the shape of each."""

    key: str
    attribute: str
    constant: str | None = None
    below: "tuple[Member, ...] | None" = None


Shape = tuple[Member, ...]


class Projection(msgspec.Struct, frozen=True):
    """A document of `acqiMetrics` fields alone, as a shape: for each response key the attribute that it shows.

    Showing a value then costs a dictionary per object, where the executor takes some thirty Python calls per field. A document
    without a projection is executed, with the same answer. `roots` hold each root field's response key, node and shape.
    """

    roots: tuple[tuple[str, FieldNode, Shape], ...]


def projection_of(schema: GraphQLSchema, document: Document) -> Projection | None:
    """The projection of a valid document; None where it has other roots, fragments, directives or a key twice."""
    if document.roots != {COVERED} or document.fragments or document.operation.directives or not schema.query_type:
        return None
    roots: list[tuple[str, FieldNode, Shape]] = []
    for node in _plain_fields(document.operation.selection_set) or ():
        kind = get_named_type(schema.query_type.fields[COVERED].type)
        shape = _shape(kind, node.selection_set) if isinstance(kind, GraphQLObjectType) and node.selection_set else None
        if shape is None:
            return None
        roots.append((_key(node), node, shape))
    return Projection(tuple(roots)) if roots else None


async def project(
    schema: GraphQLSchema, document: Document, projection: Projection, given: dict[str, Any], context: RequestContext
) -> dict[str, Any] | None:
    """`data` and `errors` as the executor answers them; None when an argument does not fit, which the executor explains."""
    variables = get_variable_values(schema, document.operation.variable_definitions or (), given, hide_suggestions=True)
    if not isinstance(variables, VariableValues) or schema.query_type is None:
        return None
    field = schema.query_type.fields[COVERED]
    try:
        asked = [get_argument_values(field, node, variables) for _, node, _ in projection.roots]
    except GraphQLError:
        return None
    data: dict[str, Any] = {}
    refused: list[dict[str, Any]] = []
    for (key, _, shape), arguments in zip(projection.roots, asked, strict=True):
        try:
            wants_trend = any(member.attribute == "sparkline" for member in shape)
            metrics = await answer(context, with_sparkline=wants_trend, **arguments)
            data[key] = [_shown(shape, metric) for metric in metrics]
        except Exception as error:  # becomes an error of its field
            data[key] = None
            refused.append(errors.document(errors.refusal_of(error), [key]))
    return {"data": data, "errors": refused} if refused else {"data": data}


def _shown(shape: Shape, value: Any) -> dict[str, Any]:
    return {
        member.key: getattr(value, member.attribute)
        if member.below is None and member.constant is None
        else member.constant
        if member.below is None
        else [_shown(member.below, one) for one in getattr(value, member.attribute)]
        for member in shape
    }


def _shape(kind: GraphQLObjectType, selections: SelectionSetNode) -> Shape | None:
    nodes = _plain_fields(selections)
    if nodes is None:
        return None
    members: list[Member] = []
    for node in nodes:
        if node.name.value == "__typename":
            members.append(Member(_key(node), "", constant=kind.name))
            continue
        below = None
        if node.selection_set is not None:
            inner = get_named_type(kind.fields[node.name.value].type)
            below = _shape(inner, node.selection_set) if isinstance(inner, GraphQLObjectType) else None
            if below is None:
                return None
        members.append(Member(_key(node), snake(node.name.value), below=below))
    return tuple(members)


def _plain_fields(selections: SelectionSetNode) -> list[FieldNode] | None:
    """The selected fields; None unless all are plain fields with different keys."""
    nodes = [node for node in selections.selections if isinstance(node, FieldNode) and not node.directives]
    keys = {_key(node) for node in nodes}
    return nodes if len(nodes) == len(keys) == len(selections.selections) else None


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
