"""The variables of a document: as JSON Schema (2020-12), so that a partner can check them without the GraphQL schema, and their faults."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
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

from shared.web.problems import FieldError
from shared.web.strict_json import nearest, pointer_of, word_of

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


def declared(operation: OperationDefinitionNode) -> list[str]:
    """The names of the variables."""
    return [definition.variable.name.value for definition in operation.variable_definitions or ()]


def faults_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> Iterator[FieldError]:
    """Why `given` does not fit the declared variables. A pointer leads into `variables`; nothing names a refused value."""
    known = declared(operation)
    for name in given:
        if name not in known:
            pointer, meant = pointer_of("", name), nearest(name, known)
            yield FieldError(pointer, "The document declares no such variable.", "unknown", known, did_you_mean=meant)
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind: Any = type_from_ast(schema, definition.type)
        if name in given:
            yield from _faults(kind, given[name], f"/{name}")
        elif isinstance(kind, GraphQLNonNull) and definition.default_value is None:
            yield FieldError(f"/{name}", "This variable must be there.", "missing")


def _faults(kind: Any, value: Any, pointer: str) -> Iterator[FieldError]:
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
        if value is None:
            yield FieldError(pointer, "This may not be null.", "type")
    if value is None:
        return
    if isinstance(kind, GraphQLList):
        for index, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
            yield from _faults(kind.of_type, item, pointer if index is None else f"{pointer}/{index}")
    elif isinstance(kind, GraphQLInputObjectType):
        yield from _faults_of_members(kind, value, pointer)
    elif isinstance(kind, GraphQLEnumType):
        if not isinstance(value, str) or value not in kind.values:
            allowed = list(kind.values)
            detail = f"Expected one of {', '.join(allowed)}."
            yield FieldError(pointer, detail, "enum", allowed=allowed, did_you_mean=nearest(value, allowed))
    elif not _is_read(kind, value):
        yield FieldError(pointer, f"Expected {kind.name}, and got {word_of(value)} that is none.", "type")


def _faults_of_members(kind: GraphQLInputObjectType, value: Any, pointer: str) -> Iterator[FieldError]:
    if not isinstance(value, dict):
        yield FieldError(pointer, f"Expected an object, got {word_of(value)}.", "type")
        return
    for name in value:
        if name not in kind.fields:
            meant = nearest(name, kind.fields)
            yield FieldError(pointer_of(pointer, name), "No such field.", "unknown", did_you_mean=meant)
    for name, field in kind.fields.items():
        if name in value:
            yield from _faults(field.type, value[name], f"{pointer}/{name}")
        elif is_required_input_field(field):
            yield FieldError(f"{pointer}/{name}", "This field must be there.", "missing")
    if kind.is_one_of and (len(value) != 1 or None in value.values()):
        yield FieldError(pointer, "Expected exactly one field, not null.", "one_of", allowed=list(kind.fields))


def _is_read(kind: Any, value: Any) -> bool:
    try:
        kind.parse_value(value)
    except (GraphQLError, ValueError, TypeError):
        return False
    return True
