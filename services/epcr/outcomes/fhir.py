"""An outcome as a FHIR R4 bundle: the hospital's Encounter, Condition, Procedure, Observation and Patient as an `OutcomeDraft`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, field

from services.epcr.fhir.terms import EMS, LOINC
from services.epcr.outcomes.models import OutcomeDraft
from services.epcr.records.care import ICD10, ICD10_CM, SNOMED
from shared.web import http, problems
from shared.web.problems import FieldError

DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
Short = Annotated[str, Meta(max_length=300)]
MOST = 200


class Open(http.Body, forbid_unknown_fields=False):
    """A part of a FHIR resource. Elements that an outcome does not need are not read."""


class Coding(Open):
    system: Short = ""
    code: Short = ""
    display: Short = ""


class Concept(Open):
    coding: Annotated[list[Coding], Meta(max_length=20)] = field(default_factory=list)

    def of(self, *systems: str) -> Coding | None:
        return next((one for one in self.coding if one.system in systems), None)


class Reference(Open):
    reference: Short = ""


class Identifier(Open):
    value: Short = ""


class Period(Open):
    start: http.Timestamp | None = None
    end: http.Timestamp | None = None


class Hospitalization(Open):
    discharge_disposition: Concept | None = field(default=None, name="dischargeDisposition")


class FhirEncounter(Open, tag_field="resourceType", tag="Encounter"):
    """Class `EMER` is the emergency department, `IMP`, `ACUTE` and `NONAC` are the stay. The first identifier is the visit number."""

    encounter_class: Coding = field(name="class")
    identifier: Annotated[list[Identifier], Meta(max_length=20)] = field(default_factory=list)
    period: Period | None = None
    hospitalization: Hospitalization | None = None


class FhirCondition(Open, tag_field="resourceType", tag="Condition"):
    """A diagnosis of the encounter that it refers to; without a reference, of the stay if there is one."""

    code: Concept
    verification_status: Concept | None = field(default=None, name="verificationStatus")
    encounter: Reference | None = None


class FhirProcedure(Open, tag_field="resourceType", tag="Procedure"):
    status: Literal["completed", "in-progress", "not-done", "stopped", "entered-in-error", "unknown"]
    code: Concept
    performed_at: http.Timestamp | None = field(default=None, name="performedDateTime")
    performed: Period | None = field(default=None, name="performedPeriod")


class Quantity(Open):
    value: http.Number


class FhirObservation(Open, tag_field="resourceType", tag="Observation"):
    """The modified Rankin Scale (LOINC 75859-9) or, of our own code system, `cpc`, `survived-to-discharge` and `alive-at-30-days`."""

    status: Literal["final", "amended", "corrected", "preliminary", "entered-in-error"]
    code: Concept
    effective_at: http.Timestamp | None = field(default=None, name="effectiveDateTime")
    integer: int | None = field(default=None, name="valueInteger")
    quantity: Quantity | None = field(default=None, name="valueQuantity")
    boolean: bool | None = field(default=None, name="valueBoolean")
    absent: Concept | None = field(default=None, name="dataAbsentReason")


class FhirPatient(Open, tag_field="resourceType", tag="Patient"):
    """Only the time of death is read."""

    died_at: http.Timestamp | None = field(default=None, name="deceasedDateTime")


class FhirEntry(Open):
    resource: FhirEncounter | FhirCondition | FhirProcedure | FhirObservation | FhirPatient
    full_url: Short = field(default="", name="fullUrl")


class OutcomeBundle(Open):
    """A FHIR R4 Bundle of Encounter, Condition, Procedure, Observation and Patient. Another resource is refused."""

    max_bytes: ClassVar[int] = 256 << 10
    media: ClassVar[tuple[str, ...]] = ("application/fhir+json", "application/json")
    resource_type: Literal["Bundle"] = field(name="resourceType")
    type: Literal["collection", "transaction", "document", "batch"]
    entry: Annotated[list[FhirEntry], Meta(min_length=1, max_length=MOST)]


_CLASSES = {"EMER": "emergency_department", "IMP": "stay", "ACUTE": "stay", "NONAC": "stay"}
_DISPOSITIONS: dict[str, dict[str, str]] = {
    "emergency_department": {
        "home": "discharged_home",
        "alt-home": "discharged_home",
        "other-hcf": "transferred",
        "psy": "transferred",
        "aadvice": "left_without_treatment",
        "exp": "died",
    },
    "stay": {
        "home": "discharged_home",
        "alt-home": "discharged_with_care",
        "other-hcf": "transferred",
        "psy": "transferred",
        "hosp": "hospice",
        "long": "nursing_facility",
        "snf": "nursing_facility",
        "rehab": "rehabilitation",
        "aadvice": "left_against_advice",
        "exp": "died",
    },
}
_KINDS = {
    "415070008": "pci",
    "33367005": "coronary_angiography",
    "232717009": "coronary_bypass",
    "112798008": "intubation",
    "40617009": "ventilation",
}
_TIMES = {"emergency_department": ("arrived_at", "left_at"), "stay": ("admitted_at", "discharged_at")}
_NO_FACT = ("entered-in-error", "refuted")


def read(bundle: OutcomeBundle) -> OutcomeDraft:
    """Raises a 422 Problem with the pointer of each resource that an outcome cannot hold."""
    made: dict[str, Any] = {"procedures": []}
    places: dict[str, str] = {}
    errors: list[FieldError] = []
    resources = [(f"/entry/{index}/resource", entry) for index, entry in enumerate(bundle.entry)]
    for pointer, entry in resources:
        if isinstance(entry.resource, FhirEncounter):
            errors += _encounter(pointer, entry.resource, entry.full_url, made, places)
    for pointer, entry in resources:
        match entry.resource:
            case FhirCondition():
                errors += _condition(pointer, entry.resource, made, places)
            case FhirProcedure():
                errors += _procedure(pointer, entry.resource, made)
            case FhirObservation():
                errors += _observation(pointer, entry.resource, made)
            case FhirPatient():
                if entry.resource.died_at is not None:
                    made.setdefault("survival", {})["died_at"] = entry.resource.died_at
            case FhirEncounter():
                pass
    if errors:
        raise problems.invalid("The bundle holds what an outcome cannot; see errors.", errors)
    return http.convert(msgspec.to_builtins(made), OutcomeDraft)


def _encounter(
    pointer: str, one: FhirEncounter, url: str, made: dict[str, Any], places: dict[str, str]
) -> Iterator[FieldError]:
    name = _CLASSES.get(one.encounter_class.code)
    if name is None:
        yield FieldError(f"{pointer}/class", "is not EMER, IMP, ACUTE or NONAC", "invalid", allowed=[*_CLASSES])
        return
    if name in made:
        yield FieldError(pointer, f"is a second encounter of {name}", "repeated")
        return
    places[url] = name
    part: dict[str, Any] = {}
    made[name] = part
    if one.identifier:
        made.setdefault("visit_number", one.identifier[0].value)
    if one.period is not None:
        part |= dict(zip(_TIMES[name], (one.period.start, one.period.end), strict=True))
    given = one.hospitalization and one.hospitalization.discharge_disposition
    if given:
        own, code = given.of(EMS), given.of(DISPOSITION)
        if own:
            word = own.code.replace("-", "_")
        else:
            word = None if code is None else _DISPOSITIONS[name].get(code.code)
        if word is None:
            at = f"{pointer}/hospitalization/dischargeDisposition"
            yield FieldError(at, "is no disposition that an outcome knows", allowed=[*_DISPOSITIONS[name]])
        part["disposition"] = word


def _condition(
    pointer: str, one: FhirCondition, made: dict[str, Any], places: Mapping[str, str]
) -> Iterator[FieldError]:
    if one.verification_status and any(status.code in _NO_FACT for status in one.verification_status.coding):
        return
    code = one.code.of(ICD10, ICD10_CM, SNOMED)
    name = "stay" if "stay" in made else "emergency_department"
    if one.encounter is not None and one.encounter.reference:
        known = places.get(one.encounter.reference)
        if known is None:
            yield FieldError(f"{pointer}/encounter", "refers to no encounter of the bundle")
            return
        name = known
    if code is None:
        yield FieldError(f"{pointer}/code", f"has no code of {ICD10}, {ICD10_CM} or {SNOMED}")
        return
    made.setdefault(name, {}).setdefault("diagnoses", []).append({"system": code.system, "code": code.code})


def _procedure(pointer: str, one: FhirProcedure, made: dict[str, Any]) -> Iterator[FieldError]:
    if one.status not in ("completed", "in-progress"):
        return
    code = one.code.of(SNOMED)
    if code is None:
        yield FieldError(f"{pointer}/code", f"has no code of {SNOMED}")
        return
    period = one.performed or Period()
    made["procedures"].append(
        {
            "kind": _KINDS.get(code.code, "other"),
            "code": {"system": SNOMED, "code": code.code},
            "performed_at": one.performed_at or period.start,
            "ended_at": period.end,
        }
    )


def _observation(pointer: str, one: FhirObservation, made: dict[str, Any]) -> Iterator[FieldError]:
    if one.status == "entered-in-error":
        return
    rankin, own = one.code.of(LOINC), one.code.of(EMS)
    name = "mrs" if rankin and rankin.code == "75859-9" else own and own.code.replace("-", "_")
    if name in ("mrs", "cpc"):
        part = made.setdefault("neurology", {})
        value = one.integer
        if one.quantity is not None:
            is_whole = one.quantity.value == one.quantity.value.to_integral_value()
            value = int(one.quantity.value) if is_whole else None
        part[name] = "unknown" if value is None and one.absent is not None else value
        if one.effective_at is not None:
            part["assessed_at"] = one.effective_at
        if part[name] is None:
            yield FieldError(pointer, "has neither a whole number nor a reason for none")
    elif name in ("survived_to_discharge", "alive_at_30_days"):
        answer = {True: "yes", False: "no", None: "unknown" if one.absent is not None else None}[one.boolean]
        made.setdefault("survival", {})[name] = answer
        if answer is None:
            yield FieldError(pointer, "has neither valueBoolean nor a reason for none")
    else:
        yield FieldError(f"{pointer}/code", "is no observation that an outcome knows")
