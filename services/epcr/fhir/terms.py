"""FHIR's systems, codes and small datatypes as plain values, with keys in the order of the specification."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.epcr.fhir.displays import in_xml, unknown
from services.epcr.fhir.nomenclature import UCUM
from services.epcr.fhir.vocabulary import concepts
from services.epcr.records import care

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
LIST_EMPTY = f"{TERMINOLOGY}/list-empty-reason"
ACT_CODE = f"{TERMINOLOGY}/v3-ActCode"
ACT_PRIORITY = f"{TERMINOLOGY}/v3-ActPriority"
ACT_REASON = f"{TERMINOLOGY}/v3-ActReason"
OBSERVATION_VALUE = f"{TERMINOLOGY}/v3-ObservationValue"
OBSERVATION_CATEGORY = f"{TERMINOLOGY}/observation-category"
DATA_ABSENT = f"{TERMINOLOGY}/data-absent-reason"
DATA_ABSENT_EXTENSION = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
GENDER = "http://hl7.org/fhir/administrative-gender"
COUNTRY = "urn:iso:std:iso:3166"
SERVICE_TYPE = f"{TERMINOLOGY}/service-type"
NEMSIS = "https://profiles.ihe.net/PCC/mPSC/CodeSystem/NEMSIS"
PHD_CATEGORY = "http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories"
EMS = "https://knogin.com/fhir/CodeSystem/ems"
EXTENSIONS = "https://knogin.com/fhir/StructureDefinition"

Json = dict[str, Any]


def meta(test: bool) -> Json:
    """Security labels of every resource: pseudonymised with a key, parts redacted; `test` adds the label of test data."""
    return {"security": [*_PSEUDONYMISED, _TEST] if test else _PSEUDONYMISED}


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Without `display`, with the official one, where a table knows it."""
    shown = display or care.display(system, code)
    return {"system": system, "code": code} | ({"display": shown} if shown else {})


def concept(*codings: Json) -> Json:
    return {"coding": list(codings)}


def coded(one: Mapping[str, Any]) -> Json:
    """A concept of the record. Its text are the words that the view has; a code without any says so, words without a code are all."""
    if "code" not in one:
        return {"text": in_xml(one["display"])}
    made = coding(one["system"], one["code"])
    text: str | None = one.get("display") or (None if "display" in made else unknown(one, "en"))
    return concept(made) | ({"text": in_xml(text)} if text else {})


def named(seen: Mapping[str, Any], name: str) -> Json:
    """The concept `name` of an entry. Without a code it has the crew's words, for a reader who may have them; for others it is masked, not
    left out: that there is an allergy is known.
    """
    return coded(seen[name]) if name in seen else concept(coding(DATA_ABSENT, "masked", "Masked"))


def ems_coding(code: str) -> Json:
    """A code of our own CodeSystem. Raises KeyError for one that is not published."""
    code = code.replace("_", "-")
    return coding(EMS, code, concepts()[code]["en"])


def ems(code: str) -> Json:
    """A concept of our own vocabulary, where no public vocabulary has it."""
    return concept(ems_coding(code))


def quantity(value: Decimal | int, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def value_or_reason(value: Decimal | int | None, unit: str, reason: str | None = None) -> Json:
    """The value of an Observation or component; without one, the reason of its absence."""
    if value is None:
        return {"dataAbsentReason": concept(coding(DATA_ABSENT, reason or "unknown"))}
    return {"valueQuantity": quantity(value, unit)}


def moment(value: datetime) -> str:
    """A FHIR dateTime or instant in UTC."""
    return value.isoformat().replace("+00:00", "Z")


def extension(name: str, kind: str, value: Any) -> Json:
    return {"url": f"{EXTENSIONS}/{name}", f"value{kind}": value}


_PSEUDONYMISED = [coding(OBSERVATION_VALUE, "PSEUDED"), coding(OBSERVATION_VALUE, "REDACTED")]
_TEST = coding(ACT_REASON, "HTEST")
