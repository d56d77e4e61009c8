"""The parts of `EncounterFacts`, the message with which epcr describes an encounter to the quality indicators: de-identified."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec


class CodedFact(msgspec.Struct, frozen=True, kw_only=True):
    """A medication or procedure. `not_done_reason` (`refused contraindicated not_indicated unable`) marks one that was not given or done.

    `kind` of a medication: `aspirin gtn analgesic oxygen glucose glucagon benzodiazepine beta_agonist other unknown` (a code that no
    table knows). `kind` of a procedure: `ecg_12_lead advanced_airway oxygen defibrillation cpr oral_glucose other`.
    Indicators use `kind`, never `code`.
    """

    kind: str
    code: str | None = None
    at: datetime | None = None
    successful: bool | None = None
    not_done_reason: str | None = None


class VitalFact(msgspec.Struct, frozen=True, kw_only=True):
    """A measured vital sign.

    `kind` is one of `spo2 heart_rate respiratory_rate systolic diastolic glucose gcs avpu pain etco2 temperature fast`.
    """

    kind: str
    value: Decimal | None = None
    text: str | None = None
    unit: str | None = None
    at: datetime | None = None


class ArrestFact(msgspec.Struct, frozen=True, kw_only=True):
    """Out-of-hospital cardiac arrest in Utstein terms; None if the record has no value."""

    resuscitation_attempted: bool | None = None
    aetiology: str | None = None
    witnessed: Literal["bystander", "ems", "unwitnessed"] | None = None
    bystander_cpr: bool | None = None
    initial_rhythm: (
        Literal["vf", "pulseless_vt", "shockable_unknown", "pea", "asystole", "non_shockable_unknown"] | None
    ) = None
    first_shock_at: datetime | None = None
    rosc: bool | None = None
    rosc_at_handover: bool | None = None
    dnar: bool | None = None
    recognised_dead: bool | None = None
    survived_to_discharge: bool | None = None
    cpc: int | None = None
    cpr_started_at: datetime | None = None
    rosc_at: datetime | None = None


class CprFact(msgspec.Struct, frozen=True, kw_only=True):
    """The quality of compressions: rate and depth in `/min` and `mm`, fraction in `%`."""

    dispatcher_instructed: bool | None = None
    compression_rate: Decimal | None = None
    compression_depth: Decimal | None = None
    compression_fraction: Decimal | None = None


class AirwayFact(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at an advanced airway, with saturation in `%` and systolic pressure in `mm[Hg]` around it."""

    at: datetime
    device: Literal["endotracheal_tube", "supraglottic_airway", "surgical_airway"]
    successful: bool | None = None
    prior_to_arrival: bool | None = None
    spo2_before: Decimal | None = None
    spo2_lowest: Decimal | None = None
    systolic_before: Decimal | None = None
    systolic_lowest: Decimal | None = None


class StrokeFact(msgspec.Struct, frozen=True, kw_only=True):
    suspected: bool | None = None
    fast_assessed: bool | None = None
    last_known_well_recorded: bool | None = None
    nihss_recorded: bool | None = None


class OutcomeFact(msgspec.Struct, frozen=True, kw_only=True):
    """The hospital's report; None where it says nothing or does not know. Diagnoses are ICD-10 codes, primary first."""

    emergency_disposition: str | None = None
    disposition: str | None = None
    emergency_diagnoses: list[str] = []
    diagnoses: list[str] = []
    procedures: list[str] = []
    trauma_team: bool | None = None
    injury_severity_score: int | None = None
    survived_to_discharge: bool | None = None
    alive_at_30_days: bool | None = None
    cpc: int | None = None
    mrs: int | None = None
