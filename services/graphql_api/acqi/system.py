"""Quality indicators of the service as a whole: response, lights and sirens, conveyance, handover, and the hospital's report.

Without a report, or an answer in it, an encounter is unknown to the indicators of the hospital.
"""

from collections.abc import Collection

from services.graphql_api.acqi.arrests import is_dead_on_scene
from services.graphql_api.acqi.definitions import (
    Exclusion,
    Judgement,
    Outcome,
    between,
    done,
    elapsed,
    emergency,
    in_arrest,
    indicator,
    judged,
    recorded,
)
from shared.messaging.messages import EncounterFacts

# Outcomes without transport that leave no patient behind whose vital signs could be taken.
NO_PATIENT_LEFT = frozenset({"no_patient_found", "cancelled", "dead_on_scene", "care_transferred"})
ECHO_DELTA_SECONDS = 18 * 60 + 59
HANDOVER_SECONDS = 15 * 60
RESTRAINED_BEFORE = 8
ENGLAND = "NHS England Ambulance Quality Indicators, {} response times"
BEFORE_CALL = "arrival before the call"


@indicator(
    "Blood pressure, heart rate, respiratory rate, saturation and consciousness recorded before leaving a patient.",
    inclusion="Emergency responses, a patient found, alive and left behind, not in cardiac arrest",
    differs="patients whom another crew took over, and patients who died, do not count",
    source="NEMSQA TTR-01",
    version="4",
)
def nontransport_vitals(facts: EncounterFacts) -> Judgement | None:
    left_behind = facts.transported is False and facts.outcome not in NO_PATIENT_LEFT
    if not emergency(facts) or not left_behind or in_arrest(facts):
        return None
    measured = recorded(facts, "systolic", "diastolic", "heart_rate", "respiratory_rate", "spo2")
    return judged(measured and (recorded(facts, "gcs") or recorded(facts, "avpu")))


@indicator(
    "Transported without lights and sirens.",
    inclusion="Emergency responses, transported",
    differs="each crew's transport counts once, for any number of its patients",
    source="NEMSQA Safety-02",
)
def no_lights_sirens(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or not facts.transported:
        return None
    return judged(None if facts.lights_and_sirens is None else not facts.lights_and_sirens)


@indicator(
    "Minutes from the call to arrival on scene.",
    inclusion="Emergency responses",
    exclusion="arrival before the call",
    differs="each crew's arrival counts, the first one in incident_response_time; median and 90th percentile beside England's mean",
    source="NHS England ambulance response programme; HIQA pre-hospital emergency care indicators",
    unit="min",
)
def response_time(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts):
        return None
    return elapsed(between(facts, "call", "on_scene"))


def _response(facts: EncounterFacts, categories: Collection[str]) -> Judgement | None:
    if not emergency(facts) or facts.dispatch_category not in categories:
        return None
    return elapsed(between(facts, "call", "on_scene"))


BY_CREW = "the arrival of each crew counts, not only of the first one at an incident, from the call itself"


@indicator(
    "Minutes from the call to arrival on scene, category 1.",
    inclusion="Emergency responses of England's category 1, with 1T",
    exclusion=BEFORE_CALL,
    differs=BY_CREW,
    source=ENGLAND.format("C1"),
    unit="min",
    part_of="response_time",
)
def response_c1(facts: EncounterFacts) -> Judgement | None:
    return _response(facts, ("england_c1", "england_c1t"))


@indicator(
    "Minutes from the call to arrival on scene, category 2.",
    inclusion="Emergency responses of England's category 2",
    exclusion=BEFORE_CALL,
    differs=BY_CREW,
    source=ENGLAND.format("C2"),
    unit="min",
    part_of="response_time",
)
def response_c2(facts: EncounterFacts) -> Judgement | None:
    return _response(facts, ("england_c2",))


@indicator(
    "Minutes from the call to arrival on scene, category 3.",
    inclusion="Emergency responses of England's category 3",
    exclusion=BEFORE_CALL,
    differs=f"{BY_CREW}; three hours at most",
    source=ENGLAND.format("C3"),
    unit="min",
    part_of="response_time",
)
def response_c3(facts: EncounterFacts) -> Judgement | None:
    return _response(facts, ("england_c3",))


@indicator(
    "Minutes from the call to arrival on scene, category 4.",
    inclusion="Emergency responses of England's category 4",
    exclusion=BEFORE_CALL,
    differs=f"{BY_CREW}; three hours at most",
    source=ENGLAND.format("C4"),
    unit="min",
    part_of="response_time",
)
def response_c4(facts: EncounterFacts) -> Judgement | None:
    return _response(facts, ("england_c4",))


@indicator(
    "On scene within 18 minutes 59 seconds of the call, Echo and Delta.",
    inclusion="Emergency responses of the MPDS categories Echo and Delta",
    exclusion=BEFORE_CALL,
    differs="every crew's vehicle counts as one that can carry patients",
    source="HIQA pre-hospital emergency care key performance indicators",
    part_of="response_time",
)
def response_echo_delta(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or facts.dispatch_category not in ("mpds_echo", "mpds_delta"):
        return None
    seconds = between(facts, "call", "on_scene")
    if seconds is None:
        return "unknown"
    return Exclusion("backwards") if seconds < 0 else judged(seconds <= ECHO_DELTA_SECONDS)


@indicator(
    "Minutes from the call to arrival on scene, red and yellow.",
    inclusion="Emergency responses of Italy's codes red and yellow",
    exclusion=BEFORE_CALL,
    differs="median and 90th percentile, where Italy publishes the 75th percentile",
    source="Nuovo Sistema di Garanzia D09Z, intervallo allarme-target",
    unit="min",
    part_of="response_time",
)
def response_red_yellow(facts: EncounterFacts) -> Judgement | None:
    return _response(facts, ("italy_red", "italy_yellow"))


@indicator(
    "Driven to the scene without lights and sirens.",
    inclusion="Emergency responses",
    source="NEMSQA Safety-01",
    within="response_time",
)
def response_no_lights(facts: EncounterFacts) -> Judgement | None:
    used = facts.responded_with_lights_and_sirens
    return judged(None if used is None else not used) if emergency(facts) else None


@indicator(
    "Transported, of all patients who were found.",
    inclusion="Emergency responses",
    exclusion="no patient found, cancelled, dead on scene, care transferred to another crew",
    differs="each patient counts, not each incident; any destination counts, not only an emergency department",
    source="NHS England Ambulance Quality Indicators, incidents with transport",
    improves="decrease",
    within="response_time",
)
def conveyance(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts):
        return None
    return Exclusion("no_patient_left") if facts.outcome in NO_PATIENT_LEFT else judged(facts.transported)


@indicator(
    "Minutes from arrival at the destination to the handover.",
    inclusion="Emergency responses, transported",
    exclusion="handover before arrival",
    differs="median and 90th percentile beside the mean; three hours at most",
    source="NHS England, ambulance handover delays",
    unit="min",
    within="no_lights_sirens",
)
def handover_time(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or not facts.transported:
        return None
    return elapsed(between(facts, "at_destination", "handover"))


@indicator(
    "Handed over within 15 minutes of arrival at the destination.",
    inclusion="Emergency responses, transported",
    exclusion="handover before arrival",
    differs="any destination counts, not only an emergency department",
    source="NHS England, ambulance handover delays",
    within="handover_time",
)
def handover_within_15(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or not facts.transported:
        return None
    seconds = between(facts, "at_destination", "handover")
    if seconds is None:
        return "unknown"
    return Exclusion("backwards") if seconds < 0 else judged(seconds <= HANDOVER_SECONDS)


@indicator(
    "Carried in a restraint system for children.",
    inclusion="Transported, younger than 8, emergency or between hospitals",
    exclusion="cardiac arrest, criteria of field triage found, advanced airway",
    differs="a long board is no reason for exclusion, since a record does not name it",
    source="NEMSQA Safety-04",
    version="3",
)
def child_restraint(facts: EncounterFacts) -> Judgement | None:
    if not facts.transported or facts.response not in ("emergency", "interfacility_transfer"):
        return None
    if facts.age_years is None or facts.age_years >= RESTRAINED_BEFORE:
        return None
    if in_arrest(facts):
        return Exclusion("cardiac_arrest")
    if facts.trauma_criteria or done(facts.procedures, "advanced_airway") or facts.airways:
        return Exclusion("too_ill")
    return judged(facts.restrained_in_transport)


@indicator(
    "Minutes from the call to the arrival of the first crew at an incident.",
    inclusion="Incidents with an emergency response, by the encounter of the first crew on scene; encounters of one incident number whose "
    "days are at most two apart are of one incident",
    exclusion=BEFORE_CALL,
    differs="the call itself starts the clock; median and 90th percentile beside England's mean; three hours at most",
    source="NHS England ambulance response programme; HIQA pre-hospital emergency care indicators",
    unit="min",
    within="response_time",
    of_incident=True,
)
def incident_response_time(facts: EncounterFacts) -> Judgement | None:
    return response_time.judge(facts)


SYSTEM = (nontransport_vitals, no_lights_sirens, response_time)
FURTHER_SYSTEM = (
    response_c1,
    response_c2,
    response_c3,
    response_c4,
    response_echo_delta,
    response_red_yellow,
    response_no_lights,
    conveyance,
    handover_time,
    handover_within_15,
    child_restraint,
    incident_response_time,
)


MAJOR_TRAUMA = 15
"""An injury severity score above it is major trauma."""
GOOD_MRS = 3


@indicator(
    "Alive 30 days after a cardiac arrest, all rhythms.",
    inclusion="Out-of-hospital cardiac arrests in which the ambulance service attempted resuscitation",
    differs="arrests of every cause; dead on scene is not alive; without the hospital's answer or a date of death a case is unknown and "
    "not in the denominator",
    source="Utstein 2015 core outcome; NHS England AmbCO",
    version="2",
    within="rosc_survival",
)
def survival_30_days(facts: EncounterFacts) -> Outcome | None:
    if facts.arrest is None or not facts.arrest.resuscitation_attempted:
        return None
    alive = None if facts.hospital is None else facts.hospital.alive_at_30_days
    return judged(False if alive is None and is_dead_on_scene(facts) else alive)


@indicator(
    "Modified Rankin Scale 0 to 3 among those alive at discharge or at 30 days after a cardiac arrest.",
    inclusion="Out-of-hospital cardiac arrests in which resuscitation was attempted, alive at discharge or at 30 days",
    differs="the modified Rankin Scale in place of CPC; without a known score a case is unknown",
    source="Utstein 2015 core outcome",
    within="survival_30_days",
)
def good_mrs_outcome(facts: EncounterFacts) -> Outcome | None:
    if facts.arrest is None or not facts.arrest.resuscitation_attempted or facts.hospital is None:
        return None
    if not (facts.arrest.survived_to_discharge or facts.hospital.alive_at_30_days):
        return None
    return judged(None if facts.hospital.mrs is None else facts.hospital.mrs <= GOOD_MRS)


@indicator(
    "Major trauma that was not taken to a trauma centre.",
    inclusion="Patients transported whose injury severity score is above 15",
    differs="the score that the hospital reported, at every age; without the type of the destination a case is unknown",
    improves="decrease",
    source="American College of Surgeons, Resources for Optimal Care: under-triage by injury severity score",
)
def trauma_undertriage(facts: EncounterFacts) -> Outcome | None:
    score = _score(facts)
    if score is None or score <= MAJOR_TRAUMA:
        return None
    return judged(None if facts.destination_type is None else facts.destination_type != "trauma_centre")


@indicator(
    "Patients taken to a trauma centre without major trauma.",
    inclusion="Patients transported to a trauma centre whose injury severity score is known",
    differs="the score that the hospital reported, at every age",
    improves="decrease",
    source="American College of Surgeons, Resources for Optimal Care: over-triage by injury severity score",
)
def trauma_overtriage(facts: EncounterFacts) -> Outcome | None:
    score = _score(facts)
    if score is None or facts.destination_type != "trauma_centre":
        return None
    return judged(score <= MAJOR_TRAUMA)


def _score(facts: EncounterFacts) -> int | None:
    return facts.hospital.injury_severity_score if facts.hospital is not None and facts.transported else None


HOSPITAL = (survival_30_days, good_mrs_outcome, trauma_undertriage, trauma_overtriage)
