"""Approved documents: one folder per bundle, one file per operation, a manifest beside them."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec
from graphql import GraphQLSchema, validate

from services.graphql_api import documents
from services.graphql_api.documents import Document

FOLDER = Path(__file__).parent / "bundles"


class BadBundle(Exception):
    """A bundle in the tree does not fit the schema; nothing starts with it."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    description: str
    scopes: list[str]


class Operation(msgspec.Struct, frozen=True):
    """An approved document as partners get it, and as it is compared."""

    name: str
    text: str
    document: Document


class Bundle(msgspec.Struct, frozen=True):
    name: str
    manifest: Manifest
    operations: tuple[Operation, ...]


class Approved(NamedTuple):
    """What a document is called, and the bundles it is in."""

    name: str
    bundles: frozenset[str]


class Catalogue:
    """Every bundle there is, and which of them hold a document."""

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
    """Reads and checks them all. Raises BadBundle naming the file."""
    return Catalogue([_bundle(schema, path) for path in sorted(folder.iterdir()) if path.is_dir()])


def _bundle(schema: GraphQLSchema, folder: Path) -> Bundle:
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadBundle(f"{folder.name}/manifest.json: {error}") from error
    files = sorted(folder.glob("*.graphql"))
    return Bundle(folder.name, manifest, tuple(_operation(schema, file) for file in files))


def _operation(schema: GraphQLSchema, file: Path) -> Operation:
    place = f"{file.parent.name}/{file.name}"
    text = file.read_text()
    try:
        document = documents.read(text)
    except documents.NotADocument as error:
        raise BadBundle(f"{place}: not one operation") from error
    if found := validate(schema, document.ast):
        raise BadBundle(f"{place}: {found[0].message}")
    if document.name != file.stem:
        raise BadBundle(f"{place}: the operation's name is not the file's")
    return Operation(file.stem, text, document)
