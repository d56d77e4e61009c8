"""Every call about encounters: those of the public contract, and those of the crew's own application."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.epcr.endpoints import encounters, records
from services.epcr.models.care import Arrest, Disposition, Medication, Procedure, Stroke, Times, VitalSigns
from services.epcr.models.concepts import Diagnosis
from services.epcr.models.patient import Sex
from services.epcr.models.record import CareModel, EncounterDraft, RecordPatch, Status
from services.epcr.models.requests import EncounterFilter, ReadBundle, ReadEncounter
from services.epcr.representations import FHIR
from services.epcr.shown import shown
from shared.routing import AnyOf, Content, Operation, Part

READ, WRITE = "argus:epcr:read", "argus:epcr:write"
ENCOUNTERS = "/api/v1/epcr/encounters"
ENCOUNTER = ENCOUNTERS + "/{encounter_id}"
Pseudonym = Annotated[str, Meta(description="Stable for your app's pseudonym domain, and of no use outside it")]


class PatientView(msgspec.Struct, omit_defaults=True):
    """All that is shown of a patient. Above 89 years no birth year is shown, and the age is 90."""

    id: Pseudonym
    sex: Sex | UnsetType = UNSET
    birth_year: int | UnsetType = UNSET
    age_years: Annotated[int, Meta(ge=0, le=90)] | UnsetType = UNSET
    country: str | UnsetType = UNSET


class EncounterSummary(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An encounter in a list. Where times are moved, `created_at` and `updated_at` are told to the day, others to the minute."""

    id: Annotated[
        str, Meta(description="Where times are moved, an id of your app's own, and the only one that is taken")
    ]
    organization_id: str
    care_model: CareModel
    status: Status
    vehicle_id: str | UnsetType = UNSET
    cad_incident_id: str | UnsetType = UNSET
    patient_number: int
    version: int
    created_at: datetime
    updated_at: datetime


class CommonView(EncounterSummary, omit_defaults=True, kw_only=True):
    """The de-identified record: no name, full birth date, address, phone number, next of kin or free text. What is empty is absent."""

    test: bool
    patient: PatientView | UnsetType = UNSET


PARTS: list[tuple[str, type[msgspec.Struct], bool]] = [
    ("times", Times, False),
    ("primary_impression", Diagnosis, False),
    ("secondary_impressions", Diagnosis, True),
    ("vital_signs", VitalSigns, True),
    ("procedures", Procedure, True),
    ("medications", Medication, True),
    ("arrest", Arrest, False),
    ("stroke", Stroke, False),
    ("disposition", Disposition, False),
]
EncounterView = msgspec.defstruct(
    "EncounterView",
    [(name, (list[shown(kind, name)] if many else shown(kind, name)) | UnsetType, UNSET) for name, kind, many in PARTS],
    bases=(CommonView,),
    namespace={"__doc__": CommonView.__doc__},
    kw_only=True,
)


class EncounterList(msgspec.Struct):
    """Newest first; where times are moved, in no order that means anything."""

    encounters: list[EncounterSummary]
    next_cursor: str | None


TRANSACTION: dict[str, Any] = {
    "type": "object",
    "title": "Bundle",
    "description": "A FHIR R4 (4.0.1) Bundle of type transaction.",
    "required": ["resourceType", "type", "entry"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"const": "transaction"},
        "entry": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["fullUrl", "resource", "request"],
                "properties": {
                    "fullUrl": {"type": "string"},
                    "resource": {
                        "type": "object",
                        "required": ["resourceType"],
                        "properties": {"resourceType": {"type": "string"}},
                    },
                    "request": {
                        "type": "object",
                        "required": ["method", "url"],
                        "properties": {
                            "method": {"enum": ["PUT", "POST"]},
                            "url": {"type": "string"},
                            "ifNoneExist": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
BUNDLES: dict[str, Any] = {
    "type": "object",
    "description": "Several transactions, each whole in itself: the answer where `max_entries` is given.",
    "required": ["bundles"],
    "properties": {"bundles": {"type": "array", "items": TRANSACTION}},
}
MINIMUM = {
    "care_model": "prehospital_emergency",
    "vehicle_id": "AMB-42",
    "crew_ids": ["usr_1"],
    "cad_incident_id": "cad_999",
}
OPERATIONS = [
    Operation(
        "GET",
        ENCOUNTERS,
        encounters.list_encounters,
        "List ePCR encounters",
        READ,
        {200: EncounterList},
        "By the dispatch system's incident, by status.",
        query=EncounterFilter,
    ),
    Operation(
        "POST",
        ENCOUNTERS,
        encounters.create_encounter,
        "Create an ePCR encounter",
        WRITE,
        {201: EncounterView},
        "From an external CAD-to-ePCR integration. The first four fields are enough; the whole record may be sent. What names the "
        "patient is kept encrypted and never shown again, to you or to anyone else. An app that is shown moved times cannot.",
        body=EncounterDraft,
        headers=("Idempotency-Key",),
        refusals={409: "There is an encounter for this incident, vehicle and patient; `encounter_id` names it"},
        example=MINIMUM,
    ),
    Operation(
        "GET",
        ENCOUNTER,
        encounters.read_encounter,
        "Fetch an ePCR encounter",
        READ,
        {200: (Content("application/json", AnyOf((EncounterView, BUNDLES))), Content(FHIR, TRANSACTION))},
        f"The de-identified record, or with `format=fhir` or `Accept: {FHIR}` the same bundle as `fhir-bundle`.",
        query=ReadEncounter,
        has_etag=True,
    ),
    Operation(
        "GET",
        f"{ENCOUNTER}/fhir-bundle",
        encounters.export_bundle,
        "Export an encounter as a FHIR R4 Bundle",
        READ,
        {200: (Content(FHIR, TRANSACTION), Content("application/json", BUNDLES))},
        "A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries are conditional on "
        "their identifiers. `max_entries` cuts it into several, each whole in itself, for servers that take only so many.",
        query=ReadBundle,
        has_etag=True,
    ),
]
CLINICAL = "argus:epcr:clinical"
RECORD = "/api/v1/epcr/records/{encounter_id}"
CREW_OPERATIONS = [
    Operation(
        "GET",
        RECORD,
        records.read_record,
        "Read the whole record",
        CLINICAL,
        {200: None},
    ),
    Operation(
        "PATCH",
        RECORD,
        records.write_record,
        "Write on the record",
        CLINICAL,
        {200: None},
        body=RecordPatch,
    ),
]
CREW = Part("Crew", "crew", "https://api.knogin.com", CREW_OPERATIONS)
"""For the crew's own application, which is no part of the public contract."""
PART = Part("ePCR", "epcr", "https://api.knogin.com", OPERATIONS, {"encounter_id": "enc_123"})
