"""GraphQL documents, normalised for comparison, and the approved ones: one folder per bundle, one file per operation, a manifest."""

import hashlib
import re
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec
from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    print_ast,
    validate,
)

MAX_LENGTH = 16_384
MAX_TOKENS = 500
FOLDER = Path(__file__).parents[1] / "bundles"
Fragments = dict[str, FragmentDefinitionNode]


class NotADocument(Exception):
    """The text is not one executable GraphQL operation."""


# The tokens of a document (GraphQL specification 2.1), and the text between them without a meaning: white space, commas, comments.
TOKEN = re.compile(
    r'''"""(?:\\"""|(?!\\""")[\s\S])*?"""|"(?!"")(?:\\.|[^"\\\n\r])*"|\.\.\.|[!$&()/:=@\[\]{|}]|-?[\w.+-]+'''
)
NOTHING = re.compile(r"(?:[\ufeff\t \n\r,]|#[^\n\r]*)+")


def condensed(text: str) -> str:
    """The text with one space between its tokens, so that equal documents of different spacing are equal; any other text as it is."""
    tokens: list[str] = []
    place = 0
    while place < len(text) and len(tokens) <= MAX_TOKENS:
        nothing = NOTHING.match(text, place)
        place = nothing.end() if nothing else place
        token = TOKEN.match(text, place)
        if token is None:
            break  # the end, or no token
        tokens.append(token[0])
        place = token.end()
    return " ".join(tokens) if place == len(text) else text


class Document(msgspec.Struct, frozen=True):
    """One operation with its fragments. `digest` is the SHA-256 of its normalised text; `roots` are the names of its root fields."""

    ast: DocumentNode
    operation: OperationDefinitionNode
    fragments: Fragments
    digest: str
    roots: frozenset[str]

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None


def read(text: str) -> Document:
    """Parses one operation. Raises NotADocument for a text that is too long or no GraphQL, or has not exactly one operation."""
    if len(text) > MAX_LENGTH + MAX_TOKENS:  # a condensed text may have a space more for each token
        raise NotADocument
    try:
        ast = parse(text, no_location=True, max_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
        operations = [one for one in ast.definitions if isinstance(one, OperationDefinitionNode)]
        fragments = {one.name.value: one for one in ast.definitions if isinstance(one, FragmentDefinitionNode)}
        kinds = OperationDefinitionNode | FragmentDefinitionNode
        if len(operations) != 1 or not all(isinstance(one, kinds) for one in ast.definitions):
            raise NotADocument
        operation = operations[0]
        roots = frozenset(field.name.value for field in fields(operation.selection_set, fragments))
        # The printed document, without the names of operations: whitespace, commas and comments make no difference.
        normalised = "\n".join(print_ast(_unnamed(definition)) for definition in ast.definitions)
    except (GraphQLError, RecursionError) as error:
        raise NotADocument from error
    return Document(ast, operation, fragments, hashlib.sha256(normalised.encode()).hexdigest(), roots)


def fields(selections: SelectionSetNode, fragments: Fragments) -> Iterator[FieldNode]:
    """The selected fields of one level, with those of fragments."""
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


def _unnamed(definition: DefinitionNode) -> DefinitionNode:
    if not isinstance(definition, OperationDefinitionNode):
        return definition
    return OperationDefinitionNode(
        operation=definition.operation,
        variable_definitions=definition.variable_definitions,
        directives=definition.directives,
        selection_set=definition.selection_set,
    )


class BadBundle(Exception):
    """A bundle in the tree does not fit the schema. The service does not start."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    description: str
    scopes: list[str]


class Operation(msgspec.Struct, frozen=True):
    """An approved document: the text for partners, and the parsed form for comparison."""

    name: str
    text: str
    document: Document


class Bundle(msgspec.Struct, frozen=True):
    name: str
    manifest: Manifest
    operations: tuple[Operation, ...]


class Approved(NamedTuple):
    """The name of an approved document, and its bundles."""

    name: str
    bundles: frozenset[str]


class Catalogue:
    """All bundles, and the approved documents by digest."""

    def __init__(self, bundles: Collection[Bundle]) -> None:
        self.bundles = {bundle.name: bundle for bundle in bundles}

    @cached_property
    def by_digest(self) -> dict[str, Approved]:
        approved: dict[str, Approved] = {}
        for bundle in self.bundles.values():
            for operation in bundle.operations:
                digest = operation.document.digest
                others = approved[digest].bundles if digest in approved else frozenset()
                approved[digest] = Approved(operation.name, others | {bundle.name})
        return approved


def load(schema: GraphQLSchema, folder: Path = FOLDER) -> Catalogue:
    """Reads and checks all bundles. Raises BadBundle, which names the file."""
    bundles: list[Bundle] = []
    for path in sorted(one for one in folder.iterdir() if one.is_dir()):
        try:
            manifest = msgspec.json.decode((path / "manifest.json").read_bytes(), type=Manifest)
        except (OSError, msgspec.MsgspecError) as error:
            raise BadBundle(f"{path.name}/manifest.json: {error}") from error
        bundles.append(
            Bundle(path.name, manifest, tuple(_operation(schema, file) for file in sorted(path.glob("*.graphql"))))
        )
    return Catalogue(bundles)


def _operation(schema: GraphQLSchema, file: Path) -> Operation:
    place = f"{file.parent.name}/{file.name}"
    text = file.read_text()
    try:
        document = read(text)
    except NotADocument as error:
        raise BadBundle(f"{place}: not one operation") from error
    if found := validate(schema, document.ast):
        raise BadBundle(f"{place}: {found[0].message}")
    if document.name != file.stem:
        raise BadBundle(f"{place}: the operation's name is not the file's")
    return Operation(file.stem, text, document)


def snake(name: str) -> str:
    """`ci95Low` as Python writes it, `ci95_low`."""
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)
