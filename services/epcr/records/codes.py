"""Ids of SNOMED CT that are no concepts. They have the form of one, and no receiver knows a concept by them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from services.epcr.records.care import SNOMED, Item
from shared.web.problems import FieldError

# The partition identifier, before the check digit: concepts of the international edition and of extensions (SNOMED CT, SCTID).
CONCEPTS = frozenset({"00", "10"})


def foreign_ids(sent: Any, pointer: str = "") -> Iterator[FieldError]:
    """The codes in `sent` that are ids of descriptions or relationships. A withdrawn entry may have one, as it was stored."""
    if isinstance(sent, list):
        for at, one in enumerate(sent):
            yield from foreign_ids(one, f"{pointer}/{at}")
    if not isinstance(sent, msgspec.Struct) or (isinstance(sent, Item) and sent.entered_in_error):
        return
    code = getattr(sent, "code", None)
    if getattr(sent, "system", None) == SNOMED and isinstance(code, str) and code[-3:-1] not in CONCEPTS:
        yield FieldError(f"{pointer}/code", "is the id of no concept of SNOMED CT", "rule")
    for name in sent.__struct_fields__:
        yield from foreign_ids(getattr(sent, name), f"{pointer}/{name}")
