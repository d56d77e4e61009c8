"""Trauma, non-transport, and how the service responds."""

from services.graphql_api.acqi.outcome import Indicator, Outcome, elapsed, judged
from services.graphql_api.acqi.readings import emergency, injured, numbers, recorded, seconds_between
from shared.messages import EncounterFacts

# Not transported, and yet nobody was left behind whose signs could have been taken before.
NOBODY_LEFT = frozenset({"no_patient_found", "cancelled", "dead_on_scene", "care_transferred"})


def trauma_pain_improved(facts: EncounterFacts) -> Outcome | None:
    pain = numbers(facts, "pain")
    if not emergency(facts) or not injured(facts) or not facts.transported or max(pain, default=0) == 0:
        return None
    return judged(pain[-1] < max(pain))


def trauma_vitals(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not injured(facts) or not facts.transported:
        return None
    return judged(recorded(facts, "gcs", "systolic", "respiratory_rate"))


def nontransport_vitals(facts: EncounterFacts) -> Outcome | None:
    left_behind = facts.transported is False and facts.outcome not in NOBODY_LEFT
    if not emergency(facts) or not left_behind or facts.arrest is not None:
        return None
    measured = recorded(facts, "systolic", "diastolic", "heart_rate", "respiratory_rate", "spo2")
    return judged(measured and (recorded(facts, "gcs") or recorded(facts, "avpu")))


def no_lights_sirens(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not facts.transported:
        return None
    return judged(None if facts.lights_and_sirens is None else not facts.lights_and_sirens)


def response_time(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts):
        return None
    seconds = seconds_between(facts.times.get("call"), facts.times.get("on_scene"))
    return "unknown" if seconds is None else elapsed(seconds)


INDICATORS = (
    Indicator(
        name="trauma_pain_improved",
        version="1",
        description="The last pain score is lower than the highest.",
        inclusion="Emergency responses, injured, transported, a pain score above 0",
        exclusion="none",
        source="NEMSQA Trauma-03",
        evaluate=trauma_pain_improved,
    ),
    Indicator(
        name="trauma_vitals",
        version="1",
        description="Glasgow score, systolic pressure and respiratory rate all recorded.",
        inclusion="Emergency responses, injured, transported",
        exclusion="none",
        source="NEMSQA Trauma-08",
        evaluate=trauma_vitals,
    ),
    Indicator(
        name="nontransport_vitals",
        version="2",
        description="Blood pressure, heart rate, respiratory rate, saturation and consciousness recorded before leaving a patient.",
        inclusion="Emergency responses, a patient found, alive and left behind, not in cardiac arrest",
        exclusion="none",
        source="NEMSQA TTR-01",
        evaluate=nontransport_vitals,
    ),
    Indicator(
        name="no_lights_sirens",
        version="1",
        description="Transported without lights and sirens.",
        inclusion="Emergency responses, transported",
        exclusion="none",
        source="NEMSQA Safety-02",
        evaluate=no_lights_sirens,
    ),
    Indicator(
        name="response_time",
        version="1",
        description="Minutes from the call to arrival on scene.",
        inclusion="Emergency responses",
        exclusion="arrival before the call",
        source="NHS England ambulance response programme; HIQA pre-hospital emergency care indicators",
        unit="min",
        evaluate=response_time,
    ),
)
