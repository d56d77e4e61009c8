"""What a document may ask for, known from its text alone, before anything is validated or executed."""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, IntValueNode, SelectionSetNode

from services.graphql_api.documents import Document, Fragments

MAX_DEPTH = 8
MAX_ALIASES = 15
# Validation compares every two fields of one name with each other.
MAX_REPEATS = 50
MAX_COST = 10_000
MAX_VARIABLES_BYTES = 65_536
MAX_PAGE = 100
# How many rows a list brings; every other field counts as one.
ROWS: Mapping[str, int] = {
    "acqiMetrics": 24,
    "sparkline": 12,
    "timeline": 10,
    "routes": 10,
    "settings": 5,
    "telephonyProviders": 20,
    "telephonyRoutes": 50,
}


class LimitExceeded(Exception):
    """Names the limit, never what was asked."""


class Extent(msgspec.Struct, frozen=True):
    """How far a selection reaches: levels, aliases and the values it can bring, fragments counted wherever they are used."""

    depth: int
    aliases: int
    cost: int


NOTHING = Extent(0, 0, 0)


def check(document: Document) -> None:
    """Raises LimitExceeded for a document that is too deep, has too many aliases or costs too much."""
    extent = measure(document)
    for name, value, limit in (
        ("depth", extent.depth, MAX_DEPTH),
        ("aliases", extent.aliases, MAX_ALIASES),
        ("cost", extent.cost, MAX_COST),
        ("number of fields of one name", _repeats(document), MAX_REPEATS),
    ):
        if value > limit:
            raise LimitExceeded(f"The document's {name} is over {limit}.")


def measure(document: Document) -> Extent:
    """Raises LimitExceeded where fragments go round in circles."""
    return _selections(document.operation.selection_set, document.fragments, {})


def _repeats(document: Document) -> int:
    """How often the name that an answer uses most stands in the text."""
    roots = [document.operation, *document.fragments.values()]
    return max(Counter(name for root in roots for name in _names(root.selection_set)).values(), default=0)


def _names(node: SelectionSetNode) -> Iterator[str]:
    for selection in node.selections:
        if isinstance(selection, FieldNode):
            yield (selection.alias or selection.name).value
        if isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set is not None:
            yield from _names(selection.selection_set)


def _selections(node: SelectionSetNode, fragments: Fragments, known: dict[str, Extent | None]) -> Extent:
    depth = aliases = cost = 0
    for selection in node.selections:
        extent = NOTHING
        if isinstance(selection, FieldNode):
            extent = _field(selection, fragments, known)
        elif isinstance(selection, InlineFragmentNode):
            extent = _selections(selection.selection_set, fragments, known)
        elif isinstance(selection, FragmentSpreadNode):
            extent = _fragment(selection.name.value, fragments, known)
        depth, aliases, cost = max(depth, extent.depth), aliases + extent.aliases, cost + extent.cost
    return Extent(depth, aliases, cost)


def _field(field: FieldNode, fragments: Fragments, known: dict[str, Extent | None]) -> Extent:
    below = _selections(field.selection_set, fragments, known) if field.selection_set else NOTHING
    return Extent(below.depth + 1, below.aliases + (field.alias is not None), (below.cost + 1) * _rows(field))


def _fragment(name: str, fragments: Fragments, known: dict[str, Extent | None]) -> Extent:
    """Each fragment is measured once; one met again while it is being measured is a circle."""
    if name not in fragments:
        return NOTHING
    if name not in known:
        known[name] = None
        known[name] = _selections(fragments[name].selection_set, fragments, known)
    extent = known[name]
    if extent is None:
        raise LimitExceeded("The document's fragments are circular.")
    return extent


def _rows(field: FieldNode) -> int:
    for argument in field.arguments or ():
        if argument.name.value == "first":
            literal = argument.value
            # A literal may have as many digits as the document has room for, which int would refuse to read.
            if isinstance(literal, IntValueNode) and len(literal.value) <= len(str(MAX_PAGE)):
                return max(1, min(int(literal.value), MAX_PAGE))
            return MAX_PAGE
    return 50 if field.name.value == "incidents" else ROWS.get(field.name.value, 1)
