"""The whole record of an encounter: what may be sent, what is stored, how the crew's application sees it."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.epcr.models.care import Arrest, Disposition, Item, Medication, Procedure, Stroke, Times, VitalSigns
from services.epcr.models.concepts import Diagnosis, LongText
from services.epcr.models.patient import Patient
from shared import http

CareModel = Literal[
    "prehospital_emergency",
    "interfacility_transfer",
    "community_paramedicine",
    "event_medical",
    "non_emergency_transport",
]
Status = Literal["in_progress", "completed", "handed_over", "cancelled"]
Crew = Annotated[list[http.ExternalId], Meta(max_length=20)]
PatientNumber = Annotated[int, Meta(ge=1, le=1000)]
MAX_ITEMS = 500


class EncounterDraft(http.Body):
    """A new encounter: the first four fields are the minimum, the rest may come now or later."""

    max_bytes: ClassVar[int] = http.MAX_BODY
    care_model: CareModel
    vehicle_id: http.ExternalId
    crew_ids: Crew
    cad_incident_id: http.ExternalId
    patient_number: PatientNumber = 1
    status: Literal["in_progress"] = "in_progress"
    patient: Patient | None = None
    times: Times | None = None
    primary_impression: Diagnosis | None = None
    secondary_impressions: Annotated[list[Diagnosis], Meta(max_length=20)] = field(default_factory=list)
    vital_signs: Annotated[list[VitalSigns], Meta(max_length=MAX_ITEMS)] = field(default_factory=list)
    procedures: Annotated[list[Procedure], Meta(max_length=MAX_ITEMS)] = field(default_factory=list)
    medications: Annotated[list[Medication], Meta(max_length=MAX_ITEMS)] = field(default_factory=list)
    arrest: Arrest | None = None
    stroke: Stroke | None = None
    disposition: Disposition | None = None
    narrative: LongText | None = None


class RecordPatch(http.Body):
    """What changes in a record. Objects merge field by field (RFC 7396: null clears); entries of lists are added or replaced by id."""

    max_bytes: ClassVar[int] = http.MAX_BODY
    care_model: CareModel | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    crew_ids: Crew | UnsetType = UNSET
    patient: Patient | UnsetType | None = UNSET
    times: Times | UnsetType | None = UNSET
    primary_impression: Diagnosis | UnsetType | None = UNSET
    secondary_impressions: Annotated[list[Diagnosis], Meta(max_length=20)] | UnsetType = UNSET
    vital_signs: Annotated[list[VitalSigns], Meta(max_length=MAX_ITEMS)] | UnsetType = UNSET
    procedures: Annotated[list[Procedure], Meta(max_length=MAX_ITEMS)] | UnsetType = UNSET
    medications: Annotated[list[Medication], Meta(max_length=MAX_ITEMS)] | UnsetType = UNSET
    arrest: Arrest | UnsetType | None = UNSET
    stroke: Stroke | UnsetType | None = UNSET
    disposition: Disposition | UnsetType | None = UNSET
    narrative: LongText | UnsetType | None = UNSET


class Record(msgspec.Struct, kw_only=True):
    """The encrypted part of an encounter.

    `anchor` is the moment the encounter began, fixed for good: what moved times are counted from. `revisions` counts how often each
    entry or section was written, and `withdrawn` names the measurements an entry once had: a receiver may hold an earlier state.
    """

    anchor: datetime
    crew_ids: list[str] = []
    patient: Patient | None = None
    times: Times | None = None
    primary_impression: Diagnosis | None = None
    secondary_impressions: list[Diagnosis] = []
    vital_signs: list[VitalSigns] = []
    procedures: list[Procedure] = []
    medications: list[Medication] = []
    arrest: Arrest | None = None
    stroke: Stroke | None = None
    disposition: Disposition | None = None
    narrative: str | None = None
    revisions: dict[str, int] = {}
    withdrawn: dict[str, list[str]] = {}


class Encounter(msgspec.Struct, kw_only=True):
    """An encounter as it stands. `version` counts writes of the record; `revision` counts those and the devices' readings too."""

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
    amended: bool
    created_at: datetime
    updated_at: datetime
    record: Record


ITEM_LISTS: dict[str, tuple[type[Item], str]] = {
    "vital_signs": (VitalSigns, "vit"),
    "procedures": (Procedure, "prc"),
    "medications": (Medication, "mad"),
}
