"""`acqiMetrics` in GraphQL: its checks, its cost, its resolver, and a short cut past the executor.

The short cut finds the indicators that a document shows, as shapes, and its answer. Showing a value costs a dictionary per object, where
the executor takes some thirty Python calls per field. The executor's own rules say which fields a document selects, so that fragments,
`@include`, `@skip` and repeated fields mean the same here and there.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import msgspec
from ariadne import QueryType
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values

from services.graphql_api import errors
from services.graphql_api.acqi import report, resolvers
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS
from services.graphql_api.acqi.report import Days, Metric
from services.graphql_api.context import RequestContext, RequestInfo
from services.graphql_api.transport import documents
from services.graphql_api.transport.documents import Document, snake
from shared.web import heavy
from shared.web.problems import FieldError
from shared.web.strict_json import nearest

query = QueryType()
SCOPE = "argus:acqi:read"
NAMES = tuple(indicator.name for indicator in INDICATORS)


class Asked(NamedTuple):
    """The days and the indicators of one field, each indicator once, in the order of answers."""

    days: Days
    names: tuple[str, ...]


Compute = Callable[[], list[Metric]]
"""Gives the metrics, from a snapshot that was read."""


@query.field("acqiMetrics")
async def acqi_metrics(_: Any, info: RequestInfo, **arguments: Any) -> list[Metric]:
    with_sparkline = any(
        field.name.value == "sparkline"
        for node in info.field_nodes
        if node.selection_set is not None
        for field in documents.fields(node.selection_set, info.fragments)
    )
    return (await ready(info.context, check(info.context, **arguments), with_sparkline=with_sparkline))()


def check(
    context: RequestContext,
    *,
    from_date: datetime,
    to_date: datetime,
    names: list[str] | None = None,
    tenant_id: str | None = None,
) -> Asked:
    """Raises FORBIDDEN and BAD_USER_INPUT Refusals."""
    context.require(SCOPE)
    context.require_tenant(tenant_id)
    faults = [
        FieldError(f"/names/{index}", "No such indicator.", "enum", list(NAMES), did_you_mean=nearest(name, NAMES))
        for index, name in enumerate(names or ())
        if name not in BY_NAME
    ]
    try:
        days = report.of_days(from_date, to_date)
    except report.InvalidRange as error:
        raise errors.Unfit(errors.UNFIT, [FieldError("/toDate", str(error), "range"), *faults]) from None
    if faults:
        raise errors.Unfit(errors.UNFIT, faults)
    # Each once, in the order of answers.
    return Asked(days, NAMES if names is None else tuple(name for name in NAMES if name in names))


def cost(asked: Asked, with_sparkline: bool) -> int:
    """The counts to read and to add at most: one of each indicator in each period."""
    months = report.SPARKLINE_MONTHS if with_sparkline else 0
    return len(INDICATORS) * (len(report.periods(asked.days)) + months)


async def ready(context: RequestContext, asked: Asked, *, with_sparkline: bool) -> Compute:
    """Reads the aggregates. Raises BAD_USER_INPUT for days that are not published."""
    days, names = asked
    whole, months = report.periods(days), report.trend(days) if with_sparkline else []
    state, tenant_id = context.request.state, context.caller.tenant_id
    version = await state.answers.versions.current(tenant_id)
    snapshot = await state.snapshots.get(context.transaction, tenant_id, version, [*whole, *months])
    if snapshot.suppress:
        try:
            report.check_is_published(days, datetime.now(UTC).date())
        except report.InvalidRange as error:
            raise errors.bad_argument("/fromDate", str(error), "range") from None
    return partial(report.metrics, snapshot, names, whole, months)


COVERED = "acqiMetrics"
HEAVY = 2_400
"""Counts of an indicator in a period, or values that the executor shows. So many take 3 to 8 ms; more take a turn."""
VALUES_OF_A_COUNT = 10
"""A value of an indicator is shown ten times as fast as a count is added."""
KEPT = 16


class Member(msgspec.Struct, frozen=True):
    """One response key: a constant, an attribute, or for a list of objects the shape of each."""

    key: str
    attribute: str
    constant: str | None = None
    below: "tuple[Member, ...] | None" = None


Shape = tuple[Member, ...]


class Root(msgspec.Struct, frozen=True):
    """A root field of indicators. Equal shapes of one document are one object."""

    key: str
    node: FieldNode
    shape: Shape


class Projection(msgspec.Struct, frozen=True):
    """The root fields of a document: `keys` in the order of the answer, those of indicators, and all others by key."""

    keys: tuple[str, ...]
    roots: tuple[Root, ...]
    others: dict[str, list[FieldNode]]


class Projections:
    """A document's projections; there are several where `@include` and `@skip` depend on variables."""

    def __init__(self, schema: GraphQLSchema, document: Document) -> None:
        self._schema = schema
        self._document = document
        self._conditions = sorted(_conditions(document.ast))
        self._kept: dict[tuple[Any, ...], Projection] = {}

    def of(self, variables: VariableValues) -> Projection:
        case = tuple(variables.coerced.get(name) for name in self._conditions)
        if case not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            assert self._schema.query_type is not None
            kind = get_named_type(self._schema.query_type.fields[COVERED].type)
            assert isinstance(kind, GraphQLObjectType)
            reading = _Reading(self._schema, self._document, variables)
            roots: list[Root] = []
            others: dict[str, list[FieldNode]] = {}
            selected = collect_fields(
                self._schema, reading.fragments, variables, self._schema.query_type, self._document.operation
            )
            for key, details in selected.grouped_field_set.items():
                node = details[0].node
                if node.name.value == COVERED:
                    roots.append(Root(key, node, reading.shape(kind, details)))
                else:
                    others[key] = [one.node for one in details]
            self._kept[case] = Projection(tuple(selected.grouped_field_set), tuple(roots), others)
        return self._kept[case]


def projections_of(schema: GraphQLSchema, document: Document) -> Projections | None:
    """None for a document without indicators."""
    is_query = document.operation.operation is OperationType.QUERY
    return Projections(schema, document) if is_query and COVERED in document.roots else None


def remainder(document: Document, nodes: list[FieldNode]) -> DocumentNode:
    """The same document with these root fields alone."""
    former = document.operation
    operation = OperationDefinitionNode(
        operation=former.operation,
        variable_definitions=former.variable_definitions,
        directives=former.directives,
        selection_set=SelectionSetNode(selections=tuple(nodes)),
    )
    return DocumentNode(definitions=(operation, *document.fragments.values()))


async def answer(
    schema: GraphQLSchema, projection: Projection, variables: VariableValues, context: RequestContext
) -> tuple[dict[str, Any], list[dict[str, Any]], list[FieldNode]]:
    """(data, errors, nodes): the values of the roots as the executor gives them, and the nodes that are left to it.

    These are the other roots, and those with an argument that does not fit, which the executor explains. Roots that ask for the same are
    computed once. Raises Problem: 429 and 503, where there is too much to compute at the moment.
    """
    data: dict[str, Any] = {}
    refused: list[dict[str, Any]] = []
    left = [node for nodes in projection.others.values() for node in nodes]
    asked: list[tuple[Root, Asked]] = []
    for root in projection.roots:
        try:
            assert schema.query_type is not None
            arguments = get_argument_values(schema.query_type.fields[COVERED], root.node, variables)
            asked.append((root, resolvers.check(context, **arguments)))
        except GraphQLError:
            left.append(root.node)
        except errors.Refusal as refusal:
            data[root.key] = None
            refused.append(errors.document(errors.refusal_of(refusal, root.node), [root.key]))
    for root, found in zip([root for root, _ in asked], await _answers(asked, context), strict=True):
        data[root.key] = None if isinstance(found, Exception) else found
        if isinstance(found, Exception):
            refused.append(errors.document(errors.refusal_of(found, root.node), [root.key]))
    return data, refused, left


async def _answers(asked: list[tuple[Root, Asked]], context: RequestContext) -> list[list[dict[str, Any]] | Exception]:
    trends: dict[Asked, bool] = {}
    for root, one in asked:
        trends[one] = trends.get(one, False) or any(member.attribute == "sparkline" for member in root.shape)
    different = {(one, id(root.shape)): root.shape for root, one in asked}
    values = sum(len(one.names) * _values(shape) for (one, _), shape in different.items())
    cost = sum(resolvers.cost(one, trend) for one, trend in trends.items()) + values // VALUES_OF_A_COUNT
    ready = {one: await _ready(context, one, trend) for one, trend in trends.items()}
    async with heavy.turn(context.request, is_heavy=cost > HEAVY):
        metrics = {one: found if isinstance(found, Exception) else _computed(found) for one, found in ready.items()}
        shown = {
            (one, name): found
            if isinstance(found := metrics[one], Exception)
            else [_shown(shape, each) for each in found]
            for (one, name), shape in different.items()
        }
    return [shown[one, id(root.shape)] for root, one in asked]


async def _ready(context: RequestContext, asked: Asked, trend: bool) -> Compute | Exception:
    try:
        return await resolvers.ready(context, asked, with_sparkline=trend)
    except Exception as error:  # becomes an error of its field
        return error


def _computed(compute: Compute) -> list[Metric] | Exception:
    try:
        return compute()
    except Exception as error:  # becomes an error of its field
        return error


class _Reading:
    def __init__(self, schema: GraphQLSchema, document: Document, variables: VariableValues) -> None:
        self.fragments = {name: FragmentDetails(fragment) for name, fragment in document.fragments.items()}
        self._about = schema, self.fragments, variables, document.operation
        self._shapes: dict[Shape, Shape] = {}

    def shape(self, kind: GraphQLObjectType, details: list[FieldDetails]) -> Shape:
        """The shape of an object whose fields are selected by several field nodes together."""
        members: list[Member] = []
        for key, inside in collect_subfields(*self._about, kind, details).grouped_field_set.items():
            name = inside[0].node.name.value
            if name == "__typename":
                members.append(Member(key, "", constant=kind.name))
                continue
            inner = get_named_type(kind.fields[name].type)
            below = self.shape(inner, inside) if isinstance(inner, GraphQLObjectType) else None
            members.append(Member(key, snake(name), below=below))
        shape = tuple(members)
        return self._shapes.setdefault(shape, shape)


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        values = [argument.value for argument in node.arguments or ()]
        self.names |= {value.name.value for value in values if isinstance(value, VariableNode)}


def _conditions(ast: DocumentNode) -> set[str]:
    """The variables on which directives depend."""
    found = _Conditions()
    visit(ast, found)
    return found.names


def _values(shape: Shape) -> int:
    """The values shown of one metric."""
    below = [member.below for member in shape if member.below is not None]
    return len(shape) + sum(report.SPARKLINE_MONTHS * _values(one) for one in below)


def _shown(shape: Shape, value: Any) -> dict[str, Any]:
    return {
        member.key: getattr(value, member.attribute)
        if member.below is None and member.constant is None
        else member.constant
        if member.below is None
        else [_shown(member.below, one) for one in getattr(value, member.attribute)]
        for member in shape
    }
