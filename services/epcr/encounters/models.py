"""Queries, rows and answers of encounters. The answers' schemas follow from the record's Structs and the table of de-identification."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.epcr.deidentification.views import view_of
from services.epcr.records.assessment import (
    Complaint,
    Cpr,
    CrewMember,
    Directives,
    Dispatch,
    Injury,
    Inquiries,
    Pregnancy,
    Triage,
    Weight,
)
from services.epcr.records.care import Arrest, Disposition, Impression, Stroke, Times
from services.epcr.records.models import ITEM_LISTS, CareModel, Sex, Status
from shared.web import http
from shared.web.http import Page

# A transaction has room for Patient, Encounter, a device and its observation.
SMALLEST = 4
MaxEntries = Annotated[int, Meta(ge=SMALLEST, le=10_000)]


class EncounterFilter(Page):
    cad_incident_id: http.ExternalId | None = None
    vehicle_id: http.ExternalId | None = None
    status: Status | None = None


ReadingsForm = Annotated[
    Literal["all", "summary", "none"],
    Meta(
        description="How readings of devices are sent: each as an Observation, each series as one Observation with SampledData of at "
        "most 1000 samples, or not at all. Default all"
    ),
]


NarrativeLanguage = Annotated[
    Literal["en", "it"], Meta(description="The language of the text for people in the Composition. Default en")
]


class ReadEncounter(http.Body):
    """`format=fhir` asks for the transaction bundle."""

    format: Literal["json", "fhir"] | None = None
    max_entries: MaxEntries | None = None
    readings: ReadingsForm | None = None
    language: NarrativeLanguage | None = None


class ReadBundle(http.Body):
    max_entries: MaxEntries | None = None
    readings: ReadingsForm | None = None
    language: NarrativeLanguage | None = None


class EncounterRow(msgspec.Struct, frozen=True):
    """A row of `encounters`. `record` and `brief` are ciphertext; a query that needs neither leaves them empty.

    `patient_basis`, from which the patient's pseudonyms are made, is None until an app first reads the patient; `moved_by` is the first
    one where a correction changed it.
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
    identity: int
    amended: bool
    patient_basis: bytes | None
    pseudonym_version: int | None
    moved_by: bytes | None
    record: bytes
    created_at: datetime
    updated_at: datetime
    anchor: datetime
    brief: bytes | None = None


Pseudonym = Annotated[str, Meta(description="Stable for your app's pseudonym domain, and of no use outside it")]


class PatientView(msgspec.Struct, omit_defaults=True):
    """All that is shown of a patient. Above 89 years no birth year is shown, and the age is 90."""

    id: Pseudonym
    sex: Sex | UnsetType = UNSET
    birth_year: int | UnsetType = UNSET
    age_years: Annotated[int, Meta(ge=0, le=90)] | UnsetType = UNSET
    country: str | UnsetType = UNSET


class EncounterSummary(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An encounter in a list. Where times are moved, `created_at` and `updated_at` are cut to the day, others to the minute."""

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
    """The de-identified record: no name, full birth date, address, phone number, next of kin or free text. An empty field is absent."""

    test: bool
    identity: Annotated[
        int,
        Meta(
            ge=1,
            description="Grows when the identity of the patient is corrected: data read under a lower number has the identity of "
            "another patient",
        ),
    ]
    patient: PatientView | UnsetType = UNSET


# The parts of a record that partners read, in the order of the record, and whether each is a list.
PARTS: list[tuple[str, type[msgspec.Struct], bool]] = [
    ("times", Times, False),
    ("dispatch", Dispatch, False),
    ("complaint", Complaint, False),
    ("triage", Triage, False),
    ("inquiries", Inquiries, False),
    ("weight", Weight, False),
    ("pregnancy", Pregnancy, False),
    ("directives", Directives, False),
    ("injury", Injury, False),
    ("primary_impression", Impression, False),
    ("arrest", Arrest, False),
    ("cpr", Cpr, False),
    ("stroke", Stroke, False),
    ("disposition", Disposition, False),
    ("crew", CrewMember, True),
    ("secondary_impressions", Impression, True),
    *((name, kind, True) for name, (kind, _) in ITEM_LISTS.items()),
]
EncounterView = msgspec.defstruct(
    "EncounterView",
    [
        (name, (list[view_of(kind, name)] if is_list else view_of(kind, name)) | UnsetType, UNSET)
        for name, kind, is_list in PARTS
    ],
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
    "description": "A FHIR R4 (4.0.1) Bundle of type transaction.",
    "required": ["resourceType", "type", "entry"],
    "properties": {
        "resourceType": {"type": "string", "enum": ["Bundle"], "description": "The type of FHIR resource"},
        "type": {"type": "string", "enum": ["transaction"], "description": "The type of FHIR bundle"},
        "entry": {
            "type": "array",
            "description": "The resources, each with the request that a FHIR server executes",
            "items": {
                "type": "object",
                "required": ["fullUrl", "resource", "request"],
                "properties": {
                    "fullUrl": {
                        "type": "string",
                        "description": "The entry's `urn:uuid`, to which other entries refer",
                    },
                    "resource": {
                        "type": "object",
                        "description": "A FHIR R4 resource, whole",
                        "required": ["resourceType"],
                        "properties": {"resourceType": {"type": "string", "description": "The type of FHIR resource"}},
                        "additionalProperties": True,
                    },
                    "request": {
                        "type": "object",
                        "description": "The request for this resource",
                        "required": ["method", "url"],
                        "properties": {
                            "method": {"type": "string", "enum": ["PUT", "POST"], "description": "The HTTP method"},
                            "url": {"type": "string", "description": "The address below the FHIR server's base URL"},
                            "ifNoneExist": {
                                "type": "string",
                                "description": "Make the resource only if this search finds none",
                            },
                        },
                    },
                },
            },
        },
    },
    "additionalProperties": True,
}
BUNDLES: dict[str, Any] = {
    "type": "object",
    "description": "Several transactions, each whole in itself: the answer where `max_entries` is given.",
    "required": ["bundles"],
    "properties": {
        "bundles": {"type": "array", "description": "The transactions, in the order to send them", "items": TRANSACTION}
    },
}
