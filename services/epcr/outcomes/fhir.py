"""An outcome as a FHIR R4 bundle: the hospital's Encounter, Condition, Procedure, Observation and Patient as an `OutcomeDraft`."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, field

from services.epcr.deidentification.pseudonyms import NAMESPACE
from services.epcr.fhir.entries import ORGANIZATIONS
from services.epcr.fhir.terms import ACT_CODE, EMS, LOINC
from services.epcr.outcomes.models import OutcomeDraft
from services.epcr.outcomes.naming import Mentioned
from services.epcr.outcomes.origins import Origins, in_bundle
from services.epcr.records.care import ICD10, ICD10_CM, SNOMED
from services.epcr.records.faults import is_blank
from shared.web import http, problems
from shared.web.problems import FieldError

DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
Short = Annotated[str, Meta(max_length=300)]
MOST = 200
MOST_OF_A_NUMBER = 200


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
    system: Short = ""
    value: Short = ""


class Period(Open):
    start: http.Timestamp | None = None
    end: http.Timestamp | None = None


class Hospitalization(Open):
    discharge_disposition: Concept | None = field(default=None, name="dischargeDisposition")


class Resource(Open, kw_only=True):
    """A resource whose meaning a `modifierExtension` or rules of its own would change is refused (R4, Extensibility)."""

    modifiers: Annotated[list[dict[str, Any]], Meta(max_length=20, description="Refused unless it is empty")] = field(
        default_factory=list, name="modifierExtension"
    )
    rules: Annotated[str, Meta(max_length=300, description="Refused unless it is empty")] = field(
        default="", name="implicitRules"
    )
    subject: Annotated[Reference | None, Meta(description="The patient: the same one in all resources")] = None


class FhirEncounter(Resource, tag_field="resourceType", tag="Encounter"):
    """Class `EMER` is the emergency department, `IMP`, `ACUTE` and `NONAC` are the stay. The first identifier is the visit number.

    An identifier of the Encounter in the handover says whom the report is about; it is no visit number.
    One that is planned, cancelled or entered in error reports nothing.
    """

    encounter_class: Coding = field(name="class")
    id: Short = ""
    status: (
        Literal[
            "planned",
            "arrived",
            "triaged",
            "in-progress",
            "onleave",
            "finished",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]
        | None
    ) = None
    identifier: Annotated[list[Identifier], Meta(max_length=20)] = field(default_factory=list)
    period: Period | None = None
    hospitalization: Hospitalization | None = None


class FhirCondition(Resource, tag_field="resourceType", tag="Condition"):
    """A diagnosis of the encounter that it refers to; without a reference, of the stay if there is one.

    One that is confirmed, or has no `verificationStatus`, is reported. One that is `unconfirmed`, `provisional`, `differential`, `refuted`
    or `entered-in-error` is left out, because a diagnosis of an outcome is a fact; another status is refused.
    """

    code: Concept
    verification_status: Concept | None = field(default=None, name="verificationStatus")
    encounter: Reference | None = None


class FhirProcedure(Resource, tag_field="resourceType", tag="Procedure"):
    status: Literal["completed", "in-progress", "not-done", "stopped", "entered-in-error", "unknown"]
    code: Concept
    performed_at: http.Timestamp | None = field(default=None, name="performedDateTime")
    performed: Period | None = field(default=None, name="performedPeriod")


class Quantity(Open):
    value: http.Number


class FhirObservation(Resource, tag_field="resourceType", tag="Observation"):
    """The modified Rankin Scale (LOINC 75859-9) or, of our own code system, `cpc`, `survived-to-discharge` and `alive-at-30-days`."""

    status: Literal["final", "amended", "corrected", "preliminary", "entered-in-error"]
    code: Concept
    effective_at: http.Timestamp | None = field(default=None, name="effectiveDateTime")
    integer: int | None = field(default=None, name="valueInteger")
    quantity: Quantity | None = field(default=None, name="valueQuantity")
    boolean: bool | None = field(default=None, name="valueBoolean")
    absent: Concept | None = field(default=None, name="dataAbsentReason")


class FhirPatient(Resource, tag_field="resourceType", tag="Patient"):
    """Only the death is read. Without a time it is refused, unless another resource says that the patient died. There is one."""

    id: Short = ""
    died_at: http.Timestamp | None = field(default=None, name="deceasedDateTime")
    died: Annotated[bool | None, Meta(description="Whether the patient is dead")] = field(
        default=None, name="deceasedBoolean"
    )


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
_FACT = "confirmed"
_NO_FACT = ("unconfirmed", "provisional", "differential", "refuted", "entered-in-error")
_NO_VISIT = ("planned", "cancelled", "entered-in-error")
_NOWHERE = ""
# The URL of a resource on a server, and its base.
_ON_SERVER = re.compile(r"(https?://.+/)?(Encounter/[A-Za-z0-9\-.]{1,64})(/_history/[A-Za-z0-9\-.]{1,64})?")
_BASE = re.compile(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")


def read(bundle: OutcomeBundle) -> tuple[OutcomeDraft, Origins]:
    """The outcome, and from where its values come. Raises a 422 Problem with the pointer of each resource that an outcome cannot hold."""
    made: dict[str, Any] = {"procedures": []}
    origins: dict[str, str] = {}
    places: dict[str, str] = {}
    errors: list[FieldError] = []
    resources = [(f"/entry/{index}/resource", entry) for index, entry in enumerate(bundle.entry)]
    for pointer, entry in resources:
        for name, value in (("modifierExtension", entry.resource.modifiers), ("implicitRules", entry.resource.rules)):
            if value:
                detail = "changes the meaning of the resource in a way that is not known here"
                errors.append(FieldError(f"{pointer}/{name}", detail))
        if isinstance(entry.resource, FhirEncounter):
            errors += _encounter(pointer, entry.resource, entry.full_url, made, places, origins)
    for pointer, entry in resources:
        match entry.resource:
            case FhirCondition():
                errors += _condition(pointer, entry, entry.resource, made, places, origins)
            case FhirProcedure():
                errors += _procedure(pointer, entry.resource, made, origins)
            case FhirObservation():
                errors += _observation(pointer, entry.resource, made, origins)
            case _:
                pass
    for pointer, entry in resources:
        if isinstance(entry.resource, FhirPatient):
            errors += _patient(pointer, entry.resource, made, origins)
    errors += _other_patients(bundle)
    if errors:
        raise problems.invalid("The bundle holds what an outcome cannot; see errors.", errors)
    try:
        return http.convert(msgspec.to_builtins(made), OutcomeDraft), origins
    except problems.Problem as problem:
        problem.errors = in_bundle(problem.errors, origins)
        raise


def _other_patients(bundle: OutcomeBundle) -> Iterator[FieldError]:
    """Each Patient and subject that is not the first one: an outcome is one person's."""
    known: dict[str, str] = {}
    patients = list[int]()
    for at, entry in enumerate(bundle.entry):
        if isinstance(entry.resource, FhirPatient):
            patients.append(at)
            own = f"Patient/{entry.resource.id}" if entry.resource.id else _person(entry.full_url)
            known[_person(entry.full_url)] = own
    yield from (FieldError(f"/entry/{at}/resource", "is a second patient", "repeated") for at in patients[1:])
    first: str | None = None
    for at, entry in enumerate(bundle.entry):
        reference = entry.resource.subject.reference if entry.resource.subject else ""
        if not reference:
            continue
        person = known.get(_person(reference), _person(reference))
        first = first or person
        if person != first:
            yield FieldError(
                f"/entry/{at}/resource/subject", "is another patient than in the resources before", "contradiction"
            )


def _person(url: str) -> str:
    """The URL of a Patient without its version and server: references within a bundle may leave the server out."""
    plain = _unversioned(url)
    return plain[plain.rindex("Patient/") :] if "Patient/" in plain else plain


def mentioned(bundle: OutcomeBundle) -> list[Mentioned]:
    """The identifiers of all Encounters."""
    return [
        Mentioned(f"/entry/{index}/resource/identifier/{at}", one.system, one.value)
        for index, entry in enumerate(bundle.entry)
        if isinstance(entry.resource, FhirEncounter)
        for at, one in enumerate(entry.resource.identifier)
    ]


def _patient(pointer: str, one: FhirPatient, made: dict[str, Any], origins: dict[str, str]) -> Iterator[FieldError]:
    if one.died_at is not None:
        origins["/survival/died_at"] = f"{pointer}/deceasedDateTime"
        made.setdefault("survival", {})["died_at"] = one.died_at
    places = [made.get(name, {}).get("disposition") for name in _DISPOSITIONS]
    survival, neurology = made.get("survival", {}), made.get("neurology", {})
    is_dead = bool({"died", "dead_on_arrival"} & {*places}) or "died_at" in survival
    is_known = is_dead or "no" in survival.values() or neurology.get("cpc") == 5 or neurology.get("mrs") == 6
    if one.died and not is_known:
        detail = "names a death without its time: send deceasedDateTime, or a disposition"
        yield FieldError(f"{pointer}/deceasedBoolean", detail)
    if one.died is False and is_dead:
        yield FieldError(f"{pointer}/deceasedBoolean", "contradicts another resource", "contradiction")


def _encounter(
    pointer: str,
    one: FhirEncounter,
    url: str,
    made: dict[str, Any],
    places: dict[str, str],
    origins: dict[str, str],
) -> Iterator[FieldError]:
    is_own = one.encounter_class.system not in ("", ACT_CODE)
    name = None if is_own else _CLASSES.get(one.encounter_class.code)
    if name is None:
        yield FieldError(f"{pointer}/class", "is not EMER, IMP, ACUTE or NONAC", "invalid", allowed=[*_CLASSES])
        return
    is_visit = one.status not in _NO_VISIT
    if is_visit and name in made:
        yield FieldError(pointer, f"is a second encounter of {name}", "repeated")
        return
    for known in (url, f"Encounter/{one.id}" if one.id and not url.startswith("http") else ""):
        if known:
            places[_unversioned(known)] = name if is_visit else _NOWHERE
    if not is_visit:
        return
    part: dict[str, Any] = {}
    made[name] = part
    at_disposition = f"{pointer}/hospitalization/dischargeDisposition"
    ends = (f"{pointer}/period/start", f"{pointer}/period/end", at_disposition)
    origins[f"/{name}"] = pointer
    origins |= {f"/{name}/{field}": end for field, end in zip((*_TIMES[name], "disposition"), ends, strict=True)}
    yield from _visit_number(pointer, one, made, origins)
    if one.period is not None:
        part |= dict(zip(_TIMES[name], (one.period.start, one.period.end), strict=True))
    given = one.hospitalization and one.hospitalization.discharge_disposition
    if given:
        ours, code = given.of(EMS), given.of(DISPOSITION)
        if ours:
            word = ours.code.replace("-", "_")
        else:
            word = None if code is None else _DISPOSITIONS[name].get(code.code)
        if word is None:
            yield FieldError(at_disposition, "is no disposition that an outcome knows", allowed=[*_DISPOSITIONS[name]])
        part["disposition"] = word


def _visit_number(
    pointer: str, one: FhirEncounter, made: dict[str, Any], origins: dict[str, str]
) -> Iterator[FieldError]:
    """The first identifier of the hospital's own that has a value: in R4 one may have none."""
    for at, known in enumerate(one.identifier):
        if known.system.startswith((NAMESPACE, ORGANIZATIONS)) or not known.value:
            continue
        place = f"{pointer}/identifier/{at}/value"
        if is_blank(known.value) or len(known.value) > MOST_OF_A_NUMBER:
            yield FieldError(place, f"is blank, or longer than {MOST_OF_A_NUMBER}", "length")
        elif "visit_number" not in made:
            made["visit_number"] = known.value
            origins["/visit_number"] = place
        return


def _unversioned(url: str) -> str:
    return url.partition("/_history/")[0]


def _place(reference: str, url: str, places: Mapping[str, str]) -> str | None:
    """The encounter that a resource with that URL refers to, by the rules of R4 for references in a Bundle. None if there is none."""
    known, base = _ON_SERVER.fullmatch(reference), _BASE.fullmatch(url)
    if known and known[1] is None and base:
        reference = base[1] + reference
    return places.get(_unversioned(reference))


def _condition(
    pointer: str,
    entry: FhirEntry,
    one: FhirCondition,
    made: dict[str, Any],
    places: Mapping[str, str],
    origins: dict[str, str],
) -> Iterator[FieldError]:
    known = {status.code for status in one.verification_status.coding} if one.verification_status else {_FACT}
    if not known.isdisjoint(_NO_FACT):
        return
    if _FACT not in known:
        detail = "is no status that is known here"
        yield FieldError(f"{pointer}/verificationStatus", detail, "invalid", allowed=[_FACT, *_NO_FACT])
        return
    code = one.code.of(ICD10, ICD10_CM, SNOMED)
    name = "stay" if "stay" in made else "emergency_department"
    if one.encounter is not None and one.encounter.reference:
        known = _place(one.encounter.reference, entry.full_url, places)
        if known is None:
            yield FieldError(f"{pointer}/encounter", "refers to no encounter of the bundle")
        if not known:
            return
        name = known
    if code is None:
        yield FieldError(f"{pointer}/code", f"has no code of {ICD10}, {ICD10_CM} or {SNOMED}")
        return
    diagnoses: list[dict[str, str]] = made.setdefault(name, {}).setdefault("diagnoses", [])
    origins[f"/{name}/diagnoses/{len(diagnoses)}"] = f"{pointer}/code"
    diagnoses.append({"system": code.system, "code": code.code})


def _procedure(pointer: str, one: FhirProcedure, made: dict[str, Any], origins: dict[str, str]) -> Iterator[FieldError]:
    if one.status not in ("completed", "in-progress"):
        return
    code = one.code.of(SNOMED)
    if code is None:
        yield FieldError(f"{pointer}/code", f"has no code of {SNOMED}")
        return
    period = one.performed or Period()
    own = f"/procedures/{len(made['procedures'])}"
    begin = "performedPeriod/start" if one.performed_at is None else "performedDateTime"
    origins |= {
        own: pointer,
        f"{own}/code": f"{pointer}/code",
        f"{own}/performed_at": f"{pointer}/{begin}",
        f"{own}/ended_at": f"{pointer}/performedPeriod/end",
    }
    made["procedures"].append(
        {
            "kind": _KINDS.get(code.code, "other"),
            "code": {"system": SNOMED, "code": code.code},
            "performed_at": one.performed_at or period.start,
            "ended_at": period.end,
        }
    )


def _observation(
    pointer: str, one: FhirObservation, made: dict[str, Any], origins: dict[str, str]
) -> Iterator[FieldError]:
    if one.status == "entered-in-error":
        return
    rankin, own = one.code.of(LOINC), one.code.of(EMS)
    name = "mrs" if rankin and rankin.code == "75859-9" else own and own.code.replace("-", "_")
    part_of = {"mrs": "neurology", "cpc": "neurology"}.get(name or "", "survival")
    values = (one.integer, one.quantity, one.boolean)
    if one.absent is not None and any(value is not None for value in values):
        yield FieldError(f"{pointer}/dataAbsentReason", "contradicts the value (R4, obs-6)", "contradiction")
    elif name in made.get(part_of, {}):
        yield FieldError(pointer, f"is a second answer for {name}", "repeated")
    elif name in ("mrs", "cpc"):
        part = made.setdefault("neurology", {})
        origins[f"/neurology/{name}"] = f"{pointer}/{'valueInteger' if one.quantity is None else 'valueQuantity'}"
        value = one.integer
        if one.quantity is not None:
            is_whole = one.quantity.value == one.quantity.value.to_integral_value()
            value = int(one.quantity.value) if is_whole else None
        part[name] = "unknown" if value is None and one.absent is not None else value
        if one.effective_at is not None:
            part["assessed_at"] = one.effective_at
            origins["/neurology/assessed_at"] = f"{pointer}/effectiveDateTime"
        if part[name] is None:
            yield FieldError(pointer, "has neither a whole number nor a reason for none")
    elif name in ("survived_to_discharge", "alive_at_30_days"):
        answer = {True: "yes", False: "no", None: "unknown" if one.absent is not None else None}[one.boolean]
        made.setdefault("survival", {})[name] = answer
        origins[f"/survival/{name}"] = f"{pointer}/valueBoolean"
        if answer is None:
            yield FieldError(pointer, "has neither valueBoolean nor a reason for none")
    else:
        yield FieldError(f"{pointer}/code", "is no observation that an outcome knows")
