"""Bundles as bytes: checked, then written with the exact digits of each decimal."""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from services.epcr.fhir import checks
from services.epcr.fhir.terms import Json

REMEMBERED = 100_000

# Digests of entries that passed FHIR's definitions: hospitals fetch an encounter again as it grows, and most of it has not changed.
_passed: set[bytes] = set()


class UnfitBundle(Exception):
    """A bundle that a hospital's server would refuse. `reasons` hold rules and places, never values."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def checked(transaction: Json) -> Json:
    """The transaction. Raises UnfitBundle where FHIR's definitions or the checks of this service find a fault."""
    reasons = definitions(transaction) or checks.problems_of(transaction)
    if reasons:
        raise UnfitBundle(reasons)
    return transaction


def checked_among(entries: Sequence[Json], kinds: Mapping[str, str]) -> None:
    """As `checked`, for some entries of a transaction. `kinds` are those of the entries to which they may refer, by their URLs."""
    reasons = definitions({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    reasons = reasons or list(checks.problems_among(entries, kinds))
    if reasons:
        raise UnfitBundle(reasons)


def encode(content: Any) -> bytes:
    """JSON in which 36.60 stays 36.60, because precision is significant in FHIR."""
    return orjson.dumps(content, default=_exact)


def definitions(bundle: Json) -> list[str]:
    """The faults that FHIR's definitions find in entries that have not passed before."""
    new = {hashlib.sha256(encode(entry)).digest(): entry for entry in bundle["entry"]}
    new = {digest: entry for digest, entry in new.items() if digest not in _passed}
    if not new:
        return []
    try:
        Bundle.model_validate(bundle | {"entry": list(new.values())})
    except ValidationError as error:
        # Only kinds and places: pydantic's messages quote values.
        return [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()]
    if len(_passed) > REMEMBERED:
        _passed.clear()
    _passed.update(new)
    return []


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)
