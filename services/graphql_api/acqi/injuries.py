"""Quality indicators of injuries."""

from services.graphql_api.acqi.definitions import (
    BRAIN_INJURY,
    Outcome,
    altered,
    emergency,
    has_impression,
    indicator,
    injured,
    judged,
    numbers,
    recorded,
    vitals,
)
from shared.messaging.messages import EncounterFacts

CRITERIA = "Emergency responses, transported, criteria of field triage found (ACS 2021)"


@indicator(
    "The last pain score is lower than the first.",
    inclusion="Emergency responses, injured, transported, a first pain score above 0",
    differs="no limit of age; QORE compares with the highest score",
    source="NEMSQA Trauma-03",
    version="2",
    within="trauma_vitals",
)
def trauma_pain_improved(facts: EncounterFacts) -> Outcome | None:
    pain = numbers(facts, "pain")
    if not emergency(facts) or not injured(facts) or not facts.transported or not pain or pain[0] == 0:
        return None
    return judged(pain[-1] < pain[0])


@indicator(
    "Glasgow score, systolic pressure and respiratory rate all recorded.",
    inclusion="Emergency responses, injured, transported",
    differs="a mechanism of injury, criteria of field triage or an ICD-10 code make an injury, where NEMSIS has an answer of its own",
    source="NEMSQA Trauma-08",
    version="2",
)
def trauma_vitals(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not injured(facts) or not facts.transported:
        return None
    return judged(recorded(facts, "gcs", "systolic", "respiratory_rate"))


@indicator(
    "Pain scored.",
    inclusion="Emergency responses, injured, transported, alert or with a Glasgow score of 15 at some time",
    differs="no limit of age; for children under two a scale by observation counts",
    source="NEMSQA Trauma-01",
    within="trauma_vitals",
)
def trauma_pain_assessed(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not injured(facts) or not facts.transported:
        return None
    alert = any(vital.text == "alert" for vital in vitals(facts, "avpu"))
    return judged(recorded(facts, "pain")) if alert or 15 in numbers(facts, "gcs") else None


def _meets_criteria(facts: EncounterFacts) -> bool:
    return emergency(facts) and bool(facts.transported) and bool(facts.trauma_criteria)


@indicator(
    "Taken to a trauma centre.",
    inclusion=CRITERIA,
    differs="the criteria that the crew recorded, where the source also derives them from vital signs and procedures",
    source="NEMSQA Trauma-04",
    within="trauma_vitals",
)
def trauma_to_centre(facts: EncounterFacts) -> Outcome | None:
    if not _meets_criteria(facts):
        return None
    return judged(None if facts.destination_type is None else facts.destination_type == "trauma_centre")


@indicator(
    "The hospital was alerted for trauma before arrival.",
    inclusion=CRITERIA,
    differs="the criteria that the crew recorded, at every age; unknown where the record does not name the reason for the alert",
    source="NEMSQA Trauma-14",
    within="trauma_to_centre",
)
def trauma_prealert(facts: EncounterFacts) -> Outcome | None:
    if not _meets_criteria(facts):
        return None
    if not facts.prealert:
        return judged(facts.prealert)
    return judged(None if facts.prealert_for is None else facts.prealert_for == "trauma")


@indicator(
    "Saturation, end-tidal CO2 and systolic pressure all recorded.",
    inclusion="Emergency responses, transported, not alert at some time, ICD-10 S02, S04.4, S06, S07.1, S09.90 or T74.4",
    source="NEMSQA TBI-01",
)
def tbi_monitored(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not facts.transported or not has_impression(facts, BRAIN_INJURY) or not altered(facts):
        return None
    return judged(recorded(facts, "spo2", "etco2", "systolic"))


INJURIES = (trauma_pain_improved, trauma_vitals)
FURTHER_INJURIES = (trauma_pain_assessed, trauma_to_centre, trauma_prealert, tbi_monitored)
