"""From the text of a document to its answer: limits, the plan, and its execution."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from inspect import isawaitable
from itertools import islice
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationType,
    SelectionSetNode,
    VariableNode,
    execute,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

from services.graphql_api import errors
from services.graphql_api.acqi import resolvers
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.acqi.report import SPARKLINE_MONTHS
from services.graphql_api.acqi.resolvers import COVERED, HEAVY, Projections
from services.graphql_api.context import Context, RequestContext
from services.graphql_api.inputs import MAX_PAGE
from services.graphql_api.transport import documents
from services.graphql_api.transport.documents import Catalogue, Document, Fragments
from services.graphql_api.transport.variables import declared, faults_of
from shared.fairness.places import Places
from shared.web import heavy
from shared.web.strict_json import MOST_FAULTS

MAX_DEPTH = 8
MAX_ALIASES = 15
# Validation compares each two fields of one name.
MAX_REPEATS = 50
MAX_COST = 12_000
MAX_VARIABLES_BYTES = 65_536
# The assumed rows of a list; every other field counts as one. An indicator counts half: its values cost a tenth of executed ones.
ROWS: Mapping[str, int] = {
    "acqiMetrics": len(INDICATORS) // 2,
    "sparkline": SPARKLINE_MONTHS,
    "timeline": 10,
    "routes": 10,
    "settings": 5,
    "telephonyProviders": 20,
    "telephonyRoutes": 50,
}


class LimitExceeded(Exception):
    """The message names the limit, never the document."""


class Extent(msgspec.Struct, frozen=True):
    """The levels, aliases and possible values of a selection. A fragment counts at each use."""

    depth: int
    aliases: int
    cost: int


NOTHING = Extent(0, 0, 0)


def check_limits(document: Document) -> None:
    """Raises LimitExceeded for a document that is too deep, has too many aliases or costs too much."""
    extent = measure(document)
    roots = [document.operation, *document.fragments.values()]
    keys = Counter(name for root in roots for name in _names(root.selection_set))
    for name, value, limit in (
        ("depth", extent.depth, MAX_DEPTH),
        ("aliases", extent.aliases, MAX_ALIASES),
        ("cost", extent.cost, MAX_COST),
        ("number of fields of one name", max(keys.values(), default=0), MAX_REPEATS),
    ):
        if value > limit:
            raise LimitExceeded(f"The document's {name} is over {limit}.")


def measure(document: Document, rows: Mapping[str, int] = ROWS) -> Extent:
    """`rows` are those of lists. Raises LimitExceeded for circular fragments."""
    return _Measuring(document.fragments, rows).selections(document.operation.selection_set)


def _names(node: SelectionSetNode) -> Iterator[str]:
    """The response keys of all fields in the text."""
    for selection in node.selections:
        if isinstance(selection, FieldNode):
            yield (selection.alias or selection.name).value
        if isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set is not None:
            yield from _names(selection.selection_set)


class _Measuring:
    def __init__(self, fragments: Fragments, rows: Mapping[str, int]) -> None:
        self._fragments = fragments
        self._rows = rows
        self._known: dict[str, Extent | None] = {}

    def selections(self, node: SelectionSetNode) -> Extent:
        depth = aliases = cost = 0
        for selection in node.selections:
            extent = NOTHING
            if isinstance(selection, FieldNode):
                below = self.selections(selection.selection_set) if selection.selection_set else NOTHING
                extent = Extent(
                    below.depth + 1,
                    below.aliases + (selection.alias is not None),
                    (below.cost + 1) * self._rows_of(selection),
                )
            elif isinstance(selection, InlineFragmentNode):
                extent = self.selections(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                extent = self._fragment(selection.name.value)
            depth, aliases, cost = max(depth, extent.depth), aliases + extent.aliases, cost + extent.cost
        return Extent(depth, aliases, cost)

    def _fragment(self, name: str) -> Extent:
        """Measures each fragment once. A fragment that is met again during its own measurement is circular."""
        if name not in self._fragments:
            return NOTHING
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self.selections(self._fragments[name].selection_set)
        extent = self._known[name]
        if extent is None:
            raise LimitExceeded("The document's fragments are circular.")
        return extent

    def _rows_of(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value == "first":
                literal = argument.value
                # `int` refuses a literal with very many digits.
                if isinstance(literal, IntValueNode) and len(literal.value) <= len(str(MAX_PAGE)):
                    return max(1, min(int(literal.value), MAX_PAGE))
                return MAX_PAGE
        return 50 if field.name.value == "incidents" else self._rows.get(field.name.value, 1)


# A query of these fields alone runs for every client with the scope.
DOCUMENTED = frozenset({"acqiMetrics", "telephonyProviders", "telephonyRoutes"})
# Fields whose answer depends only on tenant, document, variables and the tenant's aggregates.
REPEATABLE = frozenset({"acqiMetrics"})
# Mutations of another service, which has its own transaction.
ELSEWHERE = frozenset({"createIncidentWebhook", "updateIncidentWebhook", "deleteIncidentWebhook"})
# The scope of each mutation, checked before it runs, because a stored answer must not outlive the scope.
WRITE_SCOPES = {
    "createIncident": "argus:incidents:write",
    "updateIncident": "argus:incidents:write",
    "closeIncident": "argus:incidents:write",
    "createTelephonyProvider": "argus:telephony:write",
    "updateTelephonyProvider": "argus:telephony:write",
    "deleteTelephonyProvider": "argus:telephony:write",
    "createTelephonyRoute": "argus:telephony:write",
    "updateTelephonyRoute": "argus:telephony:write",
    "deleteTelephonyRoute": "argus:telephony:write",
    "createIncidentWebhook": "webhooks:write",
    "updateIncidentWebhook": "webhooks:write",
    "deleteIncidentWebhook": "webhooks:write",
}
KEPT = 200
_shown = Places(4, shares=(1,), waiting=64)
"""Documents of many values that are executed at a time. They wait for the database meanwhile, so one organisation holds at most two."""


class Plan(msgspec.Struct, frozen=True):
    """A document that may run: for every client if `bundles` is None, else for clients with a grant of one of them.

    `name`, which goes into traces, is chosen here and not by the client. `values` is the number of values that the executor shows.
    """

    name: str
    document: Document
    values: int
    bundles: frozenset[str] | None = None
    projections: Projections | None = None

    @property
    def is_mutation(self) -> bool:
        return self.document.operation.operation is OperationType.MUTATION

    @property
    def is_repeatable(self) -> bool:
        return self.document.roots <= REPEATABLE

    @property
    def writes_here(self) -> bool:
        return self.is_mutation and not self.document.roots <= ELSEWHERE

    @property
    def write_scopes(self) -> list[str]:
        """The scopes of all root fields of a mutation."""
        return sorted({WRITE_SCOPES[root] for root in self.document.roots & WRITE_SCOPES.keys()})


class Planner:
    def __init__(self, schema: GraphQLSchema, catalogue: Catalogue) -> None:
        self.schema = schema
        self.approved = catalogue.by_digest
        # A refusal is raised and so not cached: invalid documents displace no plan.
        self._plans = lru_cache(KEPT)(self._plan)

    def plan(self, text: str) -> Plan:
        """`text` is condensed. Raises a Refusal: OPERATION_NOT_APPROVED, or LIMIT_EXCEEDED for a documented query beyond the limits."""
        return self._plans(text)

    def _plan(self, text: str) -> Plan:
        try:
            document = documents.read(text)
        except documents.NotADocument:
            raise errors.not_approved() from None
        if document.operation.operation is OperationType.QUERY and document.roots <= DOCUMENTED:
            try:
                check_limits(document)
                found = validate(self.schema, document.ast, max_errors=1, hide_suggestions=True)
            except LimitExceeded as error:
                raise errors.Refusal("LIMIT_EXCEEDED", str(error)) from None
            except RecursionError:
                raise errors.not_approved() from None
            if found:
                raise errors.not_approved()
            return self._planned("documented query", document, None)
        approved = self.approved.get(document.digest)
        if approved is None:
            raise errors.not_approved()
        return self._planned(approved.name, document, approved.bundles)

    def _planned(self, name: str, document: Document, bundles: frozenset[str] | None) -> Plan:
        projections = resolvers.projections_of(self.schema, document)
        values = measure(document, ROWS if projections is None else {**ROWS, COVERED: 0}).cost
        return Plan(name, document, values, bundles, projections)


Answer = dict[str, Any]


async def run(schema: GraphQLSchema, plan: Plan, variables: dict[str, Any], context: Context) -> Answer:
    """The answer: `data`, and `errors` for refused and failed fields."""
    if variables.keys() - set(declared(plan.document.operation)):
        # GraphQL would drop them silently.
        raise _of_variables(schema, plan, variables)
    if plan.projections is None or not isinstance(context, RequestContext):
        return await _execute(schema, plan, plan.document.ast, variables, context)
    coerced = get_variable_values(
        schema, plan.document.operation.variable_definitions or (), variables, hide_suggestions=True
    )
    if not isinstance(coerced, VariableValues):
        return await _execute(schema, plan, plan.document.ast, variables, context)
    projected = plan.projections.of(coerced)
    data, refused, left = await resolvers.answer(schema, projected, coerced, context)
    if left:
        rest = await _execute(schema, plan, resolvers.remainder(plan.document, left), variables, context)
        data |= rest.get("data") or {}
        refused += rest.get("errors", [])
    answer = {"data": {key: data[key] for key in projected.keys}}
    return answer | {"errors": refused} if refused else answer


async def _execute(
    schema: GraphQLSchema, plan: Plan, ast: DocumentNode, variables: dict[str, Any], context: Context
) -> Answer:
    """A document with many values takes one of the places for them. A mutation, which holds a transaction, shows few.

    Raises Problem: 429 and 503, where too many wait for theirs.
    """
    running = partial(execute, schema, ast, context_value=context, variable_values=variables, hide_suggestions=True)
    if isinstance(context, RequestContext) and not plan.is_mutation and plan.values > HEAVY:
        async with heavy.turn(context.request, places=_shown):
            result: Any = await _awaited(running())
    else:
        result = await _awaited(running())
    if not result.errors:
        return {"data": result.data}
    if all(error.path is None for error in result.errors):
        return {"errors": [errors.document(_of_variables(schema, plan, variables))]}
    return {"data": result.data, "errors": [errors.document(_refusal(error), error.path) for error in result.errors]}


async def _awaited(result: Any) -> Any:
    return await result if isawaitable(result) else result


def _of_variables(schema: GraphQLSchema, plan: Plan, given: dict[str, Any]) -> errors.Refusal:
    """Says where the variables do not fit. graphql-core's own messages quote the values, which may be secret."""
    message = "The variables are not those that the document declares."
    faults = list(islice(faults_of(schema, plan.document.operation, given), MOST_FAULTS + 1))
    if not faults:
        return errors.bad_input(message)
    refusal = errors.Unfit(message, faults)
    place = faults[0].pointer.removeprefix("/").split("/")
    refusal.extra |= {"variable": place[0], "at": ".".join(place)}
    return refusal


def _refusal(error: GraphQLError) -> errors.Refusal:
    [node, *_] = error.nodes or [None]
    if error.original_error is None and error.message.startswith("Argument "):
        return _without_value(node)
    return errors.refusal_of(error, node if isinstance(node, FieldNode) else None)


def _without_value(node: Node | None) -> errors.Refusal:
    """`node` is the variable that an argument would have its value from, where the document names one."""
    detail = "An argument that may not be null has no value."
    if isinstance(node, VariableNode):
        return errors.bad_argument(f"/{node.name.value}", detail, "missing")
    return errors.bad_input(detail)
