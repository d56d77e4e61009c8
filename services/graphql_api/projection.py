"""A short cut past the executor for answers that are nothing but attribute reads: the figures of `acqiMetrics`.

Such a document, once validated, is a shape: for each response key the attribute it shows. Showing a value is then a dictionary per
object instead of some thirty Python calls per field. What the short cut does not cover, the executor does, with the same answer.
"""

from typing import Any

import msgspec
from graphql import FieldNode, GraphQLError, GraphQLObjectType, GraphQLSchema, SelectionSetNode, get_named_type
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from services.graphql_api import errors
from services.graphql_api.acqi import resolvers as acqi
from services.graphql_api.context import Context
from services.graphql_api.documents import Document
from services.graphql_api.schema import snake

COVERED = "acqiMetrics"


class Member(msgspec.Struct, frozen=True):
    """One response key: a constant, an attribute, or for a list of objects the shape of each."""

    key: str
    attribute: str
    constant: str | None = None
    below: "tuple[Member, ...] | None" = None


Shape = tuple[Member, ...]


class Projection(msgspec.Struct, frozen=True):
    """A document of `acqiMetrics` fields alone: each root field's response key, node and shape."""

    roots: tuple[tuple[str, FieldNode, Shape], ...]


def of(schema: GraphQLSchema, document: Document) -> Projection | None:
    """The projection of a valid document, or None for one the executor must run: other roots, fragments, directives, a key twice."""
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


async def run(
    schema: GraphQLSchema, document: Document, projection: Projection, given: dict[str, Any], context: Context
) -> Any:
    """`data` and `errors` as the executor would answer them; None when an argument does not fit, which the executor explains."""
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
            data[key] = await _root(shape, arguments, context)
        except Exception as error:  # what a resolver raises becomes an error of its field
            data[key] = None
            refused.append(errors.document(errors.refusal_of(error), [key]))
    return {"data": data, "errors": refused} if refused else {"data": data}


async def _root(shape: Shape, arguments: dict[str, Any], context: Context) -> list[dict[str, Any]]:
    wants_trend = any(member.attribute == "sparkline" for member in shape)
    metrics = await acqi.answer(context, with_sparkline=wants_trend, **arguments)
    return [_shown(shape, metric) for metric in metrics]


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
    """The fields selected, or None where anything but plain fields with keys of their own is."""
    nodes = [node for node in selections.selections if isinstance(node, FieldNode) and not node.directives]
    keys = {_key(node) for node in nodes}
    return nodes if len(nodes) == len(keys) == len(selections.selections) else None


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
