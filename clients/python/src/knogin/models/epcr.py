"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType, field

from .._model import Model, OneOf


class Address(Model, kw_only=True):
    """A postal address, and a place on the map"""

    line: list[str] | UnsetType = UNSET
    """Street and house number, in lines"""
    city: str | UnsetType | None = UNSET
    """The city"""
    state: str | UnsetType | None = UNSET
    """The state or province"""
    postal_code: str | UnsetType | None = UNSET
    """The postal code"""
    country: str | UnsetType | None = UNSET
    """The country, ISO 3166-1 alpha-2, such as `IT`"""
    latitude: float | UnsetType | None = UNSET
    """The latitude, WGS 84, in degrees"""
    longitude: float | UnsetType | None = UNSET
    """The longitude, WGS 84, in degrees"""


class AirwayAttempt(Model, kw_only=True):
    """One attempt at an advanced airway: its success, and the vital signs around it. `lowest` is of the attempt and
    three minutes after.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    attempted_at: datetime
    """When the attempt began"""
    ended_at: datetime | UnsetType | None = UNSET
    """When it ended; null while it lasts"""
    device: Literal["endotracheal_tube", "supraglottic_airway", "surgical_airway"]
    """The airway device"""
    technique: Literal["blind", "direct_laryngoscopy", "front_of_neck", "video_laryngoscopy"] | UnsetType | None = UNSET
    """How the device was placed"""
    drug_assisted: bool | UnsetType | None = UNSET
    """Whether drugs were given for the attempt"""
    prior_to_arrival: bool | UnsetType | None = UNSET
    """Whether it was done before the crew arrived"""
    successful: bool | UnsetType | None = UNSET
    """Whether the attempt succeeded"""
    confirmed_by: (
        Literal["auscultation", "colorimetric_co2", "direct_vision", "waveform_capnography"] | UnsetType | None
    ) = UNSET
    """How the position was confirmed"""
    spo2_before: float | UnsetType | None = UNSET
    """Oxygen saturation before the attempt, `%`"""
    spo2_lowest: float | UnsetType | None = UNSET
    """Lowest oxygen saturation during the attempt and three minutes after, `%`"""
    systolic_before: float | UnsetType | None = UNSET
    """Systolic pressure before the attempt, `mm[Hg]`"""
    systolic_lowest: float | UnsetType | None = UNSET
    """Lowest systolic pressure during the attempt and three minutes after, `mm[Hg]`"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class AirwayAttemptsView(Model, kw_only=True):
    """One attempt at an advanced airway: its success, and the vital signs around it. `lowest` is of the attempt and
    three minutes after.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    attempted_at: datetime | None = None
    """When the attempt began"""
    ended_at: datetime | None = None
    """When it ended; null while it lasts"""
    device: str | None = None
    """The airway device. One of: endotracheal_tube, supraglottic_airway, surgical_airway"""
    technique: str | None = None
    """How the device was placed. One of: blind, direct_laryngoscopy, front_of_neck, video_laryngoscopy"""
    drug_assisted: bool | None = None
    """Whether drugs were given for the attempt"""
    prior_to_arrival: bool | None = None
    """Whether it was done before the crew arrived"""
    successful: bool | None = None
    """Whether the attempt succeeded"""
    confirmed_by: str | None = None
    """How the position was confirmed. One of: auscultation, colorimetric_co2, direct_vision, waveform_capnography"""
    spo2_before: float | None = None
    """Oxygen saturation before the attempt, `%`"""
    spo2_lowest: float | None = None
    """Lowest oxygen saturation during the attempt and three minutes after, `%`"""
    systolic_before: float | None = None
    """Systolic pressure before the attempt, `mm[Hg]`"""
    systolic_lowest: float | None = None
    """Lowest systolic pressure during the attempt and three minutes after, `mm[Hg]`"""


class AllergiesReactionsView(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class AllergiesSubstanceView(Model, kw_only=True):
    """RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as
    `display`.
    """

    system: str | None = None
    """The code system's URI or short name. One of: http://www.nlm.nih.gov/research/umls/rxnorm,
    http://www.whocc.no/atc, http://snomed.info/sct
    """
    code: str | None = None
    """The code within the code system"""


class AllergiesView(Model, kw_only=True):
    """An allergy or intolerance to a substance or drug. A de-identified answer has no `substance` where the crew knew
    it in words alone.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    substance: AllergiesSubstanceView | None = None
    kind: str | None = None
    """An allergy, or an intolerance. One of: allergy, intolerance"""
    category: str | None = None
    """The kind of substance. One of: biologic, environment, food, medication"""
    certainty: str | None = None
    """How certain it is. One of: confirmed, refuted, unconfirmed"""
    criticality: str | None = None
    """The potential for harm of a later exposure. One of: high, low, unable_to_assess"""
    reactions: list[AllergiesReactionsView] | None = None
    """The reactions, SNOMED CT"""
    severity: str | None = None
    """The severity of the worst reaction. One of: mild, moderate, severe"""
    informant: str | None = None
    """The person or record that it comes from. One of: bystander, caregiver, family, health_professional, patient,
    records
    """


class Allergy(Model, kw_only=True):
    """An allergy or intolerance to a substance or drug. A de-identified answer has no `substance` where the crew knew
    it in words alone.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    substance: Drug
    kind: Literal["allergy", "intolerance"] | UnsetType | None = UNSET
    """An allergy, or an intolerance"""
    category: Literal["biologic", "environment", "food", "medication"] | UnsetType | None = UNSET
    """The kind of substance"""
    certainty: Literal["confirmed", "refuted", "unconfirmed"] | UnsetType | None = UNSET
    """How certain it is"""
    criticality: Literal["high", "low", "unable_to_assess"] | UnsetType | None = UNSET
    """The potential for harm of a later exposure"""
    reactions: list[Clinical] | UnsetType = UNSET
    """The reactions, SNOMED CT"""
    severity: Literal["mild", "moderate", "severe"] | UnsetType | None = UNSET
    """The severity of the worst reaction"""
    informant: (
        Literal["bystander", "caregiver", "family", "health_professional", "patient", "records"] | UnsetType | None
    ) = UNSET
    """The person or record that it comes from"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class Apgar(Model, kw_only=True):
    """The Apgar score of a newborn patient, one, five or ten minutes after the birth: the total, its five parts, or
    both.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    scored_at: datetime | UnsetType | None = UNSET
    """When the newborn was scored"""
    minute: Literal[1, 5, 10]
    """The minute after the birth: 1, 5 or 10"""
    total: int | UnsetType | None = UNSET
    """The total of the five parts, 0 to 10"""
    appearance: int | UnsetType | None = UNSET
    """The colour of the skin, 0 to 2"""
    pulse: int | UnsetType | None = UNSET
    """The heart rate, 0 to 2"""
    grimace: int | UnsetType | None = UNSET
    """The reflexes, 0 to 2"""
    activity: int | UnsetType | None = UNSET
    """The muscle tone, 0 to 2"""
    respiration: int | UnsetType | None = UNSET
    """The effort of breathing, 0 to 2"""


class ApgarView(Model, kw_only=True):
    """The Apgar score of a newborn patient, one, five or ten minutes after the birth: the total, its five parts, or
    both.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    minute: int | None = None
    """The minute after the birth: 1, 5 or 10. One of: 1, 5, 10"""
    total: int | None = None
    """The total of the five parts, 0 to 10"""
    appearance: int | None = None
    """The colour of the skin, 0 to 2"""
    pulse: int | None = None
    """The heart rate, 0 to 2"""
    grimace: int | None = None
    """The reflexes, 0 to 2"""
    activity: int | None = None
    """The muscle tone, 0 to 2"""
    respiration: int | None = None
    """The effort of breathing, 0 to 2"""


class Arrest(Model, kw_only=True):
    """Out-of-hospital cardiac arrest in Utstein terms."""

    resuscitation_attempted: bool | UnsetType | None = UNSET
    """Whether resuscitation was attempted"""
    aetiology: (
        Literal[
            "drowning",
            "electrocution",
            "exsanguination",
            "other",
            "overdose",
            "presumed_cardiac",
            "respiratory",
            "trauma",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The cause of the arrest"""
    witnessed: Literal["bystander", "ems", "unwitnessed"] | UnsetType | None = UNSET
    """The person who witnessed the arrest"""
    arrested_at: datetime | UnsetType | None = UNSET
    """When the arrest began"""
    bystander_cpr: bool | UnsetType | None = UNSET
    """Whether a bystander gave CPR"""
    bystander_aed: bool | UnsetType | None = UNSET
    """Whether a bystander used a defibrillator"""
    cpr_started_at: datetime | UnsetType | None = UNSET
    """When CPR began"""
    initial_rhythm: (
        Literal["asystole", "non_shockable_unknown", "pea", "pulseless_vt", "shockable_unknown", "vf"]
        | UnsetType
        | None
    ) = UNSET
    """The first rhythm that was seen"""
    first_shock_at: datetime | UnsetType | None = UNSET
    """When the first shock was given"""
    shocks: int | UnsetType | None = UNSET
    """How many shocks were given"""
    rosc: bool | UnsetType | None = UNSET
    """Whether circulation returned"""
    rosc_at: datetime | UnsetType | None = UNSET
    """When circulation returned"""
    rosc_at_handover: bool | UnsetType | None = UNSET
    """Whether there was circulation at the handover"""
    dnar: bool | UnsetType | None = UNSET
    """Whether there is an order not to resuscitate"""
    recognised_dead: bool | UnsetType | None = UNSET
    """Whether death was recognised without resuscitation"""
    ended_at: datetime | UnsetType | None = UNSET
    """When the efforts ended"""
    survived_to_discharge: bool | UnsetType | None = UNSET
    """Whether the patient left hospital alive"""
    cpc: int | UnsetType | None = UNSET
    """Cerebral Performance Category, from 1 (good) to 5"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class ArrestView(Model, kw_only=True):
    """Out-of-hospital cardiac arrest in Utstein terms."""

    resuscitation_attempted: bool | None = None
    """Whether resuscitation was attempted"""
    aetiology: str | None = None
    """The cause of the arrest. One of: drowning, electrocution, exsanguination, other, overdose, presumed_cardiac,
    respiratory, trauma
    """
    witnessed: str | None = None
    """The person who witnessed the arrest. One of: bystander, ems, unwitnessed"""
    arrested_at: datetime | None = None
    """When the arrest began"""
    bystander_cpr: bool | None = None
    """Whether a bystander gave CPR"""
    bystander_aed: bool | None = None
    """Whether a bystander used a defibrillator"""
    cpr_started_at: datetime | None = None
    """When CPR began"""
    initial_rhythm: str | None = None
    """The first rhythm that was seen. One of: asystole, non_shockable_unknown, pea, pulseless_vt, shockable_unknown,
    vf
    """
    first_shock_at: datetime | None = None
    """When the first shock was given"""
    shocks: int | None = None
    """How many shocks were given"""
    rosc: bool | None = None
    """Whether circulation returned"""
    rosc_at: datetime | None = None
    """When circulation returned"""
    rosc_at_handover: bool | None = None
    """Whether there was circulation at the handover"""
    dnar: bool | None = None
    """Whether there is an order not to resuscitate"""
    recognised_dead: bool | None = None
    """Whether death was recognised without resuscitation"""
    ended_at: datetime | None = None
    """When the efforts ended"""
    survived_to_discharge: bool | None = None
    """Whether the patient left hospital alive"""
    cpc: int | None = None
    """Cerebral Performance Category, from 1 (good) to 5"""


class Arrival(Model, kw_only=True):
    """An encounter that is bound for a destination of your app."""

    encounter_id: str
    """The encounter that it belongs to"""
    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    status: str
    """The status of the encounter"""
    named_at: datetime
    """When the encounter was bound for the destination"""
    readable_until: datetime
    """The end of the reading, exclusive"""


class Arrivals(Model, kw_only=True):
    """A page of arrivals"""

    arrivals: list[Arrival]
    """The arrivals of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Clinical(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str = "http://snomed.info/sct"
    """The code system's URI or short name"""
    code: str
    """The code within the code system"""
    display: str | UnsetType | None = UNSET
    """The code's name, for people"""


class Coding(Model, kw_only=True):
    """A code of one code system (FHIR `Coding`)"""

    system: str | UnsetType = UNSET
    """The code system's URI or short name"""
    code: str | UnsetType = UNSET
    """The code within the code system"""
    display: str | UnsetType = UNSET
    """The code's name, for people"""


class Complaint(Model, kw_only=True):
    """The chief complaint, when it began, and who reports it. `text` has the words that were used."""

    concept: Clinical | UnsetType | None = UNSET
    """The complaint, SNOMED CT"""
    text: str | UnsetType | None = UNSET
    """The words that were used. They are in no de-identified answer"""
    informant: (
        Literal["bystander", "caregiver", "family", "health_professional", "patient", "records"] | UnsetType | None
    ) = UNSET
    """The person or record that it comes from"""
    began_at: datetime | UnsetType | None = UNSET
    """When it began"""


class ComplaintConceptView(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class ComplaintView(Model, kw_only=True):
    """The chief complaint, when it began, and who reports it. `text` has the words that were used."""

    concept: ComplaintConceptView | None = None
    informant: str | None = None
    """The person or record that it comes from. One of: bystander, caregiver, family, health_professional, patient,
    records
    """
    began_at: datetime | None = None
    """When it began"""


class Concept(Model, kw_only=True):
    """One concept, by its codes in one or several code systems (FHIR `CodeableConcept`)"""

    coding: list[Coding] | UnsetType = UNSET
    """The codes"""


class Cpr(Model, kw_only=True):
    """The quality of the compressions, as the defibrillator or a feedback device measured it."""

    dispatcher_instructed: bool | UnsetType | None = UNSET
    """Whether the dispatch centre gave instructions by telephone"""
    compression_rate: float | UnsetType | None = UNSET
    """Compressions per minute, `/min`"""
    compression_depth: float | UnsetType | None = UNSET
    """Mean depth of the compressions, `mm`"""
    compression_fraction: float | UnsetType | None = UNSET
    """Share of the time with compressions, `%`"""
    full_recoil: float | UnsetType | None = UNSET
    """Share of the compressions with full recoil of the chest, `%`"""
    ventilation_rate: float | UnsetType | None = UNSET
    """Ventilations per minute, `/min`"""
    longest_pause: float | UnsetType | None = UNSET
    """The longest pause of the compressions, `s`"""
    mechanical_device: bool | UnsetType | None = UNSET
    """Whether a device gave the compressions"""
    feedback_device: bool | UnsetType | None = UNSET
    """Whether a device showed the quality of the compressions"""


class CprView(Model, kw_only=True):
    """The quality of the compressions, as the defibrillator or a feedback device measured it."""

    dispatcher_instructed: bool | None = None
    """Whether the dispatch centre gave instructions by telephone"""
    compression_rate: float | None = None
    """Compressions per minute, `/min`"""
    compression_depth: float | None = None
    """Mean depth of the compressions, `mm`"""
    compression_fraction: float | None = None
    """Share of the time with compressions, `%`"""
    full_recoil: float | None = None
    """Share of the compressions with full recoil of the chest, `%`"""
    ventilation_rate: float | None = None
    """Ventilations per minute, `/min`"""
    longest_pause: float | None = None
    """The longest pause of the compressions, `s`"""
    mechanical_device: bool | None = None
    """Whether a device gave the compressions"""
    feedback_device: bool | None = None
    """Whether a device showed the quality of the compressions"""


class CrewMember(Model, kw_only=True):
    """A member of `crew_ids`, with the role in this mission and the qualification."""

    id: str
    """The id, one of `crew_ids`"""
    role: Literal["attendant", "driver", "lead", "observer", "physician", "trainee"] | UnsetType | None = UNSET
    """The role in this mission"""
    qualification: (
        Literal[
            "advanced_emergency_medical_technician",
            "advanced_paramedic",
            "critical_care_paramedic",
            "emergency_medical_technician",
            "first_responder",
            "nurse",
            "other",
            "paramedic",
            "physician",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The professional qualification"""


class CrewView(Model, kw_only=True):
    """A member of `crew_ids`, with the role in this mission and the qualification."""

    role: str | None = None
    """The role in this mission. One of: attendant, driver, lead, observer, physician, trainee"""
    qualification: str | None = None
    """The professional qualification. One of: advanced_emergency_medical_technician, advanced_paramedic,
    critical_care_paramedic, emergency_medical_technician, first_responder, nurse, other, paramedic, physician
    """


class CurrentMedicine(Model, kw_only=True):
    """A medicine that the patient takes, or no longer takes, at home.

    A de-identified answer has no `medicine` where the crew knew it in words alone.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    medicine: Drug
    taken: Literal["not_taking", "stopped", "taking", "unknown"] | UnsetType | None = UNSET
    """Whether the patient takes it"""
    last_taken_at: datetime | UnsetType | None = UNSET
    """When the patient last took it"""
    informant: (
        Literal["bystander", "caregiver", "family", "health_professional", "patient", "records"] | UnsetType | None
    ) = UNSET
    """The person or record that it comes from"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class CurrentMedicinesMedicineView(Model, kw_only=True):
    """RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as
    `display`.
    """

    system: str | None = None
    """The code system's URI or short name. One of: http://www.nlm.nih.gov/research/umls/rxnorm,
    http://www.whocc.no/atc, http://snomed.info/sct
    """
    code: str | None = None
    """The code within the code system"""


class CurrentMedicinesView(Model, kw_only=True):
    """A medicine that the patient takes, or no longer takes, at home.

    A de-identified answer has no `medicine` where the crew knew it in words alone.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    medicine: CurrentMedicinesMedicineView | None = None
    taken: str | None = None
    """Whether the patient takes it. One of: not_taking, stopped, taking, unknown"""
    last_taken_at: datetime | None = None
    """When the patient last took it"""
    informant: str | None = None
    """The person or record that it comes from. One of: bystander, caregiver, family, health_professional, patient,
    records
    """


class Destination(Model, kw_only=True):
    """A place that patients are brought to, with its app."""

    id: str
    """The id"""
    version: int
    """Grows with each change of the destination"""
    name: str
    """The name, for people"""
    code: str
    """The official code of the place"""
    code_system: str
    """The URI of the register that gives the code"""
    type: str
    """The type of the place. One of: cath_lab, emergency_department, other, other_hospital, stroke_unit, trauma_centre
    """
    client_id: str
    """The app of the destination: no other app reads who its patients are"""
    legal_basis: str
    """The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's
    consent. One of: consent, legal_obligation, provision_of_care, vital_interests
    """
    agreement: str | None
    """Your reference of the agreement with the destination, such as `DSA-2026-014`"""
    readable_days: int
    """Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the
    destination
    """
    allows_break_glass: bool
    """Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations"""
    active: bool
    """False ends all reading, and no encounter may name the destination"""


class DestinationChange(Model, kw_only=True):
    """A change of the given fields. Another app ends the reading of the former one at once."""

    name: str | UnsetType = UNSET
    """The name, for people"""
    code: str | UnsetType = UNSET
    """The official code of the place"""
    code_system: str | UnsetType = UNSET
    """The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2`"""
    type: (
        Literal["cath_lab", "emergency_department", "other", "other_hospital", "stroke_unit", "trauma_centre"]
        | UnsetType
    ) = UNSET
    """The type of the place"""
    client_id: str | UnsetType = UNSET
    """The app of the destination: no other app reads who its patients are"""
    legal_basis: Literal["consent", "legal_obligation", "provision_of_care", "vital_interests"] | UnsetType = UNSET
    """The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's
    consent
    """
    agreement: str | UnsetType | None = UNSET
    """Your reference of the agreement with the destination, such as `DSA-2026-014`"""
    readable_days: int | UnsetType = UNSET
    """Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the
    destination
    """
    allows_break_glass: bool | UnsetType = UNSET
    """Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations"""
    active: bool | UnsetType = UNSET
    """False ends all reading, and no encounter may name the destination"""


class DestinationDraft(Model, kw_only=True):
    """A place that patients are brought to, and the app that reads there who they are."""

    name: str
    """The name, for people"""
    code: str
    """The official code of the place"""
    code_system: str
    """The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2`"""
    type: Literal["cath_lab", "emergency_department", "other", "other_hospital", "stroke_unit", "trauma_centre"]
    """The type of the place"""
    client_id: str
    """The app of the destination: no other app reads who its patients are"""
    legal_basis: Literal["consent", "legal_obligation", "provision_of_care", "vital_interests"]
    """The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's
    consent
    """
    agreement: str | UnsetType | None = UNSET
    """Your reference of the agreement with the destination, such as `DSA-2026-014`"""
    readable_days: int | UnsetType = UNSET
    """Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the
    destination
    """
    allows_break_glass: bool | UnsetType = UNSET
    """Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations"""


class DestinationNamed(Model, kw_only=True):
    """The destination for which the encounter is bound"""

    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    reopening: Literal["care_continues", "late_handover", "record_corrected"] | UnsetType | None = UNSET
    """Opens reading whose days are over, for the days of the destination from now: the patient is still treated, the
    record was corrected, or it was never handed over in time. Needs `platform:apps`; the audit trail has the reason
    """


class Destinations(Model, kw_only=True):
    """A page of destinations"""

    destinations: list[Destination]
    """The destinations of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Directives(Model, kw_only=True):
    """Advance directives of the patient, and whether the crew saw the document."""

    status: Literal["none_known", "not_asked", "present", "unknown"] | UnsetType | None = UNSET
    """Whether there are directives, or why none is known"""
    kinds: (
        list[Literal["do_not_resuscitate", "health_care_proxy", "limited_treatment", "living_will", "other"]]
        | UnsetType
    ) = UNSET
    """The kinds of directive"""
    seen: bool | UnsetType | None = UNSET
    """Whether the crew saw the document"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class DirectivesView(Model, kw_only=True):
    """Advance directives of the patient, and whether the crew saw the document."""

    status: str | None = None
    """Whether there are directives, or why none is known. One of: none_known, not_asked, present, unknown"""
    kinds: list[str] | None = None
    """The kinds of directive"""
    seen: bool | None = None
    """Whether the crew saw the document"""


class Disclosure(Model, kw_only=True):
    """One answer with identified data: the recipient, the purpose and its legal basis, and exactly which content."""

    id: str
    """The id"""
    encounter_id: str
    """The encounter that it belongs to"""
    identity: int
    """The number of the patient's identity that was sent"""
    version: int
    """The version of the record that was sent"""
    revision: int
    """Counts the writes of the record and its batches of observations until then"""
    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    destination_name: str
    """The name of the destination, as it is now"""
    client_id: str
    """The app that got the data"""
    actor: str | None
    """The person who used the app, if the token is a person's"""
    purpose: str
    """`TREAT`: the destination of the encounter; `BTG`: emergency access (v3-ActReason). One of: BTG, TREAT"""
    legal_basis: str
    """The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's
    consent. One of: consent, legal_obligation, provision_of_care, vital_interests
    """
    emergency_id: str | None
    """The id of the emergency access; null for the destination of the encounter"""
    emergency_reason: str | None
    """The reason of the emergency access; null for the destination of the encounter"""
    content: str
    """The representation: JSON, a FHIR document, a FHIR transaction, or a PDF; `outcome` for a reading of the outcome,
    `other_crew` where parts of this record were in the handover of another encounter of the same patient at the
    incident. One of: document, json, other_crew, outcome, pdf, transaction
    """
    sections: list[str]
    """The parts of the record, or of the outcome, that were sent"""
    language: str
    """The language of the texts that were sent. One of: en, it"""
    sha256: str
    """SHA-256 of the bytes that were sent, in hexadecimal"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""
    disclosed_at: datetime
    """When it was sent"""


class Disclosures(Model, kw_only=True):
    """A page of disclosures"""

    disclosures: list[Disclosure]
    """The disclosures of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Dispatch(Model, kw_only=True):
    """The category that the dispatch centre gave the call, by the scale that begins its name, and its MPDS
    determinant, such as `10D01`.
    """

    category: (
        Literal[
            "england_c1",
            "england_c1t",
            "england_c2",
            "england_c3",
            "england_c4",
            "italy_green",
            "italy_red",
            "italy_white",
            "italy_yellow",
            "mpds_alpha",
            "mpds_bravo",
            "mpds_charlie",
            "mpds_delta",
            "mpds_echo",
            "mpds_omega",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The category, by the scale that begins its name: `england`, `italy` or `mpds`"""
    determinant: str | UnsetType | None = UNSET
    """The MPDS determinant, such as `10D01`"""
    lights_and_sirens: bool | UnsetType | None = UNSET
    """Whether lights and sirens were used on the way"""


class DispatchView(Model, kw_only=True):
    """The category that the dispatch centre gave the call, by the scale that begins its name, and its MPDS
    determinant, such as `10D01`.
    """

    category: str | None = None
    """The category, by the scale that begins its name: `england`, `italy` or `mpds`. One of: england_c1, england_c1t,
    england_c2, england_c3, england_c4, italy_green, italy_red, italy_white, italy_yellow, mpds_alpha, mpds_bravo,
    mpds_charlie, mpds_delta, mpds_echo, mpds_omega
    """
    determinant: str | None = None
    """The MPDS determinant, such as `10D01`"""
    lights_and_sirens: bool | None = None
    """Whether lights and sirens were used on the way"""


class Disposition(Model, kw_only=True):
    """The end of the encounter. `destination` names a place and is in no de-identified answer.

    `expected_at` is the arrival that the crew announced to the destination.
    """

    outcome: (
        Literal[
            "cancelled",
            "care_transferred",
            "dead_on_scene",
            "no_patient_found",
            "no_treatment_needed",
            "refused",
            "transported",
            "treated_and_released",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The outcome"""
    destination: str | UnsetType | None = UNSET
    """The place's name. It is in no de-identified answer"""
    destination_type: (
        Literal["cath_lab", "emergency_department", "home", "other", "other_hospital", "stroke_unit", "trauma_centre"]
        | UnsetType
        | None
    ) = UNSET
    """The kind of place"""
    prealert: bool | UnsetType | None = UNSET
    """Whether the hospital was informed ahead"""
    prealert_at: datetime | UnsetType | None = UNSET
    """When the destination was alerted"""
    expected_at: datetime | UnsetType | None = UNSET
    """When the crew expects to arrive at the destination"""
    prealert_for: (
        Literal["arrest", "obstetric", "other", "paediatric", "sepsis", "stemi", "stroke", "trauma"] | UnsetType | None
    ) = UNSET
    """The reason of the pre-alert"""
    lights_and_sirens: bool | UnsetType | None = UNSET
    """Whether lights and sirens were used on the way"""
    child_restrained: bool | UnsetType | None = UNSET
    """Whether a child was carried in a restraint system for children, in this transport"""
    refused: list[Literal["assessment", "transport", "treatment"]] | UnsetType = UNSET
    """The parts of the care that the patient refused"""
    has_capacity: bool | UnsetType | None = UNSET
    """Whether the patient had the capacity to decide"""
    refusal_signed: bool | UnsetType | None = UNSET
    """Whether the patient signed the refusal"""
    refusal_signed_by: Literal["guardian", "patient", "witness"] | UnsetType | None = UNSET
    """The person who signed the refusal"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class DispositionView(Model, kw_only=True):
    """The end of the encounter. `destination` names a place and is in no de-identified answer.

    `expected_at` is the arrival that the crew announced to the destination.
    """

    outcome: str | None = None
    """The outcome. One of: cancelled, care_transferred, dead_on_scene, no_patient_found, no_treatment_needed, refused,
    transported, treated_and_released
    """
    destination_type: str | None = None
    """The kind of place. One of: cath_lab, emergency_department, home, other, other_hospital, stroke_unit,
    trauma_centre
    """
    prealert: bool | None = None
    """Whether the hospital was informed ahead"""
    prealert_at: datetime | None = None
    """When the destination was alerted"""
    expected_at: datetime | None = None
    """When the crew expects to arrive at the destination"""
    prealert_for: str | None = None
    """The reason of the pre-alert. One of: arrest, obstetric, other, paediatric, sepsis, stemi, stroke, trauma"""
    lights_and_sirens: bool | None = None
    """Whether lights and sirens were used on the way"""
    child_restrained: bool | None = None
    """Whether a child was carried in a restraint system for children, in this transport"""
    refused: list[str] | None = None
    """The parts of the care that the patient refused"""
    has_capacity: bool | None = None
    """Whether the patient had the capacity to decide"""
    refusal_signed: bool | None = None
    """Whether the patient signed the refusal"""
    refusal_signed_by: str | None = None
    """The person who signed the refusal. One of: guardian, patient, witness"""


class Dose(Model, kw_only=True):
    """An amount with its unit"""

    value: float
    """The value"""
    unit: str
    """The UCUM unit; the catalogue of units lists those accepted. One of: L, L/min, [iU], [iU]/h, [iU]/kg, [iU]/kg/h,
    [iU]/min, g, g/h, g/kg, mL, mL/h, mL/kg, mL/kg/h, mL/min, m[iU]/min, meq, meq/h, mg, mg/h, mg/kg, mg/kg/h,
    mg/kg/min, mg/min, mmol, mmol/h, mmol/kg, ng, ng/kg/min, ug, ug/h, ug/kg, ug/kg/h, ug/kg/min, ug/min, {drop},
    {puff}, {tablet}
    """


class Drug(Model, kw_only=True):
    """RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as
    `display`.
    """

    system: (
        Literal["http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc", "http://snomed.info/sct"]
        | UnsetType
        | None
    ) = UNSET
    """The code system's URI or short name"""
    code: str | UnsetType | None = UNSET
    """The code within the code system"""
    display: str | UnsetType | None = UNSET
    """The code's name, or the crew's words for a drug or substance without a code"""


class Emergency(Model, kw_only=True):
    """Emergency access: `GET …/handover` answers until `until`."""

    id: str
    """The id"""
    encounter_id: str
    """The encounter that it belongs to"""
    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    opened_at: datetime
    """When the emergency access was opened"""
    until: datetime
    """The end of the emergency access, exclusive"""


class EmergencyDepartment(Model, kw_only=True):
    """NEMSIS eOutcome.01, .10, .18."""

    arrived_at: datetime | UnsetType | None = UNSET
    """When the patient arrived in the emergency department"""
    left_at: datetime | UnsetType | None = UNSET
    """When the patient left the emergency department"""
    disposition: str | UnsetType | None = UNSET
    """Where the patient went from the emergency department"""
    diagnoses: list[Impression] | UnsetType = UNSET
    """The diagnoses: ICD-10 or SNOMED CT"""
    trauma_team: str | UnsetType | None = UNSET
    """Whether a trauma team was activated"""


class EmergencyDraft(Model, kw_only=True):
    """Emergency access to an encounter that is bound for another destination, or for none."""

    destination_id: str
    """The destination of your app that needs the record"""
    reason: Literal["destination_missing", "life_threatening", "patient_present", "patient_transferred"]
    """Why the record is needed: the patient is there, or was transferred, the state threatens life, or the encounter
    has no destination
    """
    explanation: str
    """For the service's administrator; kept encrypted"""


class EmergencyReview(Model, kw_only=True):
    """Emergency access, as an administrator reviews it: the app, its person, the reason and its explanation."""

    id: str
    """The id"""
    encounter_id: str
    """The encounter that it belongs to"""
    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    opened_at: datetime
    """When the emergency access was opened"""
    until: datetime
    """The end of the emergency access, exclusive"""
    client_id: str
    """The app that reads"""
    actor: str | None
    """The person who used the app; null for an app by itself"""
    reason: str
    """Why the record is needed: the patient is there, or was transferred, the state threatens life, or the encounter
    has no destination
    """
    explanation: str
    """The explanation of the person who opened it"""


class EmergencyReviews(Model, kw_only=True):
    """A page of emergency accesses"""

    emergencies: list[EmergencyReview]
    """The emergency accesses of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class EncounterDestination(Model, kw_only=True):
    """The destination of an encounter. Its app may read who the patient is from `named_at` until `readable_until`."""

    encounter_id: str
    """The encounter that it belongs to"""
    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    name: str
    """The name, for people"""
    code: str
    """The official code of the place"""
    code_system: str
    """The URI of the register that gives the code"""
    type: str
    """The type of the place. One of: cath_lab, emergency_department, other, other_hospital, stroke_unit, trauma_centre
    """
    named_at: datetime
    """When the encounter was bound for the destination"""
    readable_until: datetime
    """Moves to later when the encounter ends; a change of the destination ends the reading at once"""


class EncounterDraft(Model, kw_only=True):
    """A new encounter: the first four fields are the minimum, the rest may come now or later."""

    care_model: Literal[
        "community_paramedicine",
        "event_medical",
        "interfacility_transfer",
        "non_emergency_transport",
        "prehospital_emergency",
    ]
    """The kind of care"""
    vehicle_id: str
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    crew_ids: list[str]
    """Ids of the crew, as the caller names them"""
    cad_incident_id: str
    """The incident, as the dispatch system names it"""
    patient_number: int | UnsetType = UNSET
    """The patient's number among those of the incident and vehicle, from 1"""
    status: Literal["in_progress"] | UnsetType = UNSET
    """An encounter begins `in_progress`"""
    crew: list[CrewMember] | UnsetType = UNSET
    """The members of the crew, with role and qualification"""
    secondary_impressions: list[Impression] | UnsetType = UNSET
    """Further suspected diagnoses: ICD-10 or SNOMED CT"""
    vital_signs: list[VitalSigns] | UnsetType = UNSET
    """Sets of vital signs, in the order of their times"""
    procedures: list[Procedure] | UnsetType = UNSET
    """Procedures, SNOMED CT"""
    medications: list[Medication] | UnsetType = UNSET
    """Medications: RxNorm, ATC or SNOMED CT"""
    airway_attempts: list[AirwayAttempt] | UnsetType = UNSET
    """Attempts at an advanced airway"""
    pupils: list[Pupils] | UnsetType = UNSET
    """Examinations of the pupils"""
    examinations: list[Examination] | UnsetType = UNSET
    """Findings by region of the body"""
    allergies: list[Allergy] | UnsetType = UNSET
    """Allergies and intolerances"""
    past_conditions: list[PastCondition] | UnsetType = UNSET
    """Illnesses and operations before this encounter"""
    current_medicines: list[CurrentMedicine] | UnsetType = UNSET
    """Medicines that the patient takes, or no longer takes, at home"""
    apgar: list[Apgar] | UnsetType = UNSET
    """The Apgar scores of a newborn patient"""
    patient: Patient | UnsetType | None = UNSET
    """The patient"""
    times: Times | UnsetType | None = UNSET
    """The times of the mission"""
    dispatch: Dispatch | UnsetType | None = UNSET
    """The category that the dispatch centre gave the call"""
    complaint: Complaint | UnsetType | None = UNSET
    """The chief complaint"""
    triage: Triage | UnsetType | None = UNSET
    """The acuity that the crew found first and last"""
    inquiries: Inquiries | UnsetType | None = UNSET
    """Why lists of the history are empty"""
    weight: Weight | UnsetType | None = UNSET
    """The body weight"""
    pregnancy: Pregnancy | UnsetType | None = UNSET
    """The pregnancy, or why none is known"""
    directives: Directives | UnsetType | None = UNSET
    """Advance directives of the patient"""
    injury: Injury | UnsetType | None = UNSET
    """The injury, and the criteria of field triage"""
    primary_impression: Impression | UnsetType | None = UNSET
    """The main suspected diagnosis: ICD-10 or SNOMED CT"""
    arrest: Arrest | UnsetType | None = UNSET
    """The cardiac arrest, if there was one"""
    cpr: Cpr | UnsetType | None = UNSET
    """The quality of the chest compressions"""
    stroke: Stroke | UnsetType | None = UNSET
    """The assessment for stroke"""
    disposition: Disposition | UnsetType | None = UNSET
    """The end of the encounter"""
    narrative: str | UnsetType | None = UNSET
    """The crew's account. It is encrypted, and in no de-identified answer"""


class EncounterList(Model, kw_only=True):
    """Newest first; where times are moved, in no order that means anything."""

    encounters: list[EncounterSummary]
    """The encounters of this page"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class EncounterSummary(Model, kw_only=True):
    """An encounter in a list. Where times are moved, `created_at` and `updated_at` are cut to the day, others to the
    minute.
    """

    id: str
    """Where times are moved, an id of your app's own, and the only one that is taken"""
    organization_id: str
    """The id of the organisation that owns the encounter"""
    care_model: str
    """The kind of care. One of: community_paramedicine, event_medical, interfacility_transfer,
    non_emergency_transport, prehospital_emergency
    """
    status: str
    """The status of the encounter. One of: cancelled, completed, handed_over, in_progress"""
    vehicle_id: str | None = None
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    cad_incident_id: str | None = None
    """The incident, as the dispatch system names it"""
    patient_number: int
    """The patient's number among those of the incident and vehicle, from 1"""
    version: int
    """Grows with each change of the record"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""


class EncounterView(Model, kw_only=True):
    """The de-identified record: no name, full birth date, address, phone number, next of kin or free text. An empty
    field is absent.
    """

    id: str
    """Where times are moved, an id of your app's own, and the only one that is taken"""
    organization_id: str
    """The id of the organisation that owns the encounter"""
    care_model: str
    """The kind of care. One of: community_paramedicine, event_medical, interfacility_transfer,
    non_emergency_transport, prehospital_emergency
    """
    status: str
    """`in_progress` until the crew completes it. One of: cancelled, completed, handed_over, in_progress"""
    vehicle_id: str | None = None
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    cad_incident_id: str | None = None
    """The incident, as the dispatch system names it"""
    patient_number: int
    """The patient's number among those of the incident and vehicle, from 1"""
    version: int
    """Grows with each change of the record"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    test: bool
    """Whether it is a demonstration or of a sandbox"""
    identity: int
    """Grows when the identity of the patient is corrected: data read under a lower number has the identity of another
    patient
    """
    patient: PatientView | None = None
    times: TimesView | None = None
    dispatch: DispatchView | None = None
    complaint: ComplaintView | None = None
    triage: TriageView | None = None
    inquiries: InquiriesView | None = None
    weight: WeightView | None = None
    pregnancy: PregnancyView | None = None
    """The pregnancy, or why none is known"""
    directives: DirectivesView | None = None
    injury: InjuryView | None = None
    primary_impression: PrimaryImpressionView | None = None
    arrest: ArrestView | None = None
    cpr: CprView | None = None
    stroke: StrokeView | None = None
    disposition: DispositionView | None = None
    crew: list[CrewView] | None = None
    """The members of the crew, with role and qualification"""
    secondary_impressions: list[SecondaryImpressionsView] | None = None
    """Further suspected diagnoses: ICD-10 or SNOMED CT"""
    vital_signs: list[VitalSignsView] | None = None
    """Sets of vital signs, in the order of their times"""
    procedures: list[ProceduresView] | None = None
    """Procedures, SNOMED CT"""
    medications: list[MedicationsView] | None = None
    """Medications: RxNorm, ATC or SNOMED CT"""
    airway_attempts: list[AirwayAttemptsView] | None = None
    """Attempts at an advanced airway"""
    pupils: list[PupilsView] | None = None
    """Examinations of the pupils"""
    examinations: list[ExaminationsView] | None = None
    """Findings by region of the body"""
    allergies: list[AllergiesView] | None = None
    """Allergies and intolerances"""
    past_conditions: list[PastConditionsView] | None = None
    """Illnesses and operations before this encounter"""
    current_medicines: list[CurrentMedicinesView] | None = None
    """Medicines that the patient takes, or no longer takes, at home"""
    apgar: list[ApgarView] | None = None
    """The Apgar scores of a newborn patient"""


class EndTidalCO2(Model, kw_only=True):
    """End-tidal CO2 with its unit: `mm[Hg]`, `kPa` or `%`"""

    value: float
    """The value"""
    unit: str
    """The UCUM unit. One of: mm[Hg], kPa, %"""


class Examination(Model, kw_only=True):
    """The finding of one region of the body, with SNOMED CT findings, and the depth of its deepest burn."""

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    examined_at: datetime
    """When it was examined"""
    region: Literal[
        "abdomen",
        "back",
        "chest",
        "ears_nose_throat",
        "eyes",
        "face",
        "head",
        "heart",
        "left_arm",
        "left_leg",
        "lungs",
        "mental_status",
        "neck",
        "neurological",
        "pelvis",
        "right_arm",
        "right_leg",
        "skin",
    ]
    """The region of the body"""
    result: Literal["abnormal", "normal", "not_assessable"]
    """Normal, abnormal, or not assessable"""
    findings: list[Clinical] | UnsetType = UNSET
    """The findings, SNOMED CT"""
    burn_depth: Literal["deep_partial", "full_thickness", "superficial", "superficial_partial"] | UnsetType | None = (
        UNSET
    )
    """The depth of the deepest burn of the region"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class ExaminationsFindingsView(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class ExaminationsView(Model, kw_only=True):
    """The finding of one region of the body, with SNOMED CT findings, and the depth of its deepest burn."""

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    examined_at: datetime | None = None
    """When it was examined"""
    region: str | None = None
    """The region of the body. One of: abdomen, back, chest, ears_nose_throat, eyes, face, head, heart, left_arm,
    left_leg, lungs, mental_status, neck, neurological, pelvis, right_arm, right_leg, skin
    """
    result: str | None = None
    """Normal, abnormal, or not assessable. One of: abnormal, normal, not_assessable"""
    findings: list[ExaminationsFindingsView] | None = None
    """The findings, SNOMED CT"""
    burn_depth: str | None = None
    """The depth of the deepest burn of the region. One of: deep_partial, full_thickness, superficial,
    superficial_partial
    """


class FhirCondition(Model, kw_only=True):
    """A diagnosis of the encounter that it refers to; without a reference, of the stay if there is one.

    One that is confirmed, or has no `verificationStatus`, is reported. One that is `unconfirmed`, `provisional`,
    `differential`, `refuted`
    or `entered-in-error` is left out, because a diagnosis of an outcome is a fact; another status is refused.
    """

    resourceType: Literal["Condition"] = "Condition"
    """The type of the FHIR resource"""
    code: Concept
    verificationStatus: Concept | UnsetType | None = UNSET
    """`refuted` or `entered-in-error`: the diagnosis is not read"""
    encounter: Reference | UnsetType | None = UNSET
    """The Encounter of the Bundle that it belongs to"""
    modifierExtension: list[dict[str, Any]] | UnsetType = UNSET
    """Refused unless it is empty"""
    implicitRules: str | UnsetType = UNSET
    """Refused unless it is empty"""
    subject: Reference | UnsetType | None = UNSET
    """The patient: the same one in all resources"""


class FhirEncounter(Model, kw_only=True):
    """Class `EMER` is the emergency department, `IMP`, `ACUTE` and `NONAC` are the stay. The first identifier is the
    visit number.

    An identifier of the Encounter in the handover says whom the report is about; it is no visit number.
    One that is planned, cancelled or entered in error reports nothing.
    """

    resourceType: Literal["Encounter"] = "Encounter"
    """The type of the FHIR resource"""
    class_: Coding = field(name="class")
    """The class (v3-ActCode): `EMER`, `IMP`, `ACUTE` or `NONAC`"""
    id: str | UnsetType = UNSET
    """The id"""
    status: (
        Literal[
            "arrived",
            "cancelled",
            "entered-in-error",
            "finished",
            "in-progress",
            "onleave",
            "planned",
            "triaged",
            "unknown",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The state"""
    identifier: list[Identifier] | UnsetType = UNSET
    """The hospital's identifiers; the first is the visit number"""
    period: Period | UnsetType | None = UNSET
    """Arrival and departure, or admission and discharge"""
    hospitalization: Hospitalization | UnsetType | None = UNSET
    """The end of the stay"""
    modifierExtension: list[dict[str, Any]] | UnsetType = UNSET
    """Refused unless it is empty"""
    implicitRules: str | UnsetType = UNSET
    """Refused unless it is empty"""
    subject: Reference | UnsetType | None = UNSET
    """The patient: the same one in all resources"""


class FhirEntry(Model, kw_only=True):
    """A resource of the Bundle, with the URL by which others refer to it"""

    resource: Resource
    fullUrl: str | UnsetType = UNSET
    """The URL by which other resources of the Bundle refer to it, such as `urn:uuid:…`"""


class FhirObservation(Model, kw_only=True):
    """The modified Rankin Scale (LOINC 75859-9) or, of our own code system, `cpc`, `survived-to-discharge` and
    `alive-at-30-days`.
    """

    resourceType: Literal["Observation"] = "Observation"
    """The type of the FHIR resource"""
    status: Literal["amended", "corrected", "entered-in-error", "final", "preliminary"]
    """The status of the resource (FHIR R4)"""
    code: Concept
    effectiveDateTime: datetime | UnsetType | None = UNSET
    """When it was assessed"""
    valueInteger: int | UnsetType | None = UNSET
    """The score"""
    valueQuantity: Quantity | UnsetType | None = UNSET
    """The score, as a quantity"""
    valueBoolean: bool | UnsetType | None = UNSET
    """The answer"""
    dataAbsentReason: Concept | UnsetType | None = UNSET
    """Why there is no value: the answer is `unknown`"""
    modifierExtension: list[dict[str, Any]] | UnsetType = UNSET
    """Refused unless it is empty"""
    implicitRules: str | UnsetType = UNSET
    """Refused unless it is empty"""
    subject: Reference | UnsetType | None = UNSET
    """The patient: the same one in all resources"""


class FhirPatient(Model, kw_only=True):
    """Only the death is read. Without a time it is refused, unless another resource says that the patient died. There
    is one.
    """

    resourceType: Literal["Patient"] = "Patient"
    """The type of the FHIR resource"""
    id: str | UnsetType = UNSET
    """The id"""
    deceasedDateTime: datetime | UnsetType | None = UNSET
    """When the patient died"""
    deceasedBoolean: bool | UnsetType | None = UNSET
    """Whether the patient is dead"""
    modifierExtension: list[dict[str, Any]] | UnsetType = UNSET
    """Refused unless it is empty"""
    implicitRules: str | UnsetType = UNSET
    """Refused unless it is empty"""
    subject: Reference | UnsetType | None = UNSET
    """The patient: the same one in all resources"""


class FhirProcedure(Model, kw_only=True):
    """A procedure in hospital. One whose `status` is neither `completed` nor `in-progress` is not read"""

    resourceType: Literal["Procedure"] = "Procedure"
    """The type of the FHIR resource"""
    status: Literal["completed", "entered-in-error", "in-progress", "not-done", "stopped", "unknown"]
    """The status of the resource (FHIR R4)"""
    code: Concept
    performedDateTime: datetime | UnsetType | None = UNSET
    """When it was done"""
    performedPeriod: Period | UnsetType | None = UNSET
    """When it began and ended; its end is read beside `performedDateTime` too"""
    modifierExtension: list[dict[str, Any]] | UnsetType = UNSET
    """Refused unless it is empty"""
    implicitRules: str | UnsetType = UNSET
    """Refused unless it is empty"""
    subject: Reference | UnsetType | None = UNSET
    """The patient: the same one in all resources"""


class Glucose(Model, kw_only=True):
    """Blood glucose with its unit: `mg/dL` or `mmol/L`"""

    value: float
    """The value"""
    unit: str
    """The UCUM unit. One of: mmol/L, mg/dL"""


class HospitalProcedure(Model, kw_only=True):
    """A key intervention. `code` is its SNOMED CT code, if the hospital has one."""

    kind: str
    """The kind of intervention. One of: blood_transfusion, coronary_angiography, coronary_bypass, ct_or_mri, ecmo,
    intubation, other, pacemaker_or_icd, pci, surgery, temperature_control, thrombectomy, thrombolysis, ventilation
    """
    code: Clinical | UnsetType | None = UNSET
    """The SNOMED CT code, if the hospital has one"""
    performed_at: datetime | UnsetType | None = UNSET
    """When it was done"""
    ended_at: datetime | UnsetType | None = UNSET
    """When it ended; null while it lasts"""


class HospitalStay(Model, kw_only=True):
    """NEMSIS eOutcome.02, .11, .13, .16."""

    admitted_at: datetime | UnsetType | None = UNSET
    """When the patient was admitted"""
    discharged_at: datetime | UnsetType | None = UNSET
    """When the patient was discharged"""
    disposition: str | UnsetType | None = UNSET
    """The end of the stay, or `still_admitted`"""
    diagnoses: list[Impression] | UnsetType = UNSET
    """The diagnoses: ICD-10 or SNOMED CT"""
    intensive_care_days: int | UnsetType | None = UNSET
    """Days in intensive care"""
    ventilator_days: int | UnsetType | None = UNSET
    """Days on a ventilator"""
    injury_severity_score: int | UnsetType | None = UNSET
    """The Injury Severity Score, 0 to 75"""


class Hospitalization(Model, kw_only=True):
    """The end of a stay in hospital or in the emergency department"""

    dischargeDisposition: Concept | UnsetType | None = UNSET
    """Where the patient went: a code of HL7's discharge-disposition, or a word of the outcome"""


class Identifier(Model, kw_only=True):
    """An identifier (FHIR `Identifier`): the hospital's visit number, or that of the handover's Encounter"""

    system: str | UnsetType = UNSET
    """The issuer of the number, as a URI. That of the handover's Encounter says whom the report is about"""
    value: str | UnsetType = UNSET
    """The number"""


class Illness(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT; for an illness whose code the crew does not know,
    their words alone,
    as `display`.
    """

    system: (
        Literal["http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"]
        | UnsetType
        | None
    ) = UNSET
    """The code system's URI or short name"""
    code: str | UnsetType | None = UNSET
    """A code of ICD-10, such as `I21.9`, or of SNOMED CT"""
    display: str | UnsetType | None = UNSET
    """The code's name, or the crew's words for an illness without a code"""


class Impression(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT."""

    system: str
    """The code system's URI or short name. One of: http://hl7.org/fhir/sid/icd-10, http://hl7.org/fhir/sid/icd-10-cm,
    http://snomed.info/sct
    """
    code: str
    """A code of ICD-10, such as `I21.9`, or of SNOMED CT"""
    display: str | UnsetType | None = UNSET
    """The code's name, for people"""


class Injury(Model, kw_only=True):
    """How the patient was injured, and the criteria of field triage (ACS 2021) that the crew found.

    `burned_surface` is the burned part of the whole body surface; superficial burns (erythema) do not count.
    `comment` has the mechanism in
    words, where none of the list fits.
    """

    injured_at: datetime | UnsetType | None = UNSET
    """When the patient was injured"""
    mechanism: (
        Literal[
            "bite_or_sting",
            "blast",
            "blunt_force",
            "burn",
            "car_occupant",
            "crush",
            "cyclist",
            "drowning",
            "electrocution",
            "fall_from_height",
            "fall_same_level",
            "gunshot",
            "hanging",
            "motorcyclist",
            "other",
            "pedestrian",
            "stabbing",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The mechanism of the injury"""
    intent: Literal["assault", "self_harm", "undetermined", "unintentional"] | UnsetType | None = UNSET
    """Whether the injury was intended, and by whom"""
    fall_m: float | UnsetType | None = UNSET
    """The height of the fall, `m`"""
    entrapped: bool | UnsetType | None = UNSET
    """Whether the patient was trapped"""
    burned_surface: float | UnsetType | None = UNSET
    """The burned part of the body surface without superficial burns, `%`"""
    criteria: (
        list[
            Literal[
                "active_bleeding",
                "amputation",
                "anticoagulants",
                "burns_with_trauma",
                "chest_wall_instability",
                "child_unrestrained",
                "crushed_extremity",
                "death_in_compartment",
                "ejection",
                "fall_over_3_m",
                "intrusion",
                "low_pressure",
                "no_motor_response",
                "pelvic_fracture",
                "penetrating_injury",
                "respiratory_distress",
                "skull_deformity",
                "spinal_injury",
                "thrown_from_vehicle",
                "two_long_bone_fractures",
            ]
        ]
        | UnsetType
    ) = UNSET
    """The criteria of field triage (ACS 2021) that the crew found"""
    protection: (
        list[Literal["airbag_deployed", "child_restraint", "helmet", "no_protection", "seat_belt"]] | UnsetType
    ) = UNSET
    """Belts, helmets and other protection"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class InjuryView(Model, kw_only=True):
    """How the patient was injured, and the criteria of field triage (ACS 2021) that the crew found.

    `burned_surface` is the burned part of the whole body surface; superficial burns (erythema) do not count.
    `comment` has the mechanism in
    words, where none of the list fits.
    """

    injured_at: datetime | None = None
    """When the patient was injured"""
    mechanism: str | None = None
    """The mechanism of the injury. One of: bite_or_sting, blast, blunt_force, burn, car_occupant, crush, cyclist,
    drowning, electrocution, fall_from_height, fall_same_level, gunshot, hanging, motorcyclist, other, pedestrian,
    stabbing
    """
    intent: str | None = None
    """Whether the injury was intended, and by whom. One of: assault, self_harm, undetermined, unintentional"""
    fall_m: float | None = None
    """The height of the fall, `m`"""
    entrapped: bool | None = None
    """Whether the patient was trapped"""
    burned_surface: float | None = None
    """The burned part of the body surface without superficial burns, `%`"""
    criteria: list[str] | None = None
    """The criteria of field triage (ACS 2021) that the crew found"""
    protection: list[str] | None = None
    """Belts, helmets and other protection"""


class Inquiries(Model, kw_only=True):
    """Why lists of the history are empty. "Nothing known" is an answer; "not asked" and "unknown" are not.

    An entry whose words are such an answer, as "none" or "NKDA", is refused.
    """

    allergies: Literal["nil_known", "not_asked", "unknown"] | UnsetType | None = UNSET
    """Why the list of allergies is empty: none known, not asked, or unknown"""
    past_conditions: Literal["nil_known", "not_asked", "unknown"] | UnsetType | None = UNSET
    """Why the list of past conditions is empty: none known, not asked, or unknown"""
    current_medicines: Literal["nil_known", "not_asked", "unknown"] | UnsetType | None = UNSET
    """Why the list of current medicines is empty: none known, not asked, or unknown"""


class InquiriesView(Model, kw_only=True):
    """Why lists of the history are empty. "Nothing known" is an answer; "not asked" and "unknown" are not.

    An entry whose words are such an answer, as "none" or "NKDA", is refused.
    """

    allergies: str | None = None
    """Why the list of allergies is empty: none known, not asked, or unknown. One of: nil_known, not_asked, unknown"""
    past_conditions: str | None = None
    """Why the list of past conditions is empty: none known, not asked, or unknown. One of: nil_known, not_asked,
    unknown
    """
    current_medicines: str | None = None
    """Why the list of current medicines is empty: none known, not asked, or unknown. One of: nil_known, not_asked,
    unknown
    """


class Mass(Model, kw_only=True):
    """Body weight with its unit: `kg`, `g` or `[lb_av]`"""

    value: float
    """The value"""
    unit: str
    """The UCUM unit. One of: kg, g, [lb_av]"""


class Medication(Model, kw_only=True):
    """A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose
    a rate.

    `unit_number` is the donation number on a bag of blood, `lot_number` the batch of a drug or plasma product. A
    de-identified answer has
    neither, and no `medication` where the crew knew it in words alone.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    given_at: datetime
    """When it was given"""
    medication: Drug
    dose: Dose | UnsetType | None = UNSET
    """The dose; a unit per time makes it a rate"""
    route: Clinical | UnsetType | None = UNSET
    """The route, SNOMED CT"""
    response: Literal["improved", "unchanged", "worse"] | UnsetType | None = UNSET
    """The patient's response to the drug"""
    unit_number: str | UnsetType | None = UNSET
    """The donation number on a bag of blood"""
    lot_number: str | UnsetType | None = UNSET
    """The batch of a drug or blood product"""
    not_done: Literal["contraindicated", "not_indicated", "refused", "unable"] | UnsetType | None = UNSET
    """Why it was not done; absent if it was"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class MedicationsMedicationView(Model, kw_only=True):
    """RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as
    `display`.
    """

    system: str | None = None
    """The code system's URI or short name. One of: http://www.nlm.nih.gov/research/umls/rxnorm,
    http://www.whocc.no/atc, http://snomed.info/sct
    """
    code: str | None = None
    """The code within the code system"""


class MedicationsRouteView(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class MedicationsView(Model, kw_only=True):
    """A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose
    a rate.

    `unit_number` is the donation number on a bag of blood, `lot_number` the batch of a drug or plasma product. A
    de-identified answer has
    neither, and no `medication` where the crew knew it in words alone.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    given_at: datetime | None = None
    """When it was given"""
    medication: MedicationsMedicationView | None = None
    dose: Dose | None = None
    route: MedicationsRouteView | None = None
    response: str | None = None
    """The patient's response to the drug. One of: improved, unchanged, worse"""
    not_done: str | None = None
    """Why it was not done; absent if it was. One of: contraindicated, not_indicated, refused, unable"""


class Name(Model, kw_only=True):
    """A person's name: in parts, or as one text"""

    family: str | UnsetType | None = UNSET
    """The family name"""
    given: list[str] | UnsetType = UNSET
    """The given names"""
    text: str | UnsetType | None = UNSET
    """The whole name as one text"""


class Neurology(Model, kw_only=True):
    """Cerebral Performance Category 1 to 5 and modified Rankin Scale 0 to 6; 5 and 6 are death."""

    cpc: int | str | UnsetType | None = UNSET
    """Cerebral Performance Category, from 1 (good) to 5"""
    mrs: int | str | UnsetType | None = UNSET
    """Modified Rankin Scale, from 0 (no symptoms) to 6 (dead), or `unknown`"""
    assessed_at: datetime | UnsetType | None = UNSET
    """When it was assessed"""
    method: str | UnsetType | None = UNSET
    """How the scores were found"""


class NextOfKin(Model, kw_only=True):
    """A relative to inform"""

    name: str
    """The relative's name"""
    relationship: str | UnsetType | None = UNSET
    """The relation to the patient, such as `daughter`"""
    phones: list[str] | UnsetType = UNSET
    """Phone numbers. They are in no de-identified answer"""
    address: Address | UnsetType | None = UNSET
    """The address. It is in no de-identified answer"""


class Outcome(Model, kw_only=True):
    """A version of the outcome. `identity` is that of the patient then: after a correction an outcome of another
    patient does not count.
    """

    encounter_id: str
    """The encounter that it belongs to"""
    version: int
    """Grows with each report"""
    identity: int
    """The number of the patient's identity when the outcome was reported"""
    destination_id: str
    """The destination's id, such as `dst_01jdk…`"""
    client_id: str
    """The app that reported it"""
    recorded_at: datetime
    """When the platform stored it"""
    outcome: OutcomeDraft


class OutcomeBundle(Model, kw_only=True):
    """A FHIR R4 Bundle of Encounter, Condition, Procedure, Observation and Patient. Another resource is refused."""

    resourceType: Literal["Bundle"] = "Bundle"
    """The type of the FHIR resource"""
    type: Literal["batch", "collection", "document", "transaction"]
    """The type of the Bundle"""
    entry: list[FhirEntry]
    """The resources, 1 to 200"""


class OutcomeDraft(Model, kw_only=True):
    """The whole outcome as it is known now. `visit_number` is the hospital's; `reported_by` the person responsible.
    Both are encrypted.
    """

    visit_number: str | UnsetType | None = UNSET
    """The hospital's number of the visit. It is encrypted"""
    emergency_department: EmergencyDepartment | UnsetType | None = UNSET
    """The time in the emergency department"""
    stay: HospitalStay | UnsetType | None = UNSET
    """The stay in hospital"""
    procedures: list[HospitalProcedure] | UnsetType = UNSET
    """Key interventions in hospital"""
    survival: Survival | UnsetType | None = UNSET
    """Whether the patient survived"""
    neurology: Neurology | UnsetType | None = UNSET
    """The neurological outcome"""
    reported_by: str | UnsetType | None = UNSET
    """The person responsible for the report. It is encrypted"""


class PastCondition(Model, kw_only=True):
    """An illness or operation before this encounter. A de-identified answer has no `condition` where the crew knew it
    in words alone.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    condition: Illness
    state: Literal["active", "inactive", "resolved"] | UnsetType | None = UNSET
    """Whether the condition is active, inactive or resolved"""
    informant: (
        Literal["bystander", "caregiver", "family", "health_professional", "patient", "records"] | UnsetType | None
    ) = UNSET
    """The person or record that it comes from"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class PastConditionsConditionView(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT; for an illness whose code the crew does not know,
    their words alone,
    as `display`.
    """

    system: str | None = None
    """The code system's URI or short name. One of: http://hl7.org/fhir/sid/icd-10, http://hl7.org/fhir/sid/icd-10-cm,
    http://snomed.info/sct
    """
    code: str | None = None
    """A code of ICD-10, such as `I21.9`, or of SNOMED CT"""


class PastConditionsView(Model, kw_only=True):
    """An illness or operation before this encounter. A de-identified answer has no `condition` where the crew knew it
    in words alone.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    condition: PastConditionsConditionView | None = None
    state: str | None = None
    """Whether the condition is active, inactive or resolved. One of: active, inactive, resolved"""
    informant: str | None = None
    """The person or record that it comes from. One of: bystander, caregiver, family, health_professional, patient,
    records
    """


class Patient(Model, kw_only=True):
    """Encrypted at rest; a de-identified answer has only sex, birth year or age, and country.

    `age_years` is for patients without a known birth date.
    """

    name: Name | UnsetType | None = UNSET
    """The patient's name. It is in no de-identified answer"""
    birth_date: str | UnsetType | None = UNSET
    """The date of birth, YYYY-MM-DD"""
    age_years: int | UnsetType | None = UNSET
    """The age in years"""
    sex: Literal["female", "male", "other", "unknown"] | UnsetType | None = UNSET
    """The sex"""
    identifiers: list[PatientIdentifier] | UnsetType = UNSET
    """National or local numbers of the patient"""
    address: Address | UnsetType | None = UNSET
    """The address. It is in no de-identified answer"""
    phones: list[str] | UnsetType = UNSET
    """Phone numbers. They are in no de-identified answer"""
    email: str | UnsetType | None = UNSET
    """The e-mail address. It is in no de-identified answer"""
    next_of_kin: list[NextOfKin] | UnsetType = UNSET
    """Relatives to inform. They are in no de-identified answer"""


class PatientIdentifier(Model, kw_only=True):
    """A national or local number. `system` names its issuer, as a URI or a short name."""

    system: str
    """The issuer of the number, as a URI or a short name"""
    value: str
    """The number"""


class PatientView(Model, kw_only=True):
    """All that is shown of a patient. Above 89 years no birth year is shown, and the age is 90."""

    id: str
    """Stable for your app's pseudonym domain, and of no use outside it"""
    sex: str | None = None
    """The sex. One of: female, male, other, unknown"""
    birth_year: int | None = None
    """The year of birth"""
    age_years: int | None = None
    """The age in years"""
    country: str | None = None
    """The country, ISO 3166-1 alpha-2, such as `IT`"""


class Period(Model, kw_only=True):
    """A period of time (FHIR `Period`)"""

    start: datetime | UnsetType | None = UNSET
    """The beginning of the period"""
    end: datetime | UnsetType | None = UNSET
    """The end of the period"""


class Pregnancy(Model, kw_only=True):
    """The pregnancy, or why none is known"""

    status: Literal["not_asked", "not_pregnant", "possible", "pregnant", "unknown"] | UnsetType | None = UNSET
    """Whether the patient is pregnant, or why it is not known"""
    gestation_weeks: int | UnsetType | None = UNSET
    """Completed weeks of gestation"""
    gravida: int | UnsetType | None = UNSET
    """How many pregnancies the patient had, with this one"""
    para: int | UnsetType | None = UNSET
    """How many pregnancies ended in a birth at or beyond viability"""
    waters_broken: bool | UnsetType | None = UNSET
    """Whether the waters have broken"""
    contractions: bool | UnsetType | None = UNSET
    """Whether there are contractions"""
    birth_imminent: bool | UnsetType | None = UNSET
    """Whether the birth is imminent"""
    born_at: datetime | UnsetType | None = UNSET
    """When the child was born"""


class PregnancyView(Model, kw_only=True):
    """The pregnancy, or why none is known"""

    status: str | None = None
    """Whether the patient is pregnant, or why it is not known. One of: not_asked, not_pregnant, possible, pregnant,
    unknown
    """
    gestation_weeks: int | None = None
    """Completed weeks of gestation"""
    gravida: int | None = None
    """How many pregnancies the patient had, with this one"""
    para: int | None = None
    """How many pregnancies ended in a birth at or beyond viability"""
    waters_broken: bool | None = None
    """Whether the waters have broken"""
    contractions: bool | None = None
    """Whether there are contractions"""
    birth_imminent: bool | None = None
    """Whether the birth is imminent"""


class PrimaryImpressionView(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT."""

    system: str | None = None
    """The code system's URI or short name. One of: http://hl7.org/fhir/sid/icd-10, http://hl7.org/fhir/sid/icd-10-cm,
    http://snomed.info/sct
    """
    code: str | None = None
    """A code of ICD-10, such as `I21.9`, or of SNOMED CT"""


class Procedure(Model, kw_only=True):
    """A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding.

    `comment` has the interpretation of an ECG. A transfusion has the numbers on the bag: see Medication. A
    de-identified answer has none.
    """

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    performed_at: datetime
    """When it was done"""
    ended_at: datetime | UnsetType | None = UNSET
    """When it ended"""
    procedure: Clinical
    body_site: Clinical | UnsetType | None = UNSET
    """The site on the body, SNOMED CT"""
    attempts: int | UnsetType | None = UNSET
    """How many attempts it took"""
    outcome: Literal["partially_successful", "successful", "unsuccessful"] | UnsetType | None = UNSET
    """The outcome"""
    not_done: Literal["contraindicated", "not_indicated", "refused", "unable"] | UnsetType | None = UNSET
    """Why it was not done; absent if it was"""
    finding: Literal["no_stemi", "stemi"] | UnsetType | None = UNSET
    """The finding of an ECG"""
    tracing: Tracing | UnsetType | None = UNSET
    """Where the tracing of an ECG is"""
    unit_number: str | UnsetType | None = UNSET
    """The donation number on a bag of blood"""
    lot_number: str | UnsetType | None = UNSET
    """The batch of a drug or blood product"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class ProceduresBodySiteView(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class ProceduresProcedureView(Model, kw_only=True):
    """SNOMED CT: findings, procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class ProceduresView(Model, kw_only=True):
    """A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding.

    `comment` has the interpretation of an ECG. A transfusion has the numbers on the bag: see Medication. A
    de-identified answer has none.
    """

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    performed_at: datetime | None = None
    """When it was done"""
    ended_at: datetime | None = None
    """When it ended"""
    procedure: ProceduresProcedureView | None = None
    body_site: ProceduresBodySiteView | None = None
    attempts: int | None = None
    """How many attempts it took"""
    outcome: str | None = None
    """The outcome. One of: partially_successful, successful, unsuccessful"""
    not_done: str | None = None
    """Why it was not done; absent if it was. One of: contraindicated, not_indicated, refused, unable"""
    finding: str | None = None
    """The finding of an ECG. One of: no_stemi, stemi"""


class Pupils(Model, kw_only=True):
    """Diameters in mm, and reactions to light."""

    id: str | UnsetType | None = UNSET
    """The id"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    examined_at: datetime
    """When it was examined"""
    left_mm: float | UnsetType | None = UNSET
    """Diameter of the left pupil, `mm`"""
    right_mm: float | UnsetType | None = UNSET
    """Diameter of the right pupil, `mm`"""
    left_reaction: Literal["brisk", "none", "not_assessable", "sluggish"] | UnsetType | None = UNSET
    """Reaction of the left pupil to light"""
    right_reaction: Literal["brisk", "none", "not_assessable", "sluggish"] | UnsetType | None = UNSET
    """Reaction of the right pupil to light"""


class PupilsView(Model, kw_only=True):
    """Diameters in mm, and reactions to light."""

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    examined_at: datetime | None = None
    """When it was examined"""
    left_mm: float | None = None
    """Diameter of the left pupil, `mm`"""
    right_mm: float | None = None
    """Diameter of the right pupil, `mm`"""
    left_reaction: str | None = None
    """Reaction of the left pupil to light. One of: brisk, none, not_assessable, sluggish"""
    right_reaction: str | None = None
    """Reaction of the right pupil to light. One of: brisk, none, not_assessable, sluggish"""


class Quantity(Model, kw_only=True):
    """A number (FHIR `Quantity`); its value alone is read"""

    value: float
    """The value"""


class Reference(Model, kw_only=True):
    """A reference to another resource of the Bundle (FHIR `Reference`)"""

    reference: str | UnsetType = UNSET
    """The `fullUrl`, or the type and id, of an Encounter or a Patient"""


class SecondaryImpressionsView(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT."""

    system: str | None = None
    """The code system's URI or short name. One of: http://hl7.org/fhir/sid/icd-10, http://hl7.org/fhir/sid/icd-10-cm,
    http://snomed.info/sct
    """
    code: str | None = None
    """A code of ICD-10, such as `I21.9`, or of SNOMED CT"""


class Sender(Model, kw_only=True):
    """The service as documents name it: custodian and author. Without it they show the organisation's id."""

    name: str
    """The name of your service"""
    code: str | UnsetType | None = UNSET
    """The official code of your service"""
    code_system: str | UnsetType | None = UNSET
    """The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2`"""
    phone: str | UnsetType | None = UNSET
    """The telephone number of your service"""
    time_zone: str | UnsetType | None = UNSET
    """The IANA time zone of the times that people read in documents, transactions and PDFs, such as `Europe/Rome`; UTC
    without one
    """
    person_systems: list[str] | UnsetType = UNSET
    """The systems of patients' numbers that identify one person each, as your records name them, such as the patient
    numbers of each hospital, which are compared as they are written. Passports and national numbers are known
    without it. Never one whose numbers people share: of a policy, a family, a group, an account. It counts for
    patients who are first read, or whose numbers change, afterwards; without it the list is empty
    """


class Stroke(Model, kw_only=True):
    """FAST, when the patient was last known well, and the NIHSS total where it was scored."""

    suspected: bool | UnsetType | None = UNSET
    """Whether a stroke is suspected"""
    assessed_at: datetime | UnsetType | None = UNSET
    """When it was assessed"""
    face: Literal["abnormal", "normal", "not_assessable"] | UnsetType | None = UNSET
    """FAST: the face"""
    arm: Literal["abnormal", "normal", "not_assessable"] | UnsetType | None = UNSET
    """FAST: the arm"""
    speech: Literal["abnormal", "normal", "not_assessable"] | UnsetType | None = UNSET
    """FAST: speech"""
    last_known_well: datetime | UnsetType | None = UNSET
    """When the patient was last known to be well"""
    nihss: int | UnsetType | None = UNSET
    """The NIHSS total, from 0 to 42"""
    prealert: bool | UnsetType | None = UNSET
    """Whether the hospital was informed ahead"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted, and in no de-identified answer"""


class StrokeView(Model, kw_only=True):
    """FAST, when the patient was last known well, and the NIHSS total where it was scored."""

    suspected: bool | None = None
    """Whether a stroke is suspected"""
    assessed_at: datetime | None = None
    """When it was assessed"""
    face: str | None = None
    """FAST: the face. One of: abnormal, normal, not_assessable"""
    arm: str | None = None
    """FAST: the arm. One of: abnormal, normal, not_assessable"""
    speech: str | None = None
    """FAST: speech. One of: abnormal, normal, not_assessable"""
    last_known_well: datetime | None = None
    """When the patient was last known to be well"""
    nihss: int | None = None
    """The NIHSS total, from 0 to 42"""
    prealert: bool | None = None
    """Whether the hospital was informed ahead"""


class Survival(Model, kw_only=True):
    """Whether the patient survived, and when the patient died"""

    survived_to_discharge: str | UnsetType | None = UNSET
    """Whether the patient left hospital alive"""
    alive_at_30_days: str | UnsetType | None = UNSET
    """Whether the patient was alive 30 days after the encounter"""
    died_at: datetime | UnsetType | None = UNSET
    """When the patient died"""


class Temperature(Model, kw_only=True):
    """Body temperature with its unit: `Cel` or `[degF]`"""

    value: float
    """The value"""
    unit: str
    """The UCUM unit. One of: Cel, [degF]"""


class Times(Model, kw_only=True):
    """The mission's clock, from the call to the handover."""

    call: datetime | UnsetType | None = UNSET
    """When the call came"""
    mobile: datetime | UnsetType | None = UNSET
    """When the vehicle left for the scene"""
    on_scene: datetime | UnsetType | None = UNSET
    """When the vehicle reached the scene"""
    at_patient: datetime | UnsetType | None = UNSET
    """When the crew reached the patient"""
    left_scene: datetime | UnsetType | None = UNSET
    """When the vehicle left the scene"""
    at_destination: datetime | UnsetType | None = UNSET
    """When the vehicle reached the destination"""
    handover: datetime | UnsetType | None = UNSET
    """When the patient was handed over"""


class TimesView(Model, kw_only=True):
    """The mission's clock, from the call to the handover."""

    call: datetime | None = None
    """When the call came"""
    mobile: datetime | None = None
    """When the vehicle left for the scene"""
    on_scene: datetime | None = None
    """When the vehicle reached the scene"""
    at_patient: datetime | None = None
    """When the crew reached the patient"""
    left_scene: datetime | None = None
    """When the vehicle left the scene"""
    at_destination: datetime | None = None
    """When the vehicle reached the destination"""
    handover: datetime | None = None
    """When the patient was handed over"""


class Tracing(Model, kw_only=True):
    """Where the tracing of an ECG is: its id in the monitor or in the hospital's ECG system `store`. The record holds
    no tracing itself.
    """

    reference: str
    """The id of the recording"""
    store: str | UnsetType | None = UNSET
    """The system that keeps the tracing, as a name or URI"""
    device: str | UnsetType | None = UNSET
    """The monitor that recorded it"""
    recorded_at: datetime | UnsetType | None = UNSET
    """When it was recorded"""


class Triage(Model, kw_only=True):
    """The acuity that the crew found first and last, on one scale. A value of another scale is refused."""

    scale: Literal["esi", "italy_field", "italy_hospital", "manchester", "nemsis", "start"] | UnsetType | None = UNSET
    """The triage scale of `initial` and `final`"""
    initial: (
        Literal[
            "azure",
            "black",
            "blue",
            "critical",
            "dead_without_resuscitation",
            "emergent",
            "green",
            "level_1",
            "level_2",
            "level_3",
            "level_4",
            "level_5",
            "lower_acuity",
            "non_acute",
            "orange",
            "red",
            "white",
            "yellow",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The acuity that the crew found first, on the scale"""
    initial_at: datetime | UnsetType | None = UNSET
    """When the first acuity was found"""
    final: (
        Literal[
            "azure",
            "black",
            "blue",
            "critical",
            "dead_without_resuscitation",
            "emergent",
            "green",
            "level_1",
            "level_2",
            "level_3",
            "level_4",
            "level_5",
            "lower_acuity",
            "non_acute",
            "orange",
            "red",
            "white",
            "yellow",
        ]
        | UnsetType
        | None
    ) = UNSET
    """The acuity that the crew found last, on the scale"""
    final_at: datetime | UnsetType | None = UNSET
    """When the last acuity was found"""


class TriageView(Model, kw_only=True):
    """The acuity that the crew found first and last, on one scale. A value of another scale is refused."""

    scale: str | None = None
    """The triage scale of `initial` and `final`. One of: esi, italy_field, italy_hospital, manchester, nemsis, start"""
    initial: str | None = None
    """The acuity that the crew found first, on the scale. One of: azure, black, blue, critical,
    dead_without_resuscitation, emergent, green, level_1, level_2, level_3, level_4, level_5, lower_acuity,
    non_acute, orange, red, white, yellow
    """
    initial_at: datetime | None = None
    """When the first acuity was found"""
    final: str | None = None
    """The acuity that the crew found last, on the scale. One of: azure, black, blue, critical,
    dead_without_resuscitation, emergent, green, level_1, level_2, level_3, level_4, level_5, lower_acuity,
    non_acute, orange, red, white, yellow
    """
    final_at: datetime | None = None
    """When the last acuity was found"""


class VitalSigns(Model, kw_only=True):
    """One set of vital signs. `x-ucum` of a field is its unit; temperature, EtCO2 and glucose name their own."""

    id: str | UnsetType | None = UNSET
    """The entry's own id, which the platform gives"""
    entered_in_error: bool | UnsetType = UNSET
    """Whether the entry was withdrawn as an error"""
    taken_at: datetime
    """When it was measured"""
    heart_rate: float | UnsetType | None = UNSET
    """Beats per minute (`/min`)"""
    respiratory_rate: float | UnsetType | None = UNSET
    """Breaths per minute (`/min`)"""
    systolic: float | UnsetType | None = UNSET
    """Systolic blood pressure (`mm[Hg]`)"""
    diastolic: float | UnsetType | None = UNSET
    """Diastolic blood pressure (`mm[Hg]`)"""
    mean_pressure: float | UnsetType | None = UNSET
    """Mean blood pressure (`mm[Hg]`)"""
    spo2: float | UnsetType | None = UNSET
    """Oxygen saturation by pulse oximetry (`%`)"""
    temperature: Temperature | UnsetType | None = UNSET
    """Body temperature: `Cel` or `[degF]`"""
    etco2: EndTidalCO2 | UnsetType | None = UNSET
    """End-tidal CO2: `mm[Hg]`, `kPa` or `%`"""
    glucose: Glucose | UnsetType | None = UNSET
    """Blood glucose: `mg/dL` or `mmol/L`"""
    gcs_eye: int | UnsetType | None = UNSET
    """Glasgow Coma Scale, eye opening"""
    gcs_verbal: int | UnsetType | None = UNSET
    """Glasgow Coma Scale, verbal response"""
    gcs_motor: int | UnsetType | None = UNSET
    """Glasgow Coma Scale, motor response"""
    gcs: int | UnsetType | None = UNSET
    """Glasgow Coma Scale, total"""
    avpu: Literal["alert", "pain", "unresponsive", "verbal"] | UnsetType | None = UNSET
    """The response: alert, to voice, to pain, none"""
    pain: int | UnsetType | None = UNSET
    """Pain, from 0 (none) to 10"""


class VitalSignsView(Model, kw_only=True):
    """One set of vital signs. `x-ucum` of a field is its unit; temperature, EtCO2 and glucose name their own."""

    id: str | None = None
    """The id"""
    entered_in_error: bool | None = None
    """Whether the entry was withdrawn as an error"""
    taken_at: datetime | None = None
    """When it was measured"""
    heart_rate: float | None = None
    """Beats per minute (`/min`)"""
    respiratory_rate: float | None = None
    """Breaths per minute (`/min`)"""
    systolic: float | None = None
    """Systolic blood pressure (`mm[Hg]`)"""
    diastolic: float | None = None
    """Diastolic blood pressure (`mm[Hg]`)"""
    mean_pressure: float | None = None
    """Mean blood pressure (`mm[Hg]`)"""
    spo2: float | None = None
    """Oxygen saturation by pulse oximetry (`%`)"""
    temperature: Temperature | None = None
    etco2: EndTidalCO2 | None = None
    glucose: Glucose | None = None
    gcs_eye: int | None = None
    """Glasgow Coma Scale, eye opening"""
    gcs_verbal: int | None = None
    """Glasgow Coma Scale, verbal response"""
    gcs_motor: int | None = None
    """Glasgow Coma Scale, motor response"""
    gcs: int | None = None
    """Glasgow Coma Scale, total"""
    avpu: str | None = None
    """The response: alert, to voice, to pain, none. One of: alert, pain, unresponsive, verbal"""
    pain: int | None = None
    """Pain, from 0 (none) to 10"""


class Weight(Model, kw_only=True):
    """The body weight, or the colour of a length-based tape, with the method by which it is known."""

    value: Mass | UnsetType | None = UNSET
    """The weight, with its unit"""
    method: (
        Literal["age_formula", "estimated", "hospital_record", "length_based_tape", "measured", "reported"]
        | UnsetType
        | None
    ) = UNSET
    """How the weight is known"""
    tape: Literal["blue", "green", "grey", "orange", "pink", "purple", "red", "white", "yellow"] | UnsetType | None = (
        UNSET
    )
    """The colour of the length-based tape"""
    weighed_at: datetime | UnsetType | None = UNSET
    """When the weight was found"""


class WeightView(Model, kw_only=True):
    """The body weight, or the colour of a length-based tape, with the method by which it is known."""

    value: Mass | None = None
    """The weight, with its unit"""
    method: str | None = None
    """How the weight is known. One of: age_formula, estimated, hospital_record, length_based_tape, measured, reported
    """
    tape: str | None = None
    """The colour of the length-based tape. One of: blue, green, grey, orange, pink, purple, red, white, yellow"""
    weighed_at: datetime | None = None
    """When the weight was found"""


if TYPE_CHECKING:
    Resource: TypeAlias = FhirEncounter | FhirCondition | FhirProcedure | FhirObservation | FhirPatient | dict[str, Any]
else:

    class Resource(OneOf):
        field = "resourceType"
        members = {
            "Encounter": FhirEncounter,
            "Condition": FhirCondition,
            "Procedure": FhirProcedure,
            "Observation": FhirObservation,
            "Patient": FhirPatient,
        }
