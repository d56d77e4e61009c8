"""What the public contract says of this service: encounters as partners see them. The whole record is the crew's, and not in it."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from services.epcr.documented_view import shown
from services.epcr.fhir.encode import MEDIA_TYPE
from services.epcr.models.care import Arrest, Disposition, Medication, Procedure, Stroke, Times, VitalSigns
from services.epcr.models.concepts import Diagnosis
from services.epcr.models.patient import Sex
from services.epcr.models.record import CareModel, EncounterDraft, Status
from services.epcr.models.requests import EncounterFilter, ReadBundle, ReadEncounter
from shared.openapi import Content, Operation, Part

READ, WRITE = "argus:epcr:read", "argus:epcr:write"
ENCOUNTERS = "/api/v1/epcr/encounters"
ENCOUNTER = ENCOUNTERS + "/{encounter_id}"


class PartnerPatient(msgspec.Struct, kw_only=True):
    """`id` is a pseudonym. No year of birth above the age of 89, where `age_years` is 90."""

    id: str
    sex: Sex | UnsetType = UNSET
    birth_year: int | UnsetType = UNSET
    age_years: int | UnsetType = UNSET
    country: str | UnsetType = UNSET


class EncounterSummary(msgspec.Struct, kw_only=True):
    """Where the app's mode is not `exact`, times are moved and operational references may be absent."""

    id: str
    organization_id: str
    care_model: CareModel
    status: Status
    vehicle_id: str | UnsetType = UNSET
    cad_incident_id: str | UnsetType = UNSET
    patient_number: int
    version: int
    created_at: datetime
    updated_at: datetime


class PartnerEncounter(EncounterSummary, kw_only=True):
    """The de-identified projection: no name, full date of birth, next of kin, phone, street address or free text. What is not
    known is absent."""

    test: bool
    patient: PartnerPatient | UnsetType = UNSET
    times: shown(Times, "times") | UnsetType = UNSET  # type: ignore[valid-type]
    primary_impression: shown(Diagnosis, "primary_impression") | UnsetType = UNSET  # type: ignore[valid-type]
