"""GraphQL documents as they are compared: parsed once, and the same whatever the whitespace, comments or operation name."""

import hashlib
from collections.abc import Iterator

import msgspec
from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    print_ast,
)

MAX_LENGTH = 16_384
MAX_TOKENS = 500
Fragments = dict[str, FragmentDefinitionNode]


class NotADocument(Exception):
    """The text is not one executable GraphQL operation."""


class Document(msgspec.Struct, frozen=True):
    """One operation with its fragments. `digest` is the SHA-256 of its normalised text; `roots` are its root fields' names."""

    ast: DocumentNode
    operation: OperationDefinitionNode
    fragments: Fragments
    digest: str
    roots: frozenset[str]

    @property
    def kind(self) -> str:
        return self.operation.operation.value

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None


def read(text: str) -> Document:
    """Parses one operation. Raises NotADocument: too long, not GraphQL, several operations or none, anything not executable."""
    if len(text) > MAX_LENGTH:
        raise NotADocument
    try:
        ast = parse(text, no_location=True, max_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
        operation, fragments = _parts(ast)
        roots = frozenset(field.name.value for field in fields(operation.selection_set, fragments))
        normalised = _normalised(ast)
    except (GraphQLError, RecursionError) as error:
        raise NotADocument from error
    return Document(ast, operation, fragments, hashlib.sha256(normalised.encode()).hexdigest(), roots)


def fields(selections: SelectionSetNode, fragments: Fragments) -> Iterator[FieldNode]:
    """The fields selected at one level, with those that fragments bring."""
    return _fields(selections, fragments, set())


def _fields(selections: SelectionSetNode, fragments: Fragments, seen: set[str]) -> Iterator[FieldNode]:
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _fields(selection.selection_set, fragments, seen)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            fragment = fragments.get(selection.name.value)
            if fragment is None:
                raise NotADocument
            yield from _fields(fragment.selection_set, fragments, seen)


def _parts(ast: DocumentNode) -> tuple[OperationDefinitionNode, Fragments]:
    operations: list[OperationDefinitionNode] = []
    fragments: Fragments = {}
    for definition in ast.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
        else:
            raise NotADocument
    if len(operations) != 1:
        raise NotADocument
    return operations[0], fragments


def _normalised(ast: DocumentNode) -> str:
    """Printed again, which settles whitespace, commas and comments; each operation without its name."""
    return "\n".join(print_ast(_unnamed(definition)) for definition in ast.definitions)


def _unnamed(definition: DefinitionNode) -> DefinitionNode:
    if not isinstance(definition, OperationDefinitionNode):
        return definition
    return OperationDefinitionNode(
        operation=definition.operation,
        variable_definitions=definition.variable_definitions,
        directives=definition.directives,
        selection_set=definition.selection_set,
    )
