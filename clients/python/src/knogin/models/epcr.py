"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from .._model import Model


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
    """Who witnessed the arrest"""
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
    """Free text. It is encrypted and never leaves"""


class ArrestView(Model, kw_only=True):
    """Out-of-hospital cardiac arrest in Utstein terms."""

    resuscitation_attempted: bool | None = None
    """Whether resuscitation was attempted"""
    aetiology: str | None = None
    """The cause of the arrest. One of: drowning, electrocution, exsanguination, other, overdose, presumed_cardiac,
    respiratory, trauma
    """
    witnessed: str | None = None
    """Who witnessed the arrest. One of: bystander, ems, unwitnessed"""
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


class Clinical(Model, kw_only=True):
    """SNOMED CT: procedures, routes, sites."""

    system: str
    """The code system's URI or short name"""
    code: str
    """The code within the code system"""
    display: str | UnsetType | None = UNSET
    """The code's name, for people"""


class Diagnosis(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification."""

    system: str
    """ICD-10: `http://hl7.org/fhir/sid/icd-10` or `http://hl7.org/fhir/sid/icd-10-cm`"""
    code: str
    """An ICD-10 code, such as `I21.9`"""
    display: str | UnsetType | None = UNSET
    """The code's name, for people"""


class Disposition(Model, kw_only=True):
    """The end of the encounter. `destination` names a place and never leaves."""

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
    """The place's name. It never leaves"""
    destination_type: (
        Literal["cath_lab", "emergency_department", "home", "other", "other_hospital", "stroke_unit", "trauma_centre"]
        | UnsetType
        | None
    ) = UNSET
    """The kind of place"""
    prealert: bool | UnsetType | None = UNSET
    """Whether the hospital was informed ahead"""
    lights_and_sirens: bool | UnsetType | None = UNSET
    """Whether lights and sirens were used on the way"""
    refusal_signed: bool | UnsetType | None = UNSET
    """Whether the patient signed the refusal"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted and never leaves"""


class DispositionView(Model, kw_only=True):
    """The end of the encounter. `destination` names a place and never leaves."""

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
    lights_and_sirens: bool | None = None
    """Whether lights and sirens were used on the way"""
    refusal_signed: bool | None = None
    """Whether the patient signed the refusal"""


class Dose(Model, kw_only=True):
    """An amount with its unit"""

    value: float
    """The value"""
    unit: str
    """The UCUM unit; the catalogue of units lists those accepted"""


class Drug(Model, kw_only=True):
    """RxNorm, ATC or SNOMED CT."""

    system: str
    """The code system's URI or short name"""
    code: str
    """The code within the code system"""
    display: str | UnsetType | None = UNSET
    """The code's name, for people"""


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
    patient: Patient | UnsetType | None = UNSET
    """The patient"""
    times: Times | UnsetType | None = UNSET
    """The times of the mission"""
    primary_impression: Diagnosis | UnsetType | None = UNSET
    """The main suspected diagnosis, ICD-10"""
    secondary_impressions: list[Diagnosis] | UnsetType = UNSET
    """Further suspected diagnoses, ICD-10"""
    vital_signs: list[VitalSigns] | UnsetType = UNSET
    """Sets of vital signs, in the order of their times"""
    procedures: list[Procedure] | UnsetType = UNSET
    """Procedures, SNOMED CT"""
    medications: list[Medication] | UnsetType = UNSET
    """Medications: RxNorm, ATC or SNOMED CT"""
    arrest: Arrest | UnsetType | None = UNSET
    """The cardiac arrest, if there was one"""
    stroke: Stroke | UnsetType | None = UNSET
    """The assessment for stroke"""
    disposition: Disposition | UnsetType | None = UNSET
    """The end of the encounter"""
    narrative: str | UnsetType | None = UNSET
    """The crew's account. It is encrypted and never leaves"""


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
    """The state. One of: cancelled, completed, handed_over, in_progress"""
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
    primary_impression: PrimaryImpressionView | None = None
    secondary_impressions: list[SecondaryImpressionsView] | None = None
    """Further suspected diagnoses, ICD-10"""
    vital_signs: list[VitalSignsView] | None = None
    """Sets of vital signs, in the order of their times"""
    procedures: list[ProceduresView] | None = None
    """Procedures, SNOMED CT"""
    medications: list[MedicationsView] | None = None
    """Medications: RxNorm, ATC or SNOMED CT"""
    arrest: ArrestView | None = None
    stroke: StrokeView | None = None
    disposition: DispositionView | None = None


class Measurement(Model, kw_only=True):
    """A value and its UCUM unit, where services use several units."""

    value: float
    """The value"""
    unit: str
    """The UCUM unit"""


class Medication(Model, kw_only=True):
    """A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose
    a rate.
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
    not_done: Literal["contraindicated", "not_indicated", "refused", "unable"] | UnsetType | None = UNSET
    """Why it was not done; absent if it was"""
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted and never leaves"""


class MedicationsMedicationView(Model, kw_only=True):
    """RxNorm, ATC or SNOMED CT."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class MedicationsRouteView(Model, kw_only=True):
    """SNOMED CT: procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class MedicationsView(Model, kw_only=True):
    """A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose
    a rate.
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


class NextOfKin(Model, kw_only=True):
    """A relative to inform"""

    name: str
    """The relative's name"""
    relationship: str | UnsetType | None = UNSET
    """The relation to the patient, such as `daughter`"""
    phones: list[str] | UnsetType = UNSET
    """Phone numbers. They never leave"""
    address: Address | UnsetType | None = UNSET
    """The address. It never leaves"""


class Patient(Model, kw_only=True):
    """Encrypted at rest; only sex, birth year or age, and country ever leave. `age_years` is for patients without a
    known birth date.
    """

    name: Name | UnsetType | None = UNSET
    """The patient's name. It never leaves"""
    birth_date: str | UnsetType | None = UNSET
    """The date of birth, YYYY-MM-DD"""
    age_years: int | UnsetType | None = UNSET
    """The age in years"""
    sex: Literal["female", "male", "other", "unknown"] | UnsetType | None = UNSET
    """The sex"""
    identifiers: list[PatientIdentifier] | UnsetType = UNSET
    """National or local numbers of the patient"""
    address: Address | UnsetType | None = UNSET
    """The address. It never leaves"""
    phones: list[str] | UnsetType = UNSET
    """Phone numbers. They never leave"""
    email: str | UnsetType | None = UNSET
    """The e-mail address. It never leaves"""
    next_of_kin: list[NextOfKin] | UnsetType = UNSET
    """Relatives to inform. They never leave"""


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


class PrimaryImpressionView(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class Procedure(Model, kw_only=True):
    """A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding."""

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
    comment: str | UnsetType | None = UNSET
    """Free text. It is encrypted and never leaves"""


class ProceduresBodySiteView(Model, kw_only=True):
    """SNOMED CT: procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class ProceduresProcedureView(Model, kw_only=True):
    """SNOMED CT: procedures, routes, sites."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


class ProceduresView(Model, kw_only=True):
    """A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding."""

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


class SecondaryImpressionsView(Model, kw_only=True):
    """ICD-10, of the WHO or the clinical modification."""

    system: str | None = None
    """The code system's URI or short name"""
    code: str | None = None
    """The code within the code system"""


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
    """Free text. It is encrypted and never leaves"""


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


class VitalSigns(Model, kw_only=True):
    """One set of vital signs. Units: `/min`, `mm[Hg]`, `%`; temperature, EtCO2 and glucose name their own."""

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
    temperature: Measurement | UnsetType | None = UNSET
    """Body temperature: `Cel` or `[degF]`"""
    etco2: Measurement | UnsetType | None = UNSET
    """End-tidal CO2: `mm[Hg]`, `kPa` or `%`"""
    glucose: Measurement | UnsetType | None = UNSET
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
    """One set of vital signs. Units: `/min`, `mm[Hg]`, `%`; temperature, EtCO2 and glucose name their own."""

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
    temperature: Measurement | None = None
    etco2: Measurement | None = None
    glucose: Measurement | None = None
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
