"""The variables of an approved document as JSON Schema (2020-12), so that a partner can check them without the GraphQL schema."""

from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    is_required_input_field,
    type_from_ast,
)
from graphql.utilities import value_from_ast_untyped

SCALARS: dict[str, dict[str, Any]] = {
    "ID": {"type": "string"},
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "Int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Float": {"type": "number"},
    "DateTime": {"type": "string", "format": "date-time"},
}


def schema_of(schema: GraphQLSchema, operation: OperationDefinitionNode) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind: Any = type_from_ast(schema, definition.type)
        properties[name] = _of(kind)
        if definition.default_value is not None:
            properties[name] = properties[name] | {"default": value_from_ast_untyped(definition.default_value)}
        elif isinstance(kind, GraphQLNonNull):
            required.append(name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def _of(kind: GraphQLInputType) -> dict[str, Any]:
    if isinstance(kind, GraphQLNonNull):
        return _named(kind.of_type)
    nullable = _named(kind)
    if "enum" in nullable:
        nullable["enum"] = [*nullable["enum"], None]
    return nullable | {"type": [nullable["type"], "null"]}


def _named(kind: Any) -> dict[str, Any]:
    if isinstance(kind, GraphQLList):
        return {"type": "array", "items": _of(kind.of_type)}
    if isinstance(kind, GraphQLEnumType):
        return {"type": "string", "enum": list(kind.values)}
    if isinstance(kind, GraphQLInputObjectType):
        members = {name: _of(field.type) for name, field in kind.fields.items()}
        described: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": members}
        if kind.is_one_of:
            described["properties"] = {name: _named(field.type) for name, field in kind.fields.items()}
            return described | {"minProperties": 1, "maxProperties": 1}
        required = [name for name, field in kind.fields.items() if is_required_input_field(field)]
        return described | {"required": required}
    return dict(SCALARS[kind.name])
