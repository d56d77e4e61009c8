"""Bodies, rows and answers of destinations, identified reading and its disclosures."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.epcr.fhir.words import Language
from services.epcr.records.assessment import AirwayAttempt
from services.epcr.records.care import Medication, Procedure, VitalSigns
from services.epcr.records.models import Status, WholeRecord
from shared.primitives.time_zones import TimeZone, zone_of
from shared.web import http
from shared.web.http import Page

DestinationType = Literal["emergency_department", "stroke_unit", "cath_lab", "trauma_centre", "other_hospital", "other"]
LegalBasis = Literal["provision_of_care", "vital_interests", "legal_obligation", "consent"]
Purpose = Literal["TREAT", "BTG"]
Reopening = Literal["care_continues", "record_corrected", "late_handover"]
Representation = Literal["json", "document", "pdf", "transaction"]
DisclosedContent = Literal["json", "document", "pdf", "transaction", "outcome", "other_crew"]

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Code = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.\-_/]*\Z",
        description="The official code of the place",
    ),
]
CodeSystem = Annotated[
    str,
    Meta(
        min_length=5,
        max_length=200,
        pattern=r"^(https?://|urn:oid:[0-2]\.|urn:uuid:)[!-~]+\Z",
        description="The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2`",
    ),
]
ClientId = Annotated[
    str,
    Meta(
        min_length=1, max_length=128, description="The app of the destination: no other app reads who its patients are"
    ),
]
Agreement = Annotated[
    str, http.external_id(200), Meta(description="Your reference of the agreement with the destination")
]
Days = Annotated[
    int,
    Meta(
        ge=1,
        le=365,
        description="Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the destination",
    ),
]
BreakGlass = Annotated[
    bool,
    Meta(
        description="Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations"
    ),
]
Active = Annotated[bool, Meta(description="False ends all reading, and no encounter may name the destination")]


PersonSystem = Annotated[str, http.external_id(200)]


class Sender(http.Body):
    """The service as documents name it: custodian and author. Without it they show the organisation's id."""

    name: Name
    code: Code | None = None
    code_system: CodeSystem | None = None
    phone: Annotated[str, Meta(min_length=3, max_length=40, pattern=r"^[+0-9][0-9 ().\-/]+\Z")] | None = None
    time_zone: TimeZone | None = None
    person_systems: Annotated[list[PersonSystem], Meta(max_length=50)] = field(default_factory=list)

    def __post_init__(self) -> None:
        if (self.code is None) != (self.code_system is None):
            raise ValueError("code and code_system go together")
        _ = self.zone

    @property
    def zone(self) -> tzinfo:
        """The zone of the times that people read. Raises ValueError for an unknown one."""
        return UTC if self.time_zone is None else zone_of(self.time_zone)


class DestinationDraft(http.Body):
    """A place that patients are brought to, and the app that reads there who they are."""

    name: Name
    code: Code
    code_system: CodeSystem
    type: DestinationType
    client_id: ClientId
    legal_basis: LegalBasis
    agreement: Agreement | None = None
    readable_days: Days = 30
    allows_break_glass: BreakGlass = False


class DestinationChange(http.Body):
    """A change of the given fields. Another app ends the reading of the former one at once."""

    name: Name | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    code_system: CodeSystem | UnsetType = UNSET
    type: DestinationType | UnsetType = UNSET
    client_id: ClientId | UnsetType = UNSET
    legal_basis: LegalBasis | UnsetType = UNSET
    agreement: Agreement | UnsetType | None = UNSET
    readable_days: Days | UnsetType = UNSET
    allows_break_glass: BreakGlass | UnsetType = UNSET
    active: Active | UnsetType = UNSET


class Destination(msgspec.Struct, frozen=True):
    """A place that patients are brought to, with its app."""

    id: str
    version: int
    name: str
    code: str
    code_system: str
    type: DestinationType
    client_id: str
    legal_basis: LegalBasis
    agreement: str | None
    readable_days: int
    allows_break_glass: bool
    active: Active


class Destinations(msgspec.Struct):
    destinations: list[Destination]
    next_cursor: str | None


class DestinationPage(Page):
    code: Code | None = None
    active: bool | None = None


class DestinationNamed(http.Body):
    destination_id: Annotated[str, Meta(min_length=1, max_length=64)]
    reopening: Reopening | None = None


class EncounterDestination(msgspec.Struct, frozen=True):
    """The destination of an encounter. Its app may read who the patient is from `named_at` until `readable_until`."""

    encounter_id: str
    destination_id: str
    name: str
    code: str
    code_system: str
    type: DestinationType
    named_at: datetime
    readable_until: Annotated[
        datetime,
        Meta(
            description="Moves to later when the encounter ends; a change of the destination ends the reading at once"
        ),
    ]


class Arrival(msgspec.Struct, frozen=True):
    """An encounter that is bound for a destination of your app."""

    encounter_id: str
    destination_id: str
    status: str
    named_at: datetime
    readable_until: datetime


class Arrivals(msgspec.Struct):
    arrivals: list[Arrival]
    next_cursor: str | None


class ReadHandover(http.Body):
    """`format` is the representation: JSON, a FHIR document, a FHIR transaction, or a PDF. `language` is that of the texts in it."""

    format: Representation = "json"
    language: Language = "en"


class OtherCare(msgspec.Struct):
    """The care that another crew gave the patient, with its last set of vital signs and without entries in error."""

    medications: list[Medication]
    procedures: list[Procedure]
    airway_attempts: list[AirwayAttempt]
    vital_signs: list[VitalSigns]


class OtherIdentity(msgspec.Struct):
    """A fact about the patient that two crews recorded in two ways: `here` in this record, `there` in that of the other crew."""

    field: Literal["name", "birth_date", "sex"]
    here: str
    there: str


class OtherCrew(msgspec.Struct):
    """Another encounter of the same ambulance service at the same incident."""

    encounter_id: str
    vehicle_id: str
    status: Status
    care: OtherCare | None
    contradictions: list[OtherIdentity]
    has_same_number: bool


class Handover(msgspec.Struct):
    """The record of a patient with the patient's name, for the destination's app alone."""

    encounter_id: str
    destination_id: str
    purpose: Annotated[
        Purpose, Meta(description="`TREAT`: the destination of the encounter; `BTG`: emergency access (v3-ActReason)")
    ]
    identity: Annotated[int, Meta(description="Grows when the identity of the patient is corrected")]
    readable_until: datetime
    record: WholeRecord
    other_crews: list[OtherCrew]


DOCUMENT: dict[str, Any] = {
    "type": "object",
    "title": "Document",
    "description": "A FHIR R4 (4.0.1) Bundle of type document, in the form of the IHE Paramedicine Care Summary.",
    "required": ["resourceType", "identifier", "type", "timestamp", "entry"],
    "properties": {
        "resourceType": {"const": "Bundle", "description": "The type of the FHIR resource"},
        "type": {"const": "document", "description": "The type of the Bundle"},
        "timestamp": {"type": "string", "format": "date-time", "description": "When the encounter last changed"},
        "identifier": {
            "type": "object",
            "description": "The lasting identifier of this document",
            "required": ["system", "value"],
            "properties": {
                "system": {"type": "string", "description": "The URI of the identifier's system"},
                "value": {"type": "string", "description": "The value"},
            },
        },
        "entry": {
            "type": "array",
            "description": "The Composition first, then every resource that it refers to",
            "items": {
                "type": "object",
                "required": ["fullUrl", "resource"],
                "properties": {
                    "fullUrl": {"type": "string", "description": "The URL by which other resources refer to it"},
                    "resource": {
                        "type": "object",
                        "description": "A FHIR R4 resource, whole",
                        "required": ["resourceType"],
                        "properties": {
                            "resourceType": {"type": "string", "description": "The type of the FHIR resource"}
                        },
                    },
                },
            },
        },
    },
}


class EmergencyDraft(http.Body):
    """Emergency access to an encounter that is bound for another destination, or for none."""

    destination_id: Annotated[
        str, Meta(min_length=1, max_length=64, description="The destination of your app that needs the record")
    ]
    reason: Literal["patient_present", "patient_transferred", "life_threatening", "destination_missing"]
    explanation: Annotated[
        str,
        Meta(
            min_length=10, max_length=1000, pattern=r"\S", description="For the service's administrator; kept encrypted"
        ),
    ]


class Emergency(msgspec.Struct, frozen=True):
    """Emergency access: `GET …/handover` answers until `until`."""

    id: str
    encounter_id: str
    destination_id: str
    opened_at: datetime
    until: datetime


class EmergencyReview(Emergency, frozen=True):
    """Emergency access, as an administrator reviews it: the app, its person, the reason and its explanation."""

    client_id: str
    actor: str | None
    reason: str
    explanation: str


class EmergencyReviews(msgspec.Struct):
    emergencies: list[EmergencyReview]
    next_cursor: str | None


class EmergencyRow(Emergency, frozen=True):
    """A row of `emergency_accesses`. `explanation` is ciphertext."""

    client_id: str
    actor: str | None
    reason: str
    explanation: bytes


class Disclosure(msgspec.Struct, frozen=True):
    """One answer with identified data: the recipient, the purpose and its legal basis, and exactly which content."""

    id: str
    encounter_id: str
    identity: int
    version: int
    revision: int
    destination_id: str
    destination_name: str
    client_id: str
    actor: Annotated[str | None, Meta(description="The person who used the app, if the token is a person's")]
    purpose: Purpose
    legal_basis: LegalBasis
    emergency_id: str | None
    emergency_reason: str | None
    content: DisclosedContent
    sections: Annotated[list[str], Meta(description="The parts of the record, or of the outcome, that were sent")]
    language: Language
    sha256: Annotated[str, Meta(description="SHA-256 of the bytes that were sent, in hexadecimal")]
    trace_id: str
    disclosed_at: datetime


class Disclosures(msgspec.Struct):
    disclosures: list[Disclosure]
    next_cursor: str | None


class DisclosurePage(Page):
    """`of=patient` lists those of all encounters of the same patient."""

    of: Literal["encounter", "patient"] = "patient"
