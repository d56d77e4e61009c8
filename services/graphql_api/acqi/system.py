"""Quality indicators of the service as a whole: response, lights and sirens, conveyance, handover."""

from collections.abc import Collection

from services.graphql_api.acqi.definitions import Exclusion, Judgement, elapsed, indicator, judged
from services.graphql_api.acqi.facts import between, done, emergency, recorded
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
    version="2",
)
def nontransport_vitals(facts: EncounterFacts) -> Judgement | None:
    left_behind = facts.transported is False and facts.outcome not in NO_PATIENT_LEFT
    if not emergency(facts) or not left_behind or facts.arrest is not None:
        return None
    measured = recorded(facts, "systolic", "diastolic", "heart_rate", "respiratory_rate", "spo2")
    return judged(measured and (recorded(facts, "gcs") or recorded(facts, "avpu")))


@indicator(
    "Transported without lights and sirens.",
    inclusion="Emergency responses, transported",
    differs="each crew's transport counts once, whatever the number of its patients",
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
    differs="the arrival of each crew counts, not only of the first one at an incident; median and 90th percentile beside England's mean",
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
)
def child_restraint(facts: EncounterFacts) -> Judgement | None:
    if not facts.transported or facts.response not in ("emergency", "interfacility_transfer"):
        return None
    if facts.age_years is None or facts.age_years >= RESTRAINED_BEFORE:
        return None
    if facts.arrest is not None:
        return Exclusion("cardiac_arrest")
    if facts.trauma_criteria or done(facts.procedures, "advanced_airway") or facts.airways:
        return Exclusion("too_ill")
    return judged(facts.restrained_in_transport)


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
)
