"""Bundles as bytes: checked first, then written with every decimal digit for digit."""

from decimal import Decimal
from typing import Any

import orjson
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from services.epcr import checks
from services.epcr.fhir.terms import Json

MEDIA_TYPE = "application/fhir+json"


class UnfitBundle(Exception):
    """A bundle that a hospital's server would refuse; `reasons` name rules and places, never values."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def checked(bundle: Json) -> Json:
    """The bundle, once FHIR's own definitions and this project's checks find nothing wrong. Raises UnfitBundle."""
    try:
        Bundle.model_validate(bundle)
    except ValidationError as error:
        # Places and kinds alone: pydantic's messages quote values.
        reasons = [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()]
        raise UnfitBundle(reasons) from None
    reasons = checks.problems_of(bundle)
    if reasons:
        raise UnfitBundle(reasons)
    return bundle


def encode(content: Any) -> bytes:
    """JSON in which 36.60 stays 36.60: precision is significant in FHIR."""
    return orjson.dumps(content, default=_exact)


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)
