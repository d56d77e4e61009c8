"""The record of an encounter: bodies that are accepted, parts that are stored, and the answer for the crew's application."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field
from msgspec.structs import asdict

from services.epcr.records.assessment import (
    AirwayAttempt,
    Allergy,
    Apgar,
    Complaint,
    Cpr,
    CrewMember,
    CurrentMedicine,
    Directives,
    Dispatch,
    Examination,
    Injury,
    Inquiries,
    PastCondition,
    Pregnancy,
    Pupils,
    Triage,
    Weight,
)
from services.epcr.records.care import (
    NOT_BLANK,
    Arrest,
    Disposition,
    Impression,
    Item,
    LongText,
    Medication,
    Procedure,
    Stroke,
    Text,
    Times,
    VitalSigns,
    within,
)
from shared.web import http

Phone = Annotated[str, Meta(min_length=3, max_length=40, extra_json_schema=NOT_BLANK)]
Sex = Literal["female", "male", "other", "unknown"]


class Name(http.Body):
    family: Text | None = None
    given: Annotated[list[Text], Meta(max_length=10)] = field(default_factory=list)
    text: Text | None = None


class PatientIdentifier(http.Body):
    """A national or local number. `system` names its issuer, as a URI or a short name."""

    system: Annotated[str, http.external_id(200)]
    value: Annotated[str, http.external_id(200)]


class Address(http.Body):
    line: Annotated[list[Text], Meta(max_length=5)] = field(default_factory=list)
    city: Text | None = None
    state: Text | None = None
    postal_code: Text | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] | None = None
    latitude: Annotated[http.Number, within("deg", -90, 90)] | None = None
    longitude: Annotated[http.Number, within("deg", -180, 180)] | None = None


class NextOfKin(http.Body):
    name: Text
    relationship: Text | None = None
    phones: Annotated[list[Phone], Meta(max_length=10)] = field(default_factory=list)
    address: Address | None = None


class Patient(http.Body):
    """Encrypted at rest; a de-identified answer has only sex, birth year or age, and country.

    `age_years` is for patients without a known birth date.
    """

    name: Name | None = None
    birth_date: date | None = None
    age_years: Annotated[int, Meta(ge=0, le=130)] | None = None
    sex: Sex | None = None
    identifiers: Annotated[list[PatientIdentifier], Meta(max_length=20)] = field(default_factory=list)
    address: Address | None = None
    phones: Annotated[list[Phone], Meta(max_length=10)] = field(default_factory=list)
    email: Text | None = None
    next_of_kin: Annotated[list[NextOfKin], Meta(max_length=10)] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.birth_date is not None and self.birth_date.year < 1880:
            raise ValueError("birth_date is before 1880")


def age(born: date, on: date) -> int:
    """Whole years between two dates."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


class LinkedObservation(msgspec.Struct, kw_only=True):
    """A device's observation of an encounter: MDC code, and an exact value in its UCUM unit or the reason for its absence.

    The observation made the `revision` of the encounter.
    """

    id: str
    device_id: str
    device_class: str
    mdc_code: str
    mdc_code10: int
    value: Decimal | None
    unit_code: str | None
    data_absent_reason: str | None
    observed_at: datetime
    flags: list[str]
    test: bool
    revision: int


CareModel = Literal[
    "prehospital_emergency",
    "interfacility_transfer",
    "community_paramedicine",
    "event_medical",
    "non_emergency_transport",
]
Status = Literal["in_progress", "completed", "handed_over", "cancelled"]
Crew = Annotated[list[http.ExternalId], Meta(max_length=20)]
Members = Annotated[list[CrewMember], Meta(max_length=20)]
PatientNumber = Annotated[int, Meta(ge=1, le=1000)]
MAX_ITEMS = 500
MAX_FEW = 100


class Sections(msgspec.Struct, kw_only=True):
    """The parts of a record of which there is one each."""

    patient: Patient | None = None
    times: Times | None = None
    dispatch: Dispatch | None = None
    complaint: Complaint | None = None
    triage: Triage | None = None
    inquiries: Inquiries | None = None
    weight: Weight | None = None
    pregnancy: Pregnancy | None = None
    directives: Directives | None = None
    injury: Injury | None = None
    primary_impression: Impression | None = None
    arrest: Arrest | None = None
    cpr: Cpr | None = None
    stroke: Stroke | None = None
    disposition: Disposition | None = None
    narrative: LongText | None = None


ITEM_LISTS: dict[str, tuple[type[Item], str]] = {
    "vital_signs": (VitalSigns, "vit"),
    "procedures": (Procedure, "prc"),
    "medications": (Medication, "mad"),
    "airway_attempts": (AirwayAttempt, "awy"),
    "pupils": (Pupils, "pup"),
    "examinations": (Examination, "exm"),
    "allergies": (Allergy, "alg"),
    "past_conditions": (PastCondition, "pcn"),
    "current_medicines": (CurrentMedicine, "cmd"),
    "apgar": (Apgar, "apg"),
}


class EncounterDraft(Sections, http.Body):
    """A new encounter: the first four fields are the minimum, the rest may come now or later."""

    max_bytes: ClassVar[int] = http.MAX_BODY
    care_model: CareModel
    vehicle_id: http.ExternalId
    crew_ids: Crew
    cad_incident_id: http.ExternalId
    patient_number: PatientNumber = 1
    status: Literal["in_progress"] = "in_progress"
    crew: Members = field(default_factory=list)
    secondary_impressions: Annotated[list[Impression], Meta(max_length=20)] = field(default_factory=list)
    vital_signs: Annotated[list[VitalSigns], Meta(max_length=MAX_ITEMS)] = field(default_factory=list)
    procedures: Annotated[list[Procedure], Meta(max_length=MAX_ITEMS)] = field(default_factory=list)
    medications: Annotated[list[Medication], Meta(max_length=MAX_ITEMS)] = field(default_factory=list)
    airway_attempts: Annotated[list[AirwayAttempt], Meta(max_length=MAX_FEW)] = field(default_factory=list)
    pupils: Annotated[list[Pupils], Meta(max_length=MAX_FEW)] = field(default_factory=list)
    examinations: Annotated[list[Examination], Meta(max_length=MAX_FEW)] = field(default_factory=list)
    allergies: Annotated[list[Allergy], Meta(max_length=MAX_FEW)] = field(default_factory=list)
    past_conditions: Annotated[list[PastCondition], Meta(max_length=MAX_FEW)] = field(default_factory=list)
    current_medicines: Annotated[list[CurrentMedicine], Meta(max_length=MAX_FEW)] = field(default_factory=list)
    apgar: Annotated[list[Apgar], Meta(max_length=MAX_FEW)] = field(default_factory=list)


class RecordPatch(http.Body):
    """A change of a record. Objects merge field by field (RFC 7396: null clears); entries of lists are added or replaced by id.

    `is_other_patient` states that the encounter was recorded for another patient than is now named, or that it was not. Without it only a
    change of all numbers means that, and a change of both name and date of birth alone, in one write or in several, is refused once
    anybody read who the patient is.
    """

    max_bytes: ClassVar[int] = http.MAX_BODY
    care_model: CareModel | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    is_other_patient: bool | UnsetType = UNSET
    crew_ids: Crew | UnsetType = UNSET
    crew: Members | UnsetType = UNSET
    patient: Patient | UnsetType | None = UNSET
    times: Times | UnsetType | None = UNSET
    dispatch: Dispatch | UnsetType | None = UNSET
    complaint: Complaint | UnsetType | None = UNSET
    triage: Triage | UnsetType | None = UNSET
    inquiries: Inquiries | UnsetType | None = UNSET
    weight: Weight | UnsetType | None = UNSET
    pregnancy: Pregnancy | UnsetType | None = UNSET
    directives: Directives | UnsetType | None = UNSET
    injury: Injury | UnsetType | None = UNSET
    primary_impression: Impression | UnsetType | None = UNSET
    secondary_impressions: Annotated[list[Impression], Meta(max_length=20)] | UnsetType = UNSET
    vital_signs: Annotated[list[VitalSigns], Meta(max_length=MAX_ITEMS)] | UnsetType = UNSET
    procedures: Annotated[list[Procedure], Meta(max_length=MAX_ITEMS)] | UnsetType = UNSET
    medications: Annotated[list[Medication], Meta(max_length=MAX_ITEMS)] | UnsetType = UNSET
    airway_attempts: Annotated[list[AirwayAttempt], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    pupils: Annotated[list[Pupils], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    examinations: Annotated[list[Examination], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    allergies: Annotated[list[Allergy], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    past_conditions: Annotated[list[PastCondition], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    current_medicines: Annotated[list[CurrentMedicine], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    apgar: Annotated[list[Apgar], Meta(max_length=MAX_FEW)] | UnsetType = UNSET
    arrest: Arrest | UnsetType | None = UNSET
    cpr: Cpr | UnsetType | None = UNSET
    stroke: Stroke | UnsetType | None = UNSET
    disposition: Disposition | UnsetType | None = UNSET
    narrative: LongText | UnsetType | None = UNSET


class Clinical(Sections, kw_only=True):
    """A record as it is stored. It grows beyond the limits of one request."""

    crew_ids: list[str] = []
    crew: list[CrewMember] = []
    secondary_impressions: list[Impression] = []
    vital_signs: list[VitalSigns] = []
    procedures: list[Procedure] = []
    medications: list[Medication] = []
    airway_attempts: list[AirwayAttempt] = []
    pupils: list[Pupils] = []
    examinations: list[Examination] = []
    allergies: list[Allergy] = []
    past_conditions: list[PastCondition] = []
    current_medicines: list[CurrentMedicine] = []
    apgar: list[Apgar] = []


class KnownAs(msgspec.Struct, kw_only=True, frozen=True):
    """Name and date of birth by which readers of an `identity` may know the patient, since the crew last answered whether it is another."""

    identity: int
    name: Name
    birth_date: date


class Record(Clinical, kw_only=True, forbid_unknown_fields=True):
    """The encrypted part of an encounter. `encounters/store.py` reads one with fields of a newer release.

    `anchor` is the moment the encounter began, fixed for good: moved times are counted from it. `revisions` counts the writes of each
    entry and section, and `withdrawn` lists the measurements an entry once had, because a receiver may hold an earlier state.
    `known_as` stays while name and date of birth are written one after the other.
    """

    anchor: datetime
    revisions: dict[str, int] = {}
    withdrawn: dict[str, list[str]] = {}
    known_as: KnownAs | UnsetType = UNSET


class Encounter(msgspec.Struct, kw_only=True):
    """An encounter with its readable record. `version` counts writes of the record; `revision` also counts batches of observations.

    `identity` counts the identities of the patient: each but the first is a correction.
    """

    id: str
    tenant_id: str
    care_model: CareModel
    status: Status
    vehicle_id: str
    cad_incident_id: str
    patient_number: int
    test: bool
    version: int
    revision: int
    identity: int = 1
    amended: bool
    created_at: datetime
    updated_at: datetime
    record: Record


def start_of(times: Mapping[str, datetime | None], anchor: datetime) -> datetime:
    """The begin of the mission by its clock: the call, else the departure, else the first known time, else the anchor."""
    known = {name: at for name, at in times.items() if at is not None}
    return known.get("call") or known.get("mobile") or min(known.values(), default=anchor)


def began(record: Record) -> datetime:
    """The earliest time of the mission; the anchor of a record without times. A time that was mistyped and corrected does not count."""
    times = asdict(record.times).values() if record.times else ()
    return min((at for at in times if at is not None), default=record.anchor)


class WholeRecord(Clinical, kw_only=True):
    """The complete record with the ids of its entries."""

    id: str
    organization_id: str
    care_model: CareModel
    status: Status
    vehicle_id: str
    cad_incident_id: str
    patient_number: int
    test: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, encounter: Encounter) -> "WholeRecord":
        members: dict[str, Any] = asdict(encounter) | asdict(encounter.record)
        members["organization_id"] = encounter.tenant_id
        return cls(**{name: members[name] for name in cls.__struct_fields__})
