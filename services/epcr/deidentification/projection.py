"""De-identification: one rule per field of the record. A field without a rule does not leave, and a test requires a rule for each."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from services.epcr.deidentification.pseudonyms import Domain
from services.epcr.records.models import Encounter, LinkedObservation, age
from shared.web.scopes import Mode

Method = Literal["keep", "alias", "drop", "move", "day", "year", "cap", "entry", "device", "observation"]
OLDEST_AGE_SHOWN = 89
# Entries that are projected at a time: a few milliseconds of work.
ENTRIES = 50

# keep: a closed vocabulary, a number or an operational reference   drop: free text, and a name of a person or a place
# move: a time, by mode and, where it is moved, to the minute   day: a time of the platform's own, moved, to the day
# year: the year of birth, none above 89   cap: an age, at most 90   entry, device, observation: a pseudonym
# alias: an id that the app may use in requests, and that does not show its time of creation
WRITTEN: dict[Mode, Method] = {"exact": "keep", "shifted": "day", "safe_harbor": "day"}
RULES: dict[str, Method | dict[Mode, Method]] = {
    # An id contains the millisecond of its creation: beside it a moved time could be moved back.
    "id": {"exact": "keep", "shifted": "alias", "safe_harbor": "alias"},
    "organization_id": "keep",
    "care_model": "keep",
    "status": "keep",
    "vehicle_id": {"exact": "keep", "shifted": "keep", "safe_harbor": "drop"},
    # The dispatch system knows when the incident was: with its number a moved time could be moved back.
    "cad_incident_id": {"exact": "keep", "shifted": "drop", "safe_harbor": "drop"},
    "patient_number": "keep",
    "test": "keep",
    "version": "keep",
    "revision": "keep",
    "identity": "keep",
    "amended": "keep",
    "created_at": WRITTEN,
    "updated_at": WRITTEN,
    "anchor": "move",
    "crew_ids": "drop",
    "narrative": "drop",
    "revisions": "drop",
    "withdrawn": "drop",
    "known_as": "drop",
    "patient.sex": "keep",
    "patient.birth_date": "year",
    "patient.age_years": "cap",
    "patient.address.country": "keep",
    "patient.address.line": "drop",
    "patient.address.city": "drop",
    "patient.address.state": "drop",
    "patient.address.postal_code": "drop",
    "patient.address.latitude": "drop",
    "patient.address.longitude": "drop",
    "patient.name": "drop",
    "patient.identifiers": "drop",
    "patient.phones": "drop",
    "patient.email": "drop",
    "patient.next_of_kin": "drop",
    "times": "move",
    "primary_impression.system": "keep",
    "primary_impression.code": "keep",
    "primary_impression.display": "drop",
    "secondary_impressions.system": "keep",
    "secondary_impressions.code": "keep",
    "secondary_impressions.display": "drop",
    "vital_signs.id": "entry",
    "vital_signs.entered_in_error": "keep",
    "vital_signs.taken_at": "move",
    "vital_signs.heart_rate": "keep",
    "vital_signs.respiratory_rate": "keep",
    "vital_signs.systolic": "keep",
    "vital_signs.diastolic": "keep",
    "vital_signs.mean_pressure": "keep",
    "vital_signs.spo2": "keep",
    "vital_signs.temperature": "keep",
    "vital_signs.etco2": "keep",
    "vital_signs.glucose": "keep",
    "vital_signs.gcs_eye": "keep",
    "vital_signs.gcs_verbal": "keep",
    "vital_signs.gcs_motor": "keep",
    "vital_signs.gcs": "keep",
    "vital_signs.avpu": "keep",
    "vital_signs.pain": "keep",
    "procedures.id": "entry",
    "procedures.entered_in_error": "keep",
    "procedures.performed_at": "move",
    "procedures.ended_at": "move",
    "procedures.procedure.system": "keep",
    "procedures.procedure.code": "keep",
    "procedures.procedure.display": "drop",
    "procedures.body_site.system": "keep",
    "procedures.body_site.code": "keep",
    "procedures.body_site.display": "drop",
    "procedures.attempts": "keep",
    "procedures.outcome": "keep",
    "procedures.not_done": "keep",
    "procedures.finding": "keep",
    # By the number of a recording a monitor finds the patient.
    "procedures.tracing": "drop",
    # A blood bank keeps for thirty years whose donation a unit was, and who received it: the number leads to both persons.
    "procedures.unit_number": "drop",
    "procedures.lot_number": "drop",
    "procedures.comment": "drop",
    "medications.id": "entry",
    "medications.entered_in_error": "keep",
    "medications.given_at": "move",
    "medications.medication.system": "keep",
    "medications.medication.code": "keep",
    "medications.medication.display": "drop",
    "medications.dose": "keep",
    "medications.route.system": "keep",
    "medications.route.code": "keep",
    "medications.route.display": "drop",
    "medications.response": "keep",
    "medications.not_done": "keep",
    "medications.unit_number": "drop",
    "medications.lot_number": "drop",
    "medications.comment": "drop",
    "arrest.resuscitation_attempted": "keep",
    "arrest.aetiology": "keep",
    "arrest.witnessed": "keep",
    "arrest.arrested_at": "move",
    "arrest.bystander_cpr": "keep",
    "arrest.bystander_aed": "keep",
    "arrest.cpr_started_at": "move",
    "arrest.initial_rhythm": "keep",
    "arrest.first_shock_at": "move",
    "arrest.shocks": "keep",
    "arrest.rosc": "keep",
    "arrest.rosc_at": "move",
    "arrest.rosc_at_handover": "keep",
    "arrest.dnar": "keep",
    "arrest.recognised_dead": "keep",
    "arrest.ended_at": "move",
    "arrest.survived_to_discharge": "keep",
    "arrest.cpc": "keep",
    "arrest.comment": "drop",
    "stroke.suspected": "keep",
    "stroke.assessed_at": "move",
    "stroke.face": "keep",
    "stroke.arm": "keep",
    "stroke.speech": "keep",
    "stroke.last_known_well": "move",
    "stroke.nihss": "keep",
    "stroke.prealert": "keep",
    "stroke.comment": "drop",
    "disposition.outcome": "keep",
    "disposition.destination": "drop",
    "disposition.destination_type": "keep",
    "disposition.prealert": "keep",
    "disposition.prealert_at": "move",
    "disposition.expected_at": "move",
    "disposition.prealert_for": "keep",
    "disposition.refused": "keep",
    "disposition.has_capacity": "keep",
    "disposition.refusal_signed_by": "keep",
    "disposition.lights_and_sirens": "keep",
    "disposition.child_restrained": "keep",
    "disposition.refusal_signed": "keep",
    "disposition.comment": "drop",
    "dispatch.category": "keep",
    # The form of a determinant is checked: no words hide in it.
    "dispatch.determinant": "keep",
    "dispatch.lights_and_sirens": "keep",
    "complaint.concept.system": "keep",
    "complaint.concept.code": "keep",
    "complaint.concept.display": "drop",
    "complaint.text": "drop",
    "complaint.informant": "keep",
    "complaint.began_at": "move",
    "triage.scale": "keep",
    "triage.initial": "keep",
    "triage.initial_at": "move",
    "triage.final": "keep",
    "triage.final_at": "move",
    "inquiries.allergies": "keep",
    "inquiries.past_conditions": "keep",
    "inquiries.current_medicines": "keep",
    "allergies.id": "entry",
    "allergies.entered_in_error": "keep",
    "allergies.substance.system": "keep",
    "allergies.substance.code": "keep",
    "allergies.substance.display": "drop",
    "allergies.kind": "keep",
    "allergies.category": "keep",
    "allergies.certainty": "keep",
    "allergies.criticality": "keep",
    "allergies.reactions.system": "keep",
    "allergies.reactions.code": "keep",
    "allergies.reactions.display": "drop",
    "allergies.severity": "keep",
    "allergies.informant": "keep",
    "allergies.comment": "drop",
    "past_conditions.id": "entry",
    "past_conditions.entered_in_error": "keep",
    "past_conditions.condition.system": "keep",
    "past_conditions.condition.code": "keep",
    "past_conditions.condition.display": "drop",
    "past_conditions.state": "keep",
    "past_conditions.informant": "keep",
    "past_conditions.comment": "drop",
    "current_medicines.id": "entry",
    "current_medicines.entered_in_error": "keep",
    "current_medicines.medicine.system": "keep",
    "current_medicines.medicine.code": "keep",
    "current_medicines.medicine.display": "drop",
    "current_medicines.taken": "keep",
    "current_medicines.last_taken_at": "move",
    "current_medicines.informant": "keep",
    "current_medicines.comment": "drop",
    "weight.value": "keep",
    "weight.method": "keep",
    "weight.tape": "keep",
    "weight.weighed_at": "move",
    "pregnancy.status": "keep",
    "pregnancy.gestation_weeks": "keep",
    "pregnancy.gravida": "keep",
    "pregnancy.para": "keep",
    "pregnancy.waters_broken": "keep",
    "pregnancy.contractions": "keep",
    "pregnancy.birth_imminent": "keep",
    # The birth of a child is the child's date of birth, which no partner reads.
    "pregnancy.born_at": "drop",
    "directives.status": "keep",
    "directives.kinds": "keep",
    "directives.seen": "keep",
    "directives.comment": "drop",
    "apgar.id": "entry",
    "apgar.entered_in_error": "keep",
    # A minute after it the child was born.
    "apgar.scored_at": "drop",
    "apgar.minute": "keep",
    "apgar.total": "keep",
    "apgar.appearance": "keep",
    "apgar.pulse": "keep",
    "apgar.grimace": "keep",
    "apgar.activity": "keep",
    "apgar.respiration": "keep",
    "pupils.id": "entry",
    "pupils.entered_in_error": "keep",
    "pupils.examined_at": "move",
    "pupils.left_mm": "keep",
    "pupils.right_mm": "keep",
    "pupils.left_reaction": "keep",
    "pupils.right_reaction": "keep",
    "examinations.id": "entry",
    "examinations.entered_in_error": "keep",
    "examinations.examined_at": "move",
    "examinations.region": "keep",
    "examinations.result": "keep",
    "examinations.findings.system": "keep",
    "examinations.findings.code": "keep",
    "examinations.findings.display": "drop",
    "examinations.burn_depth": "keep",
    "examinations.comment": "drop",
    "injury.injured_at": "move",
    "injury.mechanism": "keep",
    "injury.intent": "keep",
    "injury.fall_m": "keep",
    "injury.entrapped": "keep",
    "injury.burned_surface": "keep",
    "injury.criteria": "keep",
    "injury.protection": "keep",
    "injury.comment": "drop",
    "airway_attempts.id": "entry",
    "airway_attempts.entered_in_error": "keep",
    "airway_attempts.attempted_at": "move",
    "airway_attempts.ended_at": "move",
    "airway_attempts.device": "keep",
    "airway_attempts.technique": "keep",
    "airway_attempts.drug_assisted": "keep",
    "airway_attempts.prior_to_arrival": "keep",
    "airway_attempts.successful": "keep",
    "airway_attempts.confirmed_by": "keep",
    "airway_attempts.spo2_before": "keep",
    "airway_attempts.spo2_lowest": "keep",
    "airway_attempts.systolic_before": "keep",
    "airway_attempts.systolic_lowest": "keep",
    "airway_attempts.comment": "drop",
    "cpr.dispatcher_instructed": "keep",
    "cpr.compression_rate": "keep",
    "cpr.compression_depth": "keep",
    "cpr.compression_fraction": "keep",
    "cpr.full_recoil": "keep",
    "cpr.ventilation_rate": "keep",
    "cpr.longest_pause": "keep",
    "cpr.mechanical_device": "keep",
    "cpr.feedback_device": "keep",
    "crew.id": "drop",
    "crew.role": "keep",
    "crew.qualification": "keep",
    "observations.id": "observation",
    "observations.device_id": "device",
    "observations.device_class": "keep",
    "observations.mdc_code": "keep",
    "observations.mdc_code10": "keep",
    "observations.value": "keep",
    "observations.unit_code": "keep",
    "observations.data_absent_reason": "keep",
    "observations.observed_at": "move",
    "observations.flags": "keep",
    "observations.test": "keep",
    "observations.revision": "keep",
}


class Disclosure(NamedTuple):
    """The recipient's pseudonyms, the mode that its tenant chose, and the basis of the patient's pseudonyms.

    `moved_by` is the basis that moves the times, where a correction of the patient's identity changed `basis`.
    """

    domain: Domain
    mode: Mode
    basis: bytes
    moved_by: bytes | None = None


class Projection(NamedTuple):
    """The de-identified encounter. `rewritten` holds the pseudonyms of entries, and the names of sections, with more than one write.

    `moves` de-identifies the observations of devices, of which there may be too many to hold.
    """

    view: dict[str, Any]
    moves: "Moves"
    rewritten: frozenset[str]
    withdrawn: dict[str, list[str]]
    encounter_pseudonym: str
    domain: Domain


def project(encounter: Encounter, disclosure: Disclosure) -> Projection:
    """All that a partner may know of an encounter, as plain values: times are aware datetimes, numbers Decimals."""
    record = encounter.record
    moves = Moves(disclosure, record.anchor, encounter.created_at)
    members = _plain(encounter)
    members["organization_id"] = members.pop("tenant_id")
    view = moves.apply(members | members.pop("record"), "")
    shown: dict[str, Any] = view.get("patient", {})
    address = shown.pop("address", {})
    if "birth_date" in shown:
        shown["birth_year"] = shown.pop("birth_date")
    born = record.patient.birth_date if record.patient else None
    if born is not None and age(born, moves.seen_on) > OLDEST_AGE_SHOWN:
        shown["age_years"] = OLDEST_AGE_SHOWN + 1
    view["patient"] = {"id": disclosure.domain.uuid("patient", disclosure.basis), **shown, **address}
    return Projection(
        view=view,
        moves=moves,
        rewritten=frozenset(moves.pseudonym("entry", key) for key, times in record.revisions.items() if times > 1),
        withdrawn={moves.pseudonym("entry", key): kinds for key, kinds in record.withdrawn.items()},
        encounter_pseudonym=disclosure.domain.uuid("encounter", encounter.id),
        domain=disclosure.domain,
    )


class Moves:
    """Applies the table for one disclosure."""

    def __init__(self, disclosure: Disclosure, anchor: datetime, created_at: datetime) -> None:
        self.domain = disclosure.domain
        self.mode: Mode = disclosure.mode
        self.shift = shift(disclosure, anchor)
        # The date of the shown age. A time that was typed decades too early must not make the patient younger.
        self.seen_on = max(anchor, created_at).date()

    def apply(self, members: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        """`members` with every rule applied; dropped, empty and unknown members are absent."""
        kept = {name: self._value(value, prefix + name) for name, value in members.items()}
        return {name: value for name, value in kept.items() if value is not None and value != [] and value != {}}

    @property
    def grain(self) -> timedelta:
        """The unit of times: they are cut to the minute where they are moved, and series have whole milliseconds."""
        return timedelta(milliseconds=1) if self.mode == "exact" else timedelta(minutes=1)

    def observation(self, one: LinkedObservation) -> dict[str, Any]:
        return self.apply(_plain(one), "observations.")

    def reading(self, one: LinkedObservation) -> tuple[str, datetime, Decimal | None]:
        """The members of an observation in which those of one device, code and unit differ: id, time and value."""
        return (
            self._value(one.id, "observations.id"),
            self.time(one.observed_at),
            self._value(one.value, "observations.value"),
        )

    def time(self, observed_at: datetime) -> datetime:
        return self._value(observed_at, "observations.observed_at")

    def device(self, device_id: str) -> str:
        return self._value(device_id, "observations.device_id")

    def pseudonym(self, kind: str, local: str) -> str:
        # A section keeps its name, because an encounter has one of each.
        return self.domain.uuid(kind, local) if "_" in local else local

    def _value(self, value: Any, path: str) -> Any:
        rule = RULES.get(path)
        method = rule[self.mode] if isinstance(rule, dict) else rule
        if method is None and isinstance(value, dict):
            return self.apply(value, path + ".")
        if method is None and isinstance(value, list):
            return [kept for item in value if isinstance(item, dict) and (kept := self.apply(item, path + "."))]
        if method is None or method == "drop" or value is None:
            return None
        if method == "move" and isinstance(value, dict):
            return {name: self._moved(moment) for name, moment in value.items() if moment is not None}
        if method == "keep":
            return value
        if method == "move":
            return self._moved(value)
        if method == "day":
            return self._moved(value).replace(hour=0, minute=0)
        if method == "alias":
            return self.domain.alias(value)
        if method == "year":
            return value.year if age(value, self.seen_on) <= OLDEST_AGE_SHOWN else None
        if method == "cap":
            return min(value, OLDEST_AGE_SHOWN + 1)
        return self.pseudonym(method, value)

    def _moved(self, moment: datetime) -> datetime:
        """Moved by whole days and cut to the minute: the seconds would identify the exact time."""
        if self.mode == "exact":
            return moment
        return (moment + self.shift).astimezone(UTC).replace(second=0, microsecond=0)


def shift(disclosure: Disclosure, anchor: datetime) -> timedelta:
    """The amount by which the times of an encounter that began at `anchor` are moved."""
    if disclosure.mode == "exact":
        return timedelta()
    if disclosure.mode == "shifted":
        return timedelta(days=disclosure.domain.shift_days(disclosure.moved_by or disclosure.basis))
    # Only the year of a date may stay (45 CFR 164.514(b)(2)): every encounter begins at noon of the first day of its year.
    return datetime(anchor.year, 1, 1, 12, tzinfo=UTC) - anchor


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    return msgspec.to_builtins(struct, builtin_types=(datetime, date, Decimal))
