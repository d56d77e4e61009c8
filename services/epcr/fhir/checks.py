"""R4's rules for these bundles that fhir.resources does not check: required codes, invariants, references, UCUM, transactions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.epcr.fhir.nomenclature import UCUM
from services.epcr.records.care import DOSE_UNITS

Json = dict[str, Any]
CODES: dict[tuple[str, str], frozenset[str]] = {
    ("Patient", "gender"): frozenset({"male", "female", "other", "unknown"}),
    ("Encounter", "status"): frozenset({"in-progress", "finished", "cancelled", "entered-in-error"}),
    ("Observation", "status"): frozenset({"final", "entered-in-error"}),
    ("Procedure", "status"): frozenset({"completed", "not-done", "entered-in-error"}),
    ("MedicationAdministration", "status"): frozenset({"completed", "not-done", "entered-in-error"}),
    ("MedicationStatement", "status"): frozenset({"active", "not-taken", "stopped", "unknown", "entered-in-error"}),
    ("AllergyIntolerance", "type"): frozenset({"allergy", "intolerance"}),
    ("AllergyIntolerance", "criticality"): frozenset({"low", "high", "unable-to-assess"}),
    ("Composition", "status"): frozenset({"preliminary", "final", "amended", "entered-in-error"}),
    ("Composition", "confidentiality"): frozenset({"N", "R", "V"}),
}
TARGETS: dict[str, frozenset[str]] = {
    "subject": frozenset({"Patient"}),
    "encounter": frozenset({"Encounter"}),
    "context": frozenset({"Encounter"}),
    "patient": frozenset({"Patient"}),
    "device": frozenset({"Device"}),
    "condition": frozenset({"Condition"}),
    "serviceProvider": frozenset({"Organization"}),
    "custodian": frozenset({"Organization"}),
    "author": frozenset({"Organization"}),
    "party": frozenset({"Organization"}),
    "destination": frozenset({"Organization"}),
    "organization": frozenset({"Organization"}),
    "individual": frozenset({"PractitionerRole"}),
    "practitioner": frozenset({"Practitioner"}),
    "other": frozenset({"Patient"}),
    "entry": frozenset(
        {
            "Observation",
            "Procedure",
            "MedicationAdministration",
            "MedicationStatement",
            "Condition",
            "AllergyIntolerance",
            "DocumentReference",
            "Encounter",
        }
    ),
    "item": frozenset({"Patient"}),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "Encounter": ("status", "class", "subject"),
    "Observation": ("status", "code", "subject"),
    "Procedure": ("status", "code", "subject"),
    "MedicationAdministration": ("status", "medicationCodeableConcept", "subject", "effectiveDateTime"),
    "MedicationStatement": ("status", "medicationCodeableConcept", "subject"),
    "Condition": ("code", "subject", "verificationStatus"),
    "AllergyIntolerance": ("code", "patient", "verificationStatus"),
    "Composition": ("status", "type", "date", "author", "title"),
    "List": ("status", "mode", "code"),
}
UNITS = DOSE_UNITS | {
    "%",
    "/min",
    "mm[Hg]",
    "mm",
    "wk",
    "kPa",
    "cm[H2O]",
    "Cel",
    "[degF]",
    "K",
    "mg/dL",
    "mmol/L",
    "mmol/mol",
    "mV",
    "uV",
    "s",
    "ms",
    "min",
    "Ohm",
    "1",
    "{score}",
    "{count}",
    "kg",
    "[lb_av]",
    "cm",
    "m",
    "[in_i]",
    "a",
}
# R4's vital signs profiles, which servers apply to each Observation with their LOINC code.
VITAL_UNITS: dict[str, frozenset[str]] = {
    "8867-4": frozenset({"/min"}),
    "9279-1": frozenset({"/min"}),
    "2708-6": frozenset({"%"}),
    "8310-5": frozenset({"Cel", "[degF]"}),
    "8302-2": frozenset({"cm", "[in_i]"}),
    "29463-7": frozenset({"kg", "g", "[lb_av]"}),
}
PRESSURES = frozenset({"8480-6", "8462-4"})
# All that a Patient has: a pseudonym, and that the rest is masked.
PATIENT = frozenset({"resourceType", "meta", "identifier", "_gender", "_birthDate"})
_UNLABELLED = "security labels are missing"
_FULL_URL = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SAMPLES = re.compile(r"(-?\d+(\.\d+)?|E)( (-?\d+(\.\d+)?|E))*")
_YEAR = re.compile(r"\d{4}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def problems_of(bundle: Json) -> list[str]:
    """The faults of a transaction bundle, each with the rule and the place, never a value."""
    entries: list[Json] = bundle.get("entry", [])
    kinds = {entry.get("fullUrl"): entry.get("resource", {}).get("resourceType") for entry in entries}
    found = [] if bundle.get("type") == "transaction" else ["Bundle.type: not a transaction"]
    if len(kinds) != len(entries):
        found.append("Bundle: bdl-7, a fullUrl is there twice")
    conditions: set[tuple[Any, Any]] = set()
    present: list[Any] = []
    for entry in entries:
        resource, request = entry.get("resource", {}), entry.get("request", {})
        conditions.add((resource.get("resourceType"), request.get("ifNoneExist") or request.get("url")))
        if resource.get("status") != "entered-in-error":
            present.append(resource.get("resourceType"))
    if len(conditions) != len(entries):
        found.append("Bundle: two entries with one condition would make a duplicate")
    found += [f"Bundle: not exactly one {kind}" for kind in ("Patient", "Encounter") if present.count(kind) != 1]
    return [*found, *problems_among(entries, kinds)]


def problems_among(entries: Sequence[Json], kinds: Mapping[Any, Any]) -> Iterator[str]:
    """The faults of entries beside others of these kinds, by their URLs."""
    for index, entry in enumerate(entries):
        resource = entry.get("resource", {})
        found = [*problems_of_request(entry), *_resource(resource), *_walk(resource, kinds, "")]
        if resource.get("resourceType") == "Patient" and not resource.keys() <= PATIENT:
            found.append("a Patient that is more than a pseudonym")
        for problem in found:
            yield f"Bundle.entry[{index}] {resource.get('resourceType')}: {problem}"


def problems_within(resource: Json, kinds: Mapping[Any, Any]) -> list[str]:
    """The faults of a resource beside others of these kinds, by their URLs. Labels and requests are those of a transaction alone."""
    without_labels = [one for one in _resource(resource) if one != _UNLABELLED]
    return [*without_labels, *_walk(resource, kinds, "")]


def problems_of_request(entry: Json) -> Iterator[str]:
    """The faults of an entry of a transaction around its resource."""
    resource, request = entry.get("resource", {}), entry.get("request", {})
    kind = resource.get("resourceType")
    if not _FULL_URL.fullmatch(entry.get("fullUrl", "")):
        yield "fullUrl is not a lower-case urn:uuid"
    if "id" in resource:
        yield "the server gives the id"
    identifiers = resource.get("identifier", [])
    first = identifiers if isinstance(identifiers, dict) else (identifiers or [{}])[0]
    search = f"identifier={first.get('system')}|{first.get('value')}"
    if request.get("method") == "POST":
        expected = {"method": "POST", "url": kind, "ifNoneExist": search}
    else:
        expected = {"method": "PUT", "url": f"{kind}?{search}"}
    if request != expected:
        yield "bdl-3, the request is not conditional on the resource's own identifier"
    if kind == "Patient" and request.get("method") != "POST":
        yield "a Patient that may change another encounter's"


def _resource(resource: Json) -> Iterator[str]:
    kind: str = resource.get("resourceType", "")
    for (of, name), allowed in CODES.items():
        if of == kind and name in resource and resource[name] not in allowed:
            yield f"{name} is not a code of its value set"
    for name in REQUIRED.get(kind, ()):
        if name not in resource:
            yield f"{name} is required"
    labels = {label.get("code") for label in resource.get("meta", {}).get("security", [])}
    if not {"PSEUDED", "REDACTED"} <= labels:
        yield _UNLABELLED
    if kind == "Observation":
        yield from _observation(resource)
    if kind in ("Condition", "AllergyIntolerance"):
        is_error = tuple(one["code"] for one in resource["verificationStatus"]["coding"]) == ("entered-in-error",)
        if is_error and "clinicalStatus" in resource:
            yield "con-5, ait-2, a clinical status of an error"
        if kind == "AllergyIntolerance" and not is_error and "clinicalStatus" not in resource:
            yield "ait-1, no clinical status"
    if (
        kind == "MedicationAdministration"
        and "dosage" in resource
        and not {"dose", "rateQuantity"} & resource["dosage"].keys()
    ):
        yield "mad-1, a dosage without dose or rate"
    for section in resource.get("section", []):
        if not {"text", "entry", "section"} & section.keys():
            yield "cmp-1, an empty section"
        if {"emptyReason", "entry"} <= section.keys():
            yield "cmp-2, a reason for the emptiness of a section with entries"


def _observation(resource: Json) -> Iterator[str]:
    has_value = any(name.startswith("value") for name in resource)
    if has_value and "dataAbsentReason" in resource:
        yield "obs-6, a value and a reason for none"
    if not has_value and not {"dataAbsentReason", "component"} & resource.keys():
        yield "vs-2, neither a value nor a reason for none"
    if not {"effectiveDateTime", "effectivePeriod"} & resource.keys():
        yield "vs-1, no time"
    codes = _codes(resource)
    yield from _vital_signs(resource, {code for _, code in codes})
    for component in resource.get("component", []):
        if has_value and codes & _codes(component):
            yield "obs-7, a component with the code of its observation"


def _vital_signs(resource: Json, codes: set[Any]) -> Iterator[str]:
    for code in codes & VITAL_UNITS.keys():
        if resource.get("valueQuantity", {}).get("code", "") not in {"", *VITAL_UNITS[code]}:
            yield f"{code} in a unit its profile does not take"
    if codes & {*PRESSURES, "8478-0"}:
        yield "bp, a pressure outside its panel"
    parts = [
        component for component in resource.get("component", []) if {code for _, code in _codes(component)} & PRESSURES
    ]
    if "85354-9" in codes and len(parts) != 2:
        yield "bp, a panel without both pressures"
    for part in parts:
        if part.get("valueQuantity", {}).get("code", "mm[Hg]") != "mm[Hg]":
            yield "bp, a pressure in another unit"
        if "valueQuantity" not in part and "dataAbsentReason" not in part:
            yield "vs-3, a component with neither value nor reason"


def _codes(coded: Json) -> set[tuple[Any, Any]]:
    return {(one.get("system"), one.get("code")) for one in coded.get("code", {}).get("coding", [])}


def _walk(value: Any, kinds: Mapping[Any, Any], name: str) -> Iterator[str]:
    """Rules of datatypes, at every depth."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, kinds, name)
    if not isinstance(value, dict):
        if value is None or value == "" or value == []:
            yield f"{name} is empty"
        if isinstance(value, Decimal) and not value.is_finite():
            yield f"{name} is not a number"
        if name == "valueDateTime" and _YEAR.fullmatch(str(value)):
            return
        if name.endswith("DateTime") and not _TIME.fullmatch(str(value)):
            yield f"{name} is not a time in UTC"
        return
    if not value:
        yield f"{name} is an empty object"
    yield from _quantity(value, name)
    if name == "valueSampledData":
        if not {"origin", "period", "dimensions"} <= value.keys() or value["period"] <= 0 or value["dimensions"] != 1:
            yield "samples without origin, period or dimensions"
        if not _SAMPLES.fullmatch(value.get("data", "")):
            yield "data are not decimals or E, divided by single spaces"
    yield from _reference(value, kinds, name)
    if name.endswith("eriod"):
        # Ends are compared as moments, not as texts, which may differ in their fractions of a second.
        ends = [str(value[name]) for name in ("start", "end") if name in value]
        if not all(_TIME.fullmatch(end) for end in ends):
            yield "a period has an end that is not a time in UTC"
        elif len(ends) == 2 and datetime.fromisoformat(ends[1]) < datetime.fromisoformat(ends[0]):
            yield "per-1, a period that ends before it starts"
    for member, content in value.items():
        yield from _walk(content, kinds, member)


def _quantity(value: Json, name: str) -> Iterator[str]:
    if not name.endswith("Quantity") and name not in ("dose", "origin"):
        return
    if value.get("system") != UCUM or value.get("code") not in UNITS:
        yield f"{name} has no UCUM unit"
    if not isinstance(value.get("value"), Decimal | int):
        yield f"{name} has no exact value"


def _reference(value: Json, kinds: Mapping[Any, Any], name: str) -> Iterator[str]:
    allowed = TARGETS.get(name)
    # An entry of a List has its reference in `item`.
    if allowed is None or "item" in value:
        return
    if "reference" in value:
        if kinds.get(value["reference"]) not in allowed:
            yield f"{name} refers to nothing in the bundle that it may refer to"
    elif value.get("type") not in allowed or not value.get("identifier"):
        yield f"{name} is not a reference"
