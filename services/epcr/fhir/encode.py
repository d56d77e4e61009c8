"""Bundles as bytes: checked first, then written with every decimal digit for digit."""

import hashlib
from decimal import Decimal
from typing import Any

import orjson
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from services.epcr import checks
from services.epcr.fhir.terms import Json

REMEMBERED = 100_000

# Digests of entries that FHIR's definitions passed: hospitals fetch an encounter again as it grows, and most of it has not changed.
_passed: set[bytes] = set()


class UnfitBundle(Exception):
    """A bundle that a hospital's server would refuse; `reasons` name rules and places, never values."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def checked(bundle: Json) -> Json:
    """The bundle, once FHIR's own definitions and this project's checks find nothing wrong. Raises UnfitBundle."""
    reasons = _definitions(bundle) or checks.problems_of(bundle)
    if reasons:
        raise UnfitBundle(reasons)
    return bundle


def encode(content: Any) -> bytes:
    """JSON in which 36.60 stays 36.60: precision is significant in FHIR."""
    return orjson.dumps(content, default=_exact)


def _definitions(bundle: Json) -> list[str]:
    """What FHIR's definitions find wrong with the entries that they have not passed before."""
    new = {hashlib.sha256(encode(entry)).digest(): entry for entry in bundle["entry"]}
    new = {digest: entry for digest, entry in new.items() if digest not in _passed}
    if not new:
        return []
    try:
        Bundle.model_validate(bundle | {"entry": list(new.values())})
    except ValidationError as error:
        # Kinds and places alone: pydantic's messages quote values.
        return [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()]
    if len(_passed) > REMEMBERED:
        _passed.clear()
    _passed.update(new)
    return []


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)
