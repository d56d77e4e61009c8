"""The outcome of a patient, as the hospital reports it. A field that is absent is not reported; "unknown" is an answer."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from services.epcr.records.care import Clinical, Impression, Part, Text
from shared.web import http

Answer = Literal["yes", "no", "unknown"]
Diagnoses = Annotated[list[Impression], Meta(max_length=30)]
Days = Annotated[int, Meta(ge=0, le=1000)]
# The clocks of hospitals and of this service may differ by so much.
AHEAD = timedelta(minutes=15)


class HospitalProcedure(Part):
    """A key intervention. `code` is its SNOMED CT code, if the hospital has one."""

    kind: Literal[
        "coronary_angiography",
        "pci",
        "coronary_bypass",
        "thrombolysis",
        "thrombectomy",
        "intubation",
        "ventilation",
        "temperature_control",
        "pacemaker_or_icd",
        "ct_or_mri",
        "blood_transfusion",
        "surgery",
        "ecmo",
        "other",
    ]
    code: Clinical | None = None
    performed_at: http.Timestamp | None = None
    ended_at: http.Timestamp | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.performed_at and self.ended_at and self.ended_at < self.performed_at:
            raise ValueError("ended_at is before performed_at")


class EmergencyDepartment(Part):
    """NEMSIS eOutcome.01, .10, .18."""

    arrived_at: http.Timestamp | None = None
    left_at: http.Timestamp | None = None
    disposition: (
        Literal[
            "discharged_home",
            "admitted_to_ward",
            "admitted_to_intensive_care",
            "to_operating_theatre",
            "to_cath_lab",
            "transferred",
            "left_without_treatment",
            "died",
            "dead_on_arrival",
            "unknown",
        ]
        | None
    ) = None
    diagnoses: Diagnoses = field(default_factory=list)
    trauma_team: Annotated[Answer, Meta(description="Whether a trauma team was activated")] | None = None


class HospitalStay(Part):
    """NEMSIS eOutcome.02, .11, .13, .16."""

    admitted_at: http.Timestamp | None = None
    discharged_at: http.Timestamp | None = None
    disposition: (
        Literal[
            "discharged_home",
            "discharged_with_care",
            "rehabilitation",
            "nursing_facility",
            "hospice",
            "transferred",
            "left_against_advice",
            "still_admitted",
            "died",
            "unknown",
        ]
        | None
    ) = None
    diagnoses: Diagnoses = field(default_factory=list)
    intensive_care_days: Days | None = None
    ventilator_days: Days | None = None
    injury_severity_score: Annotated[int, Meta(ge=0, le=75)] | None = None


class Survival(Part):
    survived_to_discharge: Answer | None = None
    alive_at_30_days: Answer | None = None
    died_at: http.Timestamp | None = None


class Neurology(Part):
    """Cerebral Performance Category 1 to 5 and modified Rankin Scale 0 to 6; 5 and 6 are death."""

    cpc: Annotated[int, Meta(ge=1, le=5)] | Literal["unknown"] | None = None
    mrs: Annotated[int, Meta(ge=0, le=6)] | Literal["unknown"] | None = None
    assessed_at: http.Timestamp | None = None
    method: Literal["in_person", "telephone", "records", "unknown"] | None = None


class OutcomeDraft(http.Body):
    """The whole outcome as it is known now. `visit_number` is the hospital's; `reported_by` the person responsible. Both are encrypted."""

    visit_number: Annotated[str, http.external_id(200)] | None = None
    emergency_department: EmergencyDepartment | None = None
    stay: HospitalStay | None = None
    procedures: Annotated[list[HospitalProcedure], Meta(max_length=50)] = field(default_factory=list)
    survival: Survival | None = None
    neurology: Neurology | None = None
    reported_by: Text | None = None


class ReportOutcome(http.Body):
    """`identity` is that of the handover which the report is about."""

    identity: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=1_000_000,
                description="The `identity` in the handover that you read: required where an earlier one was another patient's",
            ),
        ]
        | None
    ) = None


class OutcomeReport(msgspec.Struct):
    """That a destination reported the outcome of the present patient, and when it last did. The outcome is for the destination alone."""

    destination_id: str
    version: int
    recorded_at: datetime


class OutcomeReports(msgspec.Struct):
    """The destinations that reported the outcome, in the order of their newest versions."""

    encounter_id: str
    reports: list[OutcomeReport]


class Outcome(msgspec.Struct):
    """A version of the outcome. `identity` is that of the patient then: after a correction an outcome of another patient does not count."""

    encounter_id: str
    version: int
    identity: int
    destination_id: str
    client_id: str
    recorded_at: datetime
    outcome: OutcomeDraft


class OutcomeRow(msgspec.Struct, frozen=True):
    """A row of `outcomes`. `content` is ciphertext."""

    encounter_id: str
    version: int
    tenant_id: str
    identity: int
    destination_id: str
    content: bytes
    client_id: str
    recorded_at: datetime


def latest_time(now: datetime) -> datetime:
    return now.astimezone(UTC) + AHEAD
