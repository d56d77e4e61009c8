"""Coded concepts: a code of a known system, its form checked, so that no free text can hide in a code."""

import re
from typing import Annotated

from msgspec import Meta

from shared import http

ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"

Text = Annotated[str, Meta(min_length=1, max_length=200)]
LongText = Annotated[str, Meta(min_length=1, max_length=50_000)]

_FORMS = {
    ICD10: re.compile(r"[A-Z][0-9]{2}(\.[0-9A-Z]{1,4})?"),
    ICD10_CM: re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?"),
    SNOMED: re.compile(r"[1-9][0-9]{5,17}"),
    RXNORM: re.compile(r"[1-9][0-9]{0,7}"),
    ATC: re.compile(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?"),
}

# Verhoeff's check digit over the dihedral group D5, as the SNOMED CT Release File Specifications give it for SCTIDs.
_MULTIPLY = (
    "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
)
_PERMUTE = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258"


class Concept(http.Body):
    """A code and the URI of its system. `display` is what the crew saw: kept, and never shown to a partner."""

    system: str
    code: str
    display: Text | None = None

    def __post_init__(self) -> None:
        form = _FORMS.get(self.system)
        if form is None:
            raise ValueError(f"system is not one of {', '.join(_FORMS)}")
        if not form.fullmatch(self.code) or (self.system == SNOMED and not is_snomed_id(self.code)):
            raise ValueError(f"code is not a code of {self.system}")


class Diagnosis(Concept):
    """ICD-10, of the WHO or the clinical modification."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.system, ICD10, ICD10_CM)


class Clinical(Concept):
    """SNOMED CT: procedures, routes, sites."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.system, SNOMED)


class Drug(Concept):
    """RxNorm, ATC or SNOMED CT."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.system, RXNORM, ATC, SNOMED)


def is_snomed_id(digits: str) -> bool:
    """Whether the last digit is the Verhoeff check digit of the others."""
    multiply, permute = _MULTIPLY.split(), _PERMUTE.split()
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = int(multiply[check][int(permute[position % 8][int(digit)])])
    return check == 0


def _require(system: str, *allowed: str) -> None:
    if system not in allowed:
        raise ValueError(f"system is not one of {', '.join(allowed)}")
